"""The people in the store, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from notifier.domain.employee import Employee
from notifier.store import employees
from notifier.store.database import Database
from notifier.store.employees import SyncRecord
from notifier.store.tables import calendars
from tests.people import ADA, BRUNO, CHLOE, COMPANY, JOERG, MARIO, NOW, ZOFIE, move_in


def test_everybody_comes_back_as_they_were(database: Database) -> None:
    with database.write() as connection:
        stored = move_in(connection)

    assert [stored[person.id].employee for person in COMPANY] == list(COMPANY)
    assert all(known.joined_at == NOW for known in stored.values())
    assert {id_ for id_, known in stored.items() if known.left_at is not None} == {JOERG.id}


def test_public_ids_are_long_and_distinct(database: Database) -> None:
    with database.write() as connection:
        stored = move_in(connection)

    public_ids = {known.public_id for known in stored.values()}
    assert len(public_ids) == len(COMPANY)
    assert {len(public_id) for public_id in public_ids} == {22}


def test_people_share_a_calendar(database: Database) -> None:
    """One for each distinct (zone, country, region), however often people are added."""
    with database.write() as connection:
        stored = move_in(connection)
        employees.add(connection, [replace(CHLOE, id="99", email="other@example.com")], NOW)
        number = connection.scalar(select(func.count()).select_from(calendars))

    assert number == len({employees.calendar_key(person) for person in COMPANY})
    assert stored[BRUNO.id].calendar_id == stored[CHLOE.id].calendar_id != stored[MARIO.id].calendar_id


@pytest.mark.parametrize("who", [ZOFIE.id, ZOFIE.email, ZOFIE.email.upper(), f"  {ZOFIE.email} "])
def test_somebody_is_found_by_id_and_by_address_in_any_case(who: str, database: Database) -> None:
    with database.write() as connection:
        move_in(connection)
    with database.read() as connection:
        found = employees.find(connection, who)

        assert found is not None
        assert found.employee == ZOFIE
        assert employees.by_public_id(connection, found.public_id) == found
        assert employees.find(connection, "nobody@example.com") is None
        assert employees.by_public_id(connection, "nobody") is None


def test_of_two_with_one_address_the_one_who_is_there_is_found(database: Database) -> None:
    with database.write() as connection:
        move_in(connection)
        employees.add(connection, [replace(JOERG, id="100", active=True), replace(JOERG, id="101")], NOW)
        found = employees.find(connection, JOERG.email)

    assert found is not None
    assert found.employee.id == "100"


def test_a_change_keeps_what_belongs_to_the_person(database: Database) -> None:
    """Key, public id, chosen language and the day they joined stay; the address is found under its new form only."""
    moved = replace(
        CHLOE, email="Chloe.Neuve@Example.com", family_name="Neuve", country="FR", region=None, time_zone="Europe/Paris"
    )
    with database.write() as connection:
        before = move_in(connection)[CHLOE.id]
        employees.set_language_choice(connection, before.key, "de")
        employees.change(connection, [(before, moved)])
        after = employees.find(connection, "chloe.neuve@example.com")

        assert employees.find(connection, CHLOE.email) is None
    assert after is not None
    assert after.employee == moved
    assert (after.key, after.public_id, after.language_choice, after.joined_at) == (before.key, before.public_id, "de", NOW)
    assert after.calendar_id != before.calendar_id


def test_leaving_and_coming_back(database: Database) -> None:
    later = NOW + timedelta(days=1)
    with database.write() as connection:
        key = move_in(connection)[ADA.id].key
        employees.mark_left(connection, [key], later)
        left = employees.find(connection, ADA.id)
        active = employees.count_active(connection)
        assert left is not None
        employees.change(connection, [(left, ADA)])
        back = employees.find(connection, ADA.id)

    assert (left.employee.active, left.left_at, active) == (False, later, len(COMPANY) - 2)
    assert back is not None
    assert (back.employee.active, back.left_at, back.joined_at) == (True, None, NOW)


def test_thousands_of_people_cost_a_few_statements(sqlite_database: Database) -> None:
    """Never one statement for each person: adding and changing 12 000 people are a handful each."""
    people = [Employee(str(number), f"p{number}@example.com", "P", str(number), "Europe/Zurich") for number in range(12_000)]
    statements: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    with sqlite_database.write() as connection:
        employees.add(connection, people, NOW)
        stored = employees.load(connection)
        employees.change(connection, [(stored[person.id], replace(person, department="New")) for person in people])
        employees.mark_left(connection, [known.key for known in stored.values()], NOW)

        assert employees.count_active(connection) == 0
    assert len(statements) < 35
    assert {text.partition(" WHERE")[0] for text in statements if text.startswith("UPDATE") and "left_at" not in text} == {
        "UPDATE employees SET department=?"
    }


def test_the_history_of_the_roster(database: Database) -> None:
    record = SyncRecord(
        NOW, "roster.csv", applied=False, accepted=3, left_out=2, set_aside=1, joiners=4, leavers=5, changed=6, reason="too many"
    )
    with database.write() as connection:
        assert employees.last_sync(connection) is None
        employees.record_sync(connection, replace(record, reason=None))
        employees.record_sync(connection, record)

        assert employees.last_sync(connection) == record
