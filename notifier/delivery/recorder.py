"""What became of messages is made durable, that of all senders that finished meanwhile in one transaction.

Each commit costs a flush of the disk. While one is under way outcomes gather, and the next one takes all of them. Nobody is told
"recorded" before the commit that holds their outcome has returned.

While the store cannot be written everybody who has something to record waits here, and so sends nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from notifier.clock import Clock
from notifier.domain.ladder import Ladders
from notifier.errors import StoreError
from notifier.store import outcomes
from notifier.store.database import Connection, Database
from notifier.store.outcomes import Outcome

T = TypeVar("T")

STORE_PAUSE_SECONDS = 2

_log = structlog.get_logger(__name__)


class Recorder:
    """Records outcomes of rows that `owner` has claimed.

    Args:
        ladders: where a refused message goes on.
    """

    def __init__(self, database: Database, clock: Clock, owner: str, ladders: Ladders | None = None) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._ladders = ladders or Ladders()
        self._waiting: list[tuple[Outcome, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    def record(self, outcome: Outcome) -> asyncio.Future[bool]:
        """Done once the outcome is durable; False where the claim is no longer ours and nothing was changed."""
        recorded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, recorded))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting(), name="recorder")
        return recorded

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Write what has happened, however long the store cannot be written."""
        while True:
            try:
                return await self._database.write_async(work)
            except StoreError as error:
                _log.error("what happened cannot be recorded; sending waits", error=str(error), hint=error.hint)
                await self._clock.sleep(STORE_PAUSE_SECONDS)

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: list[tuple[Outcome, asyncio.Future[bool]]]) -> None:
        try:
            await self._write_together(group)
        except asyncio.CancelledError:
            for _, recorded in group:
                recorded.cancel()
            raise
        except Exception:  # noqa: BLE001 - whose fault it is shows when each is written alone
            for one in group:
                await self._write_alone(*one)

    async def _write_together(self, group: list[tuple[Outcome, asyncio.Future[bool]]]) -> None:
        ended, now = [outcome for outcome, _ in group], self._clock.now()
        await self.write(
            lambda connection: outcomes.record_all(connection, owner=self._owner, outcomes=ended, now=now, ladders=self._ladders)
        )
        for _, recorded in group:
            _answer(recorded, True)

    async def _write_alone(self, outcome: Outcome, recorded: asyncio.Future[bool]) -> None:
        now = self._clock.now()
        try:
            ours = await self.write(
                lambda connection: outcomes.record(connection, owner=self._owner, outcome=outcome, now=now, ladders=self._ladders)
            )
        except Exception as error:  # noqa: BLE001 - it is its sender's
            _answer(recorded, error)
        else:
            _answer(recorded, ours)


def _answer(recorded: asyncio.Future[bool], what: bool | Exception) -> None:
    if recorded.done():
        return  # whoever waited has gone
    if isinstance(what, Exception):
        recorded.set_exception(what)
    else:
        recorded.set_result(what)
