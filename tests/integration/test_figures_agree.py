"""Every figure that anybody is shown is the same one: mails, pages, API, evidence, and a count by hand in SQL.

Over a month with joiners, leavers, somebody who comes back, people who move to another manager and a manager who goes, answers
taken back, answers on behalf and somebody exempt.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier import settings as configuration
from notifier.channels.base import Outgoing
from notifier.channels.capture import CaptureChannel
from notifier.clock import MovedClock, SystemClock
from notifier.demo import company
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.operators import Role
from notifier.service import Service, build, open_store, refresh_roster, write_new_keys
from notifier.simulate import Crowd, Journey
from notifier.store import acknowledgements, api_clients, employees, finding, schema, sessions
from notifier.store.database import Database
from notifier.store.tables import Kind
from notifier.summary import facts, verify_evidence
from notifier.summary.evidence import Wanted, export
from notifier.summary.facts import TeamLetter
from notifier.summary.organisation import curve, end_of
from notifier.summary.wording import Wording
from notifier.web import operators
from notifier.web.server import serve
from tests.thread_rig import in_a_thread

ZURICH = ZoneInfo("Europe/Zurich")
CAMPAIGN = "linkedin-ai-training"
OFFICER = "compliance@aurora.example"
CONFIGURATION = f"""
[organisation]
name = "Aurora Instruments SA"
contact = "Privacy Office <privacy@aurora.example>"
[storage]
url = "sqlite:///notifier.db"
[web]
base_url = "http://127.0.0.1:8080"
[links]
keys_file = "link-keys"
[roster]
path = "roster.csv"
[email]
via = "smtp"
from = "Privacy Office <privacy@aurora.example>"
[email.smtp]
host = "127.0.0.1"
port = 25
security = "none"
[summaries]
organisation = ["{OFFICER}"]
[campaigns.{CAMPAIGN}]
deadline = 2025-11-03
steps = [
  {{ days_before = 30, message = "notice" }},
  {{ days_before = 14, message = "reminder" }},
  {{ days_before = 7, message = "reminder" }},
]
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH).astimezone(UTC)


@dataclass
class Month:
    """October 2025, lived through. It is Monday the 27th, some minutes after the letters went out."""

    service: Service
    database: Database
    folder: Path
    now: datetime
    mails: list[Outgoing]

    def count(self, statement: str, *values: Any) -> int:
        with self.database.read() as connection:
            found = connection.exec_driver_sql(statement, values).scalar_one()
        return int(found)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


SETTLED = "EXISTS (SELECT 1 FROM acknowledgements a WHERE a.employee_key = e.key AND a.settles AND a.revoked_at IS NULL)"


async def _live(service: Service, clock: MovedClock, folder: Path, people: list[company.Person]) -> None:
    journey = Journey(service, clock, Crowd(0.3, seed=7))
    database = service.database

    def roster(changed: list[company.Person], now: datetime) -> None:
        company.write_roster(folder / "roster.csv", changed)
        outcome = refresh_roster(service.settings, database, now)
        assert outcome.applied, outcome.refused

    staff, newcomers = people[:-8], people[-8:]
    await journey.advance_to(at("2025-10-08T05:00"))
    leavers = {person.id for person in staff[60:66]}
    roster([person for person in staff if person.id not in leavers] + newcomers, clock.now())

    await journey.advance_to(at("2025-10-15T05:00"))
    manager_gone = staff[30].manager_id
    back = {staff[60].id, staff[61].id}
    today = [person for person in people if person.id not in leavers - back and person.id != manager_gone]
    moved = {person.id for person in random.Random(3).sample(today, 12)} - {company.HEAD_ID}
    today = [replace(person, manager_id=company.HEAD_ID) if person.id in moved else person for person in today]
    roster(today, clock.now())

    await journey.advance_to(at("2025-10-21T12:00"))
    _take_back_and_answer_for_others(database, clock.now())
    await journey.advance_to(at("2025-10-27T08:30"))


def _take_back_and_answer_for_others(database: Database, now: datetime) -> None:
    with database.write() as connection:
        everybody = sorted(employees.load(connection).values(), key=lambda person: person.key)
        here = [person.key for person in everybody if person.employee.active]
        current = {key: acknowledgements.current(connection, campaign=CAMPAIGN, employee_key=key) for key in here}
        answered = [key for key, one in current.items() if one and one.settles]
        for key in answered[:5]:
            assert acknowledgements.undo(connection, campaign=CAMPAIGN, employee_key=key, now=now)
        waiting = [key for key, one in current.items() if one is None]
        for key, answer in zip(waiting, (Answer.DONE, Answer.NO_ACCOUNT, Answer.EXEMPT, Answer.EXEMPT), strict=False):
            acknowledgements.record(
                connection,
                campaign=CAMPAIGN,
                employee_key=key,
                answer=answer,
                assurance=Assurance.ATTESTED,
                channel="cli",
                receipt_channel="smtp",
                now=now,
                actor="Olga Officer",
            )


