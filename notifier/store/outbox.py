"""The outbox: how its rows are cancelled, come back, are tried again, and how receipts get into it.

A row is inserted when its step is due (`store/planning.py`) and lives for ever; `store/claims.py` is the way out of the door.
Unsent ends, each with its reason in words: `superseded` (a newer step took over), `missed` (too late, and nothing newer),
`cancelled` (answered, left, taken out of the configuration, or no channel reaches the person). A cancelled row comes back when its
reason goes.

A message that was taken may come back days later (`bounced`): then it counts as refused, and the next channel carries it.

**Rewrites.** When a person answers, or takes an answer back, each Slack reminder of the campaign that they have is brought up to
date by a row of its own, one for each message for ever. A second answer plans the same row anew and raises its epoch: whoever has
it in hand writes into the void, and the row goes out once more with what is true then. Rewriting twice does no harm. A receipt on
Slack stays as it is while its answer counts; once it does not, the receipt says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    String,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    type_coerce,
    update,
)

from notifier.domain.campaign import RECEIPT
from notifier.domain.ladder import BY_EMAIL, EMAIL, SLACK, Ladders
from notifier.store import marks, reach, refusals
from notifier.store.inserts import INSERTS
from notifier.store.lookups import is_there
from notifier.store.prepared import Prepared
from notifier.store.reasons import ANSWERED, LEFT
from notifier.store.tables import Instant, Kind, State, acknowledgements, deliveries, employees

WAITING = (State.PLANNED, State.RETRY)
# The words stand in the statement itself: SQLite takes an index of waiting rows only where it sees that nothing else is asked for.
is_waiting = deliveries.c.state.in_(bindparam("waiting", WAITING, expanding=True, literal_execute=True))
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_RECEIPT_KEEPS = timedelta(days=3)
_REWRITE_KEEPS = timedelta(days=14)
_IN_HAND_MICROSECONDS = 10_000_000  # longer than a rewrite takes on the wire: it must not arrive behind the one that overtakes it

_of_people = and_(
    deliveries.c.campaign == bindparam("of_campaign"), deliveries.c.employee_key.in_(bindparam("of_people", expanding=True))
)
_waiting_reminder = and_(deliveries.c.kind == Kind.REMINDER, deliveries.c.state.in_(WAITING))
_AGAIN = {"state": State.RETRY.value, "finished_at": None, "reason": "an operator asked for another try"}
_cancelled = {"state": State.CANCELLED.value, "reason": bindparam("because"), "finished_at": bindparam("at", type_=Instant)}
# Words in the statement itself, as above: else SQLite plans it anew at each run, since an index might fit what is asked for then.
_is_reminder = deliveries.c.kind == literal(Kind.REMINDER.value, literal_execute=True)
_is_receipt = deliveries.c.kind == literal(Kind.RECEIPT.value, literal_execute=True)
_answer_is_revoked = is_there(acknowledgements.c.id == deliveries.c.occasion, acknowledgements.c.revoked_at.is_not(None))
_is_accepted = deliveries.c.state == literal(State.ACCEPTED.value, literal_execute=True)
_cancel_of_people = Prepared(update(deliveries).where(_of_people, _is_reminder, is_waiting).values(_cancelled))
_handed_over = Prepared(
    select(deliveries.c.employee_key).where(
        _of_people,
        _is_reminder,
        _is_accepted,
        deliveries.c.finished_at > bindparam("after", type_=Instant),
        deliveries.c.finished_at <= bindparam("until", type_=Instant),
    )
)
_RECEIPT_COLUMNS = ("campaign", "employee_key", "kind", "occasion", "channel", "message", "state")
_INSTANTS = ("created_at", "due_at", "next_at", "closes_at", "expires_at")
_at = bindparam("at", type_=Instant)
_keeps_until = bindparam("keeps_until", type_=Instant)


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
            acknowledgements.c.campaign == bindparam("of_campaign"),
            acknowledgements.c.employee_key.in_(bindparam("of_people", expanding=True)),
            acknowledgements.c.revoked_at.is_(None),
        )
        .order_by(acknowledgements.c.id)
    )
    return insert(deliveries).from_select([*_RECEIPT_COLUMNS, *_INSTANTS], confirmed)


def rewrites(whose: ColumnElement[bool]) -> dict[str, Any]:
    """The statement, for each database, that has every Slack message rewritten for which `whose` holds: see `rewrite_values`.

    Reminders, and receipts for an answer that no longer counts.
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
        or_(_is_reminder, and_(_is_receipt, _answer_is_revoked)),
        deliveries.c.channel == SLACK,
        _is_accepted,
        deliveries.c.reference.is_not(None),
    )
    return {name: _upsert(kind(deliveries), messages) for name, kind in INSERTS.items()}


