"""Two guards against a wave that should never have been sent: the canary in front of it, and the brake.

**Canary.** The first few reminders of a wave go alone. The rest follows when they have been accepted: a wrong sender, a refused
login or a text that the provider rejects then costs five messages and not ten thousand.

**Brake.** When more than 5 of the last 100 messages of a channel were refused for good, the channel is put on hold until somebody
has looked. Refusals from before the last hold was lifted do not count again. A message that could not be rewritten is no refusal:
it may simply have been deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from notifier.store import holds
from notifier.store.candidates import Candidate
from notifier.store.tables import Instant, Kind, State, deliveries
from notifier.store.tables import holds as holds_table

_LOOKED_AT = 100
_MOST_REFUSED = 5


def behind_canary(connection: Connection, channel: str, rows: Sequence[Candidate], canary: int) -> list[Candidate]:
    """The rows that may go now; of a wave that has only begun no more than its canary still lacks.

    Args:
        rows: in the order in which they would go.
        canary: how many must have been accepted before the rest follows; 0 for none.
    """
    rooms: dict[tuple[str, int], int | None] = {}
    allowed = []
    for row in rows:
        if canary == 0 or row.kind != Kind.REMINDER:
            allowed.append(row)
            continue
        wave = (row.campaign, row.occasion)
        if wave not in rooms:
            rooms[wave] = _room(connection, channel, row, canary)
        room = rooms[wave]
        if room is None:
            allowed.append(row)
        elif room > 0:
            rooms[wave] = room - 1
            allowed.append(row)
    return allowed


def brake(connection: Connection, channel: str, now: datetime) -> str | None:
    """Put the channel on hold if too much was refused. Returns why, or None where all is well or a hold is in force already."""
    if holds.active(connection, now, (holds.EVERYTHING, channel)):
        return None
    refused = _newest(connection, channel, State.REFUSED)
    if len(refused) <= _MOST_REFUSED:
        return None
    ended = sorted([*refused, *_newest(connection, channel, State.ACCEPTED)], reverse=True)[:_LOOKED_AT]
    among = sum(1 for instant in refused if instant >= ended[-1])
    if among <= _MOST_REFUSED:
        return None
    reason = f"{among} of the last {len(ended)} messages were refused for good; look at `notifier queue list --state refused`"
    holds.place(connection, scope=channel, reason=reason, actor=holds.SERVICE, now=now)
    return reason


def _room(connection: Connection, channel: str, row: Candidate, canary: int) -> int | None:
    """How many of this row's wave may still go ahead of the rest; None where the rest may follow."""
    wave = (
        deliveries.c.channel == channel,
        deliveries.c.kind == Kind.REMINDER,
        deliveries.c.campaign == row.campaign,
        deliveries.c.occasion == row.occasion,
    )
    # Only what was accepted since this wave opened: it is read from the newest end of an index, however much went before.
    accepted = select(deliveries.c.id).where(*wave, deliveries.c.state == State.ACCEPTED, deliveries.c.finished_at >= row.due_at)
    arrived = len(connection.execute(accepted.order_by(deliveries.c.finished_at.desc()).limit(canary)).all())
    if arrived >= canary:
        return None
    underway = select(func.count()).select_from(deliveries).where(*wave, deliveries.c.state == State.CLAIMED)
    return canary - arrived - (connection.scalar(underway) or 0)


def _newest(connection: Connection, channel: str, state: State) -> list[datetime]:
    """When the newest deliveries ended in this state, since the last hold of the channel was lifted."""
    lifted = connection.scalar(
        select(func.max(holds_table.c.lifted_at, type_=Instant)).where(
            holds_table.c.scope.in_((holds.EVERYTHING, channel)), holds_table.c.until.is_(None)
        )
    )
    statement = (
        select(deliveries.c.finished_at)
        .where(deliveries.c.channel == channel, deliveries.c.state == state, deliveries.c.kind != Kind.REWRITE)
        .order_by(deliveries.c.finished_at.desc())
        .limit(_LOOKED_AT)
    )
    if lifted is not None:
        statement = statement.where(deliveries.c.finished_at > lifted)
    return list(connection.scalars(statement))
