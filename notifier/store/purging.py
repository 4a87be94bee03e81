"""What is taken away when its time is over, a portion at a time: no write lock is held for long, and whoever dies goes on later."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, or_, select, tuple_

from notifier.store import ledger
from notifier.store.erasure import ERASED, anonymise
from notifier.store.inserts import insert_into
from notifier.store.lookups import is_there
from notifier.store.oversight import (
    census_managers,
    census_people,
    final_figures,
    leave_notes,
    letters,
    refused_rosters,
    team_nudges,
    team_remarks,
)
from notifier.store.oversight import ledger as entries
from notifier.store.tables import Instant, acknowledgements, deliveries, employees, presses, roster_syncs

_OF_A_CAMPAIGN = (presses, census_people, census_managers, team_nudges, letters, deliveries, acknowledgements)
_FEW = 500  # of what is done one by one


def last_activity(connection: Connection) -> dict[str, datetime]:
    """When something last happened in each campaign of which there are per-person records, by its id."""
    found: dict[str, datetime] = {}
    for table, at in ((deliveries, deliveries.c.created_at), (acknowledgements, acknowledgements.c.answered_at)):
        newest = select(table.c.campaign, func.max(at, type_=Instant)).where(table.c.campaign != "").group_by(table.c.campaign)
        for campaign, latest in connection.execute(newest):
            found[campaign] = max(found.get(campaign, latest), latest)
    return found


def keep_final(connection: Connection, campaign: str, content: str, now: datetime) -> None:
    """Keep these figures as the last ones of a campaign. What is there already stays."""
    row = {"campaign": campaign, "content": content, "counted_at": now}
    connection.execute(insert_into(connection, final_figures).values(row).on_conflict_do_nothing())


def final(connection: Connection, campaign: str) -> str | None:
    """The last figures of a campaign, if they are kept."""
    content: str | None = connection.scalar(select(final_figures.c.content).where(final_figures.c.campaign == campaign))
    return content


def campaign(connection: Connection, name: str, most: int, now: datetime) -> int:
    """Take away up to `most` per-person records of a campaign. Returns how many: 0 when there are none left.

    Counts are not touched: they are `final_figures`. The ledger keeps its facts, and loses what is personal.
    """
    for table in _OF_A_CAMPAIGN:
        if gone := _delete(connection, table, table.c.campaign == name, most):
            return gone
    personal = and_(entries.c.campaign == name, entries.c.personal.is_not(None), entries.c.employee_key.is_not(None))
    keys = list(connection.scalars(select(entries.c.employee_key).where(personal).distinct().limit(_FEW)))
    return ledger.forget_campaign(connection, name, keys, now=now) if keys else 0


def messages(connection: Connection, before: datetime, most: int) -> int:
    """Take away letters about no single campaign, and their deliveries, that were written before then. As `campaign`."""
    about_all = (letters.c.campaign == "", letters.c.written_at < before)
    gone = _delete(connection, letters, and_(*about_all), most)
    return gone or _delete(connection, deliveries, and_(deliveries.c.campaign == "", deliveries.c.created_at < before), most)


def notes(connection: Connection, before: datetime, day: date, most: int) -> int:
    """Take away remarks that are older, absences that were over before that day, and refused rosters that others have followed."""
    newest = select(func.max(roster_syncs.c.id)).scalar_subquery()
    return (
        _delete(connection, team_remarks, team_remarks.c.said_at < before, most)
        or _delete(connection, leave_notes, leave_notes.c.until < day, most)
        or _delete(connection, refused_rosters, refused_rosters.c.sync_id < newest, most)
    )


def leavers(connection: Connection, before: datetime, now: datetime) -> int:
    """Make some of those who left before then, and of whom nothing but their row is left, rows of nobody. As `campaign`."""
    left = (~employees.c.active, employees.c.left_at < before, employees.c.id.not_like(f"{ERASED}%"))
    records = [
        *(is_there(table.c.employee_key == employees.c.key) for table in (deliveries, acknowledgements, letters, census_people)),
        is_there(census_managers.c.manager_key == employees.c.key),
    ]
    statement = select(employees.c.key).where(*left, ~or_(*records)).limit(_FEW)
    keys = list(connection.scalars(statement))
    if keys:
        for key in keys:
            ledger.forget(connection, key, now=now)
        anonymise(connection, keys, now)
    return len(keys)


def _delete(connection: Connection, table: Table, whose: ColumnElement[bool], most: int) -> int:
    columns: list[Column[Any]] = list(table.primary_key.columns)
    some = select(*columns).where(whose).limit(most)
    of_rows = columns[0].in_(some) if len(columns) == 1 else tuple_(*columns).in_(some)
    return connection.execute(delete(table).where(of_rows)).rowcount
