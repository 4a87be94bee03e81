"""Planned rows: who gets a row of the outbox, which window it waits for, and when its time is over.

Every statement works on a set of people at once: people who share a calendar are one group, however many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    Row,
    Text,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    update,
    values,
)

from notifier.domain.campaign import Audience
from notifier.store.acknowledgements import settled
from notifier.store.inserts import insert_into
from notifier.store.lookups import is_there
from notifier.store.outbox import UNCONFIGURED, is_waiting
from notifier.store.tables import Instant, Kind, State, calendars, deliveries, employees

_NO_LEAVE = date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Group:
    """People who share a calendar and the last day of an absence: they are planned as one."""

    calendar_id: int
    time_zone: str
    country: str
    region: str
    leave_until: date | None


@dataclass(frozen=True, slots=True)
class Opening:
    """When one step may be sent to one group."""

    group: Group
    opens_at: datetime
    closes_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PlannedRows:
    """What `insert_step` writes: one step of one campaign, for people with `first_key <= key < last_key`."""

    campaign: str
    days_before: int
    message: str
    channel: str
    state: State
    reason: str | None
    audience: Audience
    openings: Sequence[Opening]
    first_key: int
    last_key: int


def groups(connection: Connection) -> list[Group]:
    """Every distinct calendar, and every distinct (calendar, leave) of people who are or were away."""
    place = tuple(calendars.c["id", "time_zone", "country", "region"])
    found = [group_of(row, None) for row in connection.execute(select(*place))]
    away = (
        select(*place, employees.c.leave_until)
        .join_from(employees, calendars)
        .where(employees.c.leave_until.is_not(None), employees.c.active)
        .distinct()
    )
    found += [group_of(row, row.leave_until) for row in connection.execute(away)]
    return found


def highest_key(connection: Connection) -> int:
    """The largest `employees.key`, 0 where there is nobody."""
    return connection.scalar(select(func.max(employees.c.key))) or 0


def insert_step(connection: Connection, rows: PlannedRows, now: datetime) -> int:
    """Insert the rows that are not there yet. Returns how many were inserted.

    One statement: a table of the groups' windows is joined to the people. People who have settled, have left, are not in the
    audience or already have the row are passed over. A step that ended unsent is recorded for people who were there in time only.
    """
    windows = openings_table(rows.openings)
    people = (
        select(
            literal(rows.campaign),
            employees.c.key,
            literal(Kind.REMINDER.value),
            literal(rows.days_before, BigInteger),
            literal(rows.channel),
            literal(rows.message),
            literal(rows.state.value),
            literal(rows.reason, Text),
            literal(now, Instant),
            windows.c.opens_at,
            windows.c.opens_at,
            windows.c.closes_at,
            windows.c.expires_at,
            case((literal(rows.state.value) == State.PLANNED.value, None), else_=literal(now, Instant)),
        )
        .join_from(employees, windows, same_group(windows))
        .where(
            employees.c.key >= rows.first_key,
            employees.c.key < rows.last_key,
            employees.c.active,
            ~settled(rows.campaign, employees.c.key),
            *_in_audience(rows.audience),
        )
    )
    if rows.state is State.PLANNED:
        people = people.where(~_told_newer(rows, employees.c.key))
    else:
        people = people.where(employees.c.joined_at <= windows.c.opens_at)
    names = ["campaign", "employee_key", "kind", "occasion", "channel", "message", "state", "reason"]
    names += ["created_at", "due_at", "next_at", "closes_at", "expires_at", "finished_at"]
    insert = insert_into(connection, deliveries).on_conflict_do_nothing()
    return changed(connection, insert.from_select(names, people))


def expire(connection: Connection, now: datetime, most: int) -> int:
    """End waiting rows whose step is over, up to `most` of them: superseded where a newer step exists, missed otherwise."""
    newer = deliveries.alias("newer")
    overtaken = exists().where(
        newer.c.campaign == deliveries.c.campaign,
        newer.c.employee_key == deliveries.c.employee_key,
        newer.c.kind == deliveries.c.kind,
        newer.c.occasion < deliveries.c.occasion,
    )
    statement = (
        update(deliveries)
        .where(deliveries.c.id.in_(select(deliveries.c.id).where(is_waiting, deliveries.c.expires_at <= now).limit(most)))
        .values(
            state=case((overtaken, State.SUPERSEDED.value), else_=State.MISSED.value),
            reason=case((overtaken, "a newer step took over before this could be sent"), else_="it could not be sent in time"),
            finished_at=now,
        )
    )
    return connection.execute(statement).rowcount


def groups_past_window(connection: Connection, now: datetime) -> list[Group]:
    """Groups with reminders that still wait although their window has closed."""
    statement = (
        select(*calendars.c["id", "time_zone", "country", "region"], employees.c.leave_until)
        .join_from(deliveries, employees)
        .join(calendars)
        .where(is_waiting, deliveries.c.kind == Kind.REMINDER, deliveries.c.closes_at <= now)
        .distinct()
    )
    return [group_of(row, row.leave_until) for row in connection.execute(statement)]


def move_to_window(connection: Connection, openings: Sequence[Opening], now: datetime, first_key: int, last_key: int) -> int:
    """Give waiting reminders of these groups the window they can be sent in, for people with `first_key <= key < last_key`.

    A later retry time stays.
    """
    windows = openings_table(openings)
    outside = or_(deliveries.c.closes_at <= now, deliveries.c.next_at < windows.c.opens_at)
    statement = (
        update(deliveries)
        .where(
            deliveries.c.employee_key == employees.c.key,
            employees.c.key >= first_key,
            employees.c.key < last_key,
            same_group(windows),
            is_waiting,
            deliveries.c.kind == Kind.REMINDER,
            outside,
        )
        .values(
            next_at=case((deliveries.c.next_at > windows.c.opens_at, deliveries.c.next_at), else_=windows.c.opens_at),
            closes_at=windows.c.closes_at,
        )
        .add_cte(windows)
    )
    return changed(connection, statement)


def group_of(row: Row[*tuple[Any, ...]], leave_until: date | None) -> Group:
    """The group of a row that holds the columns of a calendar."""
    return Group(row.id, row.time_zone, row.country, row.region, leave_until)


def changed(connection: Connection, statement: Any) -> int:
    """Run it; how many rows it changed. Python's SQLite driver does not count for a statement that begins with WITH."""
    count = connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
    return count if count >= 0 else connection.exec_driver_sql("SELECT changes()").scalar_one()


