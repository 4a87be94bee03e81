"""What goes out next, from the people of the store: the windows, holidays and absences of each place, and how far it looks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from notifier.delivery.outlook import Outlook
from notifier.domain.countdown import WorkingDays
from notifier.domain.window import Window
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import Kind, State, deliveries
from tests.planning_rig import BY_SMTP, CAMPAIGN, add_person, planner, settle, utc

OCTOBER = utc("2025-10-01T12:00")


def waves(database: Database, now: datetime, until: datetime, limits: Limits | None = None) -> list[tuple[Any, ...]]:
    """Day, days before, language, how many on that day and how many of them late, and when the last ones begin."""
    window, days = Window.parse("09:00-17:00"), WorkingDays()
    limited = {} if limits is None else {"smtp": limits}
    outlook = Outlook((CAMPAIGN,), planner(database).schedule_of, BY_SMTP, limited, window, days, "en")
    with database.read() as connection:
        found = outlook.waves(connection, now, until)
    return [(wave.day, wave.days_before, wave.language, wave.count, wave.late, wave.opened_at) for wave in found]


@pytest.fixture
def company(sqlite_database: Database) -> Database:
    """Ten in Zurich, one of them away until 10 October, and one in Munich; one has answered, and one has had the notice."""
    keys = [add_person(sqlite_database, number, language="fr" if number == 1 else None) for number in range(1, 10)]
    add_person(sqlite_database, 10, leave_until=date(2025, 10, 10))
    add_person(sqlite_database, 11, "Europe/Berlin", "DE")
    with sqlite_database.write() as connection:
        settle(connection, keys[7], OCTOBER)
        told = {"campaign": CAMPAIGN.id, "kind": Kind.REMINDER, "occasion": 30, "channel": "smtp", "message": "notice"}
        told |= dict.fromkeys(("created_at", "due_at", "next_at", "closes_at", "expires_at", "finished_at"), OCTOBER)
        connection.execute(insert(deliveries).values(**told, employee_key=keys[8], state=State.ACCEPTED, attempts=1))
    return sqlite_database


def test_the_steps_that_open_in_time_for_those_who_have_not_had_them(company: Database) -> None:
    """3 October is a Friday, on which Germany does not work; who is away gets it on the first Monday back."""
    on_thursday, on_friday, back = utc("2025-10-02T09:00"), utc("2025-10-03T09:00"), utc("2025-10-13T09:00")
    assert waves(company, OCTOBER, utc("2025-10-14T12:00")) == [
        (date(2025, 10, 2), 30, "en", 1, 0, on_thursday),
        (date(2025, 10, 3), 30, "en", 6, 0, on_friday),
        (date(2025, 10, 3), 30, "fr", 1, 0, on_friday),
        (date(2025, 10, 13), 30, "en", 1, 0, back),
    ]
    assert [wave[:4] for wave in waves(company, OCTOBER, back)][-1] == (date(2025, 10, 13), 30, "en", 1)
    earlier = waves(company, OCTOBER, utc("2025-10-13T08:59"))
    assert [wave[:4] for wave in earlier][-1] == (date(2025, 10, 3), 30, "fr", 1)
    assert waves(company, OCTOBER, utc("2025-10-02T08:59")) == []


def test_a_step_whose_time_is_over_is_not_looked_at(company: Database) -> None:
    """The reminder of 27 October opens; who never had the notice gets that one, and nothing of the notice."""
    opens = utc("2025-10-27T09:00")
    assert [wave[:4] for wave in waves(company, opens, opens)] == [
        (date(2025, 10, 27), 7, "en", 9),
        (date(2025, 10, 27), 7, "fr", 1),
    ]
    just_before = waves(company, utc("2025-10-27T08:59"), opens)
    assert {wave[1] for wave in just_before} == {7, 30}


def test_what_a_window_closes_on_goes_on_at_the_next_one_in_that_place(sqlite_database: Database) -> None:
    """2 October is the last working day before a holiday in Germany and a weekend."""
    for number in range(5):
        add_person(sqlite_database, number, "Europe/Berlin", "DE")
    found = waves(sqlite_database, OCTOBER, utc("2025-10-02T12:00"), Limits(per_day=3))
    assert found == [
        (date(2025, 10, 2), 30, "en", 3, 0, utc("2025-10-02T09:00")),
        (date(2025, 10, 6), 30, "en", 2, 2, utc("2025-10-06T09:00")),
    ]


def test_nobody_is_left_out_who_comes_back_while_the_step_is_current(sqlite_database: Database) -> None:
    """The only one there is away when the step opens for everybody else."""
    add_person(sqlite_database, 1, leave_until=date(2025, 10, 10))
    assert waves(sqlite_database, OCTOBER, utc("2025-10-03T12:00")) == []
    (wave,) = waves(sqlite_database, utc("2025-10-11T12:00"), utc("2025-10-14T12:00"))
    assert wave[:4] == (date(2025, 10, 13), 30, "en", 1)
