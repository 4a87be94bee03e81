"""Each number of a reading of the roster leads to its people, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from notifier.domain.employee import Employee
from notifier.roster.reading import RosterReading
from notifier.roster.sync import synchronise
from notifier.store import organisation, roster_changes
from notifier.store.database import Database
from notifier.store.people import People
from notifier.store.roster_changes import KEPT, Reading, Touch

NOW = datetime(2025, 10, 6, 5, 0, tzinfo=UTC)
DAY = timedelta(days=1)
COMPANY = {n: Employee(f"e{n}", f"p{n}@example.com", "Zoé", f"Exemple {n}", "Europe/Zurich") for n in range(12)}


def read(store: Database, people: dict[int, Employee], day: int) -> None:
    reading = RosterReading("roster.csv", People.of(people.values()), (), (), (), len(people), {}, ())
    assert synchronise(store, reading, now=NOW + day * DAY, largest_change=20).applied


def lived_through(store: Database) -> list[Reading]:
    """Three readings, the newest first: all come; two go, one moves; one is back, one is new, one is called differently."""
    moved = Employee("e3", "p3@example.com", "Zoé", "Exemple 3", "Europe/Zurich", department="Sales", manager_id="e1")
    read(store, COMPANY, 0)
    second = {n: person for n, person in COMPANY.items() if n not in {7, 8}} | {3: moved}
    read(store, second, 1)
    renamed = Employee("e4", "p4@example.com", "Zoé", "Muster", "Europe/Zurich")
    read(store, second | {8: COMPANY[8], 4: renamed, 99: Employee("e99", "n@example.com", "", "", "Europe/Zurich")}, 2)
    with store.read() as connection:
        return roster_changes.readings(connection)


def names(store: Database, reading: Reading, kind: Touch, **page: int) -> list[str]:
    with store.read() as connection:
        return [one.person.id for one in roster_changes.touched(connection, reading, kind, **{"most": 50, **page})]


def test_each_number_leads_to_its_people(database: Database) -> None:
    with database.write() as connection:  # the row of an officer's address, made at the same instant, is nobody of the roster
        organisation.officers(connection, ["officer@example.com"], "Europe/Zurich", NOW)
    newest, middle, first = lived_through(database)
    assert names(database, first, Touch.CAME) == [person.id for person in COMPANY.values()]
    assert (names(database, middle, Touch.WENT), names(database, middle, Touch.CHANGED)) == (["e7", "e8"], ["e3"])
    assert (names(database, newest, Touch.CAME), names(database, newest, Touch.CHANGED)) == (["e8", "e99"], ["e4"])
    for reading in (newest, middle, first):
        counts = reading.record.joiners, reading.record.leavers, reading.record.changed
        assert tuple(len(names(database, reading, kind)) for kind in Touch) == counts
    with database.read() as connection:
        assert {one.what for one in roster_changes.touched(connection, first, Touch.CAME, most=5)} == {()}
    read(database, COMPANY | {3: replace(COMPANY[3], manager_id="e1")}, 3)
    with database.read() as connection:
        [moved] = roster_changes.touched(connection, middle, Touch.CHANGED, most=5)
        last = roster_changes.readings(connection)[0]
        once_more, _ = roster_changes.touched(connection, last, Touch.CHANGED, most=5)
    assert (moved.person, set(moved.what)) == (once_more.person, {"department", "manager_id"})
    assert once_more.what == ("department",)


def test_a_page_goes_on_after_the_last_of_the_page_before(database: Database) -> None:
    first = lived_through(database)[-1]
    with database.read() as connection:
        [*_, last] = roster_changes.touched(connection, first, Touch.CAME, most=5)
        assert last.person.id == "e4"
    assert names(database, first, Touch.CAME, after=last.person.key, most=3) == ["e5", "e6", "e7"]


def test_old_readings_are_forgotten(database: Database) -> None:
    lived_through(database)
    for day in range(3, KEPT + 3):
        read(database, COMPANY, day)
    with database.read() as connection:
        kept = [reading.id for reading in roster_changes.readings(connection)]
        held = set(connection.scalars(select(roster_changes.roster_changes.c.sync_id)))
        assert (len(kept), max(kept), held) == (KEPT, KEPT + 3, {4})  # the fourth brought everybody back as they were
        assert connection.scalar(select(func.count()).select_from(roster_changes.roster_changes)) == 4
