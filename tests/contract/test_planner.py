"""The planner, the outbox and claims, on both databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from notifier.delivery.planner import Planned
from notifier.domain.campaign import Audience, Campaign
from notifier.store import claims, holds, marks, outcomes, quota
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.tables import State, deliveries, employees
from tests.planning_rig import CAMPAIGN, STEPS, add_person, planner, settle, utc

NEW_YORK = ZoneInfo("America/New_York")


def rows(database: Database) -> list[tuple[int, int, str]]:
    """(employee, days before, state) of every row."""
    with database.read() as connection:
        found = connection.execute(
            select(deliveries.c.employee_key, deliveries.c.occasion, deliveries.c.state).order_by(
                deliveries.c.employee_key, deliveries.c.occasion.desc()
            )
        )
        return [tuple(row) for row in found]


def claim(database: Database, now: datetime, most: int = 100, **limits: int) -> tuple[claims.Claimed, ...]:
    with database.write() as connection:
        return claims.claim(
            connection,
            owner="a",
            channel="smtp",
            limits=quota.Limits(**limits),
            most=most,
            now=now,
            message_id_domain="example.com",
        ).rows


def test_a_step_is_planned_when_the_window_opens_where_the_person_is(database: Database) -> None:
    zurich, new_york = add_person(database, 1), add_person(database, 2, "America/New_York", "US")
    plan = planner(database)

    assert not plan.tick(utc("2025-10-03T08:59"))
    assert plan.tick(utc("2025-10-03T09:00")) == Planned(inserted=1)
    assert rows(database) == [(zurich, 30, "planned")]
    assert plan.tick(utc("2025-10-03T09:00", NEW_YORK)) == Planned(inserted=1)
    assert rows(database) == [(zurich, 30, "planned"), (new_york, 30, "planned")]


def test_a_second_tick_and_a_second_planner_change_nothing(database: Database) -> None:
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    before = rows(database)

    assert not planner(database).tick(now)
    assert not planner(database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, STEPS[:2])).tick(now)
    assert rows(database) == before


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=-3), timedelta(minutes=-10)])
def test_a_clock_that_goes_back_plans_nothing_twice_and_forgets_nothing(database: Database, jump: timedelta) -> None:
    """The mark of a clock that ran ahead does not hide the steps before it."""
    add_person(database, 1)
    plan = planner(database)
    plan.tick(utc("2025-10-27T10:00"))
    plan.tick(utc("2025-10-27T10:00") + jump)
    plan.tick(utc("2025-10-31T09:00"))

    assert [(days, state) for _, days, state in rows(database)] == [(7, "superseded"), (1, "planned")]


def test_after_an_outage_only_the_newest_step_is_sent(database: Database) -> None:
    """Everything between is recorded; somebody who joined during the outage is spared the records."""
    there = add_person(database, 1)
    plan = planner(database)
    plan.tick(utc("2025-10-01T10:00"))
    joined = add_person(database, 2, joined_at=utc("2025-10-30T12:00"))
    with database.write() as connection:
        marks.look_again(connection)

    plan.tick(utc("2025-10-31T12:00"))

    assert rows(database) == [
        (there, 30, "superseded"),
        (there, 7, "superseded"),
        (there, 1, "planned"),
        (joined, 1, "planned"),
    ]


def test_a_step_that_nothing_follows_is_missed(database: Database) -> None:
    add_person(database, 1)
    plan = planner(database)
    plan.tick(utc("2025-10-27T10:00"))

    plan.tick(utc("2025-11-03T10:00"))

    assert [(days, state) for _, days, state in rows(database)] == [(7, "superseded"), (1, "missed")]


def test_people_outside_the_audience_settled_or_gone_are_passed_over(database: Database) -> None:
    wanted = add_person(database, 1, department="Sales")
    add_person(database, 2, department="Legal")
    add_person(database, 3, department="Sales", active=False)
    settled = add_person(database, 4, department="Sales")
    add_person(database, 5, "America/New_York", "US", department="Sales")
    with database.write() as connection:
        settle(connection, settled, utc("2025-10-01T10:00"))
    audience = Audience(countries=("CH",), departments=("Sales",))

    planner(database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, STEPS, audience)).tick(utc("2025-10-03T10:00"))

    assert [row for row in rows(database) if row[1] == 30] == [(wanted, 30, "planned")]


def test_what_the_window_closed_on_waits_for_the_next_working_day(database: Database) -> None:
    """Friday 17:00 has come: the rest of the wave goes on Monday at nine, not on Saturday."""
    add_person(database, 1)
    plan = planner(database)
    plan.tick(utc("2025-10-03T09:00"))
    assert not claim(database, utc("2025-10-03T17:00"))

    assert plan.tick(utc("2025-10-03T17:01")) == Planned(moved=1)

    assert not claim(database, utc("2025-10-04T10:00"))
    assert not claim(database, utc("2025-10-06T08:59"))
    assert len(claim(database, utc("2025-10-06T09:00"))) == 1


def test_somebody_on_leave_hears_of_it_on_their_first_day_back(database: Database) -> None:
    away = add_person(database, 1, leave_until=date(2025, 10, 14))
    plan = planner(database)

    plan.tick(utc("2025-10-03T09:00"))
    plan.tick(utc("2025-10-14T10:00"))
    assert rows(database) == []

    plan.tick(utc("2025-10-15T09:00"))
    assert rows(database) == [(away, 30, "planned")]


def test_a_leave_that_ended_on_the_first_day_there_is_counts_as_none(database: Database) -> None:
    """Programs write 0001-01-01 for "no date"."""
    leaves = [date.min, None, date(2025, 9, 1)]
    people = [add_person(database, number, leave_until=until) for number, until in enumerate(leaves)]
    assert planner(database).tick(utc("2025-10-03T09:00")) == Planned(inserted=3)
    assert rows(database) == [(person, 30, "planned") for person in people]


def test_a_leave_that_begins_while_a_reminder_waits_is_kept(database: Database) -> None:
    person = add_person(database, 1)
    plan = planner(database)
    plan.tick(utc("2025-10-03T09:00"))
    with database.write() as connection:
        connection.execute(update(employees).where(employees.c.key == person).values(leave_until=date(2025, 10, 7)))
        marks.look_again(connection)

    assert plan.tick(utc("2025-10-03T09:01")) == Planned(moved=1)

    assert not claim(database, utc("2025-10-06T10:00"))
    assert len(claim(database, utc("2025-10-08T09:00"))) == 1


def test_a_claim_is_made_once_and_a_stale_outcome_is_refused(database: Database) -> None:
    """A zombie's late write finds another epoch."""
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)

    (row,) = claim(database, now)
    assert claim(database, now) == ()
    with database.write() as connection:
        assert outcomes.release_dead(connection, owner="b", resend=("smtp",), now=now, alone=True) == 1
    (again,) = claim(database, now)
    with database.write() as connection:
        assert not outcomes.record(connection, owner="a", outcome=Outcome(row.id, row.epoch, State.REFUSED), now=now)
        assert outcomes.record(connection, owner="a", outcome=Outcome(again.id, again.epoch, State.ACCEPTED), now=now)
    assert [state for _, _, state in rows(database)] == ["accepted"]


