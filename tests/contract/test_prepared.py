"""Statements that the driver runs itself mean what they mean to SQLAlchemy, on both databases."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import BigInteger, Connection, String, bindparam, column, insert, select, update
from sqlalchemy.exc import IntegrityError

from notifier.store.database import Database
from notifier.store.driver import DriverCursor
from notifier.store.prepared import Prepared, PreparedRows
from notifier.store.tables import Instant, Kind, calendars, employees, meta

NOW = datetime(2025, 10, 15, 8, 14, 0, 123456, tzinfo=UTC)
_put = Prepared(insert(meta).values(key=bindparam("new_key"), value="x"))


@pytest.fixture
def store(database: Database) -> Database:
    """Two people: one there and on leave, one who has left."""
    with database.write() as connection:
        connection.execute(insert(calendars).values(id=1, time_zone="Europe/Zurich"))
        for key, active in ((1, True), (2, False)):
            connection.execute(
                insert(employees).values(
                    key=key,
                    id=f"E{key}",
                    email=f"{key}@example.com",
                    email_key=f"{key}@example.com",
                    given_name="Zoé",
                    family_name="100 % Exemple",
                    calendar_id=1,
                    active=active,
                    leave_until=date(2025, 10, 20) if active else None,
                    public_id=str(key) * 22,
                    joined_at=NOW,
                    left_at=None if active else NOW,
                )
            )
    return database


@pytest.mark.parametrize("count", [1, 3, 5])
def test_many_rows_are_changed_in_one_run_and_each_is_counted_once(database: Database, count: int) -> None:
    """Five rows go into the statement for eight, its last one named four times. Words, instants, nothing at all."""
    columns = (column("of_key", BigInteger), column("left", Instant), column("language", String))
    prepared = PreparedRows(
        columns,
        lambda given: (
            update(employees)
            .where(employees.c.key == given.c.of_key, employees.c.active == bindparam("there"))
            .values(left_at=given.c.left, language=given.c.language)
        ),
    )
    people = range(1, 7)
    with database.write() as connection:
        connection.execute(insert(calendars).values(id=1, time_zone="Europe/Zurich"))
        connection.execute(insert(employees), [_person(key, active=key != 2) for key in people])
    rows = [(key, NOW + timedelta(days=key), "fr" if key % 2 else None) for key in people[:count]]
    with database.write() as connection:
        assert prepared.change(connection, rows, there=True) == count - (count >= 2)
        found = connection.execute(select(*employees.c["key", "left_at", "language"]).order_by(employees.c.key)).all()
    assert [tuple(row) for row in found if row.left_at is not None] == [row for row in rows if row[0] != 2]


def _person(key: int, *, active: bool) -> dict[str, Any]:
    address = f"{key}@example.com"
    own = {"id": f"E{key}", "email": address, "email_key": address, "public_id": str(key) * 22}
    return {"key": key, "given_name": "Zoé", "family_name": "E", "calendar_id": 1, "active": active, "joined_at": NOW, **own}


def test_it_reads_what_sqlalchemy_reads(store: Database) -> None:
    """Truth values, days, instants and nothing at all; words in a list; a percent sign."""
    written = select(employees).where(
        employees.c.key == bindparam("of_key"), employees.c.family_name.in_(["100 % Exemple", "other"])
    )
    prepared = Prepared(written)
    with store.read() as connection:
        for key in (1, 2):
            read = prepared.first(connection, of_key=key)
            assert read is not None
            assert read._mapping == connection.execute(written, {"of_key": key}).one()._mapping
        assert prepared.first(connection, of_key=3) is None
        with pytest.raises(LookupError):
            prepared.one(connection, of_key=3)


def test_lists_of_any_length_mean_what_they_mean_to_sqlalchemy(store: Database) -> None:
    """Of numbers and of instants, in what is read and in what is changed; from a list of one to one of some hundred."""
    keys, instants = bindparam("keys", expanding=True), bindparam("instants", expanding=True)
    written = select(employees.c.key, employees.c.joined_at).where(employees.c.key.in_(keys), employees.c.joined_at.in_(instants))
    prepared = Prepared(written.order_by(employees.c.key))
    leave = Prepared(update(employees).where(employees.c.key.in_(keys)).values(leave_until=bindparam("day")))
    with store.write() as connection:
        for asked in ([1], [2, 1], [7, 2, 1], list(range(2, 300)), [3]):
            values: dict[str, Any] = {"keys": asked, "instants": [NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)]}
            found = prepared.all(connection, **values)
            assert [row._mapping for row in found] == [
                row._mapping for row in connection.execute(written.order_by(employees.c.key), values)
            ]
            assert [row.key for row in found] == sorted({1, 2} & set(asked))
            assert leave.change(connection, keys=asked, day=date(2025, 11, 1)) == len(found)
        assert prepared.all(connection, keys=[1, 2], instants=[NOW + timedelta(days=1)]) == []


def test_it_writes_what_sqlalchemy_writes(store: Database) -> None:
    later = NOW + timedelta(days=1)
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("left_at", "active", "leave_until")}
    change = Prepared(update(employees).where(employees.c.joined_at == bindparam("at")).values(values))
    with store.write() as connection:
        assert change.change(connection, at=NOW, new_left_at=later, new_active=False, new_leave_until=None) == 2
        assert change.change(connection, at=later, new_left_at=None, new_active=True, new_leave_until=None) == 0
    with store.read() as connection:
        columns = (employees.c.left_at, employees.c.active, employees.c.leave_until)
        assert [tuple(row) for row in connection.execute(select(*columns))] == [(later, False, None)] * 2


def test_a_word_of_an_enumeration_is_stored_as_text(database: Database) -> None:
    with database.write() as connection:
        assert Prepared(insert(meta).values(key="k", value=Kind.RECEIPT)).change(connection) == 1
        assert connection.scalar(select(meta.c.value)) == "receipt"


def test_what_the_driver_raises_is_raised_as_by_sqlalchemy(database: Database) -> None:
    def twice() -> None:
        with database.write() as connection:
            _put.change(connection, new_key="k")
            _put.change(connection, new_key="k")

    with pytest.raises(IntegrityError):
        twice()
    with database.read() as connection:
        assert connection.execute(select(meta)).all() == []


async def test_a_piece_that_the_database_refuses_is_undone_alone(database: Database) -> None:
    """The statement's error ends that piece, on PostgreSQL too, where it spoils the transaction up to the savepoint."""

    def put(key: str, connection: Connection) -> str:
        _put.change(connection, new_key=f"{key} began {next(numbers)}")
        _put.change(connection, new_key=key)
        return key

    numbers = itertools.count()
    keys = ["a", "b", "a", "c"]
    results = await asyncio.gather(*(database.write_async(partial(put, key)) for key in keys), return_exceptions=True)
    assert [one for one in results if isinstance(one, str)] == ["a", "b", "c"]
    assert isinstance(results[2], IntegrityError)
    with database.read() as connection:
        assert connection.scalars(select(meta.c.key).order_by(meta.c.key)).all() == [
            "a",
            "a began 0",
            "b",
            "b began 1",
            "c",
            "c began 3",
        ]


def test_the_cursor_of_the_driver_shares_the_transaction(database: Database) -> None:
    with database.write() as connection:
        _put.change(connection, new_key="k")
        with DriverCursor(connection) as cursor:
            assert cursor.execute("SELECT count(*) FROM meta").fetchone() == (1,)
