"""Outcomes: what became of claimed rows, and how rows come back whose sender has died.

An outcome is written only where owner and epoch are still those of the claim: whoever comes too late changes nothing.

Two things follow an outcome in the same transaction. Who was refused for good is remembered, unless the message was at fault, and
the next channel of the ladder carries the message (`store/refusals.py`). A Slack message that arrives after its person has settled
is rewritten, as is a receipt that arrives after its answer was taken back: answers wait for the row of the person meanwhile, so one
of the two sees the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    String,
    Subquery,
    Text,
    Update,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from notifier.domain.ladder import Ladders
from notifier.store import marks, refusals
from notifier.store.acknowledgements import settled
from notifier.store.confirmations import rewrite_values, rewrites
from notifier.store.outbox import WAITING
from notifier.store.prepared import PreparedRows
from notifier.store.tables import Instant, Kind, State, deliveries, employees, processes

SILENCE = timedelta(minutes=2)  # a daemon whose heartbeat is older than this is taken for dead
_NO_LADDERS = Ladders()
INTERRUPTED = "a sender stopped before it knew what became of this"


class LostClaimError(Exception):
    """A row is claimed by somebody else by now, or by nobody."""


@dataclass(slots=True)
class Outcome:
    """What became of a claimed row. `next_at` only for `retry`."""

    id: int
    epoch: int
    state: State
    reason: str | None = None
    reply: str | None = None
    next_at: datetime | None = None
    language: str | None = None
    subject: str | None = None
    reference: str | None = None
    counts: bool = True  # False: the try says nothing about this message (the channel paused); it is not counted
    of_person: bool = True  # False: refused because of the message itself; that is not remembered of its person


def record(connection: Connection, *, owner: str, outcome: Outcome, now: datetime, ladders: Ladders = _NO_LADDERS) -> bool:
    """Write what became of a claimed row. False: the claim is no longer ours, and nothing was changed.

    Args:
        ladders: where a refused message goes on.
    """
    _wait_for_answers(connection, [outcome])
    if _RECORD.change(connection, [_record_values(outcome, now)], claimant=owner) != 1:
        return False
    _follow_up(connection, [outcome], ladders, now)
    return True


def record_all(
    connection: Connection, *, owner: str, outcomes: Sequence[Outcome], now: datetime, ladders: Ladders = _NO_LADDERS
) -> None:
    """The same for several rows at once.

    Raises:
        LostClaimError: a claim is no longer ours. Undo the transaction, and record them one by one to see which.
    """
    _wait_for_answers(connection, outcomes)
    rows = [_record_values(outcome, now) for outcome in outcomes]
    if _RECORD.change(connection, rows, claimant=owner) != len(outcomes):
        raise LostClaimError
    _follow_up(connection, outcomes, ladders, now)


def _told(outcomes: Sequence[Outcome]) -> list[int]:
    """Deliveries that left a message behind which can be rewritten."""
    return [outcome.id for outcome in outcomes if outcome.state is State.ACCEPTED and outcome.reference is not None]


def _wait_for_answers(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Let nobody answer while it is recorded that a message with buttons has arrived. SQLite has one writer and ignores it."""
    if told := _told(outcomes):
        theirs = select(deliveries.c.employee_key).where(deliveries.c.id.in_(told))
        statement = select(employees.c.key).where(employees.c.key.in_(theirs)).order_by(employees.c.key)
        connection.execute(statement.with_for_update())


def _follow_up(connection: Connection, outcomes: Sequence[Outcome], ladders: Ladders, now: datetime) -> None:
    for of_person in (True, False):
        refused = [outcome.id for outcome in outcomes if outcome.state is State.REFUSED and outcome.of_person is of_person]
        if refused:
            refusals.fall_back(connection, refused, ladders, now, remember=of_person)
    if told := _told(outcomes):
        connection.execute(_REWRITES[connection.dialect.name], rewrite_values(now) | {"told": told})


