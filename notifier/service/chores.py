"""What a running service does besides the countdown: letters that come by the calendar, and upkeep that follows what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from notifier.clock import Clock
from notifier.content.catalogue import Catalogue
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign
from notifier.errors import NotifierError
from notifier.service.organisation import organisation_weekly_of, purger_of
from notifier.service.summaries import Summaries
from notifier.settings import Settings
from notifier.store.database import Database
from notifier.store.keeping import LedgerKeeper
from notifier.summary.texts_in_use import keep_texts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that comes round. Doing it too often, or twice at once, changes nothing.

    Attributes:
        name: for the log.
        do: does what is due, and says how many messages wait to be sent because of it. Blocks: to be run in a thread.
        next_instant: when the calendar brings it work next; None where only events do.
    """

    name: str
    do: Callable[[datetime], int]
    next_instant: Callable[[datetime], datetime | None] = lambda _: None


def letters_of(settings: Settings, database: Database, planner: Planner, summaries: Summaries) -> tuple[Chore, ...]:
    """What goes out by the calendar."""
    weekly = organisation_weekly_of(settings, database, planner)
    return (
        Chore("summaries", summaries.tick, summaries.next_instant),
        Chore("organisation", weekly.tick, weekly.next_instant),
    )


def upkeep_of(
    settings: Settings,
    database: Database,
    planner: Planner,
    catalogue: Catalogue,
    campaigns: Mapping[str, Campaign],
    stopping: Callable[[], bool],
) -> tuple[Chore, ...]:
    """What is kept in order. It sends nothing, and ends early where `stopping` says so."""
    keeper, purger = LedgerKeeper(database, stopping), purger_of(settings, database, planner, stopping)
    return (
        Chore("texts", _Once(lambda now: keep_texts(database, catalogue, campaigns.values(), now))),
        Chore("ledger", lambda now: _silently(keeper.keep_ledger(now))),
        Chore("purge", lambda now: _silently(purger.tick(now))),
    )


async def do_each(chores: Iterable[Chore], clock: Clock, enough: Callable[[], bool]) -> int:
    """Do these one after the other, each in a thread. What fails is logged, tried again the next time, and stops no other one.

    Args:
        enough: asked before each; where it says so the rest is left for the next time.

    Returns:
        How many messages wait to be sent because of it.
    """
    waiting = 0
    for chore in chores:
        if enough():
            break
        try:
            waiting += await asyncio.to_thread(chore.do, clock.now())
        except NotifierError as error:
            _log.error("failed; will be tried again", loop=chore.name, error=str(error), hint=error.hint)
    if waiting:
        _log.info("letters written", letters=waiting)
    return waiting


class _Once:
    """Work that needs to be done once in the life of these parts. It sends nothing."""

    def __init__(self, work: Callable[[datetime], object]) -> None:
        self._work: Callable[[datetime], object] | None = work

    def __call__(self, now: datetime) -> int:
        if self._work is not None:
            self._work(now)
            self._work = None
        return 0


def _silently(_done: object) -> int:
    """Nothing waits to be sent because of that."""
    return 0