@pytest.fixture(scope="module", name="month")
def _month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder = tmp_path_factory.mktemp("month")
    (folder / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    settings = configuration.load(folder / "config.toml", environment={})
    write_new_keys(settings.links.keys_file)
    clock, mails = MovedClock(at("2025-10-01T18:00")), []
    people = company.people(150, seed=5)
    with closing(open_store(settings)) as database:
        schema.migrate(database)
        company.write_roster(folder / "roster.csv", people[:-8])
        refresh_roster(settings, database, clock.now()).raise_if_refused()
        service = build(settings, clock=clock, database=database, channels=[CaptureChannel("smtp", mails.append)])
        asyncio.run(_live(service, clock, folder, people))
        yield Month(service, database, folder, clock.now(), mails)


@pytest.fixture(scope="module", name="get")
def _get(month: Month) -> Iterator[Any]:
    """Pages as somebody sees them who holds the session of an officer, and the token of a program."""
    token, now = sessions.new_token(), SystemClock().now()
    with month.database.write() as connection:
        who = {"issuer": "test", "subject": "1", "name": "Olga", "role": Role.OFFICER}
        sessions.begin(connection, token=token, **who, now=now)
        key = api_clients.add(connection, "sheet", role=Role.VIEWER, made_by="Olga", now=now)
    cookie = f"{operators.cookie_name(month.service.settings.web.base_url)}={token}"

    @asynccontextmanager
    async def serving(port: list[int]) -> Any:
        async with serve(month.service.web_app(), "127.0.0.1", 0) as listening:
            port.append(listening.port)
            yield

    port: list[int] = []
    with in_a_thread(serving(port)):

        def get(path: str) -> str:
            connection = HTTPConnection("127.0.0.1", port[0], timeout=20)
            connection.request("GET", path, headers={"Cookie": cookie, "Authorization": f"Bearer {key}", "Accept-Language": "en"})
            answer = connection.getresponse()
            body = answer.read().decode()
            connection.close()
            assert answer.status == 200, (path, answer.status)
            return body

        yield get


def people_and_settled(month: Month) -> tuple[int, int]:
    """Counted by hand: who is in the roster, and who of them has given an answer that settles."""
    people = month.count("SELECT count(*) FROM employees e WHERE e.active")
    return people, month.count(f"SELECT count(*) FROM employees e WHERE e.active AND {SETTLED}")


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).replace("\xa0", " ").split())


def test_the_month_had_all_of_it(month: Month) -> None:
    """Else agreement would prove little."""
    assert month.count("SELECT count(*) FROM employees WHERE NOT active AND left_at IS NOT NULL") >= 5
    assert month.count("SELECT count(*) FROM acknowledgements WHERE revoked_because = 'undone'") == 5
    assert month.count("SELECT count(*) FROM acknowledgements WHERE assurance = 'attested' AND revoked_at IS NULL") == 4
    assert month.count("SELECT count(*) FROM acknowledgements WHERE answer = 'exempt' AND revoked_at IS NULL") == 2
    people, settled = people_and_settled(month)
    assert 20 < settled < people - 20


def test_the_officers_mail_says_it(month: Month) -> None:
    people, settled = people_and_settled(month)
    last = [mail for mail in month.mails if mail.address == OFFICER][-1]
    assert last.rendered.subject.startswith(f"{settled} of {people} settled, {people - settled} open")


def test_the_dashboard_says_it(month: Month, get: Any) -> None:
    people, settled = people_and_settled(month)
    words = words_of(get(f"/admin/campaigns/{CAMPAIGN}"))
    assert f"{settled} of {people} settled" in words
    assert f"{people - settled} open" in words


def test_the_api_says_it_down_to_each_country(month: Month, get: Any) -> None:
    people, settled = people_and_settled(month)
    said = json.loads(get(f"/api/v1/campaigns/{CAMPAIGN}/progress"))
    assert (said["people"], said["settled"], said["open"]) == (people, settled, people - settled)
    by_answer = "SELECT a.answer, count(*) FROM acknowledgements a JOIN employees e ON e.key = a.employee_key "
    by_answer += "WHERE e.active AND a.revoked_at IS NULL GROUP BY a.answer"
    assert said["by_answer"] == dict(month.rows(by_answer))  # type: ignore[arg-type]
    counted = month.rows(
        f"SELECT c.country, count(*), sum({SETTLED}) FROM employees e JOIN calendars c ON c.id = e.calendar_id "
        "WHERE e.active GROUP BY 1"
    )
    tallies = {country: (count, done) for country, count, done in counted}
    told = set()
    for row in said["by_country"]:
        told.update(row["cells"])
        count, done = (sum(tallies[cell][index] for cell in row["cells"]) for index in (0, 1))
        assert row["people"] == count
        assert row["settled_at_least"] <= done <= row["settled_at_most"]
        assert row["settled_at_least"] == row["settled_at_most"] or min(done, count - done) <= 2
    assert told == set(tallies)


