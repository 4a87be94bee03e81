"""People are planned in ranges of their keys. What one single person of a range has done counts as if everybody had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event, insert, select

from notifier.delivery.planner import RANGE, Planned
from notifier.store.database import Database
from notifier.store.tables import deliveries, metadata, reach
from tests.planning_rig import add_person, planner, settle, utc
from tests.rows_rig import add_row, standing

NOW = utc("2025-10-03T10:00")
NEXT_STEP = utc("2025-10-27T10:00")
FIRST, LAST = RANGE, 3 * RANGE - 1  # the first person of a range and the last of another, on PostgreSQL too
BESIDE = [FIRST - 1, FIRST + 1, LAST - 1, LAST + 1]


def has_answered(connection: Connection, person: int) -> None:
    settle(connection, person, NOW)


def was_told_another_way(connection: Connection, person: int) -> None:
    add_row(connection, person, channel="graph", state="accepted")


def has_a_later_step(connection: Connection, person: int) -> None:
    add_row(connection, person, occasion=7, channel="graph", state="accepted")


def was_refused(connection: Connection, person: int) -> None:
    refused = {"address": f"e{person}@example.com", "refused_at": NOW, "refused_because": "550 5.1.1"}
    connection.execute(insert(reach).values(employee_key=person, channel="email", **refused))


def waiting(database: Database) -> list[tuple[int, str]]:
    """(person, channel) of the first step's rows that wait."""
    with database.read() as connection:
        rows = standing(connection).values()
    return sorted((row["employee_key"], row["channel"]) for row in rows if (row["occasion"], row["state"]) == (30, "planned"))


@pytest.mark.parametrize("something", [has_answered, was_told_another_way, has_a_later_step, was_refused])
def test_one_single_person_of_a_range_is_enough_to_be_seen(database: Database, something: Any) -> None:
    """Wherever in the range; those beside it, in the same range and in the others, are planned."""
    for key in (*BESIDE, FIRST, LAST):
        add_person(database, key, key=key)
    with database.write() as connection:
        for key in (FIRST, LAST):
            something(connection, key)
    planner(database).tick(NOW)
    assert waiting(database) == [(key, "smtp") for key in BESIDE]


def test_one_single_answer_spares_a_person_the_record_of_what_passed(database: Database) -> None:
    """The others have it: the step that came and went while the service was not running."""
    for key in (*BESIDE, FIRST, LAST):
        add_person(database, key, key=key)
    planner(database).tick(utc("2025-10-01T10:00"))
    with database.write() as connection:
        for key in (FIRST, LAST):
            has_answered(connection, key)
    planner(database).tick(NEXT_STEP)
    with database.read() as connection:
        found = [(row["employee_key"], row["occasion"]) for row in standing(connection).values() if row["kind"] == "reminder"]
    assert sorted(found) == [(key, days) for key in BESIDE for days in (7, 30)]


def test_where_nothing_is_there_nobody_is_asked_about(sqlite_database: Database) -> None:
    """In the first range nobody has done anything; in the second somebody has a row: there each person is looked up."""
    people = [add_person(sqlite_database, one, key=one) for one in (1, FIRST)]
    with sqlite_database.write() as connection:
        was_told_another_way(connection, people[1])
    inserts: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *done: inserts.append(done[2]))
    assert planner(sqlite_database).tick(NOW) == Planned(inserted=1)
    assert ["EXISTS" in one for one in inserts if "INSERT INTO deliveries" in one] == [False, True]


def test_one_statement_serves_every_range_and_looks_windows_up(sqlite_database: Database) -> None:
    """Compiled once, it finds each person's window by a seek, in whatever range they are."""
    add_person(sqlite_database, 1, key=1)
    add_person(sqlite_database, FIRST, "America/New_York", "US", key=FIRST)
    inserts: dict[str, Any] = {}
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *done: inserts.setdefault(done[2], done[3]))
    assert planner(sqlite_database).tick(NOW + timedelta(hours=6)) == Planned(inserted=2)
    (insertion,) = [one for one in inserts if "INSERT INTO deliveries" in one]
    with sqlite_database.write() as connection:
        opened = connection.scalars(select(deliveries.c.due_at).order_by(deliveries.c.employee_key)).all()
        stages = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {insertion}", inserts[insertion]).all()
    assert opened == [utc("2025-10-03T09:00"), utc("2025-10-03T09:00", ZoneInfo("America/New_York"))]
    assert [stage.detail.partition(" USING ")[0] for stage in stages] == ["SEARCH employees", "SEARCH temp.windows"]


@pytest.mark.postgresql
def test_what_comes_between_the_look_and_the_insert_is_harmless(postgresql_database: str) -> None:
    """Another planner goes first: nobody has two rows. Somebody answers: nothing is left to send to them."""
    slow, quick = Database(postgresql_database), Database(postgresql_database)
    metadata.create_all(slow.engine)
    people = [add_person(slow, number) for number in range(3)]
    done: list[Planned] = []

    def others(*statement: Any) -> None:
        if "INSERT INTO deliveries" in statement[2] and not done:
            done.append(planner(quick).tick(NOW))
            with quick.write() as connection:
                settle(connection, people[0], NOW)

    event.listen(slow.engine, "before_cursor_execute", others)
    assert not planner(slow).tick(NOW)
    assert done == [Planned(inserted=3)]
    with slow.read() as connection:
        reminders = [row for row in standing(connection).values() if row["kind"] == "reminder"]
    assert sorted((row["employee_key"], row["state"]) for row in reminders) == [
        (people[0], "cancelled"),
        (people[1], "planned"),
        (people[2], "planned"),
    ]
    slow.close()
    quick.close()
