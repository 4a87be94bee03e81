"""Rows of the outbox that differ in one thing each, and what a statement has changed of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from notifier.store.tables import deliveries
from tests.planning_rig import CAMPAIGN, utc

NOW = utc("2025-10-03T10:00")
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)  # the smallest difference that the store knows


def add_row(connection: Connection, person: int, **differs: Any) -> int:
    """A reminder that may be claimed at NOW, but for what is said otherwise. Returns its id."""
    values = {
        "campaign": CAMPAIGN.id,
        "employee_key": person,
        "kind": "reminder",
        "occasion": 30,
        "channel": "smtp",
        "message": "notice",
        "state": "planned",
        "created_at": NOW - HOUR,
        "due_at": NOW - HOUR,
        "next_at": NOW - HOUR,
        "closes_at": NOW + HOUR,
        "expires_at": NOW + 24 * HOUR,
    }
    return connection.execute(insert(deliveries).values(values | differs).returning(deliveries.c.id)).scalar_one()


def standing(connection: Connection) -> dict[int, dict[str, Any]]:
    """Every row as it stands, by its id."""
    return {row["id"]: dict(row) for row in connection.execute(deliveries.select()).mappings()}


def changes(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What is different now, by row; rows that have not changed are left out."""
    found = {number: {name: value for name, value in row.items() if before[number][name] != value} for number, row in after.items()}
    return {number: difference for number, difference in found.items() if difference}


def ended_at(now: datetime | None, state: str, reason: str | None) -> dict[str, Any]:
    """What is different of a row that ended, or with None of one that waits again."""
    return {"state": state, "reason": reason, "finished_at": now}