def _upsert(insert_rewrites: Any, messages: Any) -> Any:
    insert_rewrites = insert_rewrites.from_select((*_RECEIPT_COLUMNS, *_INSTANTS), messages)
    fresh = {name: insert_rewrites.excluded[name] for name in ("state", "due_at", "expires_at")}
    in_hand, now = deliveries.c.state == State.CLAIMED.value, insert_rewrites.excluded.next_at
    anew = {
        "epoch": deliveries.c.epoch + 1,
        "next_at": case((in_hand, type_coerce(now, BigInteger) + _IN_HAND_MICROSECONDS), else_=now),
        **dict.fromkeys(("owner", "lease_until", "reason", "finished_at"), null()),
        "attempts": 0,
    }
    return insert_rewrites.on_conflict_do_update(index_elements=[*_RECEIPT_COLUMNS[:5]], set_=fresh | anew)


def rewrite_values(now: datetime) -> dict[str, Any]:
    """The values of a statement of `rewrites`."""
    return {"at": now, "keeps_until": now + _REWRITE_KEEPS}


_receipts_of = Prepared(_receipts())
_rewrites = {name: Prepared(statement) for name, statement in rewrites(_of_people).items()}


def cancel_waiting(connection: Connection, *, campaign: str, people: Sequence[int], reason: str, now: datetime) -> int:
    """Cancel the waiting reminders of the campaign for these people, at least one."""
    return _cancel_of_people.change(connection, of_campaign=campaign, of_people=people, because=reason, at=now)


def cancel_for_leavers(connection: Connection, employee_keys: Sequence[int], now: datetime) -> int:
    """Cancel every waiting reminder of people who have left."""
    return sum(_cancel(connection, whose, LEFT, now) for whose in _of_each(employee_keys))


def restore_for_returned(connection: Connection, employee_keys: Sequence[int], now: datetime) -> int:
    """After somebody has come back: reminders cancelled because they had left, and still current, wait again."""
    return sum(_restore(connection, whose, LEFT, now) for whose in _of_each(employee_keys))


def restore_cancelled(connection: Connection, *, campaign: str, people: Sequence[int], now: datetime) -> int:
    """After an undo of these people: reminders that an answer cancelled and that are still current wait again.

    The planner is asked to look again too: a step that opened while the person counted as settled has no row yet.
    """
    marks.look_again(connection)
    return sum(_restore(connection, and_(deliveries.c.campaign == campaign, whose), ANSWERED, now) for whose in _of_each(people))


def count_retryable(connection: Connection, *, ids: Sequence[int], state: State | None, now: datetime) -> int:
    """How many rows `retry` would change."""
    return connection.scalar(select(func.count()).select_from(deliveries).where(*_retryable(ids, state, now))) or 0


def retry(connection: Connection, *, ids: Sequence[int], state: State | None, now: datetime) -> int:
    """Let refused or uncertain rows wait again: those named, or all in `state`, as long as they are current.

    That their people were refused is forgotten. Of all in a state, those are left that another channel has taken over.
    """
    retryable = _retryable(ids, state, now)
    refused = (*retryable, deliveries.c.state == State.REFUSED, deliveries.c.kind != Kind.REWRITE)
    people = connection.execute(select(deliveries.c.employee_key, deliveries.c.channel).where(*refused)).all()
    count = connection.execute(update(deliveries).where(*retryable).values(_AGAIN | {"next_at": now})).rowcount
    reach.forget_refusal(connection, [(row.employee_key, row.channel) for row in people])
    return count


def count_retryable_of(connection: Connection, *, employee_key: int, rungs: Sequence[str], now: datetime) -> int:
    """How many rows `retry_person` would change."""
    return connection.scalar(select(func.count()).select_from(deliveries).where(*_retryable_of(employee_key, rungs, now))) or 0


def retry_person(connection: Connection, *, employee_key: int, rungs: Sequence[str], now: datetime) -> int:
    """Forget that this person was refused on these rungs of the ladder, and let what was refused there wait again.

    Rows that are no longer current, or that another channel has taken over, stay as they are. Returns how many wait again.
    """
    again = update(deliveries).where(*_retryable_of(employee_key, rungs, now)).values(_AGAIN | {"next_at": now})
    count = connection.execute(again).rowcount
    reach.forget_refusal(connection, [(employee_key, rung) for rung in rungs])
    return count


