"""Connections and transactions: the one door to the store.

Reading happens on a pool of connections, each read a consistent snapshot. Writing happens one transaction at a time for each
process. SQLite allows one writer anyway; asking for the lock at the start (`BEGIN IMMEDIATE`) makes the others wait their turn
instead of failing in the middle.

`write_async` and `write_each` hand the work to the thread of `group_commit.py`, whose transaction many callers share.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from notifier.errors import ConfigurationError
from notifier.store.driver import plain_errors
from notifier.store.group_commit import Writer

__all__ = ["POSTGRESQL", "SQLITE", "Connection", "Database"]

T = TypeVar("T")
Item = TypeVar("Item")

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_BUSY_TIMEOUT_SECONDS = 30
_READERS = 4


class Database:
    """A store on SQLite or PostgreSQL.

    Attributes:
        dialect: SQLITE or POSTGRESQL.
        path: the file of an SQLite store, else None.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        """Name the store; nothing is opened before the first use.

        Args:
            password: of the database's user, where the URL has none.

        Raises:
            ConfigurationError: the URL is of no kind that is known.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            msg = f"storage.url: {url!r} is not a database URL"
            raise ConfigurationError(msg, hint="write sqlite:///notifier.db or postgresql+psycopg://…") from None
        self.dialect = parsed.get_backend_name()
        if self.dialect not in {SQLITE, POSTGRESQL}:
            msg = f"storage.url: a store on {self.dialect!r} is not supported"
            raise ConfigurationError(msg, hint="use sqlite:///… or postgresql+psycopg://…")
        self.path = parsed.database if self.dialect == SQLITE else None
        if self.dialect == SQLITE:
            waiting = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            self.engine = create_engine(parsed, hide_parameters=True, connect_args=waiting)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            parsed = parsed.set(drivername="postgresql+psycopg", password=parsed.password or password)
            self.engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        self._writing = self.engine.execution_options(notifier_write=True)
        self._reading = self.engine if self.dialect == SQLITE else self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._write_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._writer = Writer(self.write)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state of the store."""
        with plain_errors(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction of its own: committed at the end, undone on an exception."""
        with self._write_lock, plain_errors(), self._writing.connect() as connection, connection.begin():
            yield connection

    async def read_async(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reading connection in a thread."""

        def run() -> T:
            with self.read() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write_async(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer thread; returns once what it wrote is durable."""
        return await self._writer.submit(lambda connection, _items: [work(connection)], None)

    async def write_each(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """Have `work` done for this item and others in the writer thread; returns once what it wrote is durable.

        Args:
            work: does it for some items, in the order in which they came, and returns what became of each. It is known again by
                being equal, as a function or the method of one object is.
        """
        return await self._writer.submit(work, item)

    def close(self) -> None:
        """Finish what was asked for and close every connection."""
        self._writer.close()
        self._readers.shutdown(wait=True)
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("notifier_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
