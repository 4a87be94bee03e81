"""What the whole organisation's figures of a campaign are counted from: few statements, each over everybody, none for one person.

A statement here goes through all people or all deliveries, which takes some tenths of a second for 100,000 people. Pages ask
`summary.board`, which keeps for a moment what was counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
    update,
)

from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.employee import Employee
from notifier.store import past
from notifier.store.employees import SyncRecord, last_sync
from notifier.store.employees import add as add_people
from notifier.store.oversight import letters
from notifier.store.steps import in_audience
from notifier.store.tables import Kind, State, acknowledgements, calendars, deliveries, employees, roster_syncs

_QUARTER = timedelta(minutes=15)  # every zone in use is whole quarters of an hour away from UTC
_IN_MICROSECONDS: ColumnElement[int] = literal_column(str(_QUARTER // timedelta(microseconds=1)), BigInteger)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: ColumnElement[int] = literal_column("0", BigInteger)
_CONTACT = "contact:"
_ASKS = (Kind.REMINDER, Kind.NUDGE)


@dataclass(frozen=True, slots=True)
class Cell:
    """So many people of today who are asked, and alike in all of this.

    Attributes:
        country, region: "" where the roster says nothing.
        leave_until: the last day of an absence, or None.
        department: None where the roster says nothing.
        language: what they chose or the roster says, or None.
        settled: they have given an answer that settles.
    """

    time_zone: str
    country: str
    region: str
    leave_until: date | None
    department: str | None
    language: str | None
    settled: bool
    people: int


@dataclass(frozen=True, slots=True)
class Change:
    """How many more people there are, and how many more of them have settled, from about an instant on; negative for fewer.

    Attributes:
        at: the beginning of the quarter of an hour in which it happened, UTC.
    """

    at: datetime
    people: int
    settled: int


@dataclass(frozen=True, slots=True)
class RosterHealth:
    """How fresh and how complete the roster is. The counts are of everybody who is in it now, whomever a campaign asks.

    Attributes:
        applied: the newest roster that was applied, or None.
        refused: the newest one that was refused after that, or None.
        without_manager: people whose row names nobody.
        unknown_manager: people whose row names somebody who is not in the roster, or no longer.
    """

    applied: SyncRecord | None
    refused: SyncRecord | None
    people: int
    without_language: int
    without_department: int
    without_country: int
    without_manager: int
    unknown_manager: int


def cells(connection: Connection, campaign: Campaign) -> list[Cell]:
    """Everybody who is asked today, counted."""
    spoken = func.coalesce(employees.c.language_choice, employees.c.language)
    settles = acknowledgements.c.settles
    keys = (employees.c.calendar_id, employees.c.leave_until, employees.c.department, spoken, settles)
    statement = (
        select(*keys, func.count())
        .select_from(employees)
        .outerjoin(acknowledgements, _counts_now(campaign.id))
        .where(employees.c.active, *in_audience(campaign.audience))
        .group_by(*keys)
    )
    places = {row.id: (row.time_zone, row.country, row.region) for row in connection.execute(select(calendars))}
    return [
        Cell(*places[row.calendar_id], row.leave_until, row.department, row[3], bool(row.settles), row[5])
        for row in connection.execute(statement)
    ]


def answers(connection: Connection, campaign: Campaign) -> dict[tuple[Answer, Assurance], int]:
    """How many people who are asked today have given each answer that counts, with which assurance."""
    keys = acknowledgements.c["answer", "assurance"]
    statement = (
        select(*keys, func.count())
        .join_from(acknowledgements, employees)
        .where(_counts_now(campaign.id), employees.c.active, *in_audience(campaign.audience))
        .group_by(*keys)
    )
    counted = {(Answer(row[0]), Assurance(row[1])): row[2] for row in connection.execute(statement)}
    return {(said, sure): counted[said, sure] for said in Answer for sure in Assurance if (said, sure) in counted}


def _counts_now(campaign: str) -> ColumnElement[bool]:
    return and_(
        acknowledgements.c.campaign == campaign,
        acknowledgements.c.employee_key == employees.c.key,
        acknowledgements.c.revoked_at.is_(None),
    )


def changes(connection: Connection, campaign: Campaign) -> list[Change]:
    """All that ever changed how many people are asked, and how many of them are settled, in the order in which it happened.

    The sum up to an instant is who was there then, and who of them had settled then, as `store/past.py` has it.
    """
    asked = in_audience(campaign.audience)
    answers = select(acknowledgements.c.id).join_from(acknowledgements, employees).where(*past.settling(campaign), *asked)
    people = select(employees.c.key).where(past.ever_there(), *asked)
    parts = union_all(
        _counted(people, employees.c.joined_at, func.count(), _NOTHING),
        _counted(people.where(employees.c.left_at.is_not(None)), employees.c.left_at, -func.count(), _NOTHING),
        _counted(answers, acknowledgements.c.answered_at, _NOTHING, func.count()),
        _counted(answers.where(past.ANSWER_ENDS_AT.is_not(None)), past.ANSWER_ENDS_AT, _NOTHING, -func.count()),
    )
    sums: dict[int, tuple[int, int]] = {}
    for quarter, come, settled in connection.execute(parts):
        before = sums.get(quarter, (0, 0))
        sums[quarter] = (before[0] + come, before[1] + settled)
    return [Change(_EPOCH + quarter * _QUARTER, *sums[quarter]) for quarter in sorted(sums)]


def _counted(
    rows: Select[*tuple[int]],
    at: ColumnElement[datetime] | ColumnElement[datetime | None],
    people: ColumnElement[int],
    settled: ColumnElement[int],
) -> Any:
    quarter = type_coerce(at, BigInteger) // _IN_MICROSECONDS
    return rows.with_only_columns(quarter.label("quarter"), people.label("people"), settled.label("settled")).group_by(quarter)


def states(connection: Connection, campaign: str) -> dict[State, int]:
    """How many reminders of the campaign stand in each state; those that managers asked for are among them."""
    statement = (
        select(deliveries.c.state, func.count())
        .where(deliveries.c.campaign == campaign, deliveries.c.kind.in_(_ASKS))
        .group_by(deliveries.c.state)
    )
    counted = {State(state): count for state, count in connection.execute(statement)}
    return {state: counted[state] for state in State if state in counted}


def roster_health(connection: Connection) -> RosterHealth:
    """How the roster is doing."""
    applied = last_sync(connection, roster_syncs.c.applied)
    refused = last_sync(connection, ~roster_syncs.c.applied)
    nowhere = select(calendars.c.id).where(calendars.c.country == "")
    statement = select(
        func.count(),
        func.count().filter(func.coalesce(employees.c.language_choice, employees.c.language).is_(None)),
        func.count().filter(employees.c.department.is_(None)),
        func.count().filter(employees.c.calendar_id.in_(nowhere)),
        func.count().filter(employees.c.manager_id.is_(None)),
    ).where(employees.c.active)
    manager = employees.alias("manager")
    named = (
        select(employees.c.manager_id, func.count().label("reports"))
        .where(employees.c.active, employees.c.manager_id.is_not(None))
        .group_by(employees.c.manager_id)
        .subquery()
    )
    unknown = (
        select(func.coalesce(func.sum(named.c.reports), 0))
        .select_from(named)
        .outerjoin(manager, and_(manager.c.id == named.c.manager_id, manager.c.active))
        .where(manager.c.key.is_(None))
    )
    return RosterHealth(
        applied,
        refused if refused and (applied is None or refused.at >= applied.at) else None,
        *connection.execute(statement).one(),
        unknown_manager=int(connection.scalar(unknown) or 0),
    )


def officers(connection: Connection, addresses: Iterable[str], zone: str, now: datetime) -> dict[str, int]:
    """The row of each of these addresses, to whom the organisation's summary goes.

    It is that of the active employee with this address, if there is one. Else it is a row that is nobody of the roster: its id is
    "contact:" and the address, it was never active, and so it is in no count, plan or comparison with a roster.
    """
    wanted = {address.casefold(): address for address in addresses}
    known: dict[str, int] = {}
    columns = employees.c["key", "id", "email_key", "active"]
    by_activity = select(*columns).where(employees.c.email_key.in_(wanted)).order_by(employees.c.active, employees.c.key)
    for row in connection.execute(by_activity):
        if row.active or row.id == contact_id(row.email_key):
            known[row.email_key] = row.key
    for folded in wanted.keys() - known.keys():
        nobody = Employee(contact_id(folded), wanted[folded], "", "", zone, active=False)
        add_people(connection, [nobody], now)
        statement = update(employees).where(employees.c.id == nobody.id).values(left_at=employees.c.joined_at)
        known[folded] = connection.execute(statement.returning(employees.c.key)).scalar_one()
    return {address: known[folded] for folded, address in wanted.items()}


def contact_id(address: str) -> str:
    """The id of the row of an address that is nobody's in the roster."""
    return f"{_CONTACT}{address.casefold()}"[-255:]


def told(connection: Connection, week: int) -> frozenset[str]:
    """The addresses, casefolded, to which this ISO week's summary (202542) of the organisation has been written."""
    statement = (
        select(employees.c.email_key)
        .join_from(letters, employees)
        .where(letters.c.kind == Kind.ORGANISATION.value, letters.c.occasion == week)
    )
    return frozenset(connection.scalars(statement))


def last_letter(connection: Connection, before: int) -> str | None:
    """The newest summary of the organisation from before an ISO week (202542): it is the same for everybody."""
    statement = (
        select(letters.c.content)
        .where(letters.c.kind == Kind.ORGANISATION.value, letters.c.occasion < before)
        .order_by(letters.c.occasion.desc(), letters.c.employee_key)
        .limit(1)
    )
    content: str | None = connection.scalar(statement)
    return content
