"""How fast a provider may be used: limits shared by every process through the store.

A limit a minute is a GCRA row: one theoretical arrival time, moved forward with each message that is let through. Messages leave
evenly instead of in heaps, and no window of a minute ever holds more than the limit. A limit a day is counted from the outbox
itself, because nothing is more exact than the record of what was handed over. What may have been handed over counts too.

A channel with several outlets, or with a limit on how many messages may be on their way at once, is looked after by
`store/outlets.py`; what is here costs a channel without any of that nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Subquery, func, select, union_all

from notifier.store.inserts import insert_into
from notifier.store.tables import Instant, State, deliveries, quotas

DAY = timedelta(days=1)
_MINUTE = 60_000_000  # microseconds
_GONE_OUT = (State.ACCEPTED, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel's provider allows. None: no limit.

    Attributes:
        per_minute, per_day: of the channel; where it has outlets, they have limits of their own and these are not looked at.
        rewrites_per_minute: how many earlier messages may be rewritten; they count as messages too.
        at_once: how many messages of the channel may be in anybody's hands at once, over all processes.
        outlets: what each outlet ("privacy@example.com") may carry; of their limits `per_minute` and `per_day` count.
    """

    per_minute: int | None = None
    per_day: int | None = None
    rewrites_per_minute: int | None = None
    at_once: int | None = None
    outlets: Mapping[str, Limits] = field(default_factory=dict)

    @property
    def each_outlet(self) -> Mapping[str, Limits]:
        """The outlets; of a channel without any, one without a name."""
        return self.outlets or {"": self}

    @property
    def is_slow(self) -> bool:
        """Whether a wave takes so long that whoever has just answered would wait for it to be over."""
        return any(one.per_minute is not None for one in self.each_outlet.values())


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


@dataclass(frozen=True, slots=True)
class Minute:
    """The row of a limit a minute, as it stands now: how many may go, and what the row becomes when some went."""

    interval: timedelta
    burst: int
    full_at: datetime
    room: int

    @classmethod
    def of(cls, stored: datetime, per_minute: int, now: datetime) -> Minute:
        interval, burst = pace(per_minute)
        # A clock that was set back must not stop sending: the row is never further ahead than a full burst.
        full_at = min(max(stored, now), now + interval * burst)
        return cls(interval, burst, full_at, max(0, burst - -((now - full_at) // interval)))

    def after(self, taken: int) -> datetime:
        return self.full_at + self.interval * taken

    def again_at(self, taken: int = 0) -> datetime:
        """When the next one may go, if none may now."""
        return self.after(taken) - self.interval * (self.burst - 1)


def look_at_rewrites(connection: Connection, channel: str, limits: Limits, now: datetime) -> Minute | None:
    """How many messages may be rewritten now, or None where they have no limit of their own."""
    per_minute = limits.rewrites_per_minute
    return None if per_minute is None else _look_at_minute(connection, f"{channel}/rewrites/minute", per_minute, now)[0]


def take_rewrites(connection: Connection, channel: str, minute: Minute, taken: int) -> None:
    """Take so many out of that limit."""
    if taken:
        _move_on(connection, f"{channel}/rewrites/minute", minute.after(taken))


def _take_from_minute(connection: Connection, name: str, per_minute: int, wanted: int, now: datetime) -> Grant:
    minute, stored = _look_at_minute(connection, name, per_minute, now)
    allowed = min(wanted, minute.room)
    full_at = minute.after(allowed)
    if allowed or full_at < stored:
        _move_on(connection, name, full_at)
    return Grant(allowed, None if allowed == wanted else minute.again_at(allowed))


def _look_at_minute(connection: Connection, name: str, per_minute: int, now: datetime) -> tuple[Minute, datetime]:
    """The limit as it stands now and as it was stored. Nobody else can ask until the transaction ends."""
    connection.execute(insert_into(connection, quotas).values(name=name, full_at=now).on_conflict_do_nothing())
    stored = connection.execute(select(quotas.c.full_at).where(quotas.c.name == name).with_for_update()).scalar_one()
    return Minute.of(stored, per_minute, now), stored


def _move_on(connection: Connection, name: str, full_at: datetime) -> None:
    connection.execute(quotas.update().where(quotas.c.name == name).values(full_at=full_at))


def _left_today(connection: Connection, channel: str, per_day: int, wanted: int, now: datetime) -> tuple[int, datetime | None]:
    recent = gone_out(channel, now)
    gone, oldest = connection.execute(select(func.count(), func.min(recent.c.finished_at, type_=Instant))).one()
    underway = (deliveries.c.channel == channel, deliveries.c.state == State.CLAIMED)
    used = gone + (connection.scalar(select(func.count()).select_from(deliveries).where(*underway)) or 0)
    if (room := per_day - used) > 0:
        return min(wanted, room), None
    return 0, (oldest or now) + DAY


def gone_out(channel: str, now: datetime) -> Subquery:
    """What has used up the channel's limit of a day: taken by the provider, or nobody knows. (outlet, finished_at)

    Two parts, because each has an index of its own.
    """
    of_channel = (deliveries.c.channel == channel, deliveries.c.finished_at > now - DAY)
    each = [select(*deliveries.c["outlet", "finished_at"]).where(*of_channel, deliveries.c.state == one) for one in _GONE_OUT]
    return union_all(*each).subquery()
