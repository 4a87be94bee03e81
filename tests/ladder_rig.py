"""Slack before e-mail: who is found there, and what becomes of rows on either channel, straight from the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select

from notifier.domain.ladder import Ladders
from notifier.store import claims, outcomes, reach
from notifier.store.claims import Claimed
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.quota import Limits
from notifier.store.tables import State, deliveries
from tests.planning_rig import utc

NOW = utc("2025-10-03T10:00")
SLACK_FIRST = Ladders.of(["slack", "email"], email="smtp")


def find_on_slack(database: Database, people: Sequence[int], now: datetime = NOW) -> reach.Matched:
    """Everybody of these, and nobody else, is on Slack, as U1, U2 … by their keys."""
    with database.write() as connection:
        return reach.match(connection, "slack", [(key, f"U{key}", "T1") for key in people], now)


def claim(
    database: Database, channel: str, *, now: datetime = NOW, owner: str = "a", most: int = 100, limits: Limits | None = None
) -> tuple[Claimed, ...]:
    with database.write() as connection:
        return claims.claim(
            connection,
            owner=owner,
            channel=channel,
            limits=limits or Limits(),
            most=most,
            now=now,
            message_id_domain="example.com",
        ).rows


def end(
    database: Database,
    row: Claimed,
    state: State,
    *,
    now: datetime = NOW,
    owner: str = "a",
    ladders: Ladders = SLACK_FIRST,
    words: str = "user_disabled",
    reference: str | None = None,
) -> bool:
    """What became of a claimed row."""
    reason = words if state is State.REFUSED else None
    outcome = Outcome(row.id, row.epoch, state, reason, reply=words, reference=reference)
    with database.write() as connection:
        return outcomes.record(connection, owner=owner, outcome=outcome, now=now, ladders=ladders)


def send(database: Database, channel: str, *, now: datetime = NOW, ladders: Ladders = SLACK_FIRST) -> list[int]:
    """Everything that waits on the channel is taken; on Slack with a handle on it. Returns whose it was."""
    rows = claim(database, channel, now=now)
    for row in rows:
        reference = row.reference or f"D{row.employee_key}:{row.id}.000100" if channel == "slack" else None
        assert end(database, row, State.ACCEPTED, now=now, ladders=ladders, reference=reference)
    return [row.employee_key for row in rows]


def rows(database: Database, *, kind: str = "reminder") -> list[RowMapping]:
    with database.read() as connection:
        statement = select(deliveries).where(deliveries.c.kind == kind).order_by(deliveries.c.employee_key, deliveries.c.id)
        return list(connection.execute(statement).mappings())


def told(database: Database, *, kind: str = "reminder") -> list[tuple[int, str, str]]:
    """(employee, channel, state) of every delivery of the kind."""
    return [(row["employee_key"], row["channel"], row["state"]) for row in rows(database, kind=kind)]
