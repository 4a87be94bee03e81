"""A roster that was refused: kept for somebody to look at, and approved for the next reading alone. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.employee import Employee
from notifier.roster.reading import RosterReading
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.store import employees, finding, refused_rosters
from notifier.store.database import Database
from notifier.store.people import People

NOW = datetime(2025, 10, 20, 8, 0, tzinfo=UTC)
EVERYBODY = [Employee(f"e{n}", f"p{n}@example.com", "Zoé", f"Exemple {n}", "Europe/Zurich") for n in range(60)]


@pytest.fixture
def store(database: Database) -> Database:
    with database.write() as connection:
        employees.add(connection, EVERYBODY, NOW - timedelta(days=300))
    return database


def read(store: Database, leavers: int) -> SyncOutcome:
    people = EVERYBODY[: len(EVERYBODY) - leavers]
    reading = RosterReading("roster.csv", People.of(people), (), (), (), len(people), {}, ())
    return synchronise(store, reading, now=NOW, largest_change=20)


def approve(store: Database) -> bool:
    with store.write() as connection:
        refused = refused_rosters.waiting(connection)
        assert refused is not None
        return refused_rosters.approve(connection, refused.sync_id, by="Olga", now=NOW)


def test_what_was_refused_is_kept_by_name(store: Database) -> None:
    assert read(store, 30).refused is not None
    with store.read() as connection:
        refused = refused_rosters.waiting(connection)
    assert refused is not None
    assert (refused.size, refused.groups["leavers"].count, refused.groups["joiners"].count) == (30, 30, 0)
    assert {one.id for one in refused.groups["leavers"].people} == {f"e{n}" for n in range(30, 60)}
    assert refused.approved_at is None


def test_an_approval_lets_the_next_reading_of_that_size_through_once(store: Database) -> None:
    assert read(store, 30).refused is not None
    assert approve(store)
    assert not approve(store)  # it stands already
    assert read(store, 30).applied
    with store.read() as connection:
        assert refused_rosters.waiting(connection) is None
        assert refused_rosters.approved_size(connection) is None
        assert employees.count_active(connection) == 30
    assert read(store, 60).refused is not None


def test_a_larger_change_is_refused_all_the_same_and_uses_the_approval_up(store: Database) -> None:
    read(store, 30)
    approve(store)
    assert read(store, 40).refused is not None
    assert read(store, 30).refused is not None


def test_what_has_been_read_again_is_not_approved(store: Database) -> None:
    read(store, 30)
    with store.read() as connection:
        first = refused_rosters.waiting(connection)
    read(store, 40)
    with store.write() as connection:
        assert first is not None
        assert not refused_rosters.approve(connection, first.sync_id, by="Olga", now=NOW)


def test_people_are_found_in_any_case(store: Database) -> None:
    with store.read() as connection:
        for text in ("zoé", "ZOÉ EXEMPLE", "e1 zo", "P17@EXAMPLE"):
            assert finding.search(connection, text, most=5), text
        assert [one.id for one in finding.search(connection, "exemple 17", most=5)] == ["e17"]
        assert finding.search(connection, "%", most=5) == []
        assert len(finding.search(connection, "e", after=finding.search(connection, "e59", most=1)[0].key - 2, most=9)) == 2
