"""Where time comes from. Everything else takes `now` as an argument, aware and in UTC."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time and of waiting."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that long on this clock."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class MovedClock:
    """A clock that stands still until it is moved: for simulations and tests.

    `sleep` moves the clock itself, so a whole countdown takes as long as its work and no longer.
    """

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.move_to(self._now.fromtimestamp(self._now.timestamp() + seconds, UTC))
        await asyncio.sleep(0)

    def move_to(self, instant: datetime) -> None:
        """Set the clock; it may go backwards too, as real clocks do."""
        self._now = _aware(instant)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        msg = f"a clock needs an aware instant, not {instant!r}"
        raise ValueError(msg)
    return instant.astimezone(UTC)