def test_the_curve_ends_where_the_figures_stand(month: Month, get: Any) -> None:
    people, settled = people_and_settled(month)
    said = json.loads(get(f"/api/v1/campaigns/{CAMPAIGN}/progress"))
    assert said["days"][-1]["open"] == people - settled


def test_each_evening_of_the_curve_leads_to_so_many_people(month: Month) -> None:
    [campaign] = month.service.settings.domain_campaigns
    with month.database.read() as connection:
        points = curve(connection, campaign, now=month.now, zone=ZURICH)
        assert len({point.settled for point in points}) > 3
        for point in points:
            before = end_of(point.day, ZURICH)
            lists = [finding.Wanted(campaign, which, before=before) for which in (None, False, True)]
            held = [len(finding.listed(connection, wanted, most=10**6)) for wanted in lists]
            assert held == [point.people, point.settled, point.open], point.day


def test_every_managers_letter_is_what_a_count_of_their_people_gives(month: Month) -> None:
    """Of the census: who was counted below them then, whoever left or moved since."""
    above = dict(month.rows(f"SELECT manager_key, above_key FROM census_managers WHERE campaign = '{CAMPAIGN}'"))  # type: ignore[arg-type]
    homes = month.rows(f"SELECT p.home_key, {SETTLED} FROM census_people p JOIN employees e ON e.key = p.employee_key")
    below: dict[int | None, tuple[int, int]] = {}
    for home, done in homes:
        at_manager, seen = home, set()
        while at_manager is not None and at_manager not in seen:
            seen.add(at_manager)
            count, settled = below.get(at_manager, (0, 0))
            below[at_manager] = (count + 1, settled + bool(done))
            at_manager = above.get(at_manager)
    written = letters_of_the_week(month)
    assert len(written) > 10
    exact = 0
    for key, letter in written.items():
        (progress,) = letter.campaigns
        if progress.total is None:
            continue
        count, settled = below[key]
        assert progress.total.people == count
        assert progress.total.at_least <= settled <= progress.total.at_most
        exact += progress.total.settled == settled
    assert exact > 3


def letters_of_the_week(month: Month) -> dict[int, TeamLetter]:
    rows = month.rows("SELECT employee_key, content FROM letters WHERE kind = 'summary' AND occasion = 202544")
    return {key: facts.read(content) for key, content in rows}


def test_mail_and_team_page_say_the_same(month: Month, get: Any) -> None:
    seen = set()
    for key, letter in letters_of_the_week(month).items():
        mail = [one for one in month.mails if one.employee_key == key and one.campaign != CAMPAIGN][-1]
        link = re.search(r"http://127\.0\.0\.1:8080(/t/\S+)", mail.rendered.text)
        assert link, mail.rendered.subject
        language = mail.rendered.language
        answer = Wording(language, letter.on, "Aurora Instruments SA").answer(letter.campaigns[0]).replace("\xa0", " ")
        assert answer.casefold() in mail.rendered.subject.replace("\xa0", " ").casefold()
        assert answer in words_of(get(f"{link[1]}?lang={language}"))
        seen.add(language)
    assert seen == {"en", "fr", "de"}


def test_the_evidence_says_it(month: Month, tmp_path: Path) -> None:
    people, settled = people_and_settled(month)
    campaign = month.service.campaigns[CAMPAIGN]
    archive = tmp_path / "evidence.zip"
    export(
        month.database, Wanted(campaign, "Aurora", "en", with_names=True, actor="Olga"), archive, month.now + timedelta(minutes=1)
    )
    assert verify_evidence.check(archive, ())[0] == []
    with zipfile.ZipFile(archive) as zipped:
        answers = list(csv.DictReader(io.StringIO(zipped.read("answers.csv").decode("utf-8-sig"))))
        report = words_of(zipped.read("report.html").decode())
    events = Counter(row["event"] for row in answers)
    assert events["answered"] == month.count("SELECT count(*) FROM acknowledgements")
    assert events["answer taken back"] == month.count("SELECT count(*) FROM acknowledgements WHERE revoked_because = 'undone'")
    assert f"Of {people} people who are asked today, {settled} have settled." in report


def test_each_person_got_no_more_than_one_letter_of_each_kind_a_week(month: Month) -> None:
    kinds = f"('{Kind.SUMMARY}', '{Kind.ORGANISATION}')"
    twice = f"SELECT employee_key, kind, occasion FROM deliveries WHERE kind IN {kinds} GROUP BY 1, 2, 3 HAVING count(*) > 1"
    assert month.rows(twice) == []
