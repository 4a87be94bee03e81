"""The fast way of applying a roster leaves the store as looking at every single person would."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from notifier.domain.employee import Employee
from notifier.roster.diff import RosterDiff, diff
from notifier.roster.reading import RosterReading, SetAside
from notifier.roster.sync import compare, synchronise
from notifier.store import employees, roster_rows
from notifier.store.acknowledgements import settled
from notifier.store.database import Database
from notifier.store.people import People, values_of
from notifier.store.tables import employees as table
from notifier.store.tables import metadata
from tests.people import COMPANY, NOW, PRESENT, move_in

PLACES = (("Europe/Zurich", "CH", "GE"), ("Europe/Paris", "FR", None), ("UTC", None, None))

ODD: tuple[tuple[str, Callable[[int], Any]], ...] = (
    ("id", lambda number: f"N{number}"),
    ("email", lambda number: f"q{number}@example.com"),
    ("family_name", lambda _: "Né"),
    ("department", lambda _: "Sales"),
    ("leave_until", lambda _: date(2025, 10, 31)),
    ("region", lambda _: None),
    ("language", lambda _: None),
    ("manager_id", lambda _: "E1"),
)
"""What may be otherwise about somebody on a day."""


def crowd(chance: random.Random, ids: Sequence[int]) -> list[Employee]:
    """People of whom every other one has something of their own, in any order."""
    people = []
    for number in ids:
        place = PLACES[number % 3]
        person = Employee(f"E{number}", f"p{number}@example.com", "Given", f"Family{number}", *place[:1], "fr", *place[1:])
        odd = {name: value(number) for name, value in chance.sample(ODD, chance.choice([0, 0, 1, 2]))}
        people.append(replace(person, **odd))
    chance.shuffle(people)
    return people


def reading_of(people: Sequence[Employee], aside: Sequence[str] = ()) -> RosterReading:
    rows = tuple(SetAside(number, "x", id_) for number, id_ in enumerate(aside, 9000))
    return RosterReading("r.csv", People.of(people), (), rows, (), len(people) + len(rows), {}, ())


def told(changes: RosterDiff) -> list[object]:
    """A difference, in one order."""
    edited = [
        sorted((change.before.key, change.after.id, change.what) for change in changes_of)
        for changes_of in (changes.returned, changes.moved, changes.changed)
    ]
    return [
        sorted(map(values_of, changes.joiners), key=lambda values: values[0]),
        sorted(known.key for known in changes.leavers),
        *edited,
        changes.unchanged,
        changes.kept,
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_few_who_differ_are_found_as_among_all(database: Database, seed: int) -> None:
    """Days of shuffled exports with joiners, leavers, people who come back, new ids, and rows that were set aside."""
    chance = random.Random(seed)
    for day in range(5):
        ids = sorted(chance.sample(range(1, 60), 40))
        people, aside = crowd(chance, ids), [f"E{number}" for number in range(1, 60, 7) if number not in ids]
        reading = reading_of(people, aside)
        with database.read() as connection:
            before = employees.load(connection)
            fast = compare(connection, reading, largest_change=100).diff
        slow = diff(before, people, keep=set(aside))
        outcome = synchronise(database, reading, now=NOW + timedelta(days=day), largest_change=100, accept_changes=1000)

        assert told(fast) == told(slow) == told(outcome.diff)
        with database.read() as connection:
            after = employees.load(connection)
        present = {id_: known.employee for id_, known in after.items() if known.employee.active}
        kept = {id_: before[id_].employee for id_ in aside if id_ in before and before[id_].employee.active}
        moved_on = {change.before.employee.id for change in (*slow.moved, *slow.changed)}
        assert present == {**{id_: one for id_, one in kept.items() if id_ not in moved_on}, **{one.id: one for one in people}}
        assert {known.key for known in before.values()} <= {known.key for known in after.values()}


def test_rows_are_the_people_in_the_order_they_came(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_rows, "BLOCK", 3)
    with database.write() as connection:
        stored = move_in(connection)
    with database.read() as connection:
        assert list(roster_rows.present_rows(connection)) == list(roster_rows.rows_of(connection, People.of(PRESENT)))
        stranger = replace(PRESENT[0], time_zone="Mars/Olympus")
        strangers = [stranger, *PRESENT, replace(stranger, country=None, region=None)]
        rows = list(roster_rows.rows_of(connection, People.of(strangers)))
        assert not set(rows[:: len(rows) - 1]) & set(roster_rows.present_rows(connection))
        assert list(roster_rows.people_of(connection, rows)) == strangers
        assert employees.load_some(connection, [COMPANY[0].id, "nobody"]) == {COMPANY[0].id: stored[COMPANY[0].id]}
        assert employees.load_some(connection, []) == {}


def test_more_people_than_go_into_one_statement(database: Database) -> None:
    """They all come, each once, with a public id of their own; and are the same when they are read again."""
    people = [Employee(f"E{number}", f"P{number}@example.com", "G", "F", "UTC", country="CH") for number in range(10_001)]
    with database.write() as connection:
        employees.add(connection, people, NOW)
    with database.read() as connection:
        assert list(roster_rows.present_rows(connection)) == list(roster_rows.rows_of(connection, People.of(people)))
        assert connection.scalar(select(func.count(table.c.public_id.distinct()))) == len(people)
        assert len(employees.load_some(connection, [person.id for person in people])) == len(people)
        found = employees.find(connection, "p10000@EXAMPLE.com")
    assert found is not None
    assert (found.employee, found.joined_at) == (people[-1], NOW)


def indexes_of(store: Database) -> list[Any]:
    indexes = inspect(store.engine).get_indexes("employees")
    return sorted((index["name"], index["column_names"], index["unique"]) for index in indexes)


def test_the_first_company_finds_and_leaves_the_same_indexes(database: Database) -> None:
    """They are taken away while it moves in, and are there afterwards, whether it came in or not."""
    before = indexes_of(database)
    people = [Employee(f"E{number}", f"p{number}@example.com", "G", "F", "UTC") for number in range(5000)]
    twice = [*people, replace(people[0], email="other@example.com")]
    with pytest.raises(IntegrityError), database.write() as connection:
        employees.add(connection, twice, NOW)
    with database.read() as connection:
        assert employees.is_empty(connection)
    assert indexes_of(database) == before

    with database.write() as connection:
        employees.add(connection, people, NOW)
    assert indexes_of(database) == before
    assert {"uq_employees_id", "uq_employees_public_id"} <= {name for name, _, unique in before if unique}


@pytest.mark.postgresql
def test_a_large_roster_is_known_to_the_query_planner_at_once(postgresql_database: str) -> None:
    """PostgreSQL counts its rows by itself a minute later; until then it would plan for an empty table."""
    store = Database(postgresql_database)
    people = [Employee(f"E{number}", f"p{number}@example.com", "G", "F", "UTC") for number in range(5000)]
    with store.write() as connection:
        metadata.create_all(connection)
        employees.add(connection, people, NOW)
        known = connection.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'employees'"))
    store.close()

    assert known == len(people)


@pytest.mark.postgresql
def test_who_has_settled_is_looked_up_person_by_person(postgresql_database: str) -> None:
    """Without statistics PostgreSQL would make a join of it that goes through all answers for each person."""
    store = Database(postgresql_database)
    people = select(table.c.key).where(~settled("campaign", table.c.key))
    with store.write() as connection:
        metadata.create_all(connection)
        statement = people.compile(connection, compile_kwargs={"literal_binds": True})
        lines = connection.exec_driver_sql(f"EXPLAIN {statement}").scalars().all()
    store.close()

    assert not [line for line in lines if "Join" in line]
    assert [line for line in lines if "Index Cond" in line and "(employee_key = employees.key)" in line]