def test_a_repeat_keeps_message_id_and_date_until_the_day_changes(database: Database) -> None:
    """The same bytes as long as the number of days in the text is true; the truth afterwards."""
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    (first,) = claim(database, now)
    with database.write() as connection:
        outcomes.release_dead(connection, owner="b", resend=("smtp",), now=now, alone=True)
    (second,) = claim(database, now + timedelta(hours=3))
    assert (second.message_id, second.dated) == (first.message_id, first.dated)

    with database.write() as connection:
        outcomes.release_dead(connection, owner="b", resend=("smtp",), now=now, alone=True)
    planner(database).tick(utc("2025-10-06T09:00"))
    (third,) = claim(database, utc("2025-10-06T09:00"))
    assert third.message_id == first.message_id
    assert (third.today, third.dated) == (date(2025, 10, 6), utc("2025-10-06T09:00"))


def test_a_dead_senders_message_is_unknown_where_a_second_copy_would_show(database: Database) -> None:
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    claim(database, now)
    with database.write() as connection:
        outcomes.release_dead(connection, owner="b", resend=(), now=now, alone=True)
    assert [state for _, _, state in rows(database)] == ["unknown"]


def test_nothing_is_claimed_after_an_answer(database: Database) -> None:
    """Even where the row was not cancelled with it: the claim looks for itself."""
    person = add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    with database.write() as connection:
        settle(connection, person, now)
        connection.execute(
            update(deliveries).where(deliveries.c.kind == "reminder").values(state="planned", reason=None, finished_at=None)
        )

    assert [row for row in claim(database, now) if row.kind == "reminder"] == []
    assert (person, 30, "cancelled") in rows(database)


def test_a_hold_lets_nothing_through_until_it_is_lifted(database: Database) -> None:
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    with database.write() as connection:
        holds.place(connection, scope="all", reason="a wrong text", actor="admin", now=now)
    assert claim(database, now) == ()

    with database.write() as connection:
        assert holds.lift(connection, scope=None, actor="admin", now=now) == 1
    assert len(claim(database, now)) == 1


def test_a_pause_ends_by_itself(database: Database) -> None:
    add_person(database, 1)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    with database.write() as connection:
        holds.place(connection, scope="smtp", reason="432", actor="notifier", now=now, until=now + timedelta(minutes=1))
    assert claim(database, now) == ()
    assert len(claim(database, now + timedelta(minutes=1))) == 1


def test_no_minute_holds_more_than_the_limit(database: Database) -> None:
    """30 a minute: in every window of 60 seconds, half open, at most 30 are let through, and they are all used."""
    for number in range(100):
        add_person(database, number)
    start = utc("2025-10-03T10:00")
    planner(database).tick(start)
    taken = []
    for tick in range(120):
        now = start + timedelta(seconds=tick)
        taken += [now] * len(claim(database, now, per_minute=30))

    windows = [sum(1 for one in taken if begin <= one < begin + timedelta(minutes=1)) for begin in taken]
    assert max(windows) == 30
    assert len(taken) == 60


def test_no_day_holds_more_than_the_limit(database: Database) -> None:
    for number in range(5):
        add_person(database, number)
    now = utc("2025-10-03T10:00")
    planner(database).tick(now)
    first = claim(database, now, per_day=3)
    assert len(first) == 3
    with database.write() as connection:
        for row in first:
            outcomes.record(connection, owner="a", outcome=Outcome(row.id, row.epoch, State.ACCEPTED), now=now)
        claimed = claims.claim(
            connection,
            owner="a",
            channel="smtp",
            limits=quota.Limits(per_day=3),
            most=10,
            now=now + timedelta(hours=1),
            message_id_domain="example.com",
        )
    assert claimed == claims.Claim((), now + timedelta(days=1))
