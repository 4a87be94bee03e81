"""What moves a daemon from outside: the ticks of a clock, and signals.

APScheduler is the clock: its ticks do nothing but wake whoever waits. What is due is a question to the store, so a tick that comes
late, twice or not at all loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from notifier.settings.refresh import Refresh

T = TypeVar("T")


@contextmanager
def ticking(zone: ZoneInfo, every: Mapping[asyncio.Event, int], refresh: Refresh | None, due: asyncio.Event) -> Iterator[None]:
    """Ticks, as long as the block runs.

    Args:
        every: what is woken, after so many seconds each time.
        refresh: when `due` is woken, in `zone`.
    """
    scheduler = AsyncIOScheduler(timezone=zone, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    for event, seconds in every.items():
        scheduler.add_job(_wake(event), IntervalTrigger(seconds=seconds, timezone=zone))
    if refresh is not None and refresh.every != "never":
        scheduler.add_job(_wake(due), _trigger(refresh, zone))
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


@contextmanager
def heeding(handlers: Mapping[signal.Signals, Callable[[], Any]]) -> Iterator[None]:
    """Signals are answered by these, as long as the block runs."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)


async def unless(events: Iterable[asyncio.Event], work: Coroutine[Any, Any, T]) -> T | None:
    """Work to the end, or until one of these happens: then it is cancelled, and there is nothing."""
    working = asyncio.create_task(work)
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait({working, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, *waiting):
            task.cancel()
        await asyncio.wait({working})
    return None if working.cancelled() else working.result()


def _wake(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def tick() -> None:
        event.set()

    return tick


def _trigger(refresh: Refresh, zone: ZoneInfo) -> CronTrigger:
    """Days of the week by name: APScheduler counts them from Monday, everybody else's cron from Sunday."""
    if refresh.at is None:
        return CronTrigger(minute=0, timezone=zone)
    return CronTrigger(day_of_week=refresh.weekday, hour=refresh.at.hour, minute=refresh.at.minute, timezone=zone)
