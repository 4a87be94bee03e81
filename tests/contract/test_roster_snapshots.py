"""What a directory wants to find again is kept with the roster that it belongs to, and with no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.records import Records, read_records
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.store import snapshots
from notifier.store.database import Database

NOW = datetime(2025, 10, 6, 5, tzinfo=UTC)
LARGE = bytes(range(256)) * 8_000


def reading(people: int, snapshot: bytes | None) -> RosterReading:
    records = [[str(number), f"p{number}@example.com"] for number in range(people)]
    read = read_records(
        Records("a directory", ("id", "mail"), records), columns={}, defaults=Defaults("UTC"), today=date(2025, 10, 6)
    )
    return replace(read, snapshot=snapshot)


def sync(database: Database, read: RosterReading) -> SyncOutcome:
    return synchronise(database, read, now=NOW, largest_change=20)


def kept(database: Database) -> bytes | None:
    with database.read() as connection:
        return snapshots.load(connection)


def test_it_is_kept_once_the_roster_is_applied_and_the_last_one_counts(database: Database) -> None:
    assert kept(database) is None
    assert sync(database, reading(100, LARGE)).applied
    assert kept(database) == LARGE
    assert sync(database, reading(101, b"\0second")).applied
    assert kept(database) == b"\0second"


def test_a_roster_that_is_refused_leaves_it(database: Database) -> None:
    sync(database, reading(100, b"first"))
    assert sync(database, reading(10, b"second")).refused
    assert kept(database) == b"first"


def test_another_source_leaves_nothing_of_it_behind(database: Database) -> None:
    sync(database, reading(100, b"first"))
    assert sync(database, reading(100, None)).applied
    assert kept(database) is None