def openings_table(openings: Sequence[Opening]) -> Any:
    """The openings as a table that a statement can join to."""
    table = values(
        column("calendar_id", BigInteger),
        column("leave_until", Date),
        column("opens_at", Instant),
        column("closes_at", Instant),
        column("expires_at", Instant),
        name="windows",
    ).data(
        [
            (one.group.calendar_id, one.group.leave_until or _NO_LEAVE, one.opens_at, one.closes_at, one.expires_at)
            for one in openings
        ]
    )
    return table.cte("windows")


def same_group(windows: Any) -> ColumnElement[bool]:
    """Whether an employee is of the group of that row of `openings_table`."""
    return and_(
        employees.c.calendar_id == windows.c.calendar_id,
        func.coalesce(employees.c.leave_until, bindparam(None, _NO_LEAVE, type_=Date)) == windows.c.leave_until,
    )


def _told_newer(rows: PlannedRows, employee_key: ColumnElement[int]) -> ColumnElement[bool]:
    """A later step is there already: a clock that went back must not bring up an earlier one."""
    return is_there(
        deliveries.c.campaign == rows.campaign,
        deliveries.c.employee_key == employee_key,
        deliveries.c.kind == Kind.REMINDER,
        deliveries.c.occasion < rows.days_before,
        or_(deliveries.c.state != State.CANCELLED, deliveries.c.reason != UNCONFIGURED),
    )


def _in_audience(audience: Audience) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if audience.countries:
        inside = select(calendars.c.id).where(calendars.c.country.in_(audience.countries))
        conditions.append(employees.c.calendar_id.in_(inside))
    if audience.departments:
        conditions.append(employees.c.department.in_(audience.departments))
    if audience.not_departments:
        conditions.append(or_(employees.c.department.is_(None), employees.c.department.not_in(audience.not_departments)))
    return conditions
