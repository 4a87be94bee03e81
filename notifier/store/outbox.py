"""The outbox: how its rows are cancelled, come back, and are tried again.

A row is inserted when its step is due (`store/planning.py`) and lives for ever; `store/claims.py` is the way out of the door.
Unsent ends, each with its reason in words: `superseded` (a newer step took over), `missed` (too late, and nothing newer),
`cancelled` (answered, left, taken out of the configuration, or no channel reaches the person). A cancelled row comes back when its
reason goes.

A message that was taken may come back days later (`bounced`): then it counts as refused, and the next channel carries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)

from notifier.domain.ladder import BY_EMAIL, EMAIL, Ladders
from notifier.store import marks, reach, refusals
from notifier.store.lookups import is_there
from notifier.store.prepared import Prepared
from notifier.store.reasons import ANSWERED, LEFT
from notifier.store.tables import Instant, Kind, State, deliveries

WAITING = (State.PLANNED, State.RETRY)
# The words stand in the statement itself: SQLite takes an index of waiting rows only where it sees that nothing else is asked for.
is_waiting = deliveries.c.state.in_(bindparam("waiting", WAITING, expanding=True, literal_execute=True))

_of_people = and_(
    deliveries.c.campaign == bindparam("of_campaign"), deliveries.c.employee_key.in_(bindparam("of_people", expanding=True))
)
_waiting_reminder = and_(deliveries.c.kind == Kind.REMINDER, deliveries.c.state.in_(WAITING))
_AGAIN = {"state": State.RETRY.value, "finished_at": None, "reason": "an operator asked for another try"}
_cancelled = {"state": State.CANCELLED.value, "reason": bindparam("because"), "finished_at": bindparam("at", type_=Instant)}
# Words in the statement itself, as above: else SQLite plans it anew at each run, since an index might fit what is asked for then.
_is_reminder = deliveries.c.kind == literal(Kind.REMINDER.value, literal_execute=True)
asks = deliveries.c.kind.in_(bindparam("asking", (Kind.REMINDER, Kind.NUDGE), expanding=True, literal_execute=True))
is_accepted = deliveries.c.state == literal(State.ACCEPTED.value, literal_execute=True)
_cancel_of_people = Prepared(update(deliveries).where(_of_people, _is_reminder, is_waiting).values(_cancelled))
_handed_over = Prepared(
    select(deliveries.c.employee_key).where(
        _of_people,
        asks,
        is_accepted,
        deliveries.c.finished_at > bindparam("after", type_=Instant),
        deliveries.c.finished_at <= bindparam("until", type_=Instant),
    )
)


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
