"""What operators do on the dashboard: only by their own forms, only with the role for it, told beforehand and noted afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.employee import Employee
from notifier.domain.operators import Role
from notifier.roster.reading import RosterReading
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.store import holds, teams
from notifier.store.database import Database
from notifier.store.outbox import WAITING
from notifier.store.oversight import leave_notes, ledger
from notifier.store.people import People
from notifier.store.queue import BY_HAND
from notifier.store.tables import Kind, State, acknowledgements, deliveries, employees, metadata
from notifier.web import dashboard
from tests.dashboard_rig import CAMPAIGN, NOW, Operating, Rig, fill, has_answered, running_dashboard, token_of

OPEN = next(n for n in range(1, 50) if not has_answered(n) and n % 2 == 0 and n % 50 != 4)  # the reminder waits
REFUSED = 4
OLGA = "Olga Operator (notifier|Olga Operator)"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with running_dashboard(database, filled=False) as rig:
        yield rig
    database.close()


@pytest.fixture
def rig(running: Rig) -> Rig:
    """The same dashboard over the company as it was."""
    with running.database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    fill(running.database)
    running.wait(3600)  # what was counted before is forgotten
    running.clock.move_to(NOW)
    return running


@pytest.fixture
def admin(rig: Rig) -> Operating:
    return rig.sign_in(Role.ADMIN)


def waiting(rig: Rig) -> int:
    return rig.count(deliveries, deliveries.c.state.in_(WAITING))


def in_force(rig: Rig) -> list[str]:
    with rig.database.read() as connection:
        return [hold.scope for hold in holds.active(connection, rig.clock.now())]


def paths() -> list[str]:
    """The addresses of all forms, each for somebody there is."""
    acts = dashboard._ACTS
    one = f"/people/{OPEN}/"
    by_hand = [one + act for act in ("answer", "exempt", "undo", "leave", "links", "retry")]
    return [f"/admin{path}" for path in (*(path for path in acts if "{" not in path), *by_hand)]


def everything(rig: Rig) -> list[object]:
    """All that an act could change."""
    with rig.database.read() as connection:
        tables = (deliveries, acknowledgements, employees, holds.holds, leave_notes, ledger)
        return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in tables]


def test_no_form_counts_that_comes_from_elsewhere_or_has_no_token(rig: Rig, admin: Operating) -> None:
    token = token_of(admin.get("/admin"))
    fields = {"zone": "UTC", "answer": "done", "until": "2025-12-24", "id": "1", "sync": "1", "remark": "1", "state": "refused"}
    before = everything(rig)
    for path in paths():
        others = [
            admin.post(path, {"form_token": token, **fields}, Sec_Fetch_Site="cross-site"),
            admin.post(path, {"form_token": token, **fields}, Sec_Fetch_Site="", Origin="https://evil.example"),
            admin.post(path, fields),
            admin.post(path, {"form_token": token[:-1] + "x", **fields}),
        ]
        assert [one.status for one in others] == [403] * 4, path
    assert everything(rig) == before


def test_a_viewer_does_nothing_and_an_officer_only_what_is_done_for_one_person(rig: Rig) -> None:
    for role, allowed in ((Role.VIEWER, {"/admin/view"}), (Role.OFFICER, {"/admin/view", "/admin/roster/remark"})):
        operator = rig.sign_in(role)
        token = token_of(operator.get("/admin"))
        for path in paths():
            if path not in allowed and (role is Role.VIEWER or "/people/" not in path or path.endswith("retry")):
                assert operator.post(path, {"form_token": token}).status == 403, path


def test_stop_stops_at_once_and_resuming_many_has_to_be_typed(rig: Rig, admin: Operating) -> None:
    count = waiting(rig)
    assert count > 50
    assert admin.act("/admin", "/admin/stop", reason="the wrong text").status == 303
    assert in_force(rig) == ["all"]
    page = admin.get("/admin?said=stopped")
    assert "Sending is on hold" in page.text
    assert "the wrong text (Olga Operator" in page.text
    told = admin.get("/admin/resume")
    assert f"Messages that wait: {count}." in told.text
    for typed in ("", "51", f"{count}0", "linkedin"):
        answered = admin.act("/admin/resume", "/admin/resume", typed=typed)
        assert (answered.status, "Nothing was done yet" in answered.text) == (422, True), typed
    assert in_force(rig) == ["all"]
    assert admin.act("/admin/resume", "/admin/resume", typed=f" {count} ").status == 303
    assert in_force(rig) == []
    assert [event for event in rig.noted() if event.startswith("hold")] == ["hold placed", "hold lifted"]


def test_a_few_go_on_without_typing_and_the_name_of_the_campaign_will_do_for_many(rig: Rig, admin: Operating) -> None:
    admin.act("/admin", "/admin/stop")
    assert admin.act("/admin/resume", "/admin/resume", typed=CAMPAIGN.id).status == 303
    admin.act("/admin", "/admin/stop")
    with rig.database.write() as connection:
        some = deliveries.c.employee_key > 120
        connection.execute(update(deliveries).where(deliveries.c.state == State.PLANNED, some).values(state=State.CANCELLED))
    assert 0 < waiting(rig) <= 50
    assert admin.act("/admin/resume", "/admin/resume").status == 303
    assert in_force(rig) == []


def test_one_that_was_refused_goes_again_and_all_of_them(rig: Rig, admin: Operating) -> None:
    refused = rig.count(deliveries, deliveries.c.state == State.REFUSED)
    with rig.database.read() as connection:
        one = connection.scalar(select(deliveries.c.id).where(deliveries.c.state == State.REFUSED))
    told = admin.get(f"/admin/queue/retry?id={one}")
    assert "as long as their step is current: 1." in told.text
    assert admin.act(f"/admin/queue/retry?id={one}", "/admin/queue/retry", id=str(one)).status == 303
    assert rig.count(deliveries, deliveries.c.id == one, deliveries.c.state == State.RETRY) == 1
    admin.act("/admin/queue/retry?state=refused", "/admin/queue/retry", state="refused")
    assert rig.count(deliveries, deliveries.c.state == State.REFUSED) == 0
    assert rig.count(deliveries, deliveries.c.state == State.RETRY) == refused
    assert rig.noted().count("queue retry") == 2


def test_trying_many_again_has_to_be_typed(rig: Rig, admin: Operating) -> None:
    with rig.database.write() as connection:
        connection.execute(update(deliveries).where(deliveries.c.occasion == 14).values(state=State.REFUSED))
    count = rig.count(deliveries, deliveries.c.state == State.REFUSED)
    page = "/admin/queue/retry?state=refused"
    assert admin.act(page, "/admin/queue/retry", state="refused").status == 422
    assert waiting(rig) == 0
    assert admin.act(page, "/admin/queue/retry", state="refused", typed=str(count)).status == 303
    assert waiting(rig) == count


def test_what_waits_can_be_cancelled_for_good(rig: Rig, admin: Operating) -> None:
    count, accepted = waiting(rig), rig.count(deliveries, deliveries.c.state == State.ACCEPTED)
    with rig.database.read() as connection:
        one = connection.scalar(select(deliveries.c.id).where(deliveries.c.state == State.PLANNED))
    admin.act(f"/admin/queue/cancel?id={one}", "/admin/queue/cancel", id=str(one))
    assert waiting(rig) == count - 1
    everybody = {"state": "planned", "campaign": CAMPAIGN.id}
    page = f"/admin/queue/cancel?state=planned&campaign={CAMPAIGN.id}"
    assert admin.act(page, "/admin/queue/cancel", **everybody).status == 422
    admin.act(page, "/admin/queue/cancel", **everybody, typed=str(count - 1))
    assert waiting(rig) == 0
    assert rig.count(deliveries, deliveries.c.state == State.CANCELLED, deliveries.c.reason == BY_HAND) == count
    assert rig.count(deliveries, deliveries.c.state == State.ACCEPTED) == accepted
    assert admin.post("/admin/queue/cancel", {"form_token": token_of(admin.get("/admin")), "state": "accepted"}).status == 400


def answers(rig: Rig, key: int) -> list[tuple[str, str, str | None, str | None]]:
    columns = acknowledgements.c["answer", "assurance", "actor", "revoked_because"]
    with rig.database.read() as connection:
        statement = select(*columns).where(acknowledgements.c.employee_key == key).order_by(acknowledgements.c.id)
        return [tuple(row) for row in connection.execute(statement)]


def noted(rig: Rig, event: str) -> tuple[str, int | None, str, dict[str, object]]:
    """Of the one entry of an event: who did it, to whom, in which campaign, and its facts."""
    with rig.database.read() as connection:
        entries = select(ledger.c["actor", "employee_key", "campaign", "facts"]).where(ledger.c.event == event)
        actor, key, campaign, facts = connection.execute(entries).one()
    return actor, key, campaign, json.loads(facts)


def test_answering_on_behalf_is_attested_and_can_be_taken_back(rig: Rig) -> None:
    officer = rig.sign_in(Role.OFFICER, "Otto")
    page, actor = f"/admin/people/{OPEN}", "Otto (notifier|Otto)"
    of_person = deliveries.c.employee_key == OPEN
    assert officer.act(page, f"{page}/answer", answer="exempt").status == 400
    assert officer.act(page, f"{page}/answer", answer="already_off").status == 303
    assert answers(rig, OPEN) == [(Answer.ALREADY_OFF, Assurance.ATTESTED, actor, None)]
    assert rig.count(deliveries, of_person, deliveries.c.kind == Kind.RECEIPT) == 1
    assert rig.count(deliveries, of_person, deliveries.c.kind == Kind.REMINDER, deliveries.c.state == State.CANCELLED) == 1
    assert "Settled: already off" in officer.get(page).text
    assert officer.act(page, f"{page}/undo").status == 303
    assert answers(rig, OPEN)[0][3] == "undone"
    assert rig.count(deliveries, of_person, deliveries.c.kind == Kind.REMINDER, deliveries.c.state == State.PLANNED) == 1
    assert noted(rig, "undone on behalf") == (actor, OPEN, CAMPAIGN.id, {})


def test_an_exempt_person_counts_as_settled_and_hears_nothing(rig: Rig) -> None:
    officer, page = rig.sign_in(Role.OFFICER), f"/admin/people/{OPEN}"
    officer.act(page, f"{page}/exempt")
    assert answers(rig, OPEN)[0][:2] == (Answer.EXEMPT, Assurance.ATTESTED)
    assert rig.count(acknowledgements, acknowledgements.c.employee_key == OPEN, acknowledgements.c.settles) == 1
    assert rig.count(deliveries, deliveries.c.employee_key == OPEN, deliveries.c.kind == Kind.RECEIPT) == 0
    assert "Settled: exempt" in officer.get(page).text
    officer.act(page, f"{page}/undo")
    assert rig.count(deliveries, deliveries.c.employee_key == OPEN, deliveries.c.state == State.PLANNED) == 1


def test_leave_new_links_and_another_try_for_one_person(rig: Rig, admin: Operating) -> None:
    page = f"/admin/people/{REFUSED}"
    for until in ("", "soon", "2025-10-19"):
        assert admin.act(page, f"{page}/leave", until=until).status == 400, until
    assert admin.act(page, f"{page}/leave", until="2025-10-29").status == 303
    assert rig.count(leave_notes, leave_notes.c.employee_key == REFUSED) == 1
    admin.act(page, f"{page}/links")
    assert rig.count(employees, employees.c.key == REFUSED, employees.c.link_version == 2) == 1
    admin.act(page, f"{page}/retry")
    assert rig.count(deliveries, deliveries.c.employee_key == REFUSED, deliveries.c.state == State.RETRY) == 1
    assert noted(rig, "leave noted") == (OLGA, REFUSED, "", {"until": "2025-10-29"})
    assert noted(rig, "links voided") == (OLGA, REFUSED, "", {})
    assert noted(rig, "queue retry") == (OLGA, REFUSED, "", {"count": 1})
    assert admin.act(page, f"{page}/dance").status == 404


def read_roster(rig: Rig, leavers: int) -> SyncOutcome:
    """The roster without its last so many people."""
    with rig.database.read() as connection:
        columns = employees.c["id", "email", "given_name", "family_name", "language", "department"]
        rows = connection.execute(select(*columns).order_by(employees.c.key)).all()
    zone = {"time_zone": "Europe/Zurich", "country": "CH"}
    people = [Employee(*row[:4], language=row[4], department=row[5], **zone) for row in rows[: len(rows) - leavers]]
    reading = RosterReading("roster.csv", People.of(people), (), (), (), len(people), {}, ())
    return synchronise(rig.database, reading, now=rig.clock.now(), largest_change=20)


def test_a_refused_roster_is_shown_and_approved_for_the_next_reading_of_that_size(rig: Rig, admin: Operating) -> None:
    assert read_roster(rig, 0).refused is None  # everybody lives in Switzerland now
    assert read_roster(rig, 60).refused is not None
    page = admin.get("/admin/roster")
    assert "The last reading was refused" in page.text
    assert "60 gone" in page.text
    assert (
        admin.act("/admin/roster/approve", "/admin/roster/approve", sync="99")
        .headers["location"]
        .endswith("/roster?said=overtaken")
    )
    with rig.database.read() as connection:
        sync = str(connection.scalar(select(metadata.tables["refused_rosters"].c.sync_id)))
    told = admin.act("/admin/roster/approve", "/admin/roster/approve", sync=sync)
    assert told.status == 422
    for sentence in (
        "Refused was: 60 gone.",
        "The next reading is applied if it changes 60 people or fewer.",
        "Who is new is written to when their step is due. Who is gone gets nothing more, and their history stays.",
        "An approval is used up by the next reading, whatever it brings.",
    ):
        assert f"<p>{sentence}</p>" in told.body
    assert told.title.startswith("Approve these changes")
    for part in (f'name="sync" value="{sync}"', ">Approve</button>", 'href="/admin/roster">Back'):
        assert part in told.body
    answered = admin.act("/admin/roster/approve", "/admin/roster/approve", sync=sync, typed="60")
    assert answered.headers["location"].endswith("/admin/roster?said=approved")
    assert noted(rig, "roster approved") == (OLGA, None, "", {"sync": int(sync), "size": 60})
    assert "Approved by Olga Operator" in admin.get("/admin/roster").text
    again = admin.post("/admin/roster/approve", {"form_token": token_of(admin.get("/admin")), "sync": sync, "typed": "60"})
    assert again.headers["location"].endswith("/admin/roster?said=overtaken")
    assert read_roster(rig, 60).applied
    assert rig.count(employees, employees.c.active) == 180
    assert "roster approved" in rig.noted()


def test_a_managers_remark_is_shown_until_somebody_has_looked_into_it(rig: Rig) -> None:
    officer = rig.sign_in(Role.OFFICER, "Otto")
    with rig.database.write() as connection:
        assert teams.disown(connection, manager_key=7, employee_key=OPEN, now=NOW)
        (remark,) = teams.remarks(connection)
    page = officer.get("/admin/roster")
    assert "“Not in my team”" in page.text
    for key in (7, OPEN):
        assert f"Exemple {key}" in page.text
    for wrong in ("", "soon", "-1", "1.0"):
        assert officer.act("/admin/roster", "/admin/roster/remark", remark=wrong).status == 400, wrong
    for number in (remark.id + 1, remark.id, remark.id):
        answered = officer.act("/admin/roster", "/admin/roster/remark", remark=str(number))
        assert (answered.status, answered.headers["location"].endswith("/admin/roster?said=remark")) == (303, True)
    with rig.database.read() as connection:
        (settled,) = teams.remarks(connection, unsettled=False)
        assert connection.scalar(select(metadata.tables["team_remarks"].c.settled_by)) == "Otto (notifier|Otto)"
    assert settled.settled_at == NOW
    assert noted(rig, "remark settled") == ("Otto (notifier|Otto)", None, "", {"remark": remark.id})
    assert "“Not in my team”" not in officer.get("/admin/roster").text
