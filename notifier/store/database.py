"""Connections and transactions: the one door to the store.

Reading happens on a pool of connections, each read a consistent snapshot. Writing happens one transaction at a time for each
process. SQLite allows one writer anyway; asking for the lock at the start (`BEGIN IMMEDIATE`) makes the others wait their turn
instead of failing in the middle.

**Group commit.** Every committed transaction of SQLite under `synchronous=FULL` costs a flush of the disk. `write_async` hands
the work to one writer thread, which takes everything that has been asked for meanwhile, runs each piece in a savepoint of its
own, and commits them together. A piece that raises is undone alone and its caller gets the exception; the others are not
touched. No caller is told "done" before the commit has returned, so whoever awaited `write_async` may rely on it being durable.

Much of the same kind costs less when it is done at once: `write_each` names the work and one item for it, and items that follow
each other in the queue are handed to the work together, in one savepoint. If that raises, it is undone, and each item is tried
alone: what is wrong with one of them fails that one only.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, OperationalError

from notifier.errors import ConfigurationError, StoreError

__all__ = ["POSTGRESQL", "SQLITE", "Connection", "Database", "DriverCursor"]

T = TypeVar("T")
Item = TypeVar("Item")

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_BUSY_TIMEOUT_SECONDS = 30
_LARGEST_GROUP = 256
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
        self._writer = _Writer(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state of the store."""
        with _plain_errors(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction of its own: committed at the end, undone on an exception."""
        with self._write_lock, _plain_errors(), self._writing.connect() as connection, connection.begin():
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


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Work for the writer, and who waits for it: a future of that loop, to be touched in the loop's own thread only."""

    work: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a piece: what it returned, or what it raised."""

    piece: _Piece
    result: Any = None
    raised: BaseException | None = None

    def tell(self) -> None:
        if self.piece.future.cancelled():
            return
        if self.raised is None:
            self.piece.future.set_result(self.result)
        else:
            self.piece.future.set_exception(self.raised)


class _Writer:
    """The thread behind `write_async`, started at its first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[list[_Piece] | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Piece]] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> asyncio.Future[T]:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)
                self._thread.start()
        loop = asyncio.get_running_loop()
        if loop not in self._gathered:
            self._gathered[loop] = []
            loop.call_soon(self._hand_over, loop)
        future: asyncio.Future[T] = loop.create_future()
        self._gathered[loop].append(_Piece(work, item, loop, future))
        return future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the writer at once what was asked for in one turn of a loop; woken by the first, it would fight with the rest."""
        self._waiting.put(self._gathered.pop(loop, []))

    def close(self) -> None:
        if self._thread is not None:
            for loop in list(self._gathered):
                self._hand_over(loop)
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        closing = False
        while not closing:
            group: list[_Piece] = []
            while not closing and (not group or (len(group) < _LARGEST_GROUP and not self._waiting.empty())):
                some = self._waiting.get()
                closing = some is None
                group += some or ()
            if pieces := [piece for piece in group if not piece.future.cancelled()]:
                _tell(self._commit(pieces))

    def _commit(self, group: list[_Piece]) -> list[_Outcome]:
        """Run the pieces and commit them together; only then may their callers be told. A caller who has gone is left out."""
        try:
            with self._database.write() as connection:
                same_work = (list(pieces) for _, pieces in groupby(group, attrgetter("work")))
                return [outcome for pieces in same_work for outcome in _run(connection, pieces)]
        except Exception as error:  # noqa: BLE001 - the commit failed: every caller of this group must hear of it
            return [_Outcome(piece, raised=error) for piece in group]


def _run(connection: Connection, pieces: Sequence[_Piece]) -> list[_Outcome]:
    """Run pieces of the same work in a savepoint. An error of the store itself ends the whole group; any other only its piece.

    The savepoint is set by the driver itself, because SQLAlchemy's takes as long as all that an answer writes.
    """
    with DriverCursor(connection) as cursor:
        cursor.execute("SAVEPOINT piece")
        try:
            results = pieces[0].work(connection, [piece.item for piece in pieces])
            outcomes = [_Outcome(piece, result) for piece, result in zip(pieces, results, strict=True)]
        except Exception as error:
            if _is_of_the_store(error):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT piece")
            outcomes = [_Outcome(piece, raised=error) for piece in pieces]  # it is the caller's
        cursor.execute("RELEASE SAVEPOINT piece")
    if len(pieces) > 1 and outcomes[0].raised is not None:
        return [outcome for piece in pieces for outcome in _run(connection, [piece])]
    return outcomes


def _tell(outcomes: list[_Outcome]) -> None:
    """Tell the callers, all those of one loop at once: to wake a loop takes as long as to store an answer."""

    def tell(some: list[_Outcome]) -> None:
        for outcome in some:
            outcome.tell()

    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.piece.loop, []).append(outcome)
    for loop, some in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended, and whoever waited in it
            loop.call_soon_threadsafe(tell, some)


class DriverCursor:
    """A cursor of the driver itself, in the transaction of this connection. What it raises is raised as SQLAlchemy does."""

    def __init__(self, connection: Connection) -> None:
        self._driver = connection.dialect.loaded_dbapi
        self._cursor = connection.connection.cursor()

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._cursor.close()
        if isinstance(error, self._driver.Error):
            raise DBAPIError.instance(None, None, error, self._driver.Error, hide_parameters=True) from error


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say in words what the driver says in its own."""
    try:
        yield
    except DBAPIError as error:
        if not _is_of_the_store(error):
            raise
        said = str(error.orig).strip()
        msg = f"the store could not be used: {said}"
        raise StoreError(msg, hint=_hint_for(said)) from error


def _is_of_the_store(error: Exception) -> bool:
    """The store or the way to it failed, and not one statement. A damaged file is a plain DatabaseError."""
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


_HINTS = {
    "locked": "another program holds the store; it was waited for 30 seconds. Try again when that program has ended",
    "full": "free some space on the disk; nothing that was accepted is lost",
    "no space": "free some space on the disk; nothing that was accepted is lost",
    "not a database": "storage.url names a file that is no store; name another one",
    "malformed": "the file is damaged; restore a backup",
    "readonly": "let the service's user write the file and its folder",
    "unable to open": "check that the folder of storage.url exists and that this user may write there",
    "no such table": "run `notifier migrate`",
    "does not exist": "run `notifier migrate`",
    "connection": "check storage.url, and that the database server is running",
}


def _hint_for(said: str) -> str | None:
    """What to do about what the driver said: by the first of these words that it says."""
    return next((hint for word, hint in _HINTS.items() if word in said.lower()), None)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("notifier_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
