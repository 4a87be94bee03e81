"""What follows when a provider refuses somebody for good: it is remembered, and the next channel of the ladder carries the message.

Both happen in the transaction that records the refusal, so nobody is lost between two channels and nobody is sent two copies:
whoever dies in the middle leaves the row claimed, as if nothing had been refused. The row for the next channel keeps the window and
the end of the refused one. A person who has answered meanwhile is not asked about here: every claim looks at that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, select

from notifier.domain.ladder import Ladder, Ladders, rung_of
from notifier.store import reach
from notifier.store.inserts import insert_into
from notifier.store.reach import Reached, Refusal
from notifier.store.reasons import UNCONFIGURED, UNREACHABLE
from notifier.store.tables import Kind, State, deliveries, employees

_ONE_MESSAGE = ("campaign", "employee_key", "kind", "occasion")
# A row that ended for one of these reasons never left the house: the planning may use it again.
is_open_again = and_(deliveries.c.state == State.CANCELLED, deliveries.c.reason.in_((UNCONFIGURED, UNREACHABLE)))


def fall_back(connection: Connection, ids: Sequence[int], ladders: Ladders, now: datetime, *, remember: bool = True) -> int:
    """Remember refusals of reminders and receipts, and hand them to the next channel. Returns how many it went on for.

    Args:
        ids: deliveries that have been refused.
        remember: False where it says nothing about the next message.
    """
    refused = _refused(connection, ids)
    if remember:
        reach.refuse(connection, [_refusal(row) for row in refused], now)
    going_on = [row for row in refused if row["expires_at"] > now]
    if not going_on:
        return 0
    known: dict[int, list[Reached]] = {}
    for one in reach.of_people(connection, [row["employee_key"] for row in going_on]):
        known.setdefault(one.employee_key, []).append(one)
    following = []
    for row in going_on:
        ladder = _ladder(ladders, row)
        reached = reach.reached_on(known.get(row["employee_key"], ()), row["email"], ladder.channels)
        channel = ladder.following(_tried(connection, row), reached)
        if channel is not None:
            following.append(_next_row(row, channel, now))
    if following:
        connection.execute(waiting_again(insert_into(connection, deliveries)), following)
    return len(following)


def waiting_again(insert: Any) -> Any:
    """The insert of a row that waits, over one that ended because nothing could carry it. Any other row there stays."""
    names = ("state", "reason", "message", "due_at", "next_at", "closes_at", "expires_at", "finished_at")
    return insert.on_conflict_do_update(
        index_elements=[*_ONE_MESSAGE, "channel"], set_={name: insert.excluded[name] for name in names}, where=is_open_again
    )


def _refused(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    columns = deliveries.c["id", "channel", "message", "reason", "due_at", "closes_at", "expires_at"]
    statement = (
        select(*columns, *deliveries.c[_ONE_MESSAGE], employees.c.email)
        .join_from(deliveries, employees)
        .where(deliveries.c.id.in_(ids), deliveries.c.state == State.REFUSED, deliveries.c.kind != Kind.REWRITE)
        .order_by(deliveries.c.employee_key, deliveries.c.id)
    )
    return connection.execute(statement).mappings().all()


def _ladder(ladders: Ladders, row: RowMapping) -> Ladder:
    match row["kind"]:
        case Kind.REMINDER:
            return ladders.of_step(row["campaign"], row["occasion"])
        case Kind.RECEIPT:
            return ladders.receipts
        case Kind.ORGANISATION | Kind.WEBHOOK:
            return Ladder()  # it has one way only
        case _:
            return ladders.usual


def _refusal(row: RowMapping) -> Refusal:
    return Refusal(row["employee_key"], row["channel"], row["email"], row["reason"] or rung_of(row["channel"]))


def _tried(connection: Connection, row: RowMapping) -> list[str]:
    """Channels that have a row for this message."""
    same = [deliveries.c[name] == row[name] for name in _ONE_MESSAGE]
    return list(connection.scalars(select(deliveries.c.channel).where(*same, ~is_open_again)))


def _next_row(row: RowMapping, channel: str, now: datetime) -> dict[str, object]:
    kept = {name: row[name] for name in (*_ONE_MESSAGE, "message", "due_at", "closes_at", "expires_at")}
    ended = {"reason": None, "finished_at": None}
    return kept | ended | {"channel": channel, "state": State.PLANNED.value, "created_at": now, "next_at": now}
