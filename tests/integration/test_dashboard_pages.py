"""The dashboard's pages: every number is a count and leads to its list, and nobody sees more than their role lets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import select

from notifier.domain.campaign import Answer
from notifier.domain.operators import Role
from notifier.roster.reading import RosterReading
from notifier.roster.sync import synchronise
from notifier.store import employees as store_employees
from notifier.store.acknowledgements import settled
from notifier.store.database import Database
from notifier.store.finding import Gap
from notifier.store.people import People
from notifier.store.tables import State, acknowledgements, calendars, deliveries, employees, metadata
from tests.dashboard_rig import CAMPAIGN, NOW, PEOPLE, Operating, Rig, running_dashboard, untidy
from tests.pages_rig import Answered, Visitor

PAGES = ("", "/campaigns/linkedin-ai-training", "/people", "/people/4", "/queue", "/roster", "/health", "/audit", "/view")
PERSONS = ("/people", "/people?q=zo", "/people/4", "/queue", "/roster", "/audit", "/queue/retry?state=refused", "/roster/approve")
HAS_SETTLED = settled(CAMPAIGN.id, employees.c.key)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A company in the middle of a campaign. Nothing here changes it but the ledger."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with running_dashboard(database) as running:
        yield running
    database.close()


@pytest.fixture(scope="module")
def admin(rig: Rig) -> Operating:
    return rig.sign_in(Role.ADMIN)


def of_state(rig: Rig, state: State) -> int:
    return rig.count(deliveries, deliveries.c.state == state)


def rows(page: Answered) -> list[list[str]]:
    """The rows of the page's tables, as text."""
    found = re.findall(r"<tr>(.*?)</tr>", page.body, re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in found]
    return [[" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in cells]


def address_of(page: Answered, where: str, number: str = "[0-9]+") -> str:
    """Where a number leads, by a part of the address."""
    addresses = re.findall(rf'<a href="([^"]*{re.escape(where)}[^"]*)">{number}</a>', page.body)
    assert addresses, (number, where)
    return unescape(addresses[0])


def follow(viewer: Operating, page: Answered, number: str, where: str) -> int:
    """Follow the link on a number to a list, page by page, and count what it holds."""
    address, held = address_of(page, where, number), 0
    while address:
        listed = viewer.get(address)
        held += len([row for row in rows(listed) if row]) - 1
        more = re.search(r'<a class="more" href="([^"]+)">(?:More|Older ones)</a>', listed.body)
        step = unescape(more[1]) if more else ""
        address = urlsplit(address).path + step if step.startswith("?") else step
    return held


def test_every_number_on_today_is_a_count(rig: Rig, admin: Operating) -> None:
    page = admin.get("/admin")
    gone = rig.count(
        deliveries, deliveries.c.occasion == 14, deliveries.c.state.in_((State.ACCEPTED, State.REFUSED, State.UNKNOWN))
    )
    waiting = of_state(rig, State.PLANNED)
    assert f"{gone} of {gone + waiting} have gone" in page.text
    assert f"{waiting} still to go" in page.text
    assert f"What waits ({waiting}) stays where it is" in page.text
    for state, name in ((State.REFUSED, "refused for good"), (State.UNKNOWN, "nobody knows"), (State.RETRY, "will be tried again")):
        assert f"{name} {of_state(rig, state)} " in page.text
    coming = {row[2]: int(row[3]) for row in rows(page)[1:]}
    spoken = {"English": ("en", None), "French": ("fr",), "German": ("de",)}
    for name, codes in spoken.items():
        language = employees.c.language
        of_language = language.in_([code for code in codes if code]) | (language.is_(None) if None in codes else language.in_([]))
        assert coming[name] == rig.count(employees, ~HAS_SETTLED, of_language)


def test_every_number_on_campaign_is_a_count(rig: Rig, admin: Operating) -> None:
    page = admin.get(f"/admin/campaigns/{CAMPAIGN.id}")
    done = rig.count(acknowledgements, acknowledgements.c.settles, acknowledgements.c.revoked_at.is_(None))
    assert "14 days left" in page.text
    assert f"{done} of {PEOPLE} settled" in page.text
    assert f"{PEOPLE - done} open, {done * 100 // PEOPLE} %" in page.text
    assert "/people?is=open" in page.body
    assert "campaign=" not in "".join(re.findall(r"/people\?[^\"]*", page.body))  # there is one only
    for state, name in ((State.PLANNED, "waiting"), (State.ACCEPTED, "handed over"), (State.REFUSED, "refused for good")):
        assert f"{name} {of_state(rig, state)} " in page.text
    assert f"by the personal link {done}" in page.text
    told = {row[0]: row[1:] for row in rows(page) if len(row) == 4}
    for country, name in (("CH", "Switzerland"), ("FR", "France"), ("DE", "Germany")):
        there = employees.c.calendar_id.in_(select(calendars.c.id).where(calendars.c.country == country))
        counts = rig.count(employees, there, HAS_SETTLED), rig.count(employees, there, ~HAS_SETTLED), rig.count(employees, there)
        assert told[name] == [str(count) for count in counts]
    for department in ("Engineering", "Legal & privacy"):
        inside = employees.c.department == department
        assert told[department][1:] == [str(rig.count(employees, inside, ~HAS_SETTLED)), str(rig.count(employees, inside))]
    assert told["20 Oct"] == [str(PEOPLE), str(done), str(PEOPLE - done)]


def test_a_number_leads_to_a_list_of_so_many(rig: Rig, admin: Operating) -> None:
    campaign, today = admin.get(f"/admin/campaigns/{CAMPAIGN.id}"), admin.get("/admin")
    done = rig.count(acknowledgements, acknowledgements.c.settles)
    assert follow(admin, campaign, str(done), "is=settled") == done
    in_france = rig.count(employees, employees.c.calendar_id == 2, ~HAS_SETTLED)
    assert follow(admin, campaign, str(in_france), "country=FR") == in_france
    french = rig.count(employees, employees.c.language == "fr", ~HAS_SETTLED)
    assert follow(admin, campaign, str(french), "language=fr") == french
    refused = of_state(rig, State.REFUSED)
    assert follow(admin, today, str(refused), "state=refused") == refused
    assert follow(admin, campaign, str(refused), "is=undeliverable") == refused
    whose_language_is_the_default = rig.count(
        employees, ~HAS_SETTLED, employees.c.language.is_(None) | (employees.c.language == "en")
    )
    coming = follow(admin, today, str(whose_language_is_the_default), "language=en")
    assert coming == whose_language_is_the_default


def test_a_day_that_is_past_leads_to_its_people(admin: Operating) -> None:
    page = admin.get(f"/admin/campaigns/{CAMPAIGN.id}")
    evenings = [row for row in rows(page) if re.fullmatch(r"\d+ Oct", row[0])]
    assert len({tuple(row[1:]) for row in evenings}) > 2
    for day, people, done, still_open in (evenings[1], evenings[len(evenings) // 2]):
        where = f"on=2025-10-{int(day.split()[0]):02}"
        assert follow(admin, page, done, f"is=settled&amp;{where}") == int(done)
        assert follow(admin, page, still_open, f"is=open&amp;{where}") == int(still_open) == int(people) - int(done)
    listed = admin.get(f"/admin/people?campaign={CAMPAIGN.id}&is=open&on=2025-10-14")
    assert "open, on the evening of Tuesday, 14 October 2025" in listed.text
    for nonsense in ("2025-02-30", "0001-01-01", "9999-12-31", "x"):
        assert "evening" not in admin.get(f"/admin/people?is=open&on={nonsense}").text


def test_the_numbers_of_a_reading_lead_to_its_people(sqlite_database: Database) -> None:
    with running_dashboard(sqlite_database) as rig:
        with sqlite_database.read() as connection:
            company = [known.employee for known in store_employees.load(connection).values()]
        people = People.of([*(replace(person, department="Moved") for person in company[:30]), *company[30:-4]])
        reading = RosterReading("roster.csv", people, (), (), (), len(people), {}, ())
        assert synchronise(sqlite_database, reading, now=rig.clock.now(), largest_change=20).applied
        officer = rig.sign_in(Role.OFFICER)
        page = officer.get("/admin/roster")
        assert follow(officer, page, "30", "is=changed&amp;reading=") == 30
        assert follow(officer, page, "4", "is=went&amp;reading=") == 4
        listed = officer.get(address_of(page, "is=changed&amp;reading="))
        assert [row[-1] for row in rows(listed)[1:]] == ["department"] * 25
        assert "Changed with the last roster" in page.text
        assert "list: changed" in officer.get("/admin/audit").text
        assert "Nobody is on this list" in officer.get("/admin/people?is=went&reading=999").text


def test_answers_and_gaps_of_the_roster_lead_to_lists_of_so_many(sqlite_database: Database) -> None:
    given, answers = acknowledgements.c, {}
    with running_dashboard(sqlite_database, campaigns=(CAMPAIGN, replace(CAMPAIGN, id="another"))) as rig:
        untidy(sqlite_database)
        officer = rig.sign_in(Role.OFFICER)
        campaign, roster = officer.get(f"/admin/campaigns/{CAMPAIGN.id}"), officer.get("/admin/roster")
        for part, column, word in (
            *(("answer", given.answer, answer) for answer in Answer),
            *(("assurance", given.assurance, word) for word in ("slack", "link", "provisional", "attested")),
        ):
            is_there = given.employee_key.in_(select(employees.c.key).where(employees.c.active))
            answers[word] = rig.count(acknowledgements, column == word, given.revoked_at.is_(None), is_there)
            assert follow(officer, campaign, str(answers[word]), f"is=all&amp;{part}={word}") == answers[word] > 0
        without_manager = rig.count(employees, employees.c.active, employees.c.manager_id.is_(None))
        assert follow(officer, roster, str(without_manager), f"is={Gap.MANAGER}") == without_manager
        assert follow(officer, roster, str(PEOPLE - 2), "is=in_roster") == PEOPLE - 2
        for gap in Gap:
            number = re.search(rf'is={gap}">([0-9]+)</a>', roster.body)
            assert number
            assert follow(officer, roster, number[1], f"is={gap}") == int(number[1]) > 0
        assert f"{CAMPAIGN.id}: asks for help" in officer.get("/admin/people?is=all&answer=help").text
        assert "Roster: with an unknown manager" in officer.get(f"/admin/people?is={Gap.KNOWN_MANAGER}").text
        french = officer.get(f"/admin/people?is={Gap.MANAGER}", **{"Accept-Language": "fr"}).body
        assert "Effectif\u00a0: sans responsable" in french
        audit = officer.get("/admin/audit").text
        assert "answer: help, list: all" in audit
        assert f"list: {Gap.KNOWN_MANAGER}" in audit
        viewed = rig.sign_in(Role.VIEWER).get(f"/admin/campaigns/{CAMPAIGN.id}").body
        assert f"<dt>asks for help</dt><dd>{answers[Answer.HELP]}</dd>" in viewed
        # There are two campaigns, so each list says of which one it is; and where none is named, it is the first.
        assert not re.search(rf"/people\?(?!campaign={CAMPAIGN.id}&amp;)", campaign.body)
        assert re.findall(r'href="/admin/campaigns/(\S+)">another</a>', campaign.body) == ["another"]
        assert officer.get("/admin/campaigns").headers["location"] == f"/admin/campaigns/{CAMPAIGN.id}"


def test_a_viewer_sees_figures_and_no_person(rig: Rig) -> None:
    viewer = rig.sign_in(Role.VIEWER)
    for path in PERSONS:
        assert viewer.get(f"/admin{path}").status == 403, path
    for path in ("", f"/campaigns/{CAMPAIGN.id}", "/health", "/view"):
        page = viewer.get(f"/admin{path}")
        assert page.status == 200
        assert not re.search(r'href="[^"]*/(people|queue|roster|audit|stop)', page.body), path
    assert "e4" not in viewer.get("/admin").text
    assert rig.sign_in(Role.OFFICER).get("/admin/queue/retry?state=refused").status == 403


def test_whoever_is_not_signed_in_is_led_to_the_sign_in(rig: Rig) -> None:
    for path in (*PAGES, "/resume", "/queue/cancel?id=1"):
        answered = Visitor(rig).get(f"/admin{path}")  # type: ignore[arg-type]
        assert (answered.status, answered.headers["location"].partition("?")[0]) == (303, "/admin/sign-in"), path


def test_who_looks_at_persons_is_in_the_ledger(rig: Rig) -> None:
    officer, before = rig.sign_in(Role.OFFICER, "Otto Officer"), len(rig.noted())
    for path in ("/people?q=zo%C3%A9", "/people/4", "/queue", "/roster", "/audit", f"/people?campaign={CAMPAIGN.id}&is=open"):
        officer.get(f"/admin{path}")
    expected = ["people searched", "person viewed", "queue viewed", "roster viewed", "ledger viewed", "people listed"]
    assert rig.noted()[before:] == expected
    audit = officer.get("/admin/audit")
    assert "Otto Officer (notifier|Otto Officer)" in audit.text
    assert "text: zoé" in audit.text


def test_who_looks_at_figures_is_in_the_ledger_once_an_hour(rig: Rig) -> None:
    """Today asks every five seconds while it is open: that is one look."""
    viewer, admin, before = rig.sign_in(Role.VIEWER, "Vera Viewer"), rig.sign_in(Role.ADMIN), len(rig.noted())
    campaign = f"/campaigns/{CAMPAIGN.id}"
    for path in ("", campaign, "/health", "", campaign):
        viewer.get(f"/admin{path}")
    admin.get("/admin")
    admin.get("/admin/resume")
    assert rig.noted()[before:] == ["figures viewed"] * 5
    rig.clock.move_to(NOW + timedelta(hours=1))
    try:
        viewer.get("/admin")
        assert len(rig.noted()) == before + 6
        audit = admin.get("/admin/audit").text
    finally:
        rig.clock.move_to(NOW)
    assert "Vera Viewer (notifier|Vera Viewer)" in audit
    assert {f"page: {page}" for page in ("/", campaign, "/health", "/resume")} <= set(re.findall(r"page: /[a-z/-]*", audit))


@pytest.mark.parametrize(
    ("words", "found"), [("ZOÉ 12", "Zoé Exemple 12"), ("jörg", "Jörg"), ("e17", "Exemple 17"), ("benoît.13@", "Exemple 13")]
)
def test_people_are_found_by_any_part_in_any_case(admin: Operating, words: str, found: str) -> None:
    assert found in admin.get(f"/admin/people?{urlencode({'q': words})}").text


def test_a_wildcard_of_the_database_is_a_sign_like_any_other(admin: Operating) -> None:
    for sign in ("%25", "_", "%5C"):
        assert "Nobody of the roster fits" in admin.get(f"/admin/people?q={sign}").text


def test_a_person_page_says_why(admin: Operating) -> None:
    page = admin.get("/admin/people/4")
    assert "550 5.1.1 <someone@example.com>: no such user" in page.text
    assert "handed over by e-mail" in page.text
    assert "not due yet" in page.text
    assert page.title.startswith("Maximilian Exemple 4")
    assert "there it is Mon 20 Oct, 10:14." in page.text
    assert "Reached by e-mail yes Why" in page.text
    assert "is forgotten, and what still counts (1) waits again." in page.text
    assert "In another campaign" not in page.text
    assert "Olga Operator (notifier|Olga Operator)" in admin.get("/admin/people/4").text  # who looked a moment ago
    assert "Nobody before you." in admin.get("/admin/people/6").text
    assert "Try again" not in admin.get("/admin/people/6").text  # nobody refused this one
    assert admin.get("/admin/people/999999").status == 404


def test_a_person_page_says_why_in_the_viewers_language(admin: Operating) -> None:
    page = admin.get("/admin/people/4", **{"Accept-Language": "fr"})
    french = page.text
    assert "reminder\u00a0: refusé définitivement" in page.body
    assert "remis par e-mail au lieu du samedi 4 octobre 2025 (week-end)" in french
    assert "pas encore dû" in french
    german = admin.get("/admin/people/4", **{"Accept-Language": "de"}).text
    assert "statt Samstag, 4. Oktober 2025 (Wochenende)" in german


def test_times_are_in_the_zone_that_was_chosen(rig: Rig) -> None:
    viewer = rig.sign_in(Role.VIEWER)
    assert "10:14:07 Europe/Zurich" in viewer.get("/admin").text
    assert viewer.act("/admin/view", "/admin/view", zone="Nowhere/At_All", lang="fr").headers["location"].endswith("wrong=zone")
    assert viewer.act("/admin/view", "/admin/view", zone="America/New_York", lang="fr").status == 303
    page = viewer.get("/admin")
    assert "lundi 20 octobre 2025, 04:14:07 America/New_York" in page.text
    assert 'lang="fr"' in page.body


def test_only_today_lets_a_script_run_and_nothing_comes_from_elsewhere(admin: Operating) -> None:
    for path in (*PAGES, "/queue/retry?state=refused", "/resume"):
        page = admin.get(f"/admin{path}")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert ("script-src 'self'" in policy) == (path == "")
        assert ("<script" in page.body) == (path == "")
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page.body)
        assert len(page.body.encode()) <= 30_000
        assert page.headers["cache-control"] == "no-store"
    assert "fetch" in admin.get("/admin/live.js").body


def test_what_somebody_types_is_shown_and_never_runs(admin: Operating) -> None:
    page = admin.get("/admin/people?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E&is=%22%3E")
    assert "<script" not in page.body
    assert "Found for “<script>alert(1)</script>”" in page.text


def test_an_empty_store_teaches_the_next_command(sqlite_database: Database) -> None:
    with running_dashboard(sqlite_database, filled=False) as rig:
        admin = rig.sign_in(Role.ADMIN)
        told = {path: admin.get(f"/admin{path}") for path in PAGES if path != "/people/4"}
    assert {page.status for page in told.values()} == {200}
    for path, command in (
        ("", "notifier plan --days 60"),
        ("", "notifier run"),
        (f"/campaigns/{CAMPAIGN.id}", "notifier roster sync"),
        ("/queue", "notifier plan"),
        ("/roster", "notifier roster check"),
        ("/health", "notifier run"),
    ):
        assert command in told[path].text
