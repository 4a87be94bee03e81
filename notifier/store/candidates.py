"""Which waiting rows may be claimed, and what a claim has to know of them: the one statement in front of every claim."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, literal_column, null, or_, select

from notifier.domain.ladder import SLACK
from notifier.store.acknowledgements import settled
from notifier.store.outbox import is_waiting
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


def candidates_of(channel: str, may_go: ColumnElement[bool] | None) -> Select[Any]:
    """Waiting rows whose time it is, oldest first, with the person and what the recheck needs to know.

    To be run with the values `most` and `at`, the present.
    """
    statement = _candidates_of(channel)
    return statement if may_go is None else statement.add_columns(deliveries.c.outlet).where(may_go)


@lru_cache(maxsize=8)
def _candidates_of(channel: str) -> Select[Any]:
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
            *deliveries.c["due_at", "expires_at", "employee_key"],
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
    return _on_slack(statement) if channel == SLACK else statement.add_columns(employees.c.email.label("address"), _NO_REFERENCE)


def _on_slack(statement: Select[Any]) -> Select[Any]:
    """The same with the person's Slack id, and with the message that a rewrite is about."""
    of_person = and_(reach.c.employee_key == deliveries.c.employee_key, reach.c.channel == SLACK)
    rewritten = and_(deliveries.c.kind == Kind.REWRITE, _rewritten.c.id == deliveries.c.occasion)
    return (
        statement.add_columns(reach.c.address, _rewritten.c.reference).outerjoin(reach, of_person).outerjoin(_rewritten, rewritten)
    )
