"""How far the planner has come with each campaign, and whether something changed under its feet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, cast, select

from notifier.store.inserts import insert_into
from notifier.store.tables import meta, plan_marks

_ROSTER_VERSION = "roster_version"


@dataclass(frozen=True, slots=True)
class Mark:
    """Every step that opened up to `planned_until` is planned, for the people and steps that `fingerprint` stands for."""

    planned_until: datetime
    fingerprint: str


def roster_version(connection: Connection) -> int:
    """A number that grows whenever the people, or who of them is open, changed in a way the planner has to look at."""
    return int(connection.scalar(select(meta.c.value).where(meta.c.key == _ROSTER_VERSION)) or 0)


def look_again(connection: Connection) -> None:
    """Make the planner go through everybody at its next tick. Two who ask at the same time are heard both."""
    grown = cast(cast(meta.c.value, BigInteger) + 1, Text)
    statement = insert_into(connection, meta).values(key=_ROSTER_VERSION, value="1")
    connection.execute(statement.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": grown}))


def load(connection: Connection) -> dict[str, Mark]:
    """The mark of every campaign that was ever planned."""
    rows = connection.execute(select(plan_marks.c.campaign, plan_marks.c.planned_until, plan_marks.c.fingerprint))
    return {campaign: Mark(planned_until, fingerprint) for campaign, planned_until, fingerprint in rows}


def save(connection: Connection, campaign: str, mark: Mark) -> None:
    """Remember how far the campaign is planned."""
    values = {"planned_until": mark.planned_until, "fingerprint": mark.fingerprint}
    statement = insert_into(connection, plan_marks).values(campaign=campaign, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[plan_marks.c.campaign], set_=values))
