"""What employees answered.

Every answer ever given stays as a row; the one that counts is the one not revoked, at most one for each campaign and person. Each
function that changes something is meant to be the whole of one transaction: the answers, the reminders they stop and the receipts
they ask for become true together or not at all.

**Sets.** After a wave many people answer at once. What arrives together is done together, by a number of statements that does not
grow with the people; one answer is a set of one. Whoever changes something twice has the second change in the set after, so for
each person it is as if one had been done after the other. The rows of the people are locked until the transaction ends, so that
this holds for whoever else records their answers too; they are always locked in the same order, so that no two wait for each other.

A provisional answer (nobody can tell whether a person sent it) stops nothing, and never replaces an answer that settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, Boolean, ColumnElement, Connection, Row, String, bindparam, insert, select, update

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.ladder import SLACK
from notifier.store import confirmations, outbox
from notifier.store.database import POSTGRESQL
from notifier.store.lookups import is_there
from notifier.store.prepared import Prepared
from notifier.store.reasons import ANSWERED
from notifier.store.tables import Instant, acknowledgements, employees


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
class Given:
    """An answer as it is given.

    Attributes:
        channel: where: "page", "cli" or "slack".
        receipt_channel: the channel that carries receipts.
        actor: the operator who answers on the person's behalf, or None.
    """

    answer: Answer
    assurance: Assurance
    channel: str
    receipt_channel: str
    actor: str | None = None

    @property
    def settles(self) -> bool:
        return self.answer.settles and self.assurance is not Assurance.PROVISIONAL

    @property
    def wants_receipt(self) -> bool:
        """In Slack the message itself says what was answered, and who was exempted was not asked."""
        return self.settles and self.channel != SLACK and self.answer is not Answer.EXEMPT


@dataclass(frozen=True, slots=True)
class Change:
    """A person answers, or their answer is to count no longer: then `what` says why."""

    campaign: str
    employee_key: int
    what: Given | Revoked


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer.

    Attributes:
        acknowledgement: the one that counts now.
        changed: False where it counted already, or where a provisional answer left a settling one in place.
    """

    acknowledgement: Acknowledgement
    changed: bool


_of_people: BindParameter[int] = bindparam("of_people", expanding=True)
_at = bindparam("at", type_=Instant)
_insert = Prepared(
    insert(acknowledgements).from_select(
        ["campaign", "employee_key", "answer", "assurance", "settles", "channel", "answered_at", "actor"],
        select(
            bindparam("of_campaign", type_=String),
            employees.c.key,
            *(bindparam(name, type_=String) for name in ("answer", "assurance")),
            bindparam("settles", type_=Boolean),
            bindparam("channel", type_=String),
            _at,
            bindparam("actor", type_=String),
        )
        .where(employees.c.key.in_(_of_people))
        .order_by(employees.c.key),
    )
)
_revoke = Prepared(
    update(acknowledgements)
    .where(acknowledgements.c.id.in_(bindparam("of_answers", expanding=True)))
    .values(revoked_at=_at, revoked_because=bindparam("because", type_=String))
)
_current = Prepared(
    select(acknowledgements).where(
        acknowledgements.c.campaign == bindparam("of_campaign"),
        acknowledgements.c.employee_key.in_(_of_people),
        acknowledgements.c.revoked_at.is_(None),
    )
)
_locked = Prepared(select(employees.c.key).where(employees.c.key.in_(_of_people)).order_by(employees.c.key).with_for_update())


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
    """Record an answer; repeating it changes nothing. For the arguments see `Given`."""
    given = Given(answer, assurance, channel, receipt_channel, actor)
    changed = change(connection, [Change(campaign, employee_key, given)], now)[0]
    return Recorded(_currents(connection, campaign, [employee_key])[employee_key], changed)


def undo(connection: Connection, *, campaign: str, employee_key: int, now: datetime) -> bool:
    """Take the answer back: the person is open again and reminders go on. False where there is nothing to take back."""
    return change(connection, [Change(campaign, employee_key, Revoked.UNDONE)], now)[0]


def not_me(connection: Connection, *, campaign: str, employee_key: int, now: datetime) -> bool:
    """The person says somebody else answered: as `undo`, remembered as such."""
    return change(connection, [Change(campaign, employee_key, Revoked.NOT_ME)], now)[0]


