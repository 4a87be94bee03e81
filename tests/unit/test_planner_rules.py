"""The rules of the planner that need no second database: which step who gets, and what becomes of it when the plan changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, func, select, update

from notifier.delivery.planner import AT_ONCE, Planned, Planner
from notifier.domain.campaign import Audience, Campaign, Step
from notifier.store import acknowledgements, claims, marks, outcomes, quota
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.tables import State, deliveries, employees
from tests.delivery_rig import add_people
from tests.planning_rig import CAMPAIGN, STEPS, add_person, planner, settle, utc


def rows(database: Database, campaign: str = CAMPAIGN.id) -> list[tuple[int, int, str]]:
    """(employee, days before, state) of every reminder."""
    with database.read() as connection:
        statement = select(deliveries.c.employee_key, deliveries.c.occasion, deliveries.c.state)
        statement = statement.where(deliveries.c.campaign == campaign, deliveries.c.kind == "reminder")
        return [
            tuple(row) for row in connection.execute(statement.order_by(deliveries.c.employee_key, deliveries.c.occasion.desc()))
        ]


def send(database: Database, now: datetime) -> list[tuple[int, int, str]]:
    """Hand over everything that may go now: (employee, days before, message)."""
    with database.write() as connection:
        found = claims.claim(
            connection, owner="a", channel="smtp", limits=quota.Limits(), most=1000, now=now, message_id_domain="example.com"
        ).rows
        for row in found:
            assert outcomes.record(connection, owner="a", outcome=Outcome(row.id, row.epoch, State.ACCEPTED), now=now)
    return [(row.employee_key, row.occasion, row.message) for row in found if row.kind == "reminder"]


def days_of(plan: Planner, database: Database, days: Sequence[str]) -> list[tuple[int, int, str]]:
    """What goes out at ten and at four o'clock of each of these days."""
    sent = []
    for day in days:
        for hour in ("10:00", "16:00"):
            plan.tick(utc(f"{day}T{hour}"))
            sent += send(database, utc(f"{day}T{hour}"))
    return sent


def test_of_two_steps_on_one_day_the_nearer_one_goes_out(sqlite_database: Database) -> None:
    """Saturday and Friday before: both fall on the Friday, and the later step of the countdown wins."""
    person = add_person(sqlite_database, 1)
    campaign = Campaign(CAMPAIGN.id, CAMPAIGN.deadline, (Step(3, "reminder"), Step(2, "last-call")))
    sent = days_of(planner(sqlite_database, campaign), sqlite_database, ["2025-10-30", "2025-10-31", "2025-11-03"])
    assert sent == [(person, 2, "last-call")]


def test_a_joiner_during_the_last_step_gets_that_step_only(sqlite_database: Database) -> None:
    """Friday noon before the deadline's Monday; in the afternoon the first mail, and none of those before."""
    plan = planner(sqlite_database)
    add_person(sqlite_database, 1)
    days_of(plan, sqlite_database, ["2025-10-03", "2025-10-27", "2025-10-31"])
    joiner = add_person(sqlite_database, 2, joined_at=utc("2025-10-31T12:00"))

    assert days_of(plan, sqlite_database, ["2025-10-31"]) == [(joiner, 1, "last-call")]
    assert [row for row in rows(sqlite_database) if row[0] == joiner] == [(joiner, 1, "accepted")]


def test_a_joiner_after_the_window_of_the_last_day_gets_nothing_untrue(sqlite_database: Database) -> None:
    """Friday evening: nothing can go out before Monday's deadline, so the next thing they hear is the overdue step."""
    plan = planner(sqlite_database)
    add_person(sqlite_database, 1)
    plan.tick(utc("2025-10-31T10:00"))
    joiner = add_person(sqlite_database, 2, joined_at=utc("2025-10-31T18:00"))
    plan.tick(utc("2025-10-31T18:00"))

    sent = days_of(plan, sqlite_database, ["2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06"])
    assert [one for one in sent if one[0] == joiner] == [(joiner, -3, "overdue")]
    assert (joiner, 1, "missed") in rows(sqlite_database)


