"""Planned rows: which window each waits for, and when its time is over. Who gets one stands in `store/steps.py`.

Every statement works on a set of people at once: people who share a calendar are one group, however many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Date,
    MetaData,
    Row,
    Table,
    and_,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.schema import CreateTable

from notifier.store.database import POSTGRESQL
from notifier.store.outbox import is_waiting
from notifier.store.tables import Instant, Kind, State, calendars, deliveries, employees

_NO_LEAVE = date(1, 1, 1)
_FEW = 8  # windows that are found faster one by one
_WINDOWS = Table(
    "windows",
    MetaData(),
    Column("calendar_id", BigInteger, primary_key=True),
    Column("leave_until", Date, primary_key=True),
    Column("opens_at", Instant),
    Column("closes_at", Instant),
    Column("expires_at", Instant),
    schema="temp",
    sqlite_with_rowid=False,
)


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


def groups(connection: Connection) -> list[Group]:
    """Every distinct calendar, and every distinct (calendar, leave) of people who are or were away.

    A leave until `_NO_LEAVE` is none: some programs write that day where they have no date.
    """
    place = tuple(calendars.c["id", "time_zone", "country", "region"])
    found = [group_of(row, None) for row in connection.execute(select(*place))]
    away = (
        select(*place, employees.c.leave_until)
        .join_from(employees, calendars)
        .where(employees.c.leave_until > _NO_LEAVE, employees.c.active)
        .distinct()
    )
    found += [group_of(row, row.leave_until) for row in connection.execute(away)]
    return found


def highest_key(connection: Connection) -> int:
    """The largest `employees.key`, 0 where there is nobody."""
    return connection.scalar(select(func.max(employees.c.key))) or 0


def expire(connection: Connection, now: datetime, most: int) -> int:
    """End waiting rows whose step is over, up to `most` of them: superseded where a newer step exists, missed otherwise."""
    newer = deliveries.alias("newer")
    overtaken = exists().where(
        newer.c.campaign == deliveries.c.campaign,
        newer.c.employee_key == deliveries.c.employee_key,
        newer.c.kind == deliveries.c.kind,
        newer.c.occasion < deliveries.c.occasion,
        deliveries.c.kind == Kind.REMINDER,
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
            same_group(windows, openings),
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
    columns = [column(one.name, one.type) for one in _WINDOWS.c]
    return values(*columns, name="windows").data([_row(one) for one in openings]).cte("windows")


def stored_openings(connection: Connection, openings: Sequence[Opening]) -> Any:
    """The same for a statement that goes through everybody: on SQLite a table of this connection's own, filled anew each time.

    Its columns have types and an index, so a person's window is found by a seek; and the statement's text does not hold what is in
    it, so SQLAlchemy compiles one for all ranges of people.
    """
    if connection.dialect.name == POSTGRESQL:
        return openings_table(openings)
    connection.execute(CreateTable(_WINDOWS, if_not_exists=True))
    connection.execute(delete(_WINDOWS))
    rows = [dict(zip(_WINDOWS.c.keys(), _row(one), strict=True)) for one in openings]
    connection.execute(insert(_WINDOWS), rows)
    return _WINDOWS


def _row(opening: Opening) -> tuple[Any, ...]:
    group = opening.group
    return group.calendar_id, group.leave_until or _NO_LEAVE, opening.opens_at, opening.closes_at, opening.expires_at


def same_group(windows: Any, openings: Sequence[Opening]) -> ColumnElement[bool]:
    """Whether an employee is of the group of that row of the `openings_table` of these openings.

    VALUES have no types. SQLite makes an index on them only for what has none either, and without one it holds each person against
    every window. Where these are many, the calendar's number is a sum, which has no type.
    """
    number = employees.c.calendar_id if len(openings) <= _FEW else employees.c.calendar_id + 0
    return and_(
        number == windows.c.calendar_id,
        func.coalesce(employees.c.leave_until, bindparam(None, _NO_LEAVE, type_=Date)) == windows.c.leave_until,
    )
