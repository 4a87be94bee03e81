"""Joiners by the hundred thousand, written as fast as the database takes them."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from notifier.domain.employee import Employee
from notifier.store.calendar_ids import calendar_ids
from notifier.store.database import POSTGRESQL, SQLITE
from notifier.store.driver import DriverCursor
from notifier.store.lookups import PORTION
from notifier.store.people import People, Place
from notifier.store.tables import Instant, employees

_PUBLIC_ID_BYTES = 16  # 22 characters
_ENCODED_BYTES = 18  # the next multiple of three: 24 characters
_ROOM = 64 * 1024  # KiB
_DAY = {SQLITE: "TEXT", POSTGRESQL: "DATE"}  # SQLite would take a DATE for a number
_JOINER = (
    *("id", "email", "email_key", "given_name", "family_name", "language", "department", "manager_id", "leave_until"),
    *("active", "calendar_id", "public_id"),
)


def add(connection: Connection, people: Iterable[Employee], now: datetime) -> None:
    """Insert joiners, each with a public id of their own.

    After many, PostgreSQL is told to look at the table: by itself it would go on planning for an empty one for a minute.
    """
    joiners = People.of(people)
    numbers = calendar_ids(connection, {place for (places,) in joiners.blocks("place") for place in places})
    rows = _joiners(joiners, numbers, int if connection.dialect.name == SQLITE else bool)
    # Straight to the driver: SQLAlchemy would take twice as long as the database. What is the same for all of them stands in the
    # statement, and what a person has not is an empty text on its way: Python's SQLite driver takes its time over None.
    mark = "?" if connection.dialect.name == SQLITE else "%s"
    joined_at = Instant().process_bind_param(now, connection.dialect)
    marks = dict.fromkeys(("language", "department", "manager_id"), f"NULLIF({mark}, '')")
    marks["leave_until"] = f"CAST(NULLIF({mark}, '') AS {_DAY[connection.dialect.name]})"
    values = ", ".join(marks.get(name, mark) for name in _JOINER)
    statement = f"INSERT INTO employees ({', '.join(_JOINER)}, joined_at) VALUES ({values}, {joined_at})"  # noqa: S608 - our names
    many = len(joiners) >= PORTION
    with _indexes_at_ease(connection, many=many), DriverCursor(connection) as cursor:
        cursor.executemany(statement, rows)
    if many and connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql("ANALYZE employees")


def _joiners(people: People, numbers: Mapping[Place, int], truth: type[int]) -> Iterator[tuple[Any, ...]]:
    """The columns of `_JOINER`, with truth values of a type that the driver is quick with."""
    names = ("id", "email", "given_name", "family_name", "language", "department", "manager_id", "leave_until", "active", "place")
    for ids, emails, *texts, active, places in people.blocks(*names):
        numbers_of = map(numbers.__getitem__, places)
        yield from zip(
            ids, emails, map(str.casefold, emails), *texts, map(truth, active), numbers_of, _public_ids(len(ids)), strict=True
        )


def _public_ids(count: int) -> list[str]:
    """Each 22 characters for 16 random bytes."""
    raw = bytearray(secrets.token_bytes(_ENCODED_BYTES * count))
    for rest in range(_PUBLIC_ID_BYTES, _ENCODED_BYTES):
        raw[rest::_ENCODED_BYTES] = bytes(count)
    encoded = urlsafe_b64encode(raw).decode("ascii")
    return [encoded[start : start + 22] for start in range(0, len(encoded), 24)]


@contextmanager
def _indexes_at_ease(connection: Connection, *, many: bool) -> Iterator[None]:
    """Keep the indexes from taking longer than the rows.

    Those of an empty table are taken away before many rows come and made afterwards, in the same transaction. Else SQLite may keep
    them in memory meanwhile, which it writes to all over.
    """
    if many and connection.execute(select(employees.c.key).limit(1)).one_or_none() is None:
        for index in employees.indexes:
            index.drop(connection)
        yield
        with _sorting_threads(connection):
            for index in sorted(employees.indexes, key=str):
                index.create(connection)
    elif connection.dialect.name == SQLITE:
        before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_ROOM}")
        yield
        connection.exec_driver_sql(f"PRAGMA cache_size = {before}")
    else:
        yield


@contextmanager
def _sorting_threads(connection: Connection) -> Iterator[None]:
    """Let SQLite sort on the other processors too."""
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql("PRAGMA threads = 2")
    yield
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql("PRAGMA threads = 0")