def test_two_campaigns_count_down_side_by_side(sqlite_database: Database) -> None:
    """An answer to one leaves the other alone."""
    person = add_person(sqlite_database, 1)
    other = Campaign("password-manager", date(2025, 11, 10), (Step(7, "notice"),))
    plan = planner(sqlite_database, CAMPAIGN, other)
    with sqlite_database.write() as connection:
        settle(connection, person, utc("2025-10-29T10:00"))
    days_of(plan, sqlite_database, ["2025-10-31", "2025-11-03"])

    assert rows(sqlite_database) == []
    assert rows(sqlite_database, other.id) == [(person, 7, "accepted")]


def test_only_the_audience_is_planned(sqlite_database: Database) -> None:
    """Also people without a department are outside the departments that are left out."""
    geneva = add_person(sqlite_database, 1, department="Sales")
    nowhere = add_person(sqlite_database, 2)
    add_person(sqlite_database, 3, department="Board")
    add_person(sqlite_database, 4, "America/New_York", "US", department="Sales")
    audience = Audience(countries=("CH",), not_departments=("Board",))
    campaign = Campaign(CAMPAIGN.id, CAMPAIGN.deadline, STEPS, audience)
    assert days_of(planner(sqlite_database, campaign), sqlite_database, ["2025-10-03"]) == [
        (geneva, 30, "notice"),
        (nowhere, 30, "notice"),
    ]


def test_a_leave_beyond_the_deadline_leaves_only_what_comes_after(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1, leave_until=date(2025, 11, 4))
    plan = planner(sqlite_database)
    sent = days_of(plan, sqlite_database, ["2025-10-03", "2025-10-31", "2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06"])
    assert sent == [(person, -3, "overdue")]


def test_a_leave_reported_late_holds_back_what_waits(sqlite_database: Database) -> None:
    """The reminder waits already when the leave until after the deadline becomes known: it is missed, never sent."""
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-31T09:00"))
    with sqlite_database.write() as connection:
        connection.execute(update(employees).values(leave_until=date(2025, 11, 5)))
        marks.look_again(connection)
    plan.tick(utc("2025-10-31T09:01"))

    sent = days_of(plan, sqlite_database, ["2025-10-31", "2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06"])
    assert sent == [(person, -3, "overdue")]
    assert (person, 1, "missed") in rows(sqlite_database)


def test_an_undo_forgets_nobody(sqlite_database: Database) -> None:
    """The step opened while the person counted as settled, so there was no row to restore."""
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    with sqlite_database.write() as connection:
        settle(connection, person, utc("2025-10-26T10:00"))
    assert days_of(plan, sqlite_database, ["2025-10-27"]) == []
    with sqlite_database.write() as connection:
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=utc("2025-10-28T09:30"))

    assert days_of(plan, sqlite_database, ["2025-10-28"]) == [(person, 7, "reminder")]


def test_an_undo_brings_back_what_the_answer_cancelled(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-27T09:00"))
    with sqlite_database.write() as connection:
        settle(connection, person, utc("2025-10-27T09:01"))
    assert days_of(plan, sqlite_database, ["2025-10-27"]) == []
    with sqlite_database.write() as connection:
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=utc("2025-10-28T09:30"))
    assert days_of(plan, sqlite_database, ["2025-10-28", "2025-10-29"]) == [(person, 7, "reminder")]


@pytest.mark.parametrize("days", [1, 3, 10, 40])
def test_a_clock_that_ran_ahead_and_came_back_loses_nothing(sqlite_database: Database, days: int) -> None:
    """A row waits, the clock jumps ahead (nothing is sent there), and comes back: the step goes out, and each later one, once."""
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-27T09:00"))
    plan.tick(utc("2025-10-27T09:30") + timedelta(days=days))
    plan.tick(utc("2025-10-27T09:40"))

    sent = days_of(plan, sqlite_database, ["2025-10-27", "2025-10-28", "2025-10-31", "2025-11-03", "2025-11-06", "2025-11-07"])
    assert sent == [(person, 7, "reminder"), (person, 1, "last-call"), (person, -3, "overdue")]


