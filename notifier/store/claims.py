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
hold or a used-up quota lets nothing through. A rewrite goes to everybody: it carries the answer that counts when it is claimed.
What goes to managers and officers says what was true when it was planned; a manager who has left gets nothing.

**Asked for first.** Where a provider is so slow that a wave takes long, receipts and rewrites overtake it: somebody waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from secrets import token_bytes

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    Subquery,
    Update,
    and_,
    bindparam,
    column,
    update,
)

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.countdown import local_date
from notifier.store import candidates, holds, letters, outlets, quota, waves
from notifier.store.candidates import Candidate, is_new
from notifier.store.prepared import PreparedRows
from notifier.store.reasons import ANSWERED, LEFT
from notifier.store.tables import Instant, Kind, State, deliveries

LEASE = timedelta(minutes=30)  # longer than the slowest honest hand-over: 600 s after the final dot, a timeout before each command
TAKEN_BACK = "the answer was taken back"
ABOUT_AN_ANSWER = frozenset({Kind.REMINDER, Kind.NUDGE})  # asks for one, and has no use once it is given
_WHATEVER_HAPPENS = frozenset({Kind.REWRITE, Kind.ORGANISATION, Kind.WEBHOOK})
_KINDS = {kind.value: kind for kind in Kind}  # as it is stored; to ask the enumeration takes three times as long


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Claimed:
    """A row under claim, with all that is needed to render it. Instants are UTC.

    Attributes:
        address: where it goes on its channel; "" on Slack for somebody of whom no id is known any more.
        answer: what a receipt confirms, and what a rewritten message says was answered; None for one that gets its buttons back.
        outlet: which of the channel's outlets it must leave from; "" where there is only one.
        reference: of the message that is to be rewritten.
        provisional: nobody can tell whether a person gave the answer.
        letter: what was written for it when it was planned, as JSON; "" for what is rendered from its person alone.
    """

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
    address: str
    email: str
    given_name: str
    family_name: str
    roster_language: str | None
    language_choice: str | None
    country: str
    time_zone: str
    public_id: str
    link_version: int
    answer: Answer | None
    answered_at: datetime | None
    outlet: str = ""
    reference: str | None = None
    provisional: bool = False
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought: rows, and when to ask again if a limit or a pause stood in the way."""

    rows: tuple[Claimed, ...]
    again_at: datetime | None = None
    behind_canary: bool = False  # there are rows, and they wait for the first of their wave to be accepted
    hands_full: bool = False  # as many messages are on their way as the channel may have


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
    scopes = {holds.of_outlet(channel, outlet): outlet for outlet in limits.outlets}
    in_force = holds.active(connection, now, (holds.EVERYTHING, holds.COPY, channel, *scopes))
    if stopped := [hold for hold in in_force if hold.scope not in scopes]:
        ends = [hold.until for hold in stopped if hold.until is not None]
        return Claim((), max(ends) if len(ends) == len(stopped) else None)
    room, may_go = None, None
    if limits.outlets or limits.at_once is not None:
        room = outlets.look(connection, channel, limits, {scopes[hold.scope]: hold.until for hold in in_force}, now)
        if room.total <= 0:
            return Claim((), room.again_at, hands_full=room.hands_full)
        may_go, most = outlets.may_carry(room, limits), min(most, room.total)
    rewrites = quota.look_at_rewrites(connection, channel, limits, now)
    if rewrites is not None and rewrites.room == 0:
        may_go = is_new if may_go is None else and_(may_go, is_new)
    sendable = _sendable(connection, channel, most, now, may_go, asked_for_first=limits.is_slow)
    if not sendable:
        return Claim((), _again_at(room, rewrites))
    if rewrites is not None:
        sendable = _with_rewrites(sendable, rewrites.room)
    sendable = waves.behind_canary(connection, channel, sendable, canary)
    if not sendable:
        return Claim((), now, behind_canary=True)
    if room is None:
        grant = quota.take(connection, channel, limits, len(sendable), now)
        dealt, again_at = [(row, "") for row in sendable[: grant.allowed]], grant.again_at
    else:
        dealt, again_at = outlets.deal(room, limits, sendable), room.again_at
        outlets.take(connection, channel, room, dealt)
    if rewrites is not None:
        quota.take_rewrites(connection, channel, rewrites, sum(row.kind == Kind.REWRITE for row, _ in dealt))
    return Claim(_begin(connection, dealt, owner, message_id_domain, now), again_at)


def _again_at(room: outlets.Room | None, rewrites: quota.Minute | None) -> datetime | None:
    """When there may be something to send, where there is nothing now."""
    ends = [room.again_at] if room is not None and room.again_at is not None else []
    if rewrites is not None and rewrites.room == 0:
        ends.append(rewrites.again_at())
    return min(ends, default=None)


def _with_rewrites(rows: Sequence[Candidate], most: int) -> list[Candidate]:
    """The rows with no more than so many rewrites among them, the oldest."""
    rewrites = [row.id for row in rows if row.kind == Kind.REWRITE]
    left_over = set(rewrites[most:])
    return [row for row in rows if row.id not in left_over]


def _begin(
    connection: Connection, dealt: Sequence[tuple[Candidate, str]], owner: str, message_id_domain: str, now: datetime
) -> tuple[Claimed, ...]:
    """Mark the rows, each with its outlet, as claimed."""
    today = {zone: local_date(now, zone) for zone in {row.time_zone for row, _ in dealt}}
    dated = now.replace(microsecond=0)  # the Date header holds no fraction of a second
    secret = token_bytes(16 * len(dealt)).hex()  # who knows the number of a message can report a bounce
    numbers = [f"{secret[place * 32 : place * 32 + 32]}.{row.id}@{message_id_domain}" for place, (row, _) in enumerate(dealt)]
    rows = tuple(
        [_claimed(row, outlet, dated, today[row.time_zone], number) for (row, outlet), number in zip(dealt, numbers, strict=True)]
    )
    rows = letters.attached(connection, rows)
    if rows:
        begun = [(row.id, row.message_id, row.dated, row.outlet or None) for row in rows]
        _CLAIM.change(connection, begun, claimant=owner, lease=now + LEASE)
    return rows


def _claiming(given: Subquery) -> Update:
    return (
        update(deliveries)
        .where(deliveries.c.id == given.c.row_id)
        .values(
            state=State.CLAIMED.value,
            owner=bindparam("claimant"),
            epoch=deliveries.c.epoch + 1,
            lease_until=bindparam("lease", type_=Instant),
            attempts=deliveries.c.attempts + 1,
            message_id=given.c.number,
            dated=given.c.as_of,
            outlet=given.c.through,
            reason=None,
        )
    )


_CLAIM = PreparedRows(
    (column("row_id", BigInteger), column("number", String), column("as_of", Instant), column("through", String)), _claiming
)


def _sendable(
    connection: Connection, channel: str, most: int, now: datetime, may_go: ColumnElement[bool] | None, *, asked_for_first: bool
) -> list[Candidate]:
    """Rows that may be claimed. Those of people who settled or left meanwhile are cancelled on the way."""
    if asked_for_first and (rows := _look(connection, channel, most, now, may_go, only_asked_for=True)):
        return rows
    return _look(connection, channel, most, now, may_go, only_asked_for=False)


def _look(
    connection: Connection, channel: str, most: int, now: datetime, may_go: ColumnElement[bool] | None, *, only_asked_for: bool
) -> list[Candidate]:
    while found := candidates.find(connection, channel, most, now, may_go=may_go, only_asked_for=only_asked_for):
        sendable = []
        for row in found:
            reason = _reason_to_withdraw(row)
            if reason is None:
                sendable.append(row)
            else:
                _withdraw(connection, row.id, reason, now)
        if sendable:
            return sendable
    return []


def _reason_to_withdraw(row: Candidate) -> str | None:
    """Why a row must not go out after all: a reminder needs somebody open, a receipt an answer that still counts."""
    if row.kind in _WHATEVER_HAPPENS:
        return None
    if row.kind == Kind.RECEIPT:
        return None if row.revoked_at is None else TAKEN_BACK
    if row.settled and row.kind in ABOUT_AN_ANSWER:
        return ANSWERED
    return None if row.active else LEFT


def _withdraw(connection: Connection, row_id: int, reason: str, now: datetime) -> None:
    cancelled = {"state": State.CANCELLED.value, "reason": reason, "finished_at": now}
    connection.execute(update(deliveries).where(deliveries.c.id == row_id).values(cancelled))


def _claimed(row: Candidate, outlet: str, now: datetime, today: date, number: str) -> Claimed:
    """The row under claim, dated now and with this number, unless a claim before gave it a date that is still true and its own."""
    dated = row.dated
    if dated is None or local_date(dated, row.time_zone) != today:
        dated = now
    return Claimed(
        id=row.id,
        epoch=row.epoch + 1,
        campaign=row.campaign,
        kind=_KINDS[row.kind],
        occasion=row.occasion,
        message=row.message,
        attempts=row.attempts + 1,
        message_id=row.message_id or number,
        dated=dated,
        expires_at=row.expires_at,
        today=today,
        first_notice=not row.told_before,
        employee_key=row.employee_key,
        address=row.address or "",
        email=row.email,
        given_name=row.given_name,
        family_name=row.family_name,
        roster_language=row.language,
        language_choice=row.language_choice,
        country=row.country,
        time_zone=row.time_zone,
        public_id=row.public_id,
        link_version=row.link_version,
        answer=Answer(row.answer) if row.answer else None,
        answered_at=row.answered_at,
        outlet=outlet,
        reference=row.reference,
        provisional=row.assurance == Assurance.PROVISIONAL,
    )
