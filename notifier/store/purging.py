"""What is taken away when its time is over, a portion at a time: no write lock is held for long, and whoever dies goes on later."""

from __future__ import annotations

from collections.abc import Sequence
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
    sessions,
    sign_in_links,
    team_nudges,
    team_remarks,
)
from notifier.store.oversight import ledger as entries
from notifier.store.tables import Instant, acknowledgements, deliveries, employees, presses, roster_syncs

_OF_A_CAMPAIGN = (presses, census_people, census_managers, team_nudges, letters, deliveries, acknowledgements)


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


def records(connection: Connection, campaign: str, most: int) -> int:
    """Take away up to `most` per-person records of a campaign. Returns how many: 0 when there are none left.

    Counts are not touched: they are `final_figures`.
    """
    for table in _OF_A_CAMPAIGN:
        if gone := _delete(connection, table, table.c.campaign == campaign, most):
            return gone
    return 0


def people_in_ledger(connection: Connection, campaign: str) -> list[int]:
    """Of whom the ledger says something personal about a campaign: see `ledger.forget_campaign`."""
    personal = (entries.c.campaign == campaign, entries.c.personal.is_not(None), entries.c.employee_key.is_not(None))
    return list(connection.scalars(select(entries.c.employee_key).where(*personal).distinct().order_by(entries.c.employee_key)))


def people_in_old_entries(connection: Connection, before: datetime) -> list[int]:
    """Of whom the ledger says something personal that is about no campaign, and nothing of it newer: looks, exports."""
    personal = (entries.c.campaign == "", entries.c.personal.is_not(None), entries.c.employee_key.is_not(None))
    statement = select(entries.c.employee_key).where(*personal).group_by(entries.c.employee_key)
    return list(connection.scalars(statement.having(func.max(entries.c.at) < before).order_by(entries.c.employee_key)))


def messages(connection: Connection, before: datetime, most: int) -> int:
    """Take away letters about no single campaign, and their deliveries, that were written before then. As `records`."""
    about_all = (letters.c.campaign == "", letters.c.written_at < before)
    gone = _delete(connection, letters, and_(*about_all), most)
    return gone or _delete(connection, deliveries, and_(deliveries.c.campaign == "", deliveries.c.created_at < before), most)


def notes(connection: Connection, before: datetime, day: date, most: int) -> int:
    """Take away older remarks and sessions, absences that were over before that day, and refused rosters that others followed."""
    newest = select(func.max(roster_syncs.c.id)).scalar_subquery()
    return (
        _delete(connection, team_remarks, team_remarks.c.said_at < before, most)
        or _delete(connection, leave_notes, leave_notes.c.until < day, most)
        or _delete(connection, sessions, sessions.c.ends_at < before, most)
        or _delete(connection, sign_in_links, sign_in_links.c.ends_at < before, most)
        or _delete(connection, refused_rosters, refused_rosters.c.sync_id < newest, most)
    )


def leavers(connection: Connection, before: datetime) -> list[int]:
    """Those who left before then, and of whom nothing but their row is left."""
    records_of = [
        *(is_there(table.c.employee_key == employees.c.key) for table in (deliveries, acknowledgements, letters, census_people)),
        is_there(census_managers.c.manager_key == employees.c.key),
    ]
    statement = select(employees.c.key).where(*_has_left(before), ~or_(*records_of)).order_by(employees.c.key)
    return list(connection.scalars(statement))


def make_nobody(connection: Connection, keys: Sequence[int], before: datetime, now: datetime) -> int:
    """Make the rows of these leavers rows of nobody; of those who have not come back meanwhile. Returns how many there were."""
    still_away = list(connection.scalars(select(employees.c.key).where(employees.c.key.in_(keys), *_has_left(before))))
    for key in still_away:
        ledger.forget(connection, key, now=now)
    return anonymise(connection, still_away, now)


def _has_left(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return ~employees.c.active, employees.c.left_at < before, employees.c.id.not_like(f"{ERASED}%")


def _delete(connection: Connection, table: Table, whose: ColumnElement[bool], most: int) -> int:
    columns: list[Column[Any]] = list(table.primary_key.columns)
    some = select(*columns).where(whose).limit(most)
    of_rows = columns[0].in_(some) if len(columns) == 1 else tuple_(*columns).in_(some)
    return connection.execute(delete(table).where(of_rows)).rowcount
