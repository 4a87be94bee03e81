"""A manager's team of today: who is in it, what the manager says about them, and reminders that the manager asks for.

Who is settled is in none of these: what a manager may know of that stands in the letters they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from notifier.domain.campaign import Audience
from notifier.domain.employee import full_name
from notifier.store import marks
from notifier.store.acknowledgements import settled
from notifier.store.inserts import insert_into
from notifier.store.lookups import is_there
from notifier.store.outbox import WAITING
from notifier.store.oversight import leave_notes, team_nudges, team_remarks
from notifier.store.planning import Group, group_of
from notifier.store.steps import in_audience
from notifier.store.tables import Instant, Kind, State, calendars, deliveries, employees

_ASKS = (Kind.REMINDER, Kind.NUDGE)


@dataclass(frozen=True, slots=True)
class Member:
    """A direct report.

    Attributes:
        leave_until: the last day of an absence, or None.
        noted: somebody has noted an absence, which can be taken back.
        disowned: the manager has said that they are not in the team, and nobody has settled that yet.
    """

    key: int
    id: str
    public_id: str
    name: str
    leave_until: date | None
    noted: bool
    disowned: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """An open direct report who has been asked before.

    Attributes:
        last_at: when the last reminder was handed over for them.
    """

    key: int
    email: str
    group: Group
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Nudge:
    """One reminder that a manager asked for."""

    employee_key: int
    channel: str
    message: str
    opens_at: datetime
    closes_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Remark:
    """A manager said that somebody is not in their team; `settled_at` is None until an operator has looked into it."""

    id: int
    manager_id: str
    employee_id: str
    said_at: datetime
    settled_at: datetime | None


def members(connection: Connection, manager_key: int) -> list[Member]:
    """The direct reports of today, by name."""
    said = (team_remarks.c.manager_key == manager_key, team_remarks.c.employee_key == employees.c.key)
    disowned = is_there(*said, team_remarks.c.settled_at.is_(None))
    noted = is_there(leave_notes.c.employee_key == employees.c.key)
    columns = employees.c["key", "id", "public_id", "email", "given_name", "family_name", "leave_until"]
    statement = select(*columns, noted.label("noted"), disowned.label("disowned")).where(*_reports_to(connection, manager_key))
    found = [
        Member(
            key=row.key,
            id=row.id,
            public_id=row.public_id,
            name=full_name(row.given_name, row.family_name, row.email),
            leave_until=row.leave_until,
            noted=row.noted,
            disowned=row.disowned,
        )
        for row in connection.execute(statement)
    ]
    return sorted(found, key=lambda member: member.name.casefold())


def to_remind(connection: Connection, campaign: str, audience: Audience, manager_key: int) -> list[Asked]:
    """Direct reports who are open, were reminded before, and have no message on its way."""
    last_at = (
        select(func.max(deliveries.c.finished_at, type_=Instant))
        .where(*_asked(campaign), deliveries.c.state == State.ACCEPTED)
        .scalar_subquery()
        .label("last_at")
    )
    on_its_way = is_there(*_asked(campaign), deliveries.c.state.in_((*WAITING, State.CLAIMED)))
    statement = (
        select(*employees.c["key", "email", "leave_until"], *calendars.c["id", "time_zone", "country", "region"], last_at)
        .join_from(employees, calendars)
        .where(*_reports_to(connection, manager_key), *in_audience(audience), ~settled(campaign, employees.c.key), ~on_its_way)
        .order_by(employees.c.key)
    )
    return [
        Asked(row.key, row.email, group_of(row, row.leave_until), row.last_at)
        for row in connection.execute(statement)
        if row.last_at is not None
    ]


def begin_nudge(connection: Connection, *, campaign: str, manager_key: int, day: date, now: datetime) -> bool:
    """Take the one time that the manager has on this day. False where it is taken."""
    row = {"campaign": campaign, "manager_key": manager_key, "day": day, "asked_at": now, "reminded": 0}
    taken = insert_into(connection, team_nudges).values(row).on_conflict_do_nothing().returning(team_nudges.c.day)
    return connection.execute(taken).first() is not None


def nudged_on(connection: Connection, *, campaign: str, manager_key: int, day: date) -> bool:
    """Whether the manager has had the team reminded on this day."""
    of_day = (team_nudges.c.campaign == campaign, team_nudges.c.manager_key == manager_key, team_nudges.c.day == day)
    return connection.execute(select(team_nudges.c.day).where(*of_day)).first() is not None


def nudge(connection: Connection, nudges: Sequence[Nudge], *, campaign: str, manager_key: int, day: date, now: datetime) -> None:
    """Plan these reminders. Each person gets at most one of a day, whoever asks for it."""
    rows = [
        {
            "campaign": campaign,
            "employee_key": one.employee_key,
            "kind": Kind.NUDGE.value,
            "occasion": int(day.strftime("%Y%m%d")),
            "channel": one.channel,
            "message": one.message,
            "state": State.PLANNED.value,
            "created_at": now,
            "due_at": one.opens_at,
            "next_at": one.opens_at,
            "closes_at": one.closes_at,
            "expires_at": one.expires_at,
        }
        for one in nudges
    ]
    if rows:
        connection.execute(insert_into(connection, deliveries).on_conflict_do_nothing(), rows)
    of_day = (team_nudges.c.campaign == campaign, team_nudges.c.manager_key == manager_key, team_nudges.c.day == day)
    connection.execute(update(team_nudges).where(*of_day).values(reminded=len(rows)))


def note_leave(connection: Connection, employee_key: int, until: date, *, by: str, now: datetime) -> None:
    """Somebody is away until that day: nothing is sent to them before the day after. It outlives the next roster."""
    row = {"employee_key": employee_key, "until": until, "noted_at": now, "noted_by": by}
    statement = insert_into(connection, leave_notes).values(row)
    fresh = {name: statement.excluded[name] for name in ("until", "noted_at", "noted_by")}
    connection.execute(statement.on_conflict_do_update(index_elements=[leave_notes.c.employee_key], set_=fresh))
    shorter = or_(employees.c.leave_until.is_(None), employees.c.leave_until < until)
    connection.execute(update(employees).where(employees.c.key == employee_key, shorter).values(leave_until=until))
    marks.look_again(connection)


def end_leave(connection: Connection, employee_key: int) -> bool:
    """They are back: the note is taken away, and what the roster says holds from its next reading. False where there is none."""
    if connection.execute(delete(leave_notes).where(leave_notes.c.employee_key == employee_key)).rowcount != 1:
        return False
    connection.execute(update(employees).where(employees.c.key == employee_key).values(leave_until=None))
    marks.look_again(connection)
    return True


def noted_leaves(connection: Connection) -> dict[str, str]:
    """Until when people are away by a note of somebody (ISO 8601), by roster id."""
    statement = select(employees.c.id, leave_notes.c.until).join_from(leave_notes, employees)
    return {row.id: row.until.isoformat() for row in connection.execute(statement)}


def disown(connection: Connection, *, manager_key: int, employee_key: int, now: datetime) -> bool:
    """The manager says that somebody is not in their team. False where they have said so already."""
    if connection.execute(select(team_remarks.c.id).where(*_unsettled(manager_key, employee_key))).first() is not None:
        return False
    connection.execute(insert(team_remarks).values(manager_key=manager_key, employee_key=employee_key, said_at=now))
    return True


def own(connection: Connection, *, manager_key: int, employee_key: int, by: str, now: datetime) -> bool:
    """The manager takes that back. False where there was nothing to take back."""
    here = update(team_remarks).where(*_unsettled(manager_key, employee_key))
    return connection.execute(here.values(settled_at=now, settled_by=by)).rowcount > 0


def remarks(connection: Connection, *, unsettled: bool = True) -> list[Remark]:
    """What managers said about who is not in their teams, the oldest first."""
    manager = employees.alias("manager")
    statement = (
        select(team_remarks.c.id, manager.c.id.label("manager_id"), employees.c.id.label("employee_id"))
        .add_columns(team_remarks.c.said_at, team_remarks.c.settled_at)
        .join_from(team_remarks, manager, team_remarks.c.manager_key == manager.c.key)
        .join(employees, team_remarks.c.employee_key == employees.c.key)
        .order_by(team_remarks.c.id)
    )
    if unsettled:
        statement = statement.where(team_remarks.c.settled_at.is_(None))
    return [Remark(*row) for row in connection.execute(statement)]


def settle_remark(connection: Connection, remark_id: int, *, by: str, now: datetime) -> bool:
    """An operator has looked into it. False where somebody had before."""
    here = (team_remarks.c.id == remark_id, team_remarks.c.settled_at.is_(None))
    return connection.execute(update(team_remarks).where(*here).values(settled_at=now, settled_by=by)).rowcount == 1


def _reports_to(connection: Connection, manager_key: int) -> Iterable[ColumnElement[bool]]:
    """Whether an employee is in the team: reports to the manager, or to somebody departed between the two."""
    manager = connection.scalar(select(employees.c.id).where(employees.c.key == manager_key))
    rows = connection.execute(select(employees.c.id, employees.c.manager_id).where(~employees.c.active))
    departed = {row.id: row.manager_id for row in rows}
    heads = [manager, *(name for name in departed if manager is not None and _next_present(name, departed) == manager)]
    return employees.c.active, employees.c.manager_id.in_(heads), employees.c.key != manager_key


def _next_present(name: str, departed: Mapping[str, str | None]) -> str | None:
    """The first one above somebody departed who is not; None where they go round in a circle."""
    at, passed = departed[name], {name}
    while at is not None and at in departed:
        if at in passed:
            return None
        passed.add(at)
        at = departed[at]
    return at


def _unsettled(manager_key: int, employee_key: int) -> tuple[ColumnElement[bool], ...]:
    said = team_remarks.c
    return said.manager_key == manager_key, said.employee_key == employee_key, said.settled_at.is_(None)


def _asked(campaign: str) -> tuple[ColumnElement[bool], ...]:
    return deliveries.c.campaign == campaign, deliveries.c.employee_key == employees.c.key, deliveries.c.kind.in_(_ASKS)
