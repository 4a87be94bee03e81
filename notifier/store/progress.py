"""What letters to managers are made of besides figures: who may be named, what managers are called, what they were told before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, and_, func, or_, select

from notifier.domain.campaign import Campaign
from notifier.domain.employee import full_name
from notifier.domain.ladder import Ladder
from notifier.domain.teams import Report
from notifier.store import reach
from notifier.store.acknowledgements import settled
from notifier.store.census import Details, Managers
from notifier.store.inserts import insert_into
from notifier.store.letters import Letter
from notifier.store.lookups import portions
from notifier.store.oversight import census_people, letters
from notifier.store.reasons import UNREACHABLE
from notifier.store.steps import in_audience
from notifier.store.tables import Kind, State, calendars, deliveries, employees

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Nameable:
    """Somebody open who may be named to the manager they report to, if the domain lets this manager see it (`Teams.names`).

    Attributes:
        reminders: how many messages of the countdown were meant for them and are not to come, whether or not they arrived.
    """

    report: Report
    name: str
    reminders: int
    leave_until: date | None


@dataclass(frozen=True, slots=True)
class Manager:
    """An active person with what decides when they are written to."""

    key: int
    time_zone: str
    country: str
    region: str
    leave_until: date | None


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter with its time. Instants are UTC."""

    letter: Letter
    message: str
    opens_at: datetime
    closes_at: datetime
    expires_at: datetime


def nameable(connection: Connection, campaign: Campaign, details: Details, managers: Managers) -> dict[int, list[Nameable]]:
    """Who is open today and lives where names may be shown, by the row of the manager they report to."""
    if not details.names_somewhere:
        return {}
    tried = or_(
        deliveries.c.state.in_((State.ACCEPTED, State.REFUSED, State.UNKNOWN)),
        and_(deliveries.c.state == State.CANCELLED, deliveries.c.reason == UNREACHABLE),
    )
    of_person = (deliveries.c.campaign == campaign.id, deliveries.c.employee_key == employees.c.key)
    kinds = deliveries.c.kind.in_((Kind.REMINDER, Kind.NUDGE))
    reminders = select(func.count(deliveries.c.occasion.distinct())).where(*of_person, kinds, tried).scalar_subquery()
    counted = and_(census_people.c.campaign == campaign.id, census_people.c.employee_key == employees.c.key)
    statement = (
        select(*employees.c["key", "id", "manager_id", "email", "given_name", "family_name", "leave_until"])
        .add_columns(census_people.c.home_key, census_people.c.named, reminders.label("reminders"))
        .join_from(employees, calendars)
        .outerjoin(census_people, counted)
        .where(employees.c.active, *in_audience(campaign.audience), details.agreed(), ~settled(campaign.id, employees.c.key))
        .order_by(employees.c.key)
    )
    found: dict[int, list[Nameable]] = {}
    for row in connection.execute(statement):
        manager = managers.home(row.id, row.manager_id)
        if manager is not None:
            home = None if row.home_key is None else str(row.home_key)
            report = Report(str(row.key), open=True, agreed=True, home=home, named=bool(row.named))
            found.setdefault(manager, []).append(Nameable(report, _called(row), row.reminders, row.leave_until))
    return found


def names_of(connection: Connection, keys: Collection[int]) -> dict[int, str]:
    """What these people are called."""
    columns = employees.c["key", "email", "given_name", "family_name"]
    return {
        row.key: _called(row)
        for some in portions(sorted(keys))
        for row in connection.execute(select(*columns).where(employees.c.key.in_(some)))
    }


def active_managers(connection: Connection, keys: Collection[int]) -> list[Manager]:
    """Those of these people who are here, by their row."""
    columns = (employees.c.key, *calendars.c["time_zone", "country", "region"], employees.c.leave_until)
    statement = select(*columns).join_from(employees, calendars).where(employees.c.active).order_by(employees.c.key)
    return [
        Manager(*row) for some in portions(sorted(keys)) for row in connection.execute(statement.where(employees.c.key.in_(some)))
    ]


