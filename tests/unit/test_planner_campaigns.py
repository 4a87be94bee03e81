"""Several campaigns at one tick: what changes for one of them does not hide what changed for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, update

from notifier.domain.campaign import Campaign, Step
from notifier.store import marks
from notifier.store.database import Database
from notifier.store.tables import calendars, employees
from tests.planning_rig import CAMPAIGN, add_person, planner, utc
from tests.rows_rig import standing

NOW = utc("2025-10-03T10:00")
NOTICE = replace(CAMPAIGN, steps=(Step(30, "notice"),))
LATER = Campaign("a-later-one", date(2026, 3, 2), (Step(30, "notice"),))


@pytest.mark.parametrize("order", [1, -1], ids=["before", "behind"])
def test_who_goes_on_leave_is_left_alone_also_where_a_campaign_is_added_the_same_day(sqlite_database: Database, order: int) -> None:
    person = add_person(sqlite_database, 1)
    planner(sqlite_database, NOTICE).tick(NOW)
    with sqlite_database.write() as connection:
        connection.execute(update(employees).where(employees.c.key == person).values(leave_until=date(2025, 10, 8)))
        marks.look_again(connection)
    planner(sqlite_database, *(NOTICE, LATER)[::order]).tick(NOW + timedelta(minutes=1))
    with sqlite_database.read() as connection:
        (row,) = standing(connection).values()
    assert (row["state"], row["next_at"]) == ("planned", utc("2025-10-09T09:00"))
    assert row["closes_at"] == utc("2025-10-09T17:00")


def test_a_tick_that_changes_nothing_writes_no_mark_and_the_next_one_looks_from_there(sqlite_database: Database) -> None:
    add_person(sqlite_database, 1)
    plan = planner(sqlite_database, NOTICE, LATER)
    plan.tick(NOW)
    with sqlite_database.read() as connection:
        before = marks.load(connection)
    assert not plan.tick(NOW + timedelta(minutes=1))
    with sqlite_database.read() as connection:
        assert marks.load(connection) == before
    assert {mark.planned_until for mark in before.values()} == {NOW}


def test_a_holiday_of_the_region_moves_the_step_there_and_nowhere_else(sqlite_database: Database) -> None:
    """Reformation Day, Friday 31 October 2025, is one in Brandenburg and not in Hesse: there the step goes out on the Thursday."""
    brandenburg = add_person(sqlite_database, 1, zone="Europe/Berlin", country="DE")
    with sqlite_database.write() as connection:
        connection.execute(update(calendars).values(region="BB"))
        place = {"time_zone": "Europe/Berlin", "country": "DE", "region": "HE"}
        hesse_calendar = connection.execute(insert(calendars).values(place).returning(calendars.c.id)).scalar_one()
    hesse = add_person(sqlite_database, 2, zone="Europe/Zurich")
    with sqlite_database.write() as connection:
        connection.execute(update(employees).where(employees.c.key == hesse).values(calendar_id=hesse_calendar))
    plan = planner(sqlite_database, replace(CAMPAIGN, steps=(Step(3, "reminder"),)))
    for day in ("2025-10-30", "2025-10-31"):
        plan.tick(utc(f"{day}T10:00"))
    with sqlite_database.read() as connection:
        due = {row["employee_key"]: row["due_at"] for row in standing(connection).values()}
    assert due == {brandenburg: utc("2025-10-30T09:00"), hesse: utc("2025-10-31T09:00")}
