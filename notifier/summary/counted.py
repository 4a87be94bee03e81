"""What takes long to count: counted once, told to everybody for a moment, then counted anew behind the back of whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What was counted, and when."""

    value: T
    at: datetime


class Counted(Generic[T]):
    """One thing that is counted. It belongs to one event loop.

    Args:
        count: counts, as of that instant.
        fresh: for so long a count is told as it is.
        stale: for so many times as long it is still told, while it is being counted anew; whoever asks later waits for it.
    """

    def __init__(self, count: Callable[[datetime], Awaitable[T]], *, fresh: Callable[[T], timedelta], stale: int) -> None:
        self._count = count
        self._fresh = fresh
        self._stale = stale
        self._known: Known[T] | None = None
        self._counting: asyncio.Task[Known[T]] | None = None

    async def get(self, now: datetime) -> Known[T]:
        """The count of now, or of a moment ago. Raises what counting raises."""
        known = self._known
        if known is not None:
            fresh, age = self._fresh(known.value), now - known.at
            if timedelta() <= age < self._stale * fresh:
                if age >= fresh:
                    self._begin(now)
                return known
        return await asyncio.shield(self._begin(now))

    def forget(self) -> None:
        """Something has changed it: who asks next gets it counted anew."""
        self._known = None
        self._counting = None

    def _begin(self, now: datetime) -> asyncio.Task[Known[T]]:
        if self._counting is None:
            self._counting = asyncio.create_task(self._counted(now))
            self._counting.add_done_callback(self._keep)
        return self._counting

    async def _counted(self, now: datetime) -> Known[T]:
        return Known(await self._count(now), now)

    def _keep(self, done: asyncio.Task[Known[T]]) -> None:
        if self._counting is not done:
            return  # what it counted has changed since
        self._counting = None
        if not done.cancelled() and done.exception() is None:
            self._known = done.result()
