"""Connections that are kept for the next message. At most `size` exist at once; one that is not clean is never kept.

A new connection is opened as long as every other one is busy and there may be more; only then is a message sent behind another
one (see `smtp_connection`). Where there is no room the message waits, and the first connection that has some takes it by itself,
without the sender being asked: so it goes out with whatever is written next. When a connection comes to its end, one message that
waits is given back to its sender, who opens another. When none can be opened and there is no other, all who waited hear the same:
a server that refuses a login is not asked once for each of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from notifier.channels.smtp_connection import Connection
from notifier.channels.smtp_terms import Envelope, Message, Stale


class Pool:
    """Prefers the connection used last, so that the others may grow idle and close.

    Whenever a message waits, no connection has room: each that gets some is filled from those that wait.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, idle_seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._idle_seconds = idle_seconds
        self._busy: dict[Connection, None] = {}
        self._idle: dict[Connection, float] = {}  # since when, by the clock of the loop; the one used last stands last
        self._sweeping: asyncio.TimerHandle | None = None
        self._opening = 0
        self._waiting: deque[Message] = deque()
        self._closings = 0
        self._retired: set[Connection] = set()

    async def transact(self, envelope: Envelope) -> str:
        """Hand over one message on a kept connection, or a new one. Returns what the server said to it, code first.

        Raises:
            Refused, Silent: see the stage for how far it came.
            What opening a connection raises.
        """
        loop = asyncio.get_running_loop()
        while True:
            message = Message(envelope, loop.create_future())
            connection = self._take()
            if connection is None and len(self._busy) + self._opening < self._size:
                connection = await self._open()
                connection.begin(message)
                self._change(connection)
            elif (connection := connection or self._shared()) is not None:
                connection.begin(message)
            else:
                self._waiting.append(message)
            try:
                return await message.done
            except Stale:
                continue  # the connection is no longer among ours; at the latest a new one answers or fails
            except asyncio.CancelledError:
                self._give_up(message)
                raise

    async def close(self) -> None:
        """Say goodbye on every kept connection; those at work are closed when their messages are done."""
        self._closings += 1
        self._retired.update(self._busy)
        kept = list(self._idle)
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await asyncio.gather(*(connection.quit() for connection in kept))

    def _take(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable:
                self._busy[connection] = None
                return connection
            connection.abort()
        return None

    def _shared(self) -> Connection | None:
        """A connection at work with room for one more, the one with the fewest messages. None has fewer than one."""
        least: Connection | None = None
        if self._waiting:
            return None
        for connection in self._busy:
            load = len(connection.under_way)
            if (least is None or load < len(least.under_way)) and connection.has_room and connection not in self._retired:
                if load == 1:
                    return connection
                least = connection
        return least

    async def _open(self) -> Connection:
        closings = self._closings
        self._opening += 1
        try:
            connection = await self._connect()
        except BaseException as error:
            self._opening -= 1
            if isinstance(error, Exception) and not self._busy:
                self._tell_waiting(error)
            self._wake()
            raise
        self._opening -= 1
        self._busy[connection] = None
        if closings != self._closings:
            self._retired.add(connection)
        connection.watch(self._change)
        return connection

    def _change(self, connection: Connection) -> None:
        """A connection at work has room, or has come to its end."""
        if not connection.usable:
            self._drop(connection)
            return
        if connection not in self._retired:
            while self._waiting and connection.has_room:
                if not (message := self._waiting.popleft()).done.done():
                    connection.begin(message)
        if not connection.under_way:
            self._rest(connection)

    def _rest(self, connection: Connection) -> None:
        """Nothing is under way on it."""
        if connection in self._retired:
            self._drop(connection)
            connection.leave()
            return
        loop = asyncio.get_running_loop()
        del self._busy[connection]
        self._idle[connection] = loop.time()
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._idle_seconds, self._sweep)

    def _sweep(self) -> None:
        """Part with the connections that were not used for long. One timer serves all."""
        self._sweeping = None
        loop = asyncio.get_running_loop()
        for connection, since in list(self._idle.items()):
            if (left := since + self._idle_seconds - loop.time()) > 0:
                self._sweeping = loop.call_later(left, self._sweep)
                return
            del self._idle[connection]
            connection.leave()

    def _drop(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        self._retired.discard(connection)
        if connection in self._busy:
            del self._busy[connection]
            self._wake()

    def _wake(self) -> None:
        """There may be one more connection: let the sender of a message that waits look."""
        while self._waiting:
            message = self._waiting.popleft()
            if not message.done.done():
                message.fail(Stale())
                return

    def _tell_waiting(self, error: Exception) -> None:
        for message in self._waiting:
            message.fail(error)
        self._waiting.clear()

    def _give_up(self, message: Message) -> None:
        """Its sender has gone."""
        if message.done.cancelled():
            for connection in list(self._busy):
                connection.abandon(message)
        elif isinstance(message.done.exception(), Stale):
            self._wake()  # it was this one's turn
