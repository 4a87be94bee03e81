"""The ledger kept up to date by whoever runs the clock: gathered, and sealed.

Most passes look at the last minutes. Now and then, and first of all, one looks at everything: a row that was written long after its
instant, because the store could not be reached or a clock was wrong, gets its entry then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.store.database import Database
from notifier.store.gathering import gather
from notifier.store.seals import seal

LOOKS_AT_ALL_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a pass has done: entries made of rows, and entries sealed, whoever wrote them."""

    gathered: int
    sealed: int


class LedgerKeeper:
    """Keeps the ledger of a store. One is enough; several do each other no harm.

    Args:
        stopping: asked every few milliseconds; where it says so a pass ends early.
    """

    def __init__(self, database: Database, stopping: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._stopping = stopping
        self._seen: datetime | None = None  # all that ended until then, but for what came late
        self._looked_at_all: datetime | None = None

    def keep_ledger(self, now: datetime) -> Kept:
        """Gather what has happened, and seal it. Blocks: to be run in a thread.

        Raises:
            StoreError: the store cannot be used; the next pass does what this one has not.
        """
        since = min(self._seen, now) if self._seen and self._has_looked_at_all(now) else None
        gathered = gather(self._database, since=since, stopping=self._stopping)
        if not self._stopping():
            self._seen = now
            self._looked_at_all = now if since is None else self._looked_at_all
        return Kept(gathered, seal(self._database, now, stopping=self._stopping))

    def _has_looked_at_all(self, now: datetime) -> bool:
        at = self._looked_at_all
        return at is not None and at <= now < at + LOOKS_AT_ALL_EVERY
