"""A manager's team of today, notes about it, and reminders that the manager asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from notifier.delivery.nudging import Nudger
from notifier.domain.campaign import Audience
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.roster.reading import RosterReading
from notifier.roster.sync import synchronise
from notifier.store import claims, reach, teams
from notifier.store import employees as people
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.reach import Refusal
from notifier.store.tables import Kind, State, deliveries, employees
from tests.planning_rig import BY_SMTP, CAMPAIGN, add_person, planner, settle, utc

TUESDAY = utc("2025-10-14 10:00")  # between the notice (3 October) and the reminder (27 October)
NOTICE = 30


def nudger(database: Database, ladders: Ladders = BY_SMTP) -> Nudger:
    return Nudger(
        planner=planner(database, ladders=ladders), window=Window.parse("09:00-17:00"), working_days=WorkingDays(), ladders=ladders
    )


def remind(database: Database, manager: int, now: datetime = TUESDAY, today: date | None = None) -> bool:
    with database.write() as connection:
        return nudger(database).remind(connection, CAMPAIGN, manager, today=today or now.date(), now=now)


def told(database: Database, employee_key: int, at: datetime, occasion: int = NOTICE, state: State = State.ACCEPTED) -> None:
    """A reminder of the countdown that was handed over, or waits."""
    with database.write() as connection:
        connection.execute(
            insert(deliveries).values(
                campaign=CAMPAIGN.id,
                employee_key=employee_key,
                kind=Kind.REMINDER,
                occasion=occasion,
                channel="smtp",
                message="notice",
                state=state,
                **dict.fromkeys(("created_at", "due_at", "next_at"), at),
                **dict.fromkeys(("closes_at", "expires_at"), at + timedelta(days=30)),
                finished_at=at if state is State.ACCEPTED else None,
            )
        )


def nudges(database: Database) -> list[tuple[int, str, datetime, datetime]]:
    columns = deliveries.c["employee_key", "message", "next_at", "expires_at"]
    with database.read() as connection:
        return [
            tuple(row) for row in connection.execute(select(*columns).where(deliveries.c.kind == Kind.NUDGE).order_by(columns[0]))
        ]


@pytest.fixture(name="manager")
def _manager(database: Database) -> int:
    return add_person(database, 1)


def test_only_open_direct_reports_who_were_told_before_are_reminded(database: Database, manager: int) -> None:
    """Not: who has settled, has left, reports to somebody else, was not told yet, or has a message on its way."""
    asked = add_person(database, 2, manager_id="e1")
    settled = add_person(database, 3, manager_id="e1")
    left = add_person(database, 4, manager_id="e1", active=False)
    others = add_person(database, 5, manager_id="e2")
    add_person(database, 6, manager_id="e1")  # has not been told
    waiting = add_person(database, 7, manager_id="e1")
    for key in (asked, settled, left, others, waiting):
        told(database, key, utc("2025-10-03 09:00"))
    told(database, waiting, TUESDAY, occasion=7, state=State.RETRY)
    with database.write() as connection:
        settle(connection, settled, TUESDAY)

    assert remind(database, manager)

    assert nudges(database) == [(asked, "notice", TUESDAY, utc("2025-10-14 17:00"))]


def test_who_is_reached_by_nothing_is_not_tried_again(database: Database, manager: int) -> None:
    """Their address was refused for good; with a new address they are reached again."""
    refused, moved = add_person(database, 2, manager_id="e1"), add_person(database, 3, manager_id="e1")
    for key in (refused, moved):
        told(database, key, utc("2025-10-03 09:00"))
    with database.write() as connection:
        addresses = {row.key: row.email for row in connection.execute(select(employees.c.key, employees.c.email))}
        gone = [Refusal(refused, "smtp", addresses[refused], "550 no"), Refusal(moved, "smtp", "before@example.com", "550 no")]
        reach.refuse(connection, gone, TUESDAY)

    assert remind(database, manager)

    assert [nudge[0] for nudge in nudges(database)] == [moved]


def test_once_a_day(database: Database, manager: int) -> None:
    report = add_person(database, 2, manager_id="e1")
    told(database, report, utc("2025-10-03 09:00"))

    assert remind(database, manager)
    assert not remind(database, manager, TUESDAY + timedelta(hours=3))
    assert len(nudges(database)) == 1

    assert remind(database, manager, TUESDAY + timedelta(days=1))
    assert [nudge[0] for nudge in nudges(database)] == [report]  # the first one has not gone out: there is no second


def test_nobody_gets_two_messages_on_one_day(database: Database, manager: int) -> None:
    """The notice went out this morning to one, last week to the other."""
    this_morning, last_week = add_person(database, 2, manager_id="e1"), add_person(database, 3, manager_id="e1")
    told(database, this_morning, utc("2025-10-14 09:05"))
    told(database, last_week, utc("2025-10-07 09:05"))

    assert remind(database, manager)

    assert [nudge[0] for nudge in nudges(database)] == [last_week]


def test_on_the_morning_of_a_step_the_step_is_enough(database: Database, manager: int) -> None:
    """27 October, a Monday, 08:00: the reminder opens at 09:00."""
    report = add_person(database, 2, manager_id="e1")
    told(database, report, utc("2025-10-03 09:00"))

    assert remind(database, manager, utc("2025-10-27 08:00"))

    assert nudges(database) == []


def test_outside_the_window_it_waits_for_the_next_one(database: Database, manager: int) -> None:
    """On Friday evening: Monday morning, and where it cannot be sent that day, not at all."""
    report = add_person(database, 2, manager_id="e1")
    told(database, report, utc("2025-10-03 09:00"))

    assert remind(database, manager, utc("2025-10-17 18:00"))

    assert nudges(database) == [(report, "notice", utc("2025-10-20 09:00"), utc("2025-10-20 17:00"))]


def test_an_answer_in_between_stops_it(database: Database, manager: int) -> None:
    report = add_person(database, 2, manager_id="e1")
    told(database, report, utc("2025-10-03 09:00"))
    assert remind(database, manager)
    with database.write() as connection:
        settle(connection, report, TUESDAY)

    with database.write() as connection:
        claim = claims.claim(
            connection, owner="o", channel="smtp", limits=Limits(), most=10, now=TUESDAY, message_id_domain="example.com"
        )

    assert [row.kind for row in claim.rows] == [Kind.RECEIPT]
    with database.read() as connection:
        states = connection.execute(select(deliveries.c.state, deliveries.c.reason).where(deliveries.c.kind == Kind.NUDGE)).all()
    assert [tuple(row) for row in states] == [(State.CANCELLED, "answered")]


def test_the_audience_holds_here_too(database: Database, manager: int) -> None:
    for number, department in ((2, "Sales"), (3, "IT"), (4, None)):
        told(database, add_person(database, number, manager_id="e1", department=department), utc("2025-10-03 09:00"))
    with database.read() as connection:
        only = teams.to_remind(connection, CAMPAIGN.id, Audience(departments=("IT",)), manager)
        others = teams.to_remind(connection, CAMPAIGN.id, Audience(not_departments=("IT",)), manager)
    assert [one.email for one in only] == ["e3@example.com"]
    assert [one.email for one in others] == ["e2@example.com", "e4@example.com"]


def test_the_team_by_name(database: Database, manager: int) -> None:
    add_person(database, 2, manager_id="e1", given_name="Zoé", leave_until=date(2025, 10, 20))
    add_person(database, 3, manager_id="e1", given_name="Ann")
    add_person(database, 4, manager_id="e1", given_name="Lea", active=False)
    with database.read() as connection:
        team = teams.members(connection, manager)
    assert [(member.name, member.leave_until) for member in team] == [("Ann Example", None), ("Zoé Example", date(2025, 10, 20))]


def test_who_reports_to_somebody_departed_is_in_the_team_of_the_next_one(database: Database, manager: int) -> None:
    """Through two who are gone; not who reports to somebody unknown, nor below two who are gone and name each other."""
    add_person(database, 2, manager_id="e1", given_name="Gone", active=False)
    add_person(database, 3, manager_id="e2", given_name="Gone too", active=False)
    add_person(database, 4, manager_id="e3", given_name="Left behind")
    add_person(database, 5, manager_id="e99", given_name="Of somebody unknown")
    for number, other in ((6, 7), (7, 6)):
        add_person(database, number, manager_id=f"e{other}", given_name="Round", active=False)
    add_person(database, 8, manager_id="e6", given_name="Below the circle")
    with database.read() as connection:
        assert [member.name for member in teams.members(connection, manager)] == ["Left behind Example"]


def test_a_remark_is_kept_until_somebody_has_settled_it(database: Database, manager: int) -> None:
    stranger = add_person(database, 2, manager_id="e1")
    with database.write() as connection:
        assert teams.disown(connection, manager_key=manager, employee_key=stranger, now=TUESDAY)
        assert not teams.disown(connection, manager_key=manager, employee_key=stranger, now=TUESDAY)
        assert [member.disowned for member in teams.members(connection, manager)] == [True]
        (remark,) = teams.remarks(connection)
    assert (remark.manager_id, remark.employee_id, remark.said_at) == ("e1", "e2", TUESDAY)

    with database.write() as connection:
        assert teams.settle_remark(connection, remark.id, by="Ann", now=TUESDAY)
        assert not teams.settle_remark(connection, remark.id, by="Ben", now=TUESDAY)
        assert teams.remarks(connection) == []
        assert [one.settled_at for one in teams.remarks(connection, unsettled=False)] == [TUESDAY]
        assert [member.disowned for member in teams.members(connection, manager)] == [False]


@pytest.mark.usefixtures("manager")
def test_a_noted_leave_outlives_the_next_roster(database: Database) -> None:
    """The roster knows of no leave, of a shorter one, of a longer one: the later day holds."""
    keys = {number: add_person(database, number, manager_id="e1") for number in (2, 3, 4)}
    with database.write() as connection:
        for key in keys.values():
            teams.note_leave(connection, key, date(2025, 10, 20), by="Ann", now=TUESDAY)
        known = {person.employee.id: person.employee for person in people.load(connection).values()}
    assert {known[f"e{number}"].leave_until for number in keys} == {date(2025, 10, 20)}

    says = {"e3": date(2025, 10, 1), "e4": date(2025, 12, 1)}
    roster = [replace(person, leave_until=says.get(id_)) for id_, person in known.items()]
    reading = RosterReading("roster.csv", roster, (), (), (), len(roster), {}, ())
    outcome = synchronise(database, reading, now=TUESDAY, largest_change=20)

    assert outcome.applied
    with database.read() as connection:
        found = {row.id: row.leave_until for row in connection.execute(select(employees.c.id, employees.c.leave_until))}
    expected = {"e1": None, "e2": date(2025, 10, 20), "e3": date(2025, 10, 20), "e4": date(2025, 12, 1)}
    assert found == expected
    again = synchronise(database, reading, now=TUESDAY, largest_change=20)
    assert again.diff.size == 0  # a note is no change of the roster


@pytest.mark.usefixtures("manager")
def test_a_leave_is_never_made_shorter(database: Database) -> None:
    report = add_person(database, 2, manager_id="e1", leave_until=date(2025, 12, 1))
    with database.write() as connection:
        teams.note_leave(connection, report, date(2025, 10, 20), by="Ann", now=TUESDAY)
    with database.read() as connection:
        until = connection.scalar(select(employees.c.leave_until).where(employees.c.key == report))
    assert until == date(2025, 12, 1)