def change(connection: Connection, changes: Sequence[Change], now: datetime) -> list[bool]:
    """Record answers and take answers back, those of one person in this order. Returns which of them changed anything."""
    _lock(connection, {one.employee_key for one in changes})
    sets: dict[tuple[str, int], dict[int, Given | Revoked]] = {}
    earlier: Counter[tuple[str, int]] = Counter()
    places = []
    for one in changes:
        turn = one.campaign, earlier[one.campaign, one.employee_key]
        earlier[one.campaign, one.employee_key] += 1
        sets.setdefault(turn, {})[one.employee_key] = one.what
        places.append((turn, one.employee_key))
    changed = {turn: _change(connection, turn[0], asked, now) for turn, asked in sets.items()}
    return [employee_key in changed[turn] for turn, employee_key in places]


def _change(connection: Connection, campaign: str, asked: Mapping[int, Given | Revoked], now: datetime) -> set[int]:
    """One change of each of these people, by their key, in one campaign. Returns whom it changed anything for."""
    before = _currents(connection, campaign, list(asked))
    people: dict[Given | Revoked, list[int]] = {}
    for key, what in asked.items():
        if not _stands(before.get(key), what):
            people.setdefault(what, []).append(key)
    for what, theirs in people.items():
        _replace(connection, campaign, [before[key] for key in theirs if key in before], what, now)
        if isinstance(what, Given):
            _give(connection, campaign, theirs, what, now)
    changed = [key for theirs in people.values() for key in theirs]
    if changed:
        confirmations.queue_rewrites(connection, campaign=campaign, people=changed, now=now)
    return set(changed)


def _replace(
    connection: Connection, campaign: str, before: Sequence[Acknowledgement], what: Given | Revoked, now: datetime
) -> None:
    """These answers count no longer; where that opens their people again, reminders go on."""
    if not before:
        return
    because = what if isinstance(what, Revoked) else Revoked.ANSWERED_AGAIN
    _revoke.change(connection, of_answers=[one.id for one in before], because=because.value, at=now)
    settled = [one.employee_key for one in before if one.settles]
    if settled and (isinstance(what, Revoked) or not what.settles):
        outbox.restore_cancelled(connection, campaign=campaign, people=settled, now=now)


def _give(connection: Connection, campaign: str, people: Sequence[int], given: Given, now: datetime) -> None:
    """These people, of whom no answer counts, say the same."""
    whose = {"of_campaign": campaign, "of_people": people, "at": now}
    said = {"answer": given.answer.value, "assurance": given.assurance.value, "settles": given.settles}
    _insert.change(connection, **whose, **said, channel=given.channel, actor=given.actor)
    if given.settles:
        outbox.cancel_waiting(connection, campaign=campaign, people=people, reason=ANSWERED, now=now)
    if given.wants_receipt:
        confirmations.queue_receipts(connection, campaign=campaign, people=people, channel=given.receipt_channel, now=now)


def current(connection: Connection, *, campaign: str, employee_key: int) -> Acknowledgement | None:
    """The answer that counts, if there is one."""
    return _currents(connection, campaign, [employee_key]).get(employee_key)


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


def _currents(connection: Connection, campaign: str, people: Sequence[int]) -> dict[int, Acknowledgement]:
    """The answers that count of these people, at least one."""
    rows = _current.all(connection, of_campaign=campaign, of_people=people)
    return {row.employee_key: _from_row(row) for row in rows}


def _stands(before: Acknowledgement | None, what: Given | Revoked) -> bool:
    """Whether what is there stays when this arrives."""
    if before is None or isinstance(what, Revoked):
        return before is None and isinstance(what, Revoked)
    if what.assurance is Assurance.PROVISIONAL:
        return before.settles or before.answer is what.answer
    return before.answer is what.answer and before.assurance is not Assurance.PROVISIONAL


def _lock(connection: Connection, people: Collection[int]) -> None:
    """Let nobody else answer for these people until the transaction ends. SQLite has one writer anyway."""
    if people and connection.dialect.name == POSTGRESQL:
        _locked.all(connection, of_people=list(people))


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
