"""Rows under a plan that has changed: the deadline was moved, a step was added, taken out or renamed, or the clock went back.

A row that still waits follows its step: to its new time, its new text, or out of the planning where the step is gone. A row that
ended unsent waits again where its step is still to come by the present plan and nothing newer has gone out. What was sent stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, literal, or_, select, true, update

from notifier.domain.ladder import BY_EMAIL, Ladder
from notifier.store.acknowledgements import settled
from notifier.store.outbox import is_waiting
from notifier.store.planning import Group, Opening, changed, group_of, openings_table, same_group
from notifier.store.reasons import UNCONFIGURED
from notifier.store.tables import Instant, Kind, State, calendars, deliveries, employees


def _unsent_by_the_plan(rows: Any) -> ColumnElement[bool]:
    unconfigured = and_(rows.c.state == State.CANCELLED, rows.c.reason == UNCONFIGURED)
    return or_(rows.c.state.in_((State.SUPERSEDED, State.MISSED)), unconfigured)


_ended_by_the_plan = _unsent_by_the_plan(deliveries)


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows of one step on one channel for people who share a calendar. `waiting` is False for rows that ended unsent."""

    group: Group
    days_before: int
    channel: str
    message: str
    expires_at: datetime
    waiting: bool


def standing(connection: Connection, campaign: str) -> list[Standing]:
    """What the campaign's unsent reminders believe of the plan, each distinct belief once."""
    statement = (
        select(
            *calendars.c["id", "time_zone", "country", "region"],
            employees.c.leave_until,
            *deliveries.c["occasion", "channel", "message", "expires_at"],
            is_waiting.label("waiting"),
        )
        .join_from(deliveries, employees)
        .join(calendars)
        .where(
            deliveries.c.campaign == campaign,
            deliveries.c.kind == Kind.REMINDER,
            employees.c.active,
            or_(is_waiting, _ended_by_the_plan),
        )
        .distinct()
    )
    return [
        Standing(group_of(row, row.leave_until), row.occasion, row.channel, row.message, row.expires_at, bool(row.waiting))
        for row in connection.execute(statement)
    ]


def withdraw(connection: Connection, campaign: str, ladders: Mapping[int, Ladder], now: datetime) -> int:
    """Cancel waiting reminders of every step (`days_before`) that is not one of these, and on channels that it is not sent on."""
    elsewhere = (
        and_(deliveries.c.occasion == days_before, deliveries.c.channel.not_in(ladder.channels))
        for days_before, ladder in ladders.items()
    )
    statement = (
        update(deliveries)
        .where(
            deliveries.c.campaign == campaign,
            deliveries.c.kind == Kind.REMINDER,
            or_(deliveries.c.occasion.not_in(list(ladders)), *elsewhere),
            is_waiting,
        )
        .values(state=State.CANCELLED.value, reason=UNCONFIGURED, finished_at=now)
    )
    return connection.execute(statement).rowcount


def follow(
    connection: Connection,
    *,
    campaign: str,
    days_before: int,
    message: str,
    ladder: Ladder,
    openings: Sequence[Opening],
    now: datetime,
    keep_retries: bool,
) -> int:
    """Give the unsent reminders of one step the times and the text that it has now.

    Of a message that ended unsent on several channels one waits again.

    Args:
        keep_retries: a later time for another try stays; False where that time is one of a wrong clock.
    """
    windows = openings_table(openings)
    newer = deliveries.alias("newer")
    told_newer = exists().where(
        newer.c.campaign == deliveries.c.campaign,
        newer.c.employee_key == deliveries.c.employee_key,
        newer.c.kind == deliveries.c.kind,
        newer.c.occasion < deliveries.c.occasion,
        newer.c.state.in_((State.CLAIMED, State.ACCEPTED, State.UNKNOWN)),
    )
    to_come = and_(windows.c.opens_at < windows.c.expires_at, windows.c.expires_at > literal(now, Instant))
    still_asked = and_(~settled(campaign, employees.c.key), employees.c.active)
    revived = and_(_ended_by_the_plan, to_come, ~told_newer, ~_goes_elsewhere(ladder), still_asked)
    keeps_its_time = and_(literal(keep_retries), deliveries.c.state == State.RETRY, deliveries.c.next_at > windows.c.opens_at)
    statement = (
        update(deliveries)
        .where(
            deliveries.c.employee_key == employees.c.key,
            same_group(windows, openings),
            deliveries.c.campaign == campaign,
            deliveries.c.kind == Kind.REMINDER,
            deliveries.c.occasion == days_before,
            deliveries.c.channel.in_(ladder.channels),
            or_(is_waiting, revived),
        )
        .values(
            state=case((is_waiting, deliveries.c.state), else_=State.PLANNED.value),
            reason=case((is_waiting, deliveries.c.reason), else_=None),
            message=message,
            next_at=case((keeps_its_time, deliveries.c.next_at), else_=windows.c.opens_at),
            closes_at=windows.c.closes_at,
            expires_at=windows.c.expires_at,
            finished_at=None,
        )
        .add_cte(windows)
    )
    return changed(connection, statement)


def _goes_elsewhere(ladder: Ladder) -> ColumnElement[bool]:
    """Whether another row carries the message, has carried it, or is the one of several that waits again."""
    other = deliveries.alias("other")
    by_email = and_(other.c.channel.in_(BY_EMAIL), deliveries.c.channel.in_(BY_EMAIL))
    sent = other.c.state.in_((State.PLANNED, State.RETRY, State.CLAIMED, State.ACCEPTED, State.UNKNOWN))
    waits_again = and_(_unsent_by_the_plan(other), other.c.channel.in_(ladder.channels), other.c.id > deliveries.c.id)
    return exists().where(
        other.c.campaign == deliveries.c.campaign,
        other.c.employee_key == deliveries.c.employee_key,
        other.c.kind == deliveries.c.kind,
        other.c.occasion == deliveries.c.occasion,
        other.c.id != deliveries.c.id,
        by_email if ladder.everywhere else true(),
        or_(sent, waits_again),
    )
