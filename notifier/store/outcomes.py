"""Outcomes: what became of claimed rows, and how rows come back whose sender has died.

An outcome is written only where owner and epoch are still those of the claim: whoever comes too late changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Integer, String, Text, and_, bindparam, case, exists, func, or_, update

from notifier.store.outbox import WAITING
from notifier.store.tables import Instant, State, deliveries, processes

SILENCE = timedelta(minutes=2)  # a daemon whose heartbeat is older than this is taken for dead
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
    counts: bool = True  # False: the try says nothing about this message (the channel paused); it is not counted


def record(connection: Connection, *, owner: str, outcome: Outcome, now: datetime) -> bool:
    """Write what became of a claimed row. False: the claim is no longer ours, and nothing was changed."""
    return connection.execute(_RECORD, _record_values(outcome, owner, now)).rowcount == 1


def record_all(connection: Connection, *, owner: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """The same for several rows at once.

    Raises:
        LostClaimError: a claim is no longer ours. Undo the transaction, and record them one by one to see which.
    """
    values = [_record_values(outcome, owner, now) for outcome in outcomes]
    if connection.execute(_RECORD, values).rowcount != len(outcomes):
        raise LostClaimError


def give_back(connection: Connection, *, owner: str, channel: str, now: datetime) -> int:
    """Let rows wait again that `owner` has claimed on this channel and not begun, as if they had never been claimed."""
    statement = (
        update(deliveries)
        .where(deliveries.c.state == State.CLAIMED, deliveries.c.owner == owner, deliveries.c.channel == channel)
        .values(
            state=case((deliveries.c.attempts > 1, State.RETRY.value), else_=State.PLANNED.value),
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
        resend: channels on which the same bytes may go again; on the others such a row becomes `unknown`.
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
    again = update(deliveries).where(*claimed, deliveries.c.channel.in_(resend))
    rest = update(deliveries).where(*claimed, deliveries.c.channel.not_in(resend))
    return (
        connection.execute(again.values(state=State.RETRY.value, next_at=now, **free)).rowcount
        + connection.execute(rest.values(state=State.UNKNOWN.value, finished_at=now, **free)).rowcount
    )


_RECORD = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("row_id"),
        deliveries.c.owner == bindparam("claimant"),
        deliveries.c.epoch == bindparam("claim_epoch"),
        deliveries.c.state == State.CLAIMED.value,
    )
    .values(
        state=bindparam("new_state"),
        reason=bindparam("why"),
        owner=None,
        lease_until=None,
        next_at=func.coalesce(bindparam("again", type_=Instant), deliveries.c.next_at),
        finished_at=bindparam("finished", type_=Instant),
        attempts=deliveries.c.attempts - bindparam("uncounted", type_=Integer),
        language=func.coalesce(bindparam("known_language", type_=String), deliveries.c.language),
        subject=func.coalesce(bindparam("known_subject", type_=Text), deliveries.c.subject),
        reply=func.coalesce(bindparam("known_reply", type_=Text), deliveries.c.reply),
    )
)


def _record_values(outcome: Outcome, owner: str, now: datetime) -> dict[str, object]:
    waits = outcome.state in WAITING
    return {
        "row_id": outcome.id,
        "claimant": owner,
        "claim_epoch": outcome.epoch,
        "new_state": outcome.state.value,
        "why": outcome.reason,
        "again": outcome.next_at if waits else None,
        "finished": None if waits else now,
        "uncounted": 0 if outcome.counts else 1,
        "known_language": outcome.language,
        "known_subject": outcome.subject,
        "known_reply": outcome.reply,
    }
