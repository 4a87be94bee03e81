"""Who gets a row of the outbox for a step: a few statements, however many people there are.

**One message on one channel.** A step goes to the first channel of its ladder that reaches the person, or to each of them where it
is to go everywhere. Whoever has a row for the step already, on whichever channel, gets no second one, unless that row was refused
or never left the house: so nobody is told twice when the ladder changes, or the way mail leaves. Whom no channel reaches gets a row
that ends at once and says so; it waits after all when the person can be reached.

**What is there is looked at first.** Most ranges of people are like one another: when a step opens nobody has a row for it, and at
the beginning nobody has answered or was refused. One look at a range says so, in the transaction that plans it, and what cannot be
there is not asked about for each person. On PostgreSQL others may write between the look and the insert, as they may while a
statement runs: the unique key lets nobody have two rows on a channel, and whoever claims a row asks again for an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Text, and_, bindparam, case, literal, or_, select

from notifier.domain.campaign import Audience
from notifier.domain.ladder import BY_EMAIL, Ladder, same_rung
from notifier.store import reach
from notifier.store.acknowledgements import settled
from notifier.store.inserts import insert_into
from notifier.store.lookups import is_there
from notifier.store.planning import Opening, changed, same_group, stored_openings
from notifier.store.prepared import Prepared
from notifier.store.reasons import UNCONFIGURED, UNREACHABLE
from notifier.store.refusals import waiting_again
from notifier.store.tables import Instant, Kind, State, acknowledgements, calendars, deliveries, employees
from notifier.store.tables import reach as reach_table


@dataclass(frozen=True, slots=True)
class PlannedRows:
    """What `insert_step` writes: one step of one campaign, for people with `first_key <= key < last_key`."""

    campaign: str
    days_before: int
    message: str
    ladder: Ladder
    state: State
    reason: str | None
    audience: Audience
    openings: Sequence[Opening]
    first_key: int
    last_key: int


def insert_step(connection: Connection, rows: PlannedRows, now: datetime) -> int:
    """Insert the rows that are not there yet. Returns how many were inserted.

    People who have settled, have left, are not in the audience or have had the message are passed over. A step that ended unsent is
    recorded for people who were there in time only.
    """
    windows = stored_openings(connection, rows.openings)
    insert = insert_into(connection, deliveries)
    there = _look(connection, rows)
    asked = [~settled(rows.campaign, employees.c.key)] if there.answers else []
    if rows.state is not State.PLANNED:
        asked += [employees.c.joined_at <= windows.c.opens_at, *([~_has_row(rows)] if there.rows else [])]
        ended = _people(rows, rows.ladder.channels[0], windows, now).where(*asked)
        return changed(connection, insert.on_conflict_do_nothing().from_select(_COLUMNS, ended))
    inserted = 0
    for channel in rows.ladder.channels:
        reached = [reach.is_reached(channel)] if there.refusals or channel not in BY_EMAIL else []
        people = _people(rows, channel, windows, now).where(*asked, *reached)
        if there.rows or inserted:  # each channel sees the rows of those above it
            people = people.where(~_is_told(rows, same_rung(channel) if rows.ladder.everywhere else ()))
        inserted += changed(connection, waiting_again(insert).from_select(_COLUMNS, people))
    by_email = any(channel in BY_EMAIL for channel in rows.ladder.channels)
    if by_email and (not there.refusals or reach.nobody_refused_by_email(connection)):
        return inserted
    ended_at_once = replace(rows, state=State.CANCELLED, reason=UNREACHABLE)
    people = _people(ended_at_once, rows.ladder.channels[-1], windows, now).where(*asked, ~_has_row(rows), ~_is_told(rows))
    return inserted + changed(connection, insert.on_conflict_do_nothing().from_select(_COLUMNS, people))


@dataclass(frozen=True, slots=True)
class _There:
    """Whether anybody in a range of people has any of these; where nobody has, nobody needs to be asked about."""

    rows: bool  # of this step or a later one
    answers: bool
    refusals: bool  # on any rung: without one, e-mail reaches everybody


def _looks() -> Select[*tuple[Any, ...]]:
    """One seek in an index for each. The order keeps the databases to the index by people, whatever their statistics say."""
    within: list[ColumnElement[int]] = [bindparam("first_key"), bindparam("last_key")]
    reminders = (deliveries.c.campaign == bindparam("campaign"), deliveries.c.kind == Kind.REMINDER)
    answers = (acknowledgements.c.campaign == bindparam("campaign"), acknowledgements.c.revoked_at.is_(None))
    looks = (
        (deliveries.c.employee_key, (*reminders, deliveries.c.occasion <= bindparam("days_before"))),
        (acknowledgements.c.employee_key, answers),
        (reach_table.c.employee_key, (reach_table.c.refused_at.is_not(None),)),
    )
    first = [
        select(key).where(key >= within[0], key < within[1], *those).order_by(key).limit(1).scalar_subquery()
        for key, those in looks
    ]
    return select(*first)


_LOOK = Prepared(_looks())


def _look(connection: Connection, rows: PlannedRows) -> _There:
    step = {"campaign": rows.campaign, "days_before": rows.days_before}
    found = _LOOK.one(connection, first_key=rows.first_key, last_key=rows.last_key, **step)
    return _There(*(key is not None for key in found))


_COLUMNS = ["campaign", "employee_key", "kind", "occasion", "channel", "message", "state", "reason"]
_COLUMNS += ["created_at", "due_at", "next_at", "closes_at", "expires_at", "finished_at"]


def _people(rows: PlannedRows, channel: str, windows: Any, now: datetime) -> Any:
    """The people of the groups who are there and asked, each as a row: the groups' windows joined to the people."""
    return (
        select(
            literal(rows.campaign),
            employees.c.key,
            literal(Kind.REMINDER.value),
            literal(rows.days_before, BigInteger),
            literal(channel),
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
        .join_from(employees, windows, same_group(windows, rows.openings))
        .where(
            employees.c.key >= rows.first_key,
            employees.c.key < rows.last_key,
            employees.c.active,
            *in_audience(rows.audience),
        )
        .order_by(employees.c.key)  # each person once, and two planners one after the other
    )


def _is_told(rows: PlannedRows, channels: Sequence[str] = ()) -> ColumnElement[bool]:
    """The message is out, on its way or ended; or a later step is there: a clock that went back must not bring up an earlier one.

    Args:
        channels: only rows on these count for the message itself; empty for all.
    """
    this = [deliveries.c.occasion == rows.days_before, deliveries.c.state != State.REFUSED, _not_ended_as(UNREACHABLE)]
    if channels:
        this.append(deliveries.c.channel.in_(channels))
    return is_there(
        deliveries.c.campaign == rows.campaign,
        deliveries.c.employee_key == employees.c.key,
        deliveries.c.kind == Kind.REMINDER,
        deliveries.c.occasion <= rows.days_before,
        _not_ended_as(UNCONFIGURED),
        or_(deliveries.c.occasion < rows.days_before, and_(*this)),
    )


def _not_ended_as(reason: str) -> ColumnElement[bool]:
    """Whether a row did not end for this reason."""
    return or_(deliveries.c.state != State.CANCELLED, deliveries.c.reason != reason)


def _has_row(rows: PlannedRows) -> ColumnElement[bool]:
    return is_there(
        deliveries.c.campaign == rows.campaign,
        deliveries.c.employee_key == employees.c.key,
        deliveries.c.kind == Kind.REMINDER,
        deliveries.c.occasion == rows.days_before,
    )


def in_audience(audience: Audience) -> list[ColumnElement[bool]]:
    """Whether an employee is asked, in a statement that selects from `employees`."""
    conditions: list[ColumnElement[bool]] = []
    if audience.countries:
        inside = select(calendars.c.id).where(calendars.c.country.in_(audience.countries))
        conditions.append(employees.c.calendar_id.in_(inside))
    if audience.departments:
        conditions.append(employees.c.department.in_(audience.departments))
    if audience.not_departments:
        conditions.append(or_(employees.c.department.is_(None), employees.c.department.not_in(audience.not_departments)))
    return conditions
