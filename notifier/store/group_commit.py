"""Group commit: what has been asked for meanwhile is written in one transaction, by one thread.

Every committed transaction of SQLite under `synchronous=FULL` costs a flush of the disk. So the thread takes everything that has
been asked for meanwhile, runs each piece in a savepoint of its own, and commits them together. A piece that raises is undone alone
and its caller gets the exception; the others are not touched. No caller is told "done" before the commit has returned, so whoever
awaited it may rely on it being durable.

Much of the same kind costs less when it is done at once. Pieces of the same work that follow each other in the queue are handed to
it together, in one savepoint. If that raises, it is undone, and each piece is tried alone: what is wrong with one of them fails
that one only.

The writer and the loop share one interpreter, and while both run, each stops the other many times for each piece. So pieces that
may be done with others are gathered until two turns of the loop have brought no more of them, one to read and one to run what was
read: then the loop is idle, or busy with something else. Pieces by themselves wait for the end of the turn only. That took a fifth
of the time off an answer, where 64 people send theirs at once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection

from notifier.store.driver import DriverCursor, is_of_the_store

T = TypeVar("T")
Item = TypeVar("Item")

_LARGEST_GROUP = 256
_QUIET_TURNS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Work for the writer, and who waits for it: a future of that loop, to be touched in the loop's own thread only."""

    work: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


@dataclass(slots=True)
class _Gathering:
    """What was asked for in one loop and is not yet handed over to the writer.

    Attributes:
        at_once: it waits for the end of this turn only.
        counted: how many pieces there were in the turn before.
        quiet: how many turns have brought no more of them.
    """

    pieces: list[_Piece] = field(default_factory=list)
    at_once: bool = False
    counted: int = 0
    quiet: int = 0

    def is_over(self) -> bool:
        """Asked once at the end of each turn."""
        count = len(self.pieces)
        self.quiet = self.quiet + 1 if count == self.counted else 0
        self.counted = count
        return self.at_once or self.quiet >= _QUIET_TURNS or count >= _LARGEST_GROUP


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


class Writer:
    """The thread, started at its first use."""

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Take the way to a transaction, which is committed at its end."""
        self._write = write
        self._waiting: queue.SimpleQueue[list[_Piece] | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, _Gathering] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, work: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item | None) -> asyncio.Future[T]:
        """Have work done; to be called in a running loop.

        Args:
            item: what the work is to be done for, together with others; None for a piece by itself.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-write", daemon=True)
                self._thread.start()
        loop = asyncio.get_running_loop()
        gathering = self._gathered.get(loop)
        if gathering is None:
            gathering = self._gathered[loop] = _Gathering()
            loop.call_soon(self._gather, loop, gathering)
        future: asyncio.Future[T] = loop.create_future()
        gathering.pieces.append(_Piece(work, item, loop, future))
        gathering.at_once = gathering.at_once or item is None
        return future

    def _gather(self, loop: asyncio.AbstractEventLoop, gathering: _Gathering) -> None:
        """At the end of a turn of the loop: hand over, or wait for what the next one brings."""
        if not gathering.is_over():
            loop.call_soon(self._gather, loop, gathering)
        elif self._gathered.get(loop) is gathering:  # else it was handed over when the store was closed
            self._hand_over(loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if (gathering := self._gathered.pop(loop, None)) is not None:
            self._waiting.put(gathering.pieces)

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
            with self._write() as connection:
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
            if is_of_the_store(error):
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
