"""What employees answered.

Every answer ever given stays as a row; the one that counts is the one not revoked, at most one for each campaign and person. Each
function here is meant to be the whole of one transaction: the answer, the reminders it stops and the receipt it asks for become
true together or not at all. Functions of one person wait for each other (a lock on the person's row), so two answers at once end
as one after the other.

A provisional answer (nobody can tell whether a person sent it) stops nothing, and never replaces an answer that settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.ladder import SLACK
from notifier.store import outbox
from notifier.store.database import POSTGRESQL
from notifier.store.lookups import is_there
from notifier.store.prepared import Prepared
from notifier.store.reasons import ANSWERED
from notifier.store.tables import acknowledgements, employees


class Revoked(StrEnum):
    """Why an answer counts no longer."""

    UNDONE = "undone"
    NOT_ME = "not_me"
    ANSWERED_AGAIN = "answered_again"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One recorded answer.

    Attributes:
        settles: whether it ends the reminders.
        channel: "page" or "cli".
        actor: the operator who answered on the person's behalf, or None.
        revoked_because: None while it counts.
    """

    id: int
    campaign: str
    employee_key: int
    answer: Answer
    assurance: Assurance
    settles: bool
    channel: str
    answered_at: datetime
    actor: str | None
    revoked_at: datetime | None
    revoked_because: Revoked | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer.

    Attributes:
        acknowledgement: the one that counts now.
        changed: False where it counted already, or where a provisional answer left a settling one in place.
        cancelled: how many waiting reminders it stopped.
    """

    acknowledgement: Acknowledgement
    changed: bool
    cancelled: int


_given = ("campaign", "employee_key", "answer", "assurance", "settles", "channel", "answered_at", "actor")
_insert = Prepared(
    insert(acknowledgements)
    .values({name: bindparam(f"new_{name}", type_=acknowledgements.c[name].type) for name in _given})
    .returning(acknowledgements.c.id)
)
_current = Prepared(
    select(acknowledgements).where(
        acknowledgements.c.campaign == bindparam("of_campaign"),
        acknowledgements.c.employee_key == bindparam("of_person"),
        acknowledgements.c.revoked_at.is_(None),
    )
)
_person = Prepared(select(employees.c.key).where(employees.c.key == bindparam("of_person")).with_for_update())


def record(
    connection: Connection,
    *,
    campaign: str,
    employee_key: int,
    answer: Answer,
    assurance: Assurance,
    channel: str,
    receipt_channel: str,
    now: datetime,
    actor: str | None = None,
) -> Recorded:
    """Record an answer; repeating it changes nothing.

    Args:
        channel: where it was given: "page", "cli" or "slack".
        receipt_channel: the channel that carries the receipt.
    """
    _lock_person(connection, employee_key)
    before = current(connection, campaign=campaign, employee_key=employee_key)
    provisional = assurance is Assurance.PROVISIONAL
    settles = answer.settles and not provisional
    if before is not None and _stands(before, answer, provisional=provisional):
        return Recorded(before, changed=False, cancelled=0)
    if before is not None:
        _revoke(connection, before, Revoked.ANSWERED_AGAIN, now)
    (number,) = _insert.one(
        connection,
        new_campaign=campaign,
        new_employee_key=employee_key,
        new_answer=answer.value,
        new_assurance=assurance.value,
        new_settles=settles,
        new_channel=channel,
        new_answered_at=now,
        new_actor=actor,
    )
    given = Acknowledgement(number, campaign, employee_key, answer, assurance, settles, channel, now, actor, None, None)
    cancelled = 0
    if settles:
        cancelled = outbox.cancel_waiting(connection, campaign=campaign, employee_key=employee_key, reason=ANSWERED, now=now)
        if channel != SLACK:  # there the message itself says what was answered
            outbox.queue_receipt(
                connection,
                campaign=campaign,
                employee_key=employee_key,
                acknowledgement_id=number,
                channel=receipt_channel,
                now=now,
            )
    elif before is not None and before.settles:
        outbox.restore_cancelled(connection, campaign=campaign, employee_key=employee_key, now=now)
    outbox.queue_rewrites(connection, campaign, employee_key, now)
    return Recorded(given, changed=True, cancelled=cancelled)


def undo(connection: Connection, *, campaign: str, employee_key: int, now: datetime) -> bool:
    """Take the answer back: the person is open again and reminders go on. False where there is nothing to take back."""
    return _reopen(connection, campaign, employee_key, Revoked.UNDONE, now)


def not_me(connection: Connection, *, campaign: str, employee_key: int, now: datetime) -> bool:
    """The person says somebody else answered: as `undo`, remembered as such."""
    return _reopen(connection, campaign, employee_key, Revoked.NOT_ME, now)


def current(connection: Connection, *, campaign: str, employee_key: int) -> Acknowledgement | None:
    """The answer that counts, if there is one."""
    row = _current.first(connection, of_campaign=campaign, of_person=employee_key)
    return None if row is None else _from_row(row)


def history(connection: Connection, *, campaign: str, employee_key: int) -> tuple[Acknowledgement, ...]:
    """Every answer of the person, from the first to the last."""
    statement = (
        select(acknowledgements)
        .where(acknowledgements.c.campaign == campaign, acknowledgements.c.employee_key == employee_key)
        .order_by(acknowledgements.c.id)
    )
    return tuple(_from_row(row) for row in connection.execute(statement))


def settled(campaign: str | ColumnElement[str], employee_key: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether this person has given an answer that settles the campaign."""
    return is_there(
        acknowledgements.c.campaign == campaign,
        acknowledgements.c.employee_key == employee_key,
        acknowledgements.c.settles,
        acknowledgements.c.revoked_at.is_(None),
    )


def _stands(before: Acknowledgement, answer: Answer, *, provisional: bool) -> bool:
    """Whether what is there stays when this answer arrives."""
    if provisional:
        return before.settles or before.answer is answer
    return before.answer is answer and before.assurance is not Assurance.PROVISIONAL


def _reopen(connection: Connection, campaign: str, employee_key: int, because: Revoked, now: datetime) -> bool:
    _lock_person(connection, employee_key)
    before = current(connection, campaign=campaign, employee_key=employee_key)
    if before is None:
        return False
    _revoke(connection, before, because, now)
    if before.settles:
        outbox.restore_cancelled(connection, campaign=campaign, employee_key=employee_key, now=now)
    outbox.queue_rewrites(connection, campaign, employee_key, now)
    return True


def _revoke(connection: Connection, acknowledgement: Acknowledgement, because: Revoked, now: datetime) -> None:
    statement = update(acknowledgements).where(acknowledgements.c.id == acknowledgement.id)
    connection.execute(statement.values(revoked_at=now, revoked_because=because))


def _lock_person(connection: Connection, employee_key: int) -> None:
    """Let nobody else answer for this person until the transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == POSTGRESQL:
        _person.first(connection, of_person=employee_key)


def _from_row(row: Row[Any]) -> Acknowledgement:
    return Acknowledgement(
        id=row.id,
        campaign=row.campaign,
        employee_key=row.employee_key,
        answer=Answer(row.answer),
        assurance=Assurance(row.assurance),
        settles=row.settles,
        channel=row.channel,
        answered_at=row.answered_at,
        actor=row.actor,
        revoked_at=row.revoked_at,
        revoked_because=None if row.revoked_because is None else Revoked(row.revoked_because),
    )
