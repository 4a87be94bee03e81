"""What the outbox tells: each delivery with its person, and counts of where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, or_, select

from notifier.domain.ladder import EMAIL, SLACK
from notifier.store import reach
from notifier.store.acknowledgements import settled
from notifier.store.employees import count_active
from notifier.store.lookups import is_there
from notifier.store.outbox import WAITING, is_waiting
from notifier.store.reasons import UNREACHABLE
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
class Undeliverable:
    """An open person to whom the last message could be brought on no channel, and what each of them said."""

    employee_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateCount:
    campaign: str
    channel: str
    state: State
    count: int


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """How many open people share a calendar, a leave, a language (None where only the campaign's rule or the default says) and the
    rungs of the ladder that reach them."""

    calendar_id: int
    time_zone: str
    country: str
    region: str
    leave_until: date | None
    department: str | None
    language: str | None
    by_email: bool
    on_slack: bool
    count: int

    @property
    def rungs(self) -> tuple[str, ...]:
        """Which rungs reach them."""
        return (*((EMAIL,) if self.by_email else ()), *((SLACK,) if self.on_slack else ()))


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


def undeliverable(connection: Connection, campaign: str) -> list[Undeliverable]:
    """Open people whose newest reminder no channel could carry: each was refused, or none reaches the person."""
    newer = deliveries.alias("newer")
    failed = or_(deliveries.c.state == State.REFUSED, deliveries.c.reason == UNREACHABLE)
    carried = is_there(
        newer.c.campaign == deliveries.c.campaign,
        newer.c.employee_key == deliveries.c.employee_key,
        newer.c.kind == Kind.REMINDER,
        newer.c.occasion <= deliveries.c.occasion,
        newer.c.state.in_((*WAITING, State.CLAIMED, State.ACCEPTED, State.UNKNOWN)),
    )
    statement = (
        select(employees.c.id, deliveries.c.channel, deliveries.c.reason)
        .join_from(deliveries, employees)
        .where(deliveries.c.campaign == campaign, deliveries.c.kind == Kind.REMINDER, failed, ~carried, employees.c.active)
        .where(~settled(deliveries.c.campaign, deliveries.c.employee_key))
        .order_by(employees.c.id, deliveries.c.id)
    )
    found: dict[str, dict[str, None]] = {}
    for id_, channel, reason in connection.execute(statement):
        found.setdefault(id_, {})[reason if reason == UNREACHABLE else f"{channel}: {reason}"] = None
    return [Undeliverable(id_, tuple(reasons)) for id_, reasons in found.items()]


def count_people(connection: Connection, campaign: str) -> tuple[int, int]:
    """How many active people have settled the campaign, and how many there are."""
    have_settled = (
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
    return connection.scalar(have_settled) or 0, count_active(connection)


def open_groups(connection: Connection, campaign: str, *, not_yet_sent: int | None = None) -> list[OpenGroup]:
    """The open people of a campaign, counted: for `plan`.

    Args:
        not_yet_sent: count only people for whom the reminder of this step (`days_before`) has not ended in any way.
    """
    have_settled = select(acknowledgements.c.employee_key).where(
        acknowledgements.c.campaign == campaign, acknowledgements.c.settles, acknowledgements.c.revoked_at.is_(None)
    )
    language = func.coalesce(employees.c.language_choice, employees.c.language).label("spoken")
    keys = (*calendars.c["id", "time_zone", "country", "region"], employees.c.leave_until, employees.c.department, language)
    keys += tuple(reach.is_reached(rung).label(f"reached_by_{rung}") for rung in (EMAIL, SLACK))
    statement = (
        select(*keys, func.count())
        .join_from(employees, calendars)
        .where(employees.c.active, employees.c.key.not_in(have_settled))
        .group_by(*keys)
    )
    if not_yet_sent is not None:
        ended = select(deliveries.c.employee_key).where(
            deliveries.c.campaign == campaign,
            deliveries.c.kind == Kind.REMINDER,
            deliveries.c.occasion == not_yet_sent,
            deliveries.c.finished_at.is_not(None),
            deliveries.c.state != State.REFUSED,
            or_(deliveries.c.state != State.CANCELLED, deliveries.c.reason != UNREACHABLE),
        )
        statement = statement.where(employees.c.key.not_in(ended))
    return [OpenGroup(*row[:7], bool(row[7]), bool(row[8]), row[9]) for row in connection.execute(statement)]