def test_a_clock_that_comes_back_brings_up_no_older_step(sqlite_database: Database) -> None:
    """The later step was sent by the wrong clock: the earlier one would be a step back."""
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-27T09:00"))
    ahead = utc("2025-10-31T10:00")
    plan.tick(ahead)
    assert send(sqlite_database, ahead) == [(person, 1, "last-call")]

    assert days_of(plan, sqlite_database, ["2025-10-27", "2025-10-28", "2025-10-31"]) == []


def test_a_deadline_moved_back_takes_waiting_rows_along(sqlite_database: Database) -> None:
    """The reminder of seven days waits when the deadline moves four weeks: it goes out seven days before the new one."""
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    later = planner(sqlite_database, Campaign(CAMPAIGN.id, date(2025, 12, 1), STEPS))

    assert days_of(later, sqlite_database, ["2025-10-27", "2025-10-31"]) == []
    assert days_of(later, sqlite_database, ["2025-11-03", "2025-11-04"]) == []
    assert days_of(later, sqlite_database, ["2025-11-24", "2025-11-25", "2025-11-28"]) == [
        (person, 7, "reminder"),
        (person, 1, "last-call"),
    ]


def test_a_deadline_moved_back_revives_what_had_ended_unsent(sqlite_database: Database) -> None:
    """An outage had swallowed two steps; by the new deadline they are still to come."""
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-27T09:00"))
    plan.tick(utc("2025-11-03T10:00"))
    assert rows(sqlite_database) == [(person, 7, "superseded"), (person, 1, "missed")]

    later = planner(sqlite_database, Campaign(CAMPAIGN.id, date(2025, 12, 1), STEPS))
    later.tick(utc("2025-11-03T11:00"))
    assert days_of(later, sqlite_database, ["2025-11-04", "2025-11-24", "2025-11-25", "2025-11-28"]) == [
        (person, 7, "reminder"),
        (person, 1, "last-call"),
    ]


def test_a_deadline_moved_forward_ends_waiting_rows_in_time(sqlite_database: Database) -> None:
    """What counts down to the old date is not sent after the new one."""
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    sooner = planner(sqlite_database, Campaign(CAMPAIGN.id, date(2025, 10, 27), STEPS))
    sent = days_of(sooner, sqlite_database, ["2025-10-27", "2025-10-28", "2025-10-30", "2025-10-31"])
    assert sent == [(person, -3, "overdue")]


def test_a_step_taken_out_is_not_sent_and_the_one_before_goes_on(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    without = planner(sqlite_database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, (STEPS[0], *STEPS[2:])))

    assert days_of(without, sqlite_database, ["2025-10-27"]) == [(person, 30, "notice")]  # the one that is current now
    assert (person, 7, "cancelled") in rows(sqlite_database)


def test_a_step_taken_out_by_mistake_comes_back_with_the_configuration(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    planner(sqlite_database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, STEPS[2:])).tick(utc("2025-10-27T09:10"))
    assert rows(sqlite_database) == [(person, 7, "cancelled")]
    assert days_of(planner(sqlite_database), sqlite_database, ["2025-10-27"]) == [(person, 7, "reminder")]


def test_a_step_that_got_another_text_sends_that_text(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    renamed = (STEPS[0], Step(7, "urgent"), *STEPS[2:])
    plan = planner(sqlite_database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, renamed))
    assert days_of(plan, sqlite_database, ["2025-10-27"]) == [(person, 7, "urgent")]


def test_a_window_that_was_moved_holds_for_what_waits(sqlite_database: Database) -> None:
    """From nine to eleven o'clock: nothing goes out at ten any more."""
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    plan = planner(sqlite_database, window="11:00-17:00")
    plan.tick(utc("2025-10-27T09:30"))
    assert send(sqlite_database, utc("2025-10-27T10:00")) == []
    assert send(sqlite_database, utc("2025-10-27T11:00")) == [(person, 7, "reminder")]