def _retryable_of(employee_key: int, rungs: Sequence[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    channels = [channel for rung in rungs for channel in (BY_EMAIL if rung == EMAIL else (rung,))]
    mine = (deliveries.c.employee_key == employee_key, deliveries.c.channel.in_(channels), deliveries.c.kind != Kind.REWRITE)
    return *mine, *_retryable((), State.REFUSED, now, channels)


def _retryable(
    ids: Sequence[int], state: State | None, now: datetime, channels: Sequence[str] = ()
) -> tuple[ColumnElement[bool], ...]:
    """Of a message that several of these channels (empty: all) refused one after the other, only the last one's row goes again."""
    current = (deliveries.c.state.in_((State.REFUSED, State.UNKNOWN)), deliveries.c.expires_at > now)
    if state is None:
        return deliveries.c.id.in_(ids), *current
    later = deliveries.alias("later")
    taken_over = is_there(
        *(later.c[name] == deliveries.c[name] for name in ("campaign", "employee_key", "kind", "occasion")),
        later.c.created_at > deliveries.c.created_at,
        or_(
            later.c.state.in_((*WAITING, State.CLAIMED, State.ACCEPTED, State.UNKNOWN)),
            and_(later.c.state == State.REFUSED, later.c.channel.in_(channels)) if channels else later.c.state == State.REFUSED,
        ),
    )
    return deliveries.c.state == state, *current, ~taken_over


def bounced(
    connection: Connection, delivery_id: int, reason: str, now: datetime, *, ladders: Ladders, remember: bool = True
) -> bool:
    """A message that had been taken came back: it counts as refused, which is remembered, and the next channel carries it.

    Args:
        reason: why, in the words of the report.
        remember: False where the address that the roster has now may well take the next message.

    Returns:
        False where the delivery is not one that was taken, or may have been: the report is forged, or has been heard already.
    """
    taken = deliveries.c.state.in_((State.ACCEPTED, State.UNKNOWN))
    accepted = (deliveries.c.id == delivery_id, taken, deliveries.c.kind != Kind.REWRITE)
    refused = {"state": State.REFUSED.value, "reason": f"bounced: {reason}", "finished_at": now}
    if connection.execute(update(deliveries).where(*accepted).values(refused)).rowcount != 1:
        return False
    refusals.fall_back(connection, [delivery_id], ladders, now, remember=remember)
    return True


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


def handed_over(connection: Connection, *, campaign: str, people: Sequence[int], after: datetime, until: datetime) -> set[int]:
    """For which of these people, at least one, a provider took a reminder of the campaign within this time."""
    rows = _handed_over.all(connection, of_campaign=campaign, of_people=people, after=after, until=until)
    return {row.employee_key for row in rows}


def next_instant(connection: Connection, now: datetime) -> datetime | None:
    """The next instant after `now` at which a waiting row may become claimable, expire, or need another window."""
    instants = []
    for moment in (deliveries.c.next_at, deliveries.c.closes_at, deliveries.c.expires_at):
        statement = select(func.min(moment, type_=Instant)).where(is_waiting, moment > now)
        if (found := connection.scalar(statement)) is not None:
            instants.append(found)
    return min(instants, default=None)


def _of_each(employee_keys: Sequence[int]) -> Iterator[ColumnElement[bool]]:
    """Whether a delivery is for one of these people, some hundred people at a time."""
    for start in range(0, len(employee_keys), 500):
        yield deliveries.c.employee_key.in_(employee_keys[start : start + 500])


def _cancel(connection: Connection, whose: ColumnElement[bool], reason: str, now: datetime) -> int:
    statement = update(deliveries).where(whose, _waiting_reminder).values(_cancelled)
    return connection.execute(statement, {"because": reason, "at": now}).rowcount


def _restore(connection: Connection, whose: ColumnElement[bool], reason: str, now: datetime) -> int:
    cancelled = (deliveries.c.kind == Kind.REMINDER, deliveries.c.state == State.CANCELLED, deliveries.c.reason == reason)
    statement = (
        update(deliveries)
        .where(whose, *cancelled, deliveries.c.expires_at > now)
        .values(state=State.PLANNED.value, reason=None, finished_at=None)
    )
    return connection.execute(statement).rowcount
