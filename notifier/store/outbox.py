"""The outbox: how its rows are cancelled, come back, are tried again, and how receipts get into it.

A row is inserted when its step is due (`store/planning.py`) and lives for ever; `store/claims.py` is the way out of the door.
Unsent ends, each with its reason in words: `superseded` (a newer step took over), `missed` (too late, and nothing newer),
`cancelled` (answered, left, or taken out of the configuration). A cancelled row comes back when its reason goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, select, update

from notifier.store import marks
from notifier.store.tables import Instant, Kind, State, deliveries

WAITING = (State.PLANNED, State.RETRY)
# The words stand in the statement itself: SQLite takes an index of waiting rows only where it sees that nothing else is asked for.
is_waiting = deliveries.c.state.in_(bindparam("waiting", WAITING, expanding=True, literal_execute=True))
ANSWERED = "answered"
LEFT = "left the organisation"
UNCONFIGURED = "no longer in the configuration"
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)

# Statements that every answer needs are made once: making one takes SQLAlchemy as long as running it.
_of_person = and_(deliveries.c.campaign == bindparam("of_campaign"), deliveries.c.employee_key == bindparam("of_person"))
_waiting_reminder = and_(deliveries.c.kind == Kind.REMINDER, deliveries.c.state.in_(WAITING))
_cancelled = {"state": State.CANCELLED.value, "reason": bindparam("because"), "finished_at": bindparam("at", type_=Instant)}
_cancel_of_person = update(deliveries).where(_of_person, _waiting_reminder).values(_cancelled)
_last_accepted = select(func.max(deliveries.c.finished_at, type_=Instant)).where(
    _of_person, deliveries.c.kind == Kind.REMINDER, deliveries.c.state == State.ACCEPTED
)
_insert = insert(deliveries)


def cancel_waiting(connection: Connection, *, campaign: str, employee_key: int, reason: str, now: datetime) -> int:
    """Cancel this person's waiting reminders of the campaign."""
    values = {"of_campaign": campaign, "of_person": employee_key, "because": reason, "at": now}
    return connection.execute(_cancel_of_person, values).rowcount


def cancel_for_leavers(connection: Connection, employee_keys: Sequence[int], now: datetime) -> int:
    """Cancel every waiting reminder of people who have left."""
    return sum(_cancel(connection, whose, LEFT, now) for whose in _of_each(employee_keys))


def restore_for_returned(connection: Connection, employee_keys: Sequence[int], now: datetime) -> int:
    """After somebody has come back: reminders cancelled because they had left, and still current, wait again."""
    return sum(_restore(connection, whose, LEFT, now) for whose in _of_each(employee_keys))


def restore_cancelled(connection: Connection, *, campaign: str, employee_key: int, now: datetime) -> int:
    """After an undo: reminders that an answer cancelled and that are still current wait again.

    The planner is asked to look again too: a step that opened while the person counted as settled has no row yet.
    """
    marks.look_again(connection)
    whose = and_(deliveries.c.campaign == campaign, deliveries.c.employee_key == employee_key)
    return _restore(connection, whose, ANSWERED, now)


def count_retryable(connection: Connection, *, ids: Sequence[int], state: State | None, now: datetime) -> int:
    """How many rows `retry` would change."""
    return connection.scalar(select(func.count()).select_from(deliveries).where(*_retryable(ids, state, now))) or 0


def retry(connection: Connection, *, ids: Sequence[int], state: State | None, now: datetime) -> int:
    """Let refused or uncertain rows wait again: those named, or all in `state`, as long as they are current."""
    again = {"state": State.RETRY.value, "next_at": now, "finished_at": None, "reason": "an operator asked for another try"}
    return connection.execute(update(deliveries).where(*_retryable(ids, state, now)).values(again)).rowcount


def _retryable(ids: Sequence[int], state: State | None, now: datetime) -> tuple[ColumnElement[bool], ...]:
    which = deliveries.c.id.in_(ids) if state is None else deliveries.c.state == state
    return which, deliveries.c.state.in_((State.REFUSED, State.UNKNOWN)), deliveries.c.expires_at > now


def queue_receipt(
    connection: Connection, *, campaign: str, employee_key: int, acknowledgement_id: int, channel: str, now: datetime
) -> None:
    """Queue the confirmation of an answer. It waits for no window: the person is at their desk."""
    connection.execute(
        _insert,
        {
            "campaign": campaign,
            "employee_key": employee_key,
            "kind": Kind.RECEIPT.value,
            "occasion": acknowledgement_id,
            "channel": channel,
            "message": "receipt",
            "state": State.PLANNED.value,
            "created_at": now,
            "due_at": now,
            "next_at": now,
            "closes_at": _FOR_EVER,
            "expires_at": now + timedelta(days=3),
        },
    )


def last_accepted_at(connection: Connection, *, campaign: str, employee_key: int) -> datetime | None:
    """When the last reminder of the campaign was handed over to a provider for this person."""
    last: datetime | None = connection.scalar(_last_accepted, {"of_campaign": campaign, "of_person": employee_key})
    return last


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
