"""What tells people that their answers have arrived: receipts, and Slack messages that are brought up to date.

**Rewrites.** When a person answers, or takes an answer back, each Slack reminder of the campaign that they have is brought up to
date by a row of its own, one for each message for ever. A second answer plans the same row anew and raises its epoch: whoever has
it in hand writes into the void, and the row goes out once more with what is true then. Rewriting twice does no harm. A receipt on
Slack stays as it is while its answer counts; once it does not, the receipt says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    String,
    and_,
    bindparam,
    case,
    insert,
    literal,
    null,
    or_,
    select,
    type_coerce,
)

from notifier.domain.campaign import RECEIPT
from notifier.domain.ladder import BY_EMAIL, EMAIL, SLACK
from notifier.store import reach
from notifier.store.inserts import INSERTS
from notifier.store.lookups import is_there
from notifier.store.outbox import asks, is_accepted
from notifier.store.prepared import Prepared
from notifier.store.tables import Instant, Kind, State, acknowledgements, deliveries, employees

_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_RECEIPT_KEEPS = timedelta(days=3)
_REWRITE_KEEPS = timedelta(days=14)
_IN_HAND_MICROSECONDS = 10_000_000  # longer than a rewrite takes on the wire: it must not arrive behind the one that overtakes it

_is_receipt = deliveries.c.kind == literal(Kind.RECEIPT.value, literal_execute=True)
_answer_is_revoked = is_there(acknowledgements.c.id == deliveries.c.occasion, acknowledgements.c.revoked_at.is_not(None))
_of_campaign = bindparam("of_campaign", type_=String)
_of_people: BindParameter[int] = bindparam("of_people", expanding=True)
_at = bindparam("at", type_=Instant)
_keeps_until = bindparam("keeps_until", type_=Instant)
_COLUMNS = ("campaign", "employee_key", "kind", "occasion", "channel", "message", "state")
_INSTANTS = ("created_at", "due_at", "next_at", "closes_at", "expires_at")


def _receipts() -> Insert:
    """For answers that count: on Slack, where e-mail was refused for good and Slack reaches the person; else as receipts go."""
    only_slack = and_(bindparam("by_email", type_=Boolean), ~reach.is_reached(EMAIL), reach.is_reached(SLACK))
    confirmed = (
        select(
            *acknowledgements.c["campaign", "employee_key"],
            literal(Kind.RECEIPT.value),
            acknowledgements.c.id,
            case((only_slack, SLACK), else_=bindparam("by_channel", type_=String)),
            literal(RECEIPT),
            literal(State.PLANNED.value),
            *(_at, _at, _at),
            literal(_FOR_EVER, Instant),
            _keeps_until,
        )
        .join_from(acknowledgements, employees)
        .where(
            acknowledgements.c.campaign == _of_campaign,
            acknowledgements.c.employee_key.in_(_of_people),
            acknowledgements.c.revoked_at.is_(None),
        )
        .order_by(acknowledgements.c.id)
    )
    return insert(deliveries).from_select([*_COLUMNS, *_INSTANTS], confirmed)


def rewrites(whose: ColumnElement[bool]) -> dict[str, Any]:
    """The statement, for each database, that has every Slack message rewritten for which `whose` holds: see `rewrite_values`.

    Reminders, those that a manager asked for too, and receipts for an answer that no longer counts.
    """
    messages = select(
        *deliveries.c["campaign", "employee_key"],
        literal(Kind.REWRITE.value),
        deliveries.c.id,
        *deliveries.c["channel", "message"],
        literal(State.PLANNED.value),
        *(_at, _at, _at),
        literal(_FOR_EVER, Instant),
        _keeps_until,
    ).where(
        whose,
        or_(asks, and_(_is_receipt, _answer_is_revoked)),
        deliveries.c.channel == SLACK,
        is_accepted,
        deliveries.c.reference.is_not(None),
    )
    return {name: _upsert(kind(deliveries), messages) for name, kind in INSERTS.items()}


def _upsert(insert_rewrites: Any, messages: Any) -> Any:
    insert_rewrites = insert_rewrites.from_select((*_COLUMNS, *_INSTANTS), messages)
    fresh = {name: insert_rewrites.excluded[name] for name in ("state", "due_at", "expires_at")}
    in_hand, now = deliveries.c.state == State.CLAIMED.value, insert_rewrites.excluded.next_at
    anew = {
        "epoch": deliveries.c.epoch + 1,
        "next_at": case((in_hand, type_coerce(now, BigInteger) + _IN_HAND_MICROSECONDS), else_=now),
        **dict.fromkeys(("owner", "lease_until", "reason", "finished_at"), null()),
        "attempts": 0,
    }
    return insert_rewrites.on_conflict_do_update(index_elements=[*_COLUMNS[:5]], set_=fresh | anew)


def rewrite_values(now: datetime) -> dict[str, Any]:
    """The values of a statement of `rewrites`."""
    return {"at": now, "keeps_until": now + _REWRITE_KEEPS}


_receipts_of = Prepared(_receipts())
_theirs = and_(deliveries.c.campaign == _of_campaign, deliveries.c.employee_key.in_(_of_people))
_rewrites = {name: Prepared(statement) for name, statement in rewrites(_theirs).items()}


def queue_receipts(connection: Connection, *, campaign: str, people: Sequence[int], channel: str, now: datetime) -> None:
    """Queue the confirmations of the answers that these people, at least one, have just given.

    They wait for no window: the people are at their desks.

    Args:
        channel: the one that carries receipts. Whom e-mail does not reach gets it on Slack.
    """
    carried = {"by_channel": channel, "by_email": channel in BY_EMAIL, "at": now, "keeps_until": now + _RECEIPT_KEEPS}
    _receipts_of.change(connection, of_campaign=campaign, of_people=people, **carried)


def queue_rewrites(connection: Connection, *, campaign: str, people: Sequence[int], now: datetime) -> None:
    """Have each Slack message of the campaign brought up to date that these people, at least one, have.

    One that is being rewritten is rewritten again.
    """
    values = rewrite_values(now) | {"of_campaign": campaign, "of_people": people}
    _rewrites[connection.dialect.name].change(connection, **values)
