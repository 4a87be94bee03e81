"""A roster file into the store, on both databases: applied whole, or refused with nothing touched."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from notifier.errors import BadDataError
from notifier.roster import report
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.sync import SyncOutcome, compare, synchronise
from notifier.store import employees, marks
from notifier.store.database import Database
from notifier.store.tables import State, deliveries, roster_syncs

MONDAY = datetime.fromisoformat("2025-10-06T05:00:00+00:00")
TUESDAY = MONDAY + timedelta(days=1)


def row(number: int, *, manager: int | str = "", email: str | None = None) -> str:
    return f"{number},Given{number},Family{number},{email or f'p{number}@example.com'},{manager},CH"


def roster(folder: Path, rows: list[str]) -> RosterReading:
    path = folder / "roster.csv"
    path.write_text("\n".join(["Employee ID,First name,Last name,Email,Manager,Country", *rows]), "utf-8")
    return read_roster(path, columns={}, defaults=Defaults("Europe/Zurich"), today=MONDAY.date())


def sync(database: Database, reading: RosterReading, now: datetime = MONDAY, *, accept: int | None = None) -> SyncOutcome:
    return synchronise(database, reading, now=now, largest_change=20, accept_changes=accept)


def history(database: Database) -> list[tuple[bool, int, int, int, str | None]]:
    columns = roster_syncs.c.applied, roster_syncs.c.joiners, roster_syncs.c.leavers, roster_syncs.c.changed, roster_syncs.c.reason
    with database.read() as connection:
        return [tuple(record) for record in connection.execute(select(*columns).order_by(roster_syncs.c.id))]


def version(database: Database) -> int:
    with database.read() as connection:
        return marks.roster_version(connection)


def queue_reminder(connection: Connection, employee_key: int) -> None:
    later = MONDAY + timedelta(days=30)
    what = {"campaign": "c", "kind": "reminder", "occasion": 30, "channel": "email", "message": "notice", "state": State.PLANNED}
    when = {"created_at": MONDAY, "due_at": MONDAY, "next_at": MONDAY, "closes_at": later, "expires_at": later}
    connection.execute(insert(deliveries).values(**what, **when, employee_key=employee_key))


def test_the_first_roster_and_the_next(database: Database, tmp_path: Path) -> None:
    first = sync(database, roster(tmp_path, [row(1), row(2, manager=1), row(3, manager=1)]))
    second = sync(database, roster(tmp_path, [row(1), row(2, manager=3), row(3, manager=1), row(4)]), TUESDAY)

    assert (len(first.diff.joiners), first.applied) == (3, True)
    assert ([person.id for person in second.diff.joiners], [change.after.id for change in second.diff.moved]) == (["4"], ["2"])
    with database.read() as connection:
        stored = employees.load(connection)
    assert {id_: known.employee.manager_id for id_, known in stored.items()} == {"1": None, "2": "3", "3": "1", "4": None}
    assert {id_: known.joined_at for id_, known in stored.items()} == {"1": MONDAY, "2": MONDAY, "3": MONDAY, "4": TUESDAY}
    assert history(database) == [(True, 3, 0, 0, None), (True, 1, 0, 1, None)]


def test_the_same_roster_again_leaves_the_planner_alone(database: Database, tmp_path: Path) -> None:
    """The version the planner looks at grows with a change and only then."""
    reading = roster(tmp_path, [row(1), row(2)])
    versions = [version(database)]
    for now in (MONDAY, TUESDAY):
        sync(database, reading, now)
        versions.append(version(database))

    assert versions == [0, 1, 1]
    assert history(database)[-1] == (True, 0, 0, 0, None)


def test_a_leaver_stops_receiving_at_once_and_a_rehire_keeps_the_history(database: Database, tmp_path: Path) -> None:
    sync(database, roster(tmp_path, [row(1), row(2)]))
    with database.write() as connection:
        before = employees.load(connection)
        for known in before.values():
            queue_reminder(connection, known.key)

    left = sync(database, roster(tmp_path, [row(1)]), TUESDAY)
    with database.read() as connection:
        gone = employees.load(connection)["2"]
        states = dict(connection.execute(select(deliveries.c.employee_key, deliveries.c.state)).all())
    back = sync(database, roster(tmp_path, [row(1), row(2)]), TUESDAY + timedelta(days=1))
    with database.read() as connection:
        again = employees.load(connection)["2"]

    assert (left.cancelled, gone.employee.active, gone.left_at) == (1, False, TUESDAY)
    assert states == {before["1"].key: State.PLANNED, before["2"].key: State.CANCELLED}
    assert [change.after.id for change in back.diff.returned] == ["2"]
    assert again == before["2"]


def test_a_halved_roster_changes_nothing_and_is_remembered(database: Database, tmp_path: Path) -> None:
    people = [row(number) for number in range(1, 101)]
    sync(database, roster(tmp_path, people))
    with database.read() as connection:
        before = employees.load(connection)

    outcome = sync(database, roster(tmp_path, people[:50]), TUESDAY)

    assert not outcome.applied
    with database.read() as connection:
        assert employees.load(connection) == before
    assert version(database) == 1
    assert history(database)[-1][:3] == (False, 0, 50)
    with pytest.raises(BadDataError, match="50 of 100 people would leave") as caught:
        outcome.raise_if_refused()
    assert "--accept-changes 50" in (caught.value.hint or "")

    assert sync(database, roster(tmp_path, people[:50]), TUESDAY, accept=50).applied


def test_a_dry_run_writes_nothing(database: Database, tmp_path: Path) -> None:
    with database.read() as connection:
        outcome = compare(connection, roster(tmp_path, [row(1)]), largest_change=20)

    assert ([person.id for person in outcome.diff.joiners], outcome.applied, outcome.refused) == (["1"], False, None)
    assert history(database) == []


def test_a_typing_mistake_in_an_address_makes_no_leaver(database: Database, tmp_path: Path) -> None:
    sync(database, roster(tmp_path, [row(1), row(2), row(3)]))
    outcome = sync(database, roster(tmp_path, [row(1), row(2), row(3, email="p3example.com")]), TUESDAY)

    assert (outcome.diff.kept, outcome.diff.leavers, outcome.applied) == (1, (), True)


def test_two_people_may_swap_what_they_have(database: Database, tmp_path: Path) -> None:
    """Addresses and managers change places in one go, without a clash in between."""
    sync(database, roster(tmp_path, [row(1, manager=2), row(2, manager=1), row(3)]))
    swapped = [row(1, email="p2@example.com"), row(2, email="p1@example.com"), row(3)]

    assert sync(database, roster(tmp_path, swapped), TUESDAY).applied
    with database.read() as connection:
        found = employees.find(connection, "p2@example.com")
    assert found is not None
    assert found.employee.id == "1"


def test_the_report_is_lines_and_data(database: Database, tmp_path: Path) -> None:
    sync(database, roster(tmp_path, [row(1), row(2), row(4)]))
    outcome = sync(
        database, roster(tmp_path, [row(1, manager=2), row(2, email="new@example.com"), row(3), "9,A,B,nobody,,CH"]), TUESDAY
    )
    data = json.loads(json.dumps(report.outcome_as_data(outcome)))

    assert report.diff_as_lines(outcome.diff) == [
        "1 join, 1 leave, 0 return, 1 move, 1 change, 0 stay as they are",
        "  + Given3 Family3 <p3@example.com>",
        "  - Given4 Family4 <p4@example.com>",
        "  ~ Given1 Family1 <p1@example.com>: manager_id nothing -> 2",
        "  ~ Given2 Family2 <new@example.com>: email p2@example.com -> new@example.com",
    ]
    assert report.reading_as_lines(outcome.reading)[1:4] == [
        "3 accepted of 4 rows",
        "1 set aside:",
        "  line 5: the e-mail address has no @: nobody",
    ]
    assert (data["applied"], data["refused"], data["diff"]["changes"], data["roster"]["accepted"]) == (True, None, 4, 3)
    assert data["diff"]["moved"][0]["what"] == {"manager_id": {"before": None, "after": "2"}}
    assert data["roster"]["set_aside"] == [{"line": 5, "reason": "the e-mail address has no @: nobody"}]
