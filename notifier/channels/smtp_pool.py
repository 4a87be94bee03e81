"""Connections that are kept for the next message. At most `size` exist at once; one that is not clean is never kept.

A new connection is opened as long as every other one is busy and there may be more; only then is a message sent behind another
one (see `smtp_connection`). Whoever finds no room waits. When a connection cannot be opened and there is no other, all who waited
hear the same: a server that refuses a login is not asked once for each of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from notifier.channels.smtp_connection import Connection
from notifier.channels.smtp_terms import Envelope


class Pool:
    """Prefers the connection used last, so that the others may grow idle and close."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, idle_seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._idle_seconds = idle_seconds
        self._busy: dict[Connection, None] = {}
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closings = 0
        self._retired: set[Connection] = set()

    async def transact(self, envelope: Envelope) -> str:
        """Hand over one message on a kept connection, or a new one.

        Raises:
            What opening a connection and `Connection.transact` raise.
        """
        connection = await self._room()
        try:
            return await connection.transact(envelope)
        finally:
            self._let_go(connection)

    async def close(self) -> None:
        """Say goodbye on every kept connection; those at work are closed when their messages are done."""
        self._closings += 1
        self._retired.update(self._busy)
        kept = list(self._idle)
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        await asyncio.gather(*(connection.quit() for connection in kept))

    async def _room(self) -> Connection:
        """A connection with room for one message."""
        while True:
            if (kept := self._take()) is not None:
                return kept
            if len(self._busy) + self._opening < self._size:
                return await self._open()
            if (shared := self._shared()) is not None:
                return shared
            if (freed := await self._wait()) is not None and self._may_share(freed):
                return freed

    def _shared(self) -> Connection | None:
        """A connection at work with room for one more, the one with the fewest messages. None has fewer than one."""
        least: Connection | None = None
        for connection in self._busy:
            if (least is None or connection.load < least.load) and self._may_share(connection):
                if connection.load == 1:
                    return connection
                least = connection
        return least

    def _may_share(self, connection: Connection) -> bool:
        return connection.has_room and connection not in self._retired

    async def _open(self) -> Connection:
        closings = self._closings
        self._opening += 1
        try:
            connection = await self._connect()
        except Exception as error:
            if not self._busy:
                self._tell_waiting(error)
            raise
        finally:
            self._opening -= 1
            self._wake()
        self._busy[connection] = None
        if closings != self._closings:
            self._retired.add(connection)
        return connection

    async def _wait(self) -> Connection | None:
        """Wait for a turn. Returns the connection on which there was room then, if it is one that was known before."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was this one's turn
            raise

    def _wake(self, freed: Connection | None = None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(freed)
                return

    def _tell_waiting(self, error: Exception) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(error)
        self._waiting.clear()

    def _take(self) -> Connection | None:
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.usable:
                self._busy[connection] = None
                return connection
            connection.abort()
        return None

    def _let_go(self, connection: Connection) -> None:
        if connection.idle and connection in self._busy:
            del self._busy[connection]
            if connection.usable and connection not in self._retired:
                timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, connection)
                self._idle[connection] = timer
            else:
                self._retired.discard(connection)
                connection.leave()
        self._wake(connection if connection in self._busy else None)

    def _expire(self, connection: Connection) -> None:
        del self._idle[connection]
        connection.leave()
