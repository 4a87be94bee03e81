"""Claims: how a waiting row becomes a message on the wire. What becomes of it is recorded in `store/outcomes.py`.

**At least once, repeats bounded by what was in flight.** A row is claimed in a transaction of its own, durable before the first
byte leaves. A sender records the outcome before it takes its next row, together with those of other senders that have one. So when
a process dies, only rows that a sender had in hand can be sent a second time: at most one for each sender, 64 in all unless more
connections are configured. Rows it had claimed and not begun go out once, later.

**A claim is (owner, epoch, lease).** Each claim raises the row's epoch. An outcome is written only where owner and epoch are
still those of the claim: a sender that slept through its lease and wakes up late changes nothing.

**A repeat is the same bytes.** The first claim fixes Message-ID and Date; a later claim keeps both as long as the number of days
in the text is still true where the person is. When it is not, the truth wins: the row is dated anew, and keeps its Message-ID.

**Recheck inside the claim.** In the same transaction a person who has settled or left is cancelled instead of claimed, and a
hold or a used-up quota lets nothing through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    select,
    update,
)

from notifier.domain.campaign import Answer
from notifier.domain.countdown import local_date
from notifier.store import holds, quota, waves
from notifier.store.acknowledgements import settled
from notifier.store.outbox import ANSWERED, LEFT, is_waiting
from notifier.store.tables import Instant, Kind, State, acknowledgements, calendars, deliveries, employees

LEASE = timedelta(minutes=30)  # longer than the slowest honest hand-over: 600 s after the final dot, a timeout before each command
TAKEN_BACK = "the answer was taken back"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row under claim, with all that is needed to render it. Instants are UTC."""

    id: int
    epoch: int
    campaign: str
    kind: Kind
    occasion: int
    message: str
    attempts: int
    message_id: str
    dated: datetime
    expires_at: datetime
    today: date  # where the person is
    first_notice: bool
    employee_key: int
    email: str
    given_name: str
    family_name: str
    roster_language: str | None
    language_choice: str | None
    country: str
    time_zone: str
    public_id: str
    link_version: int
    answer: Answer | None  # of the acknowledgement that a receipt confirms
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought: rows, and when to ask again if a limit or a pause stood in the way."""

    rows: tuple[Claimed, ...]
    again_at: datetime | None = None
    behind_canary: bool = False  # there are rows, and they wait for the first of their wave to be accepted


def claim(
    connection: Connection,
    *,
    owner: str,
    channel: str,
    limits: quota.Limits,
    most: int,
    now: datetime,
    message_id_domain: str,
    canary: int = 0,
) -> Claim:
    """Claim up to `most` rows of the channel that may be sent at `now`.

    Args:
        canary: how many of a wave must have been accepted before the rest of it follows; 0 for none.
    """
    if stopped := holds.active(connection, now, (holds.EVERYTHING, holds.COPY, channel)):
        ends = [hold.until for hold in stopped if hold.until is not None]
        return Claim((), max(ends) if len(ends) == len(stopped) else None)
    sendable = _sendable(connection, channel, most, now)
    if not sendable:
        return Claim(())
    sendable = waves.behind_canary(connection, channel, sendable, canary)
    if not sendable:
        return Claim((), now, behind_canary=True)
    grant = quota.take(connection, channel, limits, len(sendable), now)
    new_id = (f"{uuid4().hex}.", f"@{message_id_domain}")
    rows = tuple(_claimed(row, now, new_id) for row in sendable[: grant.allowed])
    for anew in (True, False):
        ids = [row.id for row, before in zip(rows, sendable, strict=False) if (row.dated != before["dated"]) is anew]
        if ids:
            common = {"claimant": owner, "lease": now + LEASE, "before_number": new_id[0], "behind_number": new_id[1]}
            connection.execute(_CLAIM_DATED if anew else _CLAIM, {"ids": ids, **common} | ({"today": _date(now)} if anew else {}))
    return Claim(rows, grant.again_at)


_AS_STORED = (
    *("id", "campaign", "occasion", "message", "expires_at", "employee_key", "email", "given_name", "family_name"),
    *("language_choice", "country", "time_zone", "public_id", "link_version", "answered_at"),
)
_earlier = deliveries.alias("earlier")
_confirmed = acknowledgements.alias("confirmed")
# A new Message-ID is one random number for the claim and the row's own; `_claimed` writes the same.
_NEW_ID = bindparam("before_number", type_=Text) + cast(deliveries.c.id, Text) + bindparam("behind_number", type_=Text)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=State.CLAIMED.value,
        owner=bindparam("claimant"),
        epoch=deliveries.c.epoch + 1,
        lease_until=bindparam("lease", type_=Instant),
        attempts=deliveries.c.attempts + 1,
        message_id=func.coalesce(deliveries.c.message_id, _NEW_ID),
        reason=None,
    )
)
_CLAIM_DATED = _CLAIM.values(dated=bindparam("today", type_=Instant))


def _sendable(connection: Connection, channel: str, most: int, now: datetime) -> list[RowMapping]:
    """Rows that may be claimed. Those of people who settled or left meanwhile are cancelled on the way."""
    while candidates := connection.execute(_candidates(channel, most, now)).mappings().all():
        sendable = []
        for row in candidates:
            reason = _reason_to_withdraw(row)
            if reason is None:
                sendable.append(row)
            else:
                _withdraw(connection, row["id"], reason, now)
        if sendable:
            return sendable
    return []


def _reason_to_withdraw(row: RowMapping) -> str | None:
    """Why a row must not go out after all: a reminder needs somebody open, a receipt an answer that still counts."""
    if row["kind"] == Kind.RECEIPT:
        return None if row["revoked_at"] is None else TAKEN_BACK
    if row["settled"]:
        return ANSWERED
    return None if row["active"] else LEFT


def _withdraw(connection: Connection, row_id: int, reason: str, now: datetime) -> None:
    cancelled = {"state": State.CANCELLED.value, "reason": reason, "finished_at": now}
    connection.execute(update(deliveries).where(deliveries.c.id == row_id).values(cancelled))


def _candidates(channel: str, most: int, now: datetime) -> Select[Any]:
    """Waiting rows whose time it is, oldest first, with the person and what the recheck needs to know."""
    told_before = exists().where(
        _earlier.c.campaign == deliveries.c.campaign,
        _earlier.c.employee_key == deliveries.c.employee_key,
        _earlier.c.kind == Kind.REMINDER,
        _earlier.c.state == State.ACCEPTED,
    )
    # A receipt belongs to the acknowledgement whose id is its occasion; other rows find none.
    confirmed = and_(deliveries.c.kind == Kind.RECEIPT, _confirmed.c.id == deliveries.c.occasion)
    return (
        select(
            *deliveries.c["id", "epoch", "campaign", "kind", "occasion", "message", "attempts", "message_id", "dated"],
            *deliveries.c["due_at", "expires_at", "employee_key"],
            *employees.c["email", "given_name", "family_name", "language", "language_choice"],
            *employees.c["public_id", "link_version", "active"],
            *calendars.c["country", "time_zone"],
            *_confirmed.c["answer", "answered_at", "revoked_at"],
            settled(deliveries.c.campaign, deliveries.c.employee_key).label("settled"),
            told_before.label("told_before"),
        )
        .join_from(deliveries, employees)
        .join(calendars)
        .outerjoin(_confirmed, confirmed)
        .where(
            deliveries.c.channel == channel,
            is_waiting,
            deliveries.c.next_at <= now,
            deliveries.c.closes_at > now,
            deliveries.c.expires_at > now,
        )
        .order_by(deliveries.c.next_at, deliveries.c.id)
        .limit(most)
        .with_for_update(of=deliveries, skip_locked=True)
    )


def _claimed(row: RowMapping, now: datetime, new_id: tuple[str, str]) -> Claimed:
    today = local_date(now, row["time_zone"])
    dated = row["dated"]
    if dated is None or local_date(dated, row["time_zone"]) != today:
        dated = _date(now)
    return Claimed(
        **{name: row[name] for name in _AS_STORED},
        epoch=row["epoch"] + 1,
        kind=Kind(row["kind"]),
        attempts=row["attempts"] + 1,
        message_id=row["message_id"] or str(row["id"]).join(new_id),
        dated=dated,
        today=today,
        first_notice=not row["told_before"],
        roster_language=row["language"],
        answer=Answer(row["answer"]) if row["answer"] else None,
    )


def _date(now: datetime) -> datetime:
    """The Date header: it holds no fraction of a second."""
    return now.replace(microsecond=0)