def written_to(connection: Connection, *, kind: Kind, occasion: int, campaign: str) -> frozenset[int]:
    """Who has this message already."""
    of_message = (letters.c.kind == kind.value, letters.c.occasion == occasion, letters.c.campaign == campaign)
    return frozenset(connection.scalars(select(letters.c.employee_key).where(*of_message)))


def last_summaries(connection: Connection, keys: Collection[int], *, before: int) -> dict[int, str]:
    """The newest summary that was written for each of these people before an ISO week (202542); people without one are left out."""
    newest = letters.alias("newest")
    of_person = (newest.c.kind == Kind.SUMMARY.value, newest.c.employee_key == letters.c.employee_key, newest.c.occasion < before)
    week = select(func.max(newest.c.occasion)).where(*of_person).scalar_subquery()
    statement = select(letters.c.employee_key, letters.c.content).where(
        letters.c.kind == Kind.SUMMARY.value, letters.c.campaign == "", letters.c.occasion == week
    )
    return {
        row.employee_key: row.content
        for some in portions(sorted(keys))
        for row in connection.execute(statement.where(letters.c.employee_key.in_(some)))
    }


def post(connection: Connection, addressed: Sequence[Addressed], ladder: Ladder, now: datetime) -> int:
    """Write these letters and plan the delivery of each, in the transaction of the caller. Returns how many were new.

    A letter that is there already stays, and so does its delivery, on whichever channel: the letter is what makes it one message,
    also where two plan it at the same time. Somebody whom no channel reaches gets a row that has ended.
    """
    if not addressed:
        return 0
    insert = insert_into(connection, letters).on_conflict_do_nothing().returning(letters.c.employee_key)
    rows = [
        {name: getattr(one.letter, name) for name in ("kind", "employee_key", "occasion", "campaign", "content")}
        | {"written_at": now}
        for one in addressed
    ]
    fresh = frozenset(connection.scalars(insert, rows))
    new = [one for one in addressed if one.letter.employee_key in fresh]
    channels = _channels(connection, sorted(fresh), ladder)
    planned = [_delivery(one, channels[one.letter.employee_key], ladder, now) for one in new]
    if planned:
        connection.execute(insert_into(connection, deliveries).on_conflict_do_nothing(), planned)
    return len(new)


def _called(row: Row[*tuple[Any, ...]]) -> str:
    """A name as it may stand in the message of somebody else: never an address, with which no such message leaves the house."""
    name = full_name(row.given_name, row.family_name, row.email)
    return row.email.partition("@")[0] if "@" in name else name


def _channels(connection: Connection, keys: Sequence[int], ladder: Ladder) -> dict[int, str | None]:
    """The first channel of the ladder that reaches each of these people."""
    known: dict[int, list[reach.Reached]] = {}
    for one in reach.of_people(connection, keys):
        known.setdefault(one.employee_key, []).append(one)
    emails = connection.execute(select(employees.c.key, employees.c.email).where(employees.c.key.in_(keys)))
    reached = {row.key: reach.reached_on(known.get(row.key, ()), row.email, ladder.channels) for row in emails}
    return {key: next(iter(ladder.chosen(channels)), None) for key, channels in reached.items()}


def _delivery(one: Addressed, channel: str | None, ladder: Ladder, now: datetime) -> dict[str, object]:
    ended = channel is None
    return {
        **{name: getattr(one.letter, name) for name in ("campaign", "employee_key", "occasion")},
        "kind": one.letter.kind.value,
        "channel": ladder.channels[-1] if channel is None else channel,
        "message": one.message,
        "state": (State.CANCELLED if ended else State.PLANNED).value,
        "reason": UNREACHABLE if ended else None,
        "created_at": now,
        **dict.fromkeys(("due_at", "next_at"), one.opens_at),
        "closes_at": one.closes_at,
        "expires_at": one.expires_at,
        "finished_at": now if ended else None,
    }
