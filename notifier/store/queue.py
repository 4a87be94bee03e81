"""The queue as operators see it: lists of deliveries, counts of where they stand, and taking what waits out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from notifier.domain.employee import full_name
from notifier.store.outbox import is_waiting
from notifier.store.tables import Instant, Kind, State, deliveries, employees

BY_HAND = "an operator cancelled it"
_COLUMNS = ("id", "employee_key", "campaign", "kind", "occasion", "message", "channel", "state", "reason", "reply", "attempts")


@dataclass(frozen=True, slots=True)
class Which:
    """Which deliveries; None: all."""

    state: State | None = None
    campaign: str | None = None
    channel: str | None = None

    def __bool__(self) -> bool:
        return self != Which()


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery in a list. `finished_at` and `next_at` are UTC; `reply` holds the provider's own words."""

    id: int
    employee_key: int
    campaign: str
    kind: Kind
    occasion: int
    message: str
    channel: str
    state: State
    reason: str | None
    reply: str | None
    attempts: int
    next_at: datetime
    finished_at: datetime | None
    employee_id: str
    given_name: str
    family_name: str
    email: str

    @property
    def at(self) -> datetime:
        """When it ended, or when it is going to be tried."""
        return self.finished_at or self.next_at

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name, self.email)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many deliveries of one message stand in one state.

    Attributes:
        first_at: when the first of them ended; None for those that have not.
        opens_at: when the first of them may go.
    """

    campaign: str
    kind: Kind
    occasion: int
    message: str
    channel: str
    state: State
    count: int
    first_at: datetime | None
    opens_at: datetime


def items(connection: Connection, which: Which, *, before: int | None = None, most: int) -> list[Item]:
    """Deliveries, the newest row first.

    Args:
        before: only rows with a lower id: the next page of a list.
    """
    person = (employees.c.id.label("employee_id"), *employees.c["given_name", "family_name", "email"])
    statement = (
        select(*deliveries.c[_COLUMNS], *deliveries.c["next_at", "finished_at"], *person)
        .join_from(deliveries, employees)
        .where(*_conditions(which))
        .order_by(deliveries.c.id.desc())
        .limit(most)
    )
    if before is not None:
        statement = statement.where(deliveries.c.id < before)
    return [Item(**_typed(row)) for row in connection.execute(statement).mappings()]


def standings(connection: Connection) -> list[Standing]:
    """Where everything stands, counted. It goes through all deliveries: some tenths of a second for a large organisation."""
    keys = deliveries.c["campaign", "kind", "occasion", "message", "channel", "state"]
    ended = deliveries.c.finished_at
    statement = (
        select(
            *keys,
            func.count().label("count"),
            func.min(ended, type_=Instant).label("first_at"),
            func.min(deliveries.c.next_at, type_=Instant).label("opens_at"),
        )
        .group_by(*keys)
        .order_by(*keys)
    )
    return [Standing(**_typed(row)) for row in connection.execute(statement).mappings()]


def count_waiting(connection: Connection, *, ids: Sequence[int] = (), which: Which | None = None) -> int:
    """How many rows `cancel` would change."""
    statement = select(func.count()).select_from(deliveries).where(is_waiting, *_chosen(ids, which))
    return connection.scalar(statement) or 0


def cancel(connection: Connection, *, ids: Sequence[int] = (), which: Which | None = None, now: datetime) -> int:
    """Take waiting rows out of the queue: those named, or all of `which`. Returns how many.

    They stay cancelled: the planning writes no second row for the same step. The next step of the countdown goes out as planned.
    """
    ended = {"state": State.CANCELLED.value, "reason": BY_HAND, "finished_at": now}
    return connection.execute(update(deliveries).where(is_waiting, *_chosen(ids, which)).values(ended)).rowcount


def _typed(row: RowMapping) -> dict[str, Any]:
    return dict(row) | {"kind": Kind(row["kind"]), "state": State(row["state"])}


def _chosen(ids: Sequence[int], which: Which | None) -> tuple[ColumnElement[bool], ...]:
    return (deliveries.c.id.in_(ids),) if which is None else _conditions(which)


def _conditions(which: Which) -> tuple[ColumnElement[bool], ...]:
    asked = (("campaign", which.campaign), ("channel", which.channel), ("state", which.state))
    return tuple(deliveries.c[name] == str(value) for name, value in asked if value is not None)
