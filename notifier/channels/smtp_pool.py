"""Connections that are kept for the next message. At most `size` exist at once; one that is not clean is never kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from notifier.channels.smtp_connection import Connection


class Pool:
    """Lends connections, the one used last first, so that the others may grow idle and close."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int, idle_seconds: float) -> None:
        self._connect = connect
        self._idle_seconds = idle_seconds
        self._places = asyncio.Semaphore(size)
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._closings = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a kept connection, or a new one. Afterwards it is kept if it may serve again, and closed at once if not.

        Raises:
            What opening a connection raises.
        """
        async with self._places:
            closings = self._closings
            connection = self._take() or await self._connect()
            try:
                yield connection
            finally:
                if connection.usable and closings == self._closings:
                    self._keep(connection)
                else:
                    connection.abort()

    async def close(self) -> None:
        """Say goodbye on every kept connection; those on loan are closed when they come back."""
        self._closings += 1
        kept = list(self._idle)
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        await asyncio.gather(*(connection.quit() for connection in kept))

    def _take(self) -> Connection | None:
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.usable:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, connection)
        self._idle[connection] = timer

    def _expire(self, connection: Connection) -> None:
        del self._idle[connection]
        connection.leave()