def give_back(connection: Connection, *, owner: str, channel: str, now: datetime) -> int:
    """Let rows wait again that `owner` has claimed on this channel and not begun, as if they had never been claimed."""
    statement = (
        update(deliveries)
        .where(deliveries.c.state == State.CLAIMED, deliveries.c.owner == owner, deliveries.c.channel == channel)
        .values(
            state=case((deliveries.c.attempts > 1, State.RETRY.value), else_=State.PLANNED.value),
            outlet=case((deliveries.c.attempts > 1, deliveries.c.outlet), else_=None),
            attempts=deliveries.c.attempts - 1,
            next_at=now,
            owner=None,
            lease_until=None,
        )
    )
    return connection.execute(statement).rowcount


def release_dead(connection: Connection, *, owner: str, resend: Sequence[str], now: datetime, alone: bool) -> int:
    """Take back rows claimed by daemons that have died.

    Args:
        owner: the asking daemon, whose own claims are left alone.
        resend: channels on which the same bytes may go again; on the others such a row becomes `unknown`, unless it rewrites.
        alone: no other daemon can be running (the store is locked by us), so every foreign claim is a dead one.
    """
    dead = deliveries.c.owner != owner
    if not alone:
        breathing = exists().where(
            processes.c.owner == deliveries.c.owner, processes.c.stopped_at.is_(None), processes.c.seen_at > now - SILENCE
        )
        dead = and_(dead, or_(~breathing, deliveries.c.lease_until < now))
    claimed = (deliveries.c.state == State.CLAIMED, dead)
    free = {"reason": INTERRUPTED, "owner": None, "lease_until": None}
    harmless = or_(deliveries.c.channel.in_(resend), deliveries.c.kind == Kind.REWRITE)
    again = update(deliveries).where(*claimed, harmless)
    rest = update(deliveries).where(*claimed, ~harmless)
    waiting = connection.execute(again.values(state=State.RETRY.value, next_at=now, **free)).rowcount
    if waiting:
        marks.look_again(connection)  # the ladder may have changed since they were claimed
    return waiting + connection.execute(rest.values(state=State.UNKNOWN.value, finished_at=now, **free)).rowcount


# In the statement itself: else SQLite plans it anew at each run, since an index might fit what is asked for then.
_CLAIMED = literal(State.CLAIMED.value, literal_execute=True)


def _recording(given: Subquery) -> Update:
    return (
        update(deliveries)
        .where(
            deliveries.c.id == given.c.row_id,
            deliveries.c.epoch == given.c.claim_epoch,
            deliveries.c.owner == bindparam("claimant"),
            deliveries.c.state == _CLAIMED,
        )
        .values(
            state=given.c.new_state,
            reason=given.c.why,
            owner=None,
            lease_until=None,
            next_at=func.coalesce(given.c.again, deliveries.c.next_at),
            finished_at=given.c.finished,
            attempts=deliveries.c.attempts - given.c.uncounted,
            language=func.coalesce(given.c.known_language, deliveries.c.language),
            subject=func.coalesce(given.c.known_subject, deliveries.c.subject),
            reply=func.coalesce(given.c.known_reply, deliveries.c.reply),
            reference=func.coalesce(given.c.known_reference, deliveries.c.reference),
            # As if it had never been claimed: any outlet may take it.
            outlet=case((given.c.new_state == State.PLANNED.value, None), else_=deliveries.c.outlet),
        )
    )


_RECORD = PreparedRows(
    (
        column("row_id", BigInteger),
        column("claim_epoch", Integer),
        column("new_state", String),
        column("why", Text),
        column("again", Instant),
        column("finished", Instant),
        column("uncounted", Integer),
        *(column(name, Text) for name in ("known_language", "known_subject", "known_reply", "known_reference")),
    ),
    _recording,
)
_no_longer_true = or_(deliveries.c.kind == Kind.RECEIPT, settled(deliveries.c.campaign, deliveries.c.employee_key))
_REWRITES = rewrites(and_(deliveries.c.id.in_(bindparam("told", expanding=True)), _no_longer_true))


def _record_values(outcome: Outcome, now: datetime) -> tuple[object, ...]:
    waits = outcome.state in WAITING
    return (
        outcome.id,
        outcome.epoch,
        outcome.state.value,
        outcome.reason,
        outcome.next_at if waits else None,
        None if waits else now,
        0 if outcome.counts else 1,
        outcome.language,
        outcome.subject,
        outcome.reply,
        outcome.reference,
    )
