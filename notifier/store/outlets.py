"""Channels with several outlets, and channels whose provider counts what is on its way at once.

An outlet is a mailbox that messages leave from; each has limits of its own. A claim asks which outlets have room, takes as many
rows as they can carry, and deals them out evenly. A row that was tried keeps its outlet, because a repeat is to be the same bytes;
one whose outlet is no longer configured gets another.

All processes ask in turn: each holds the rows of the quota until its claim is stored. So no outlet carries more than its limits in
any minute, and no more messages are in anybody's hands than the provider allows. A row is in somebody's hands while it is claimed
and its lease has not run out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, or_, select

from notifier.store.candidates import Candidate
from notifier.store.inserts import insert_into
from notifier.store.quota import DAY, Limits, Minute, gone_out
from notifier.store.tables import Instant, State, deliveries, quotas

_LANDING = timedelta(seconds=1)  # after this it is worth asking whether a message of another process has landed
_PLENTY = 1_000_000


@dataclass(slots=True)
class Room:
    """How many messages may go now.

    Attributes:
        left: through each outlet that has room.
        again_at: when to ask again where none has any.
        hands_full: as many messages are in somebody's hands as the channel may have.
    """

    left: dict[str, int]
    minutes: dict[str, Minute]
    hands: int
    again_at: datetime | None

    @property
    def total(self) -> int:
        return min(self.hands, sum(self.left.values()))

    @property
    def hands_full(self) -> bool:
        return self.hands <= 0


def look(connection: Connection, channel: str, limits: Limits, resting: Mapping[str, datetime | None], now: datetime) -> Room:
    """Ask for room, and keep every other process from asking until the transaction ends.

    Args:
        resting: outlets that are on hold, and until when; None: until somebody lifts it.
    """
    outlets = limits.each_outlet
    stored = _locked(connection, [_row_of(channel, outlet) for outlet in outlets], now)
    claimed = _claimed(connection, channel, now)
    today = _today(connection, channel, now) if any(one.per_day is not None for one in outlets.values()) else {}
    left, minutes, again = {}, {}, []
    for outlet, limit in outlets.items():
        if outlet in resting:
            again.append(resting[outlet])
            continue
        room = _PLENTY
        if limit.per_minute is not None:
            minutes[outlet] = minute = Minute.of(stored[_row_of(channel, outlet)], limit.per_minute, now)
            room = minute.room
            if minute.full_at < stored[_row_of(channel, outlet)]:
                _move_on(connection, channel, {outlet: minute.full_at})
            if not room:
                again.append(minute.again_at())
        if limit.per_day is not None:
            used, oldest = today.get(outlet, (0, now))
            room_today = limit.per_day - used - claimed.get(outlet, (0, 0))[0]
            room = min(room, room_today)
            if room_today <= 0:
                again.append(oldest + DAY)
        if room > 0:
            left[outlet] = room
    hands = _PLENTY
    if limits.at_once is not None:
        hands = limits.at_once - sum(living for _, living in claimed.values())
        again = [now + _LANDING] if hands <= 0 else again
    return Room(left, minutes, hands, min((instant for instant in again if instant is not None), default=None))


def may_carry(room: Room, limits: Limits) -> ColumnElement[bool]:
    """Whether a row could go now: it was never tried, or its outlet has room or is no more."""
    named = deliveries.c.outlet
    return or_(named.is_(None), named.in_(room.left), named.not_in(list(limits.each_outlet)))


def deal(room: Room, limits: Limits, rows: Iterable[Candidate]) -> list[tuple[Candidate, str]]:
    """Give each row an outlet, as evenly as they have room; a row whose own outlet has none left over waits."""
    dealt: list[tuple[Candidate, str]] = []
    used: Counter[str] = Counter()
    names = list(limits.each_outlet)
    for row in rows:
        with_room = [outlet for outlet in room.left if room.left[outlet] > used[outlet]]
        kept = row.outlet if row.outlet in limits.each_outlet else None
        if kept is not None:
            with_room = [outlet for outlet in with_room if outlet == kept]
        if not with_room or len(dealt) == room.total:
            continue
        outlet = min(with_room, key=lambda one: (used[one], (names.index(one) - row.id) % len(names)))
        used[outlet] += 1
        dealt.append((row, outlet))
    return dealt


def take(connection: Connection, channel: str, room: Room, dealt: Sequence[tuple[Candidate, str]]) -> None:
    """Take what was dealt out of the limits a minute."""
    used = Counter(outlet for _, outlet in dealt)
    _move_on(connection, channel, {outlet: one.after(used[outlet]) for outlet, one in room.minutes.items() if used[outlet]})


def _move_on(connection: Connection, channel: str, full_at: Mapping[str, datetime]) -> None:
    if full_at:
        connection.execute(_MOVE_ON, [{"of_name": _row_of(channel, outlet), "then": then} for outlet, then in full_at.items()])


_MOVE_ON = quotas.update().where(quotas.c.name == bindparam("of_name")).values(full_at=bindparam("then", type_=Instant))


def _row_of(channel: str, outlet: str) -> str:
    return f"{channel}/{outlet}/minute" if outlet else f"{channel}/minute"


def _locked(connection: Connection, names: Sequence[str], now: datetime) -> dict[str, datetime]:
    """The rows of these limits, held until the end of the transaction, and made where they are missing."""
    statement = select(quotas.c.name, quotas.c.full_at).where(quotas.c.name.in_(names)).order_by(quotas.c.name).with_for_update()
    found = {row.name: row.full_at for row in connection.execute(statement)}
    if missing := sorted(set(names) - found.keys()):
        rows = [{"name": name, "full_at": now} for name in missing]
        connection.execute(insert_into(connection, quotas).on_conflict_do_nothing(), rows)
        found = {row.name: row.full_at for row in connection.execute(statement)}
    return found


def _claimed(connection: Connection, channel: str, now: datetime) -> dict[str, tuple[int, int]]:
    """How many rows of each outlet are claimed, and of how many the lease still runs."""
    living = func.sum(case((deliveries.c.lease_until > now, 1), else_=0))
    claimed = (deliveries.c.channel == channel, deliveries.c.state == State.CLAIMED)
    return _by_outlet(connection, select(deliveries.c.outlet, func.count(), living).where(*claimed).group_by(deliveries.c.outlet))


def _today(connection: Connection, channel: str, now: datetime) -> dict[str, tuple[int, datetime]]:
    """How many have gone out from each outlet in the last 24 hours, or may have, and when the first of them."""
    recent = gone_out(channel, now)
    statement = select(recent.c.outlet, func.count(), func.min(recent.c.finished_at, type_=Instant))
    return _by_outlet(connection, statement.group_by(recent.c.outlet))


def _by_outlet(connection: Connection, statement: Select[Any]) -> dict[str, Any]:
    return {outlet or "": (first, second) for outlet, first, second in connection.execute(statement)}
