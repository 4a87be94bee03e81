"""What `/readyz` asks of a running daemon besides its store: is each of its parts heard of, and may it send?

Silence is what fails most quietly, so each part has to be heard of: the planner at every tick and at every step of a long one, the
writer at each heartbeat, which has to be written, the senders at each message that they have in hand. All of it is noticed within
a minute. A message that waits for the mail server's last word may do so for ten minutes: that is said, and not ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.clock import Clock
from notifier.store import holds, processes
from notifier.store.database import Database
from notifier.web.site import Check

_PLANNER_SILENCE = timedelta(seconds=45)  # it ticks every 15 seconds
_WRITER_SILENCE = timedelta(seconds=30)  # a heartbeat is written every 10 seconds
_IN_HAND = timedelta(seconds=45)


@dataclass
class Heard:
    """When the parts of a daemon were last heard of."""

    planner: datetime
    writer: datetime

    def planner_silence(self, now: datetime) -> str | None:
        """What is wrong with the planner, or None."""
        silent = now - self.planner
        return f"no tick for {silent.total_seconds():.0f} seconds" if silent > _PLANNER_SILENCE else None

    def writer_silence(self, now: datetime) -> str | None:
        """What is wrong with writing into the store, or None."""
        silent = now - self.writer
        return f"nothing could be written for {silent.total_seconds():.0f} seconds" if silent > _WRITER_SILENCE else None


def daemon_checks(database: Database, clock: Clock, owner: str, heard: Heard) -> dict[str, Check]:
    """The checks by name; each says what is wrong, or None."""

    async def planner() -> str | None:
        return heard.planner_silence(clock.now())

    async def writing() -> str | None:
        return heard.writer_silence(clock.now())

    async def sending() -> str | None:
        now = clock.now()
        in_force = await database.read_async(lambda connection: holds.active(connection, now))
        if in_force:
            return f"on hold ({in_force[0].scope})"
        late = await database.read_async(lambda connection: processes.in_hand(connection, owner, now - _IN_HAND))
        return f"{late} in hand for more than {_IN_HAND.total_seconds():.0f} seconds" if late else None

    return {"planner": planner, "writing": writing, "sending": sending}
