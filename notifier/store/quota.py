"""How fast a provider may be used: limits shared by every process through the store.

A limit a minute is a GCRA row: one theoretical arrival time, moved forward with each message that is let through. Messages leave
evenly instead of in heaps, and no window of a minute ever holds more than the limit. A limit a day is counted from the outbox
itself, because nothing is more exact than the record of what was handed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from notifier.store.inserts import insert_into
from notifier.store.tables import Instant, State, deliveries, quotas

_DAY = timedelta(days=1)
_MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel's provider allows. None: no limit."""

    per_minute: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """How many messages may go now, and when to ask again if that is fewer than wanted."""

    allowed: int
    again_at: datetime | None


def take(connection: Connection, channel: str, limits: Limits, wanted: int, now: datetime) -> Grant:
    """Take up to `wanted` messages out of the channel's limits. What was taken and is not used is lost, on the safe side."""
    allowed, again_at = wanted, None
    if limits.per_day is not None:
        allowed, again_at = _left_today(connection, channel, limits.per_day, wanted, now)
    if limits.per_minute is not None and allowed > 0:
        granted = _take_from_minute(connection, f"{channel}/minute", limits.per_minute, allowed, now)
        return granted if granted.allowed < allowed else Grant(allowed, again_at)
    return Grant(allowed, again_at)


def pace(per_minute: int) -> tuple[timedelta, int]:
    """The interval between two messages and how many may go at once, so that no minute holds more than `per_minute`.

    A burst of b followed by one message each interval puts b - 1 + 60/interval messages into a minute; a second's worth is
    allowed at once, so that fast relays are not fed one by one.
    """
    burst = max(1, per_minute // 60)
    return timedelta(microseconds=-(-_MINUTE // (per_minute - burst + 1))), burst


def _take_from_minute(connection: Connection, name: str, per_minute: int, wanted: int, now: datetime) -> Grant:
    interval, burst = pace(per_minute)
    connection.execute(insert_into(connection, quotas).values(name=name, full_at=now).on_conflict_do_nothing())
    stored = connection.execute(select(quotas.c.full_at).where(quotas.c.name == name).with_for_update()).scalar_one()
    # A clock that was set back must not stop sending: the row is never further ahead than a full burst.
    full_at = min(max(stored, now), now + interval * burst)
    room = burst - -((now - full_at) // interval)
    allowed = max(0, min(wanted, room))
    full_at += interval * allowed
    if allowed or full_at < stored:
        connection.execute(quotas.update().where(quotas.c.name == name).values(full_at=full_at))
    if allowed == wanted:
        return Grant(allowed, None)
    return Grant(allowed, full_at - interval * (burst - 1))


def _left_today(connection: Connection, channel: str, per_day: int, wanted: int, now: datetime) -> tuple[int, datetime | None]:
    recent = (deliveries.c.channel == channel, deliveries.c.finished_at > now - _DAY, deliveries.c.state == State.ACCEPTED)
    used = connection.scalar(select(func.count()).select_from(deliveries).where(*recent)) or 0
    underway = (deliveries.c.channel == channel, deliveries.c.state == State.CLAIMED)
    used += connection.scalar(select(func.count()).select_from(deliveries).where(*underway)) or 0
    if (room := per_day - used) > 0:
        return min(wanted, room), None
    oldest = connection.scalar(select(func.min(deliveries.c.finished_at, type_=Instant)).where(*recent))
    return 0, (oldest or now) + _DAY
