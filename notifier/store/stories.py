"""What the outbox tells: each delivery with its person, and counts of where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from notifier.store.employees import count_active
from notifier.store.outbox import is_waiting
from notifier.store.tables import Instant, Kind, State, acknowledgements, calendars, deliveries, employees


@dataclass(frozen=True, slots=True)
class Story:
    """One delivery and its person. Instants are UTC; `occasion` is `days_before` for a reminder."""

    id: int
    employee_key: int
    employee_id: str
    email: str
    time_zone: str
    campaign: str
    kind: Kind
    occasion: int
    message: str
    channel: str
    language: str | None
    subject: str | None
    state: State
    reason: str | None
    reply: str | None
    attempts: int
    due_at: datetime
    next_at: datetime
    finished_at: datetime | None

    @property
    def at(self) -> datetime:
        """When it ended, or when it is going to be tried."""
        return self.finished_at or self.next_at


@dataclass(frozen=True, slots=True)
class StateCount:
    campaign: str
    channel: str
    state: State
    count: int


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """How many open people share a calendar, a leave and a language (None where only the campaign's rule or the default says)."""

    calendar_id: int
    time_zone: str
    country: str
    region: str
    leave_until: date | None
    department: str | None
    language: str | None
    count: int


def tell(
    connection: Connection,
    *,
    employee_key: int | None = None,
    campaign: str | None = None,
    state: State | None = None,
    finished_since: datetime | None = None,
    most: int | None = None,
) -> Iterator[Story]:
    """Deliveries in the order in which they ended or are due."""
    ended_or_due = func.coalesce(deliveries.c.finished_at, deliveries.c.next_at)
    statement = (
        select(
            *deliveries.c["id", "employee_key"],
            employees.c.id.label("employee_id"),
            employees.c.email,
            calendars.c.time_zone,
            *deliveries.c["campaign", "kind", "occasion", "message", "channel", "language", "subject", "state", "reason"],
            *deliveries.c["reply", "attempts", "due_at", "next_at", "finished_at"],
        )
        .join_from(deliveries, employees)
        .join(calendars)
        .order_by(ended_or_due, deliveries.c.id)
        .limit(most)
    )
    for column, value in (("employee_key", employee_key), ("campaign", campaign), ("state", state)):
        if value is not None:
            statement = statement.where(deliveries.c[column] == value)
    if finished_since is not None:
        statement = statement.where(deliveries.c.finished_at >= finished_since)
    for row in connection.execute(statement).mappings():
        yield Story(**dict(row) | {"kind": Kind(row["kind"]), "state": State(row["state"])})


def count_states(connection: Connection) -> list[StateCount]:
    """How many deliveries of each campaign and channel stand in each state."""
    statement = (
        select(*deliveries.c["campaign", "channel", "state"], func.count())
        .group_by(*deliveries.c["campaign", "channel", "state"])
        .order_by(*deliveries.c["campaign", "channel", "state"])
    )
    return [StateCount(row[0], row[1], State(row[2]), row[3]) for row in connection.execute(statement)]


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the oldest delivery that could go now has been waiting; None where nothing could."""
    waiting = (is_waiting, deliveries.c.next_at <= now, deliveries.c.closes_at > now)
    oldest: datetime | None = connection.scalar(select(func.min(deliveries.c.next_at, type_=Instant)).where(*waiting))
    return oldest


def count_people(connection: Connection, campaign: str) -> tuple[int, int]:
    """How many active people have settled the campaign, and how many there are."""
    settled = (
        select(func.count())
        .select_from(acknowledgements)
        .join(employees)
        .where(
            employees.c.active,
            acknowledgements.c.campaign == campaign,
            acknowledgements.c.settles,
            acknowledgements.c.revoked_at.is_(None),
        )
    )
    return connection.scalar(settled) or 0, count_active(connection)


def open_groups(connection: Connection, campaign: str, *, not_yet_sent: int | None = None) -> list[OpenGroup]:
    """The open people of a campaign, counted: for `plan`.

    Args:
        not_yet_sent: count only people for whom the reminder of this step (`days_before`) has not ended in any way.
    """
    settled = select(acknowledgements.c.employee_key).where(
        acknowledgements.c.campaign == campaign, acknowledgements.c.settles, acknowledgements.c.revoked_at.is_(None)
    )
    language = func.coalesce(employees.c.language_choice, employees.c.language).label("spoken")
    keys = (*calendars.c["id", "time_zone", "country", "region"], employees.c.leave_until, employees.c.department, language)
    statement = (
        select(*keys, func.count())
        .join_from(employees, calendars)
        .where(employees.c.active, employees.c.key.not_in(settled))
        .group_by(*keys)
    )
    if not_yet_sent is not None:
        ended = select(deliveries.c.employee_key).where(
            deliveries.c.campaign == campaign,
            deliveries.c.kind == Kind.REMINDER,
            deliveries.c.occasion == not_yet_sent,
            deliveries.c.finished_at.is_not(None),
        )
        statement = statement.where(employees.c.key.not_in(ended))
    return [OpenGroup(*tuple(row)) for row in connection.execute(statement)]