def test_a_retry_keeps_its_time_when_the_plan_changes(sqlite_database: Database) -> None:
    add_person(sqlite_database, 1)
    planner(sqlite_database).tick(utc("2025-10-27T09:00"))
    retry_at = utc("2025-10-27T14:00")
    with sqlite_database.write() as connection:
        connection.execute(update(deliveries).values(state="retry", attempts=3, next_at=retry_at))
    plan = planner(sqlite_database, Campaign(CAMPAIGN.id, CAMPAIGN.deadline, (*STEPS[:2], Step(2, "last-call"))))
    plan.tick(utc("2025-10-27T09:10"))
    assert send(sqlite_database, utc("2025-10-27T13:59")) == []
    assert len(send(sqlite_database, retry_at)) == 1


def test_a_plan_that_did_not_change_is_left_alone(sqlite_database: Database) -> None:
    """A new roster alone moves nothing."""
    add_person(sqlite_database, 1)
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-27T09:00"))
    with sqlite_database.write() as connection:
        marks.look_again(connection)
    assert plan.tick(utc("2025-10-27T09:10")) == Planned()


def test_the_next_instant_is_the_next_opening_anywhere(sqlite_database: Database) -> None:
    add_person(sqlite_database, 1)
    add_person(sqlite_database, 2, "Asia/Tokyo", "JP")
    plan = planner(sqlite_database)
    assert plan.next_instant(utc("2025-10-20T12:00")) == utc("2025-10-27T09:00", ZoneInfo("Asia/Tokyo"))
    assert plan.next_instant(utc("2025-12-20T12:00")) is None


def test_a_campaign_that_was_taken_out_is_forgotten_once(sqlite_database: Database) -> None:
    """Later ticks write no mark for it; put back, everybody who came meanwhile is found."""
    add_person(sqlite_database, 1)
    plan, other = planner(sqlite_database), planner(sqlite_database, Campaign("other", CAMPAIGN.deadline, ()))
    plan.tick(utc("2025-10-03T09:00"))
    other.tick(utc("2025-10-03T09:01"))
    written: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *done: written.append(done[2]))
    for minute in range(2, 5):
        other.tick(utc(f"2025-10-03T09:0{minute}"))
    assert not [statement for statement in written if statement.startswith("INSERT INTO plan_marks")]

    with sqlite_database.write() as connection:
        connection.execute(employees.update().values(joined_at=utc("2025-10-03T09:03")))
    late = add_person(sqlite_database, 2)
    plan.tick(utc("2025-10-03T09:05"))
    assert (late, 30, "planned") in rows(sqlite_database)


def test_more_than_one_transaction_holds_ends_in_one_tick(sqlite_database: Database) -> None:
    """After a long outage of a large organisation: the deadline has passed, and nothing that counts down to it still waits."""
    people = AT_ONCE + 1
    add_people(sqlite_database, people)
    plan = planner(sqlite_database)
    assert plan.tick(utc("2025-10-27T10:00")).inserted == people
    assert plan.tick(utc("2025-11-03T10:00")).expired == people
    with sqlite_database.read() as connection:
        kinds = deliveries.c["occasion", "state"]
        counted = connection.execute(select(*kinds, func.count()).group_by(*kinds)).all()
    assert sorted(map(tuple, counted)) == [(1, "missed", people), (7, "superseded", people)]


def test_a_step_that_is_never_current_supersedes_nothing(sqlite_database: Database) -> None:
    """The campaign closes with the deadline, so "today" is never sent: the last call that an outage swallowed was missed."""
    steps = (Step(7, "reminder"), Step(1, "last-call"), Step(0, "reminder"))
    campaign = Campaign(CAMPAIGN.id, date(2025, 11, 3), steps, closes_after_days=0)
    person = add_person(sqlite_database, 1)
    plan = planner(sqlite_database, campaign)
    plan.tick(utc("2025-10-20T10:00"))
    plan.tick(utc("2025-11-03T12:00"))
    assert rows(sqlite_database) == [(person, 7, "superseded"), (person, 1, "missed")]
