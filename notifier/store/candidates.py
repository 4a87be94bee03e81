"""Which waiting rows may be claimed, and what a claim has to know of them: the one statement in front of every claim."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, bindparam, exists, literal_column, null, or_, select

from notifier.domain.ladder import SLACK
from notifier.store.acknowledgements import settled
from notifier.store.outbox import is_waiting
from notifier.store.prepared import Prepared
from notifier.store.tables import Instant, Kind, State, acknowledgements, calendars, deliveries, employees, reach

_earlier = deliveries.alias("earlier")
_rewritten = deliveries.alias("rewritten")
_confirmed = acknowledgements.alias("confirmed")
# A receipt belongs to the acknowledgement whose id is its occasion, a rewrite to the one that counts; others find none.
_RECEIPTS_ANSWER = and_(deliveries.c.kind == Kind.RECEIPT, _confirmed.c.id == deliveries.c.occasion)
_PRESENT_ANSWER = and_(
    deliveries.c.kind == Kind.REWRITE,
    _confirmed.c.campaign == deliveries.c.campaign,
    _confirmed.c.employee_key == deliveries.c.employee_key,
    _confirmed.c.revoked_at.is_(None),
)
_AT = bindparam("at", type_=Instant)
_NO_REFERENCE = null().label("reference")
is_asked_for = deliveries.c.kind != literal_column(f"'{Kind.REMINDER.value}'")  # as the index that serves it has it

is_new = deliveries.c.kind != Kind.REWRITE  # not an earlier message brought up to date


class Candidate(NamedTuple):
    """A waiting row, with its person and what the recheck needs to know. Instants are UTC.

    Attributes:
        outlet: which one it left from when it was tried before.
        answer: what a receipt confirms, or that a rewrite is about, with its `answered_at`, `assurance` and `revoked_at`.
        settled: the person needs no reminder any more.
        told_before: the person has been reminded of this campaign.
        reference: of the message that a rewrite is about.
    """

    id: int
    epoch: int
    campaign: str
    kind: str
    occasion: int
    message: str
    attempts: int
    message_id: str | None
    dated: datetime | None
    due_at: datetime
    expires_at: datetime
    employee_key: int
    outlet: str | None
    email: str
    given_name: str
    family_name: str
    language: str | None
    language_choice: str | None
    public_id: str
    link_version: int
    active: bool
    country: str
    time_zone: str
    answer: str | None
    answered_at: datetime | None
    assurance: str | None
    revoked_at: datetime | None
    settled: bool
    told_before: bool
    address: str | None
    reference: str | None


def find(
    connection: Connection,
    channel: str,
    most: int,
    now: datetime,
    *,
    may_go: ColumnElement[bool] | None = None,
    only_asked_for: bool = False,
) -> list[Candidate]:
    """Waiting rows whose time it is, oldest first.

    Args:
        may_go: which of them can go at all; None: all.
        only_asked_for: leave out reminders, for which nobody waits.
    """
    if may_go is None:
        found = _prepared(channel, only_asked_for=only_asked_for).tuples(connection, most=most, at=now)
    else:
        statement = _statement(channel, only_asked_for=only_asked_for).where(may_go)
        found = connection.execute(statement, {"most": most, "at": now}).all()
    return [Candidate._make(columns) for columns in found]


@lru_cache(maxsize=16)
def _prepared(channel: str, *, only_asked_for: bool) -> Prepared:
    return Prepared(_statement(channel, only_asked_for=only_asked_for))


@lru_cache(maxsize=16)
def _statement(channel: str, *, only_asked_for: bool) -> Select[Any]:
    """Made once for each channel: making it takes as long as reading fifty rows."""
    told_before = exists().where(
        _earlier.c.campaign == deliveries.c.campaign,
        _earlier.c.employee_key == deliveries.c.employee_key,
        _earlier.c.kind == Kind.REMINDER,
        _earlier.c.state == State.ACCEPTED,
    )
    statement = (
        select(
            *deliveries.c["id", "epoch", "campaign", "kind", "occasion", "message", "attempts", "message_id", "dated"],
            *deliveries.c["due_at", "expires_at", "employee_key", "outlet"],
            *employees.c["email", "given_name", "family_name", "language", "language_choice"],
            *employees.c["public_id", "link_version", "active"],
            *calendars.c["country", "time_zone"],
            *_confirmed.c["answer", "answered_at", "assurance", "revoked_at"],
            settled(deliveries.c.campaign, deliveries.c.employee_key).label("settled"),
            told_before.label("told_before"),
        )
        .join_from(deliveries, employees)
        .join(calendars)
        .outerjoin(_confirmed, _RECEIPTS_ANSWER if channel != SLACK else or_(_RECEIPTS_ANSWER, _PRESENT_ANSWER))
        .where(
            deliveries.c.channel == channel,
            is_waiting,
            deliveries.c.next_at <= _AT,
            deliveries.c.closes_at > _AT,
            deliveries.c.expires_at > _AT,
        )
        .order_by(deliveries.c.next_at, deliveries.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=deliveries, skip_locked=True)
    )
    if only_asked_for:
        statement = statement.where(is_asked_for)
    return _on_slack(statement) if channel == SLACK else statement.add_columns(employees.c.email.label("address"), _NO_REFERENCE)


def _on_slack(statement: Select[Any]) -> Select[Any]:
    """The same with the person's Slack id, and with the message that a rewrite is about."""
    of_person = and_(reach.c.employee_key == deliveries.c.employee_key, reach.c.channel == SLACK)
    rewritten = and_(deliveries.c.kind == Kind.REWRITE, _rewritten.c.id == deliveries.c.occasion)
    return (
        statement.add_columns(reach.c.address, _rewritten.c.reference).outerjoin(reach, of_person).outerjoin(_rewritten, rewritten)
    )
