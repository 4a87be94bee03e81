"""The countdown by example. Days come from the calendars of each place, instants from the IANA time zone database."""

from __future__ import annotations

import time as stopwatch
from datetime import UTC, date, datetime, timedelta

import pytest

from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, current_step, days_left, local_date, next_opening, schedule
from notifier.domain.window import Window

DEADLINE = date(2025, 11, 3)  # a Monday
OFFICE = Window.parse("09:00-17:00")
GENEVA = Place("Europe/Zurich", "CH", "GE")
MUNICH = Place("Europe/Berlin", "DE", "BY")
POTSDAM = Place("Europe/Berlin", "DE", "BB")
NOWHERE = Place("UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def campaign(*days_before: int, deadline: date = DEADLINE, closes_after_days: int = 90) -> Campaign:
    steps = tuple(Step(days, f"message{days}") for days in days_before)
    return Campaign("linkedin-ai-training", deadline, steps, closes_after_days=closes_after_days)


def planned(
    place: Place, *days_before: int, deadline: date = DEADLINE, leave_until: date | None = None, window: Window = OFFICE
) -> dict[int, PlannedStep]:
    steps = schedule(campaign(*days_before, deadline=deadline), place, window, WorkingDays(), leave_until)
    assert [step.step.days_before for step in steps] == list(days_before)
    return {step.step.days_before: step for step in steps}


@pytest.mark.parametrize("state", ["BB", "MV", "NI", "SN", "ST", "SH", "TH", "HB", "HH"])
def test_the_day_before_goes_out_on_thursday_where_friday_is_reformation_day(state: str) -> None:
    step = planned(Place("Europe/Berlin", "DE", state), 1)[1]
    assert (step.nominal, step.day, step.moved_because) == (date(2025, 11, 2), date(2025, 10, 30), "weekend")
    assert (step.opens_at, step.closes_at) == (utc("2025-10-30T08:00"), utc("2025-10-30T16:00"))


@pytest.mark.parametrize(
    "place",
    [
        *(Place("Europe/Berlin", "DE", state) for state in ("BY", "BW", "NW", "RP", "SL", "BE", "HE", "")),
        GENEVA,
        Place("Europe/Zurich", "CH", "VS"),
        Place("Europe/Paris", "FR", "6AE"),
        Place("Europe/London", "GB", "ENG"),
        NOWHERE,
    ],
)
def test_the_day_before_goes_out_on_friday_elsewhere(place: Place) -> None:
    """1 November 2025, a holiday in Catholic regions, is a Saturday: it changes nothing."""
    assert planned(place, 1)[1].day == date(2025, 10, 31)


@pytest.mark.parametrize(
    ("place", "days_before", "deadline", "day", "moved_because"),
    [
        (GENEVA, 14, DEADLINE, date(2025, 10, 20), None),
        (GENEVA, 30, DEADLINE, date(2025, 10, 3), "weekend"),  # 4 October is a Saturday
        (MUNICH, 30, DEADLINE, date(2025, 10, 2), "weekend"),  # and 3 October is German Unity Day
        (MUNICH, 31, DEADLINE, date(2025, 10, 2), "holiday"),
        (POTSDAM, 3, DEADLINE, date(2025, 10, 30), "holiday"),
        (MUNICH, 3, DEADLINE, date(2025, 10, 31), None),
        (GENEVA, 0, DEADLINE, date(2025, 11, 3), None),
        (Place("Asia/Tokyo", "JP"), 0, DEADLINE, date(2025, 10, 31), "holiday"),  # 3 November is Culture Day
        (GENEVA, 3, date(2025, 9, 14), date(2025, 9, 10), "holiday"),  # Jeûne genevois, Thursday 11 September
        (Place("Europe/Zurich", "CH", "VD"), 3, date(2025, 9, 14), date(2025, 9, 11), None),
        (GENEVA, -5, DEADLINE, date(2025, 11, 10), "weekend"),  # after the deadline it goes out later
        (Place("Europe/Paris", "FR"), -8, DEADLINE, date(2025, 11, 12), "holiday"),  # 11 November
        (Place("Europe/Paris", "FR"), -7, DEADLINE, date(2025, 11, 10), None),
        (Place("Europe/Paris", "FR", "6AE"), -53, DEADLINE, date(2025, 12, 29), "holiday"),  # 26 December, in Alsace
        (Place("Europe/Paris", "FR"), -53, DEADLINE, date(2025, 12, 26), None),
        (Place("Pacific/Apia"), 1, date(2011, 12, 31), date(2011, 12, 29), "clock change"),  # the Friday that Samoa never had
        (Place("Pacific/Apia"), -1, date(2011, 12, 29), date(2012, 1, 2), "clock change"),
        (Place("Pacific/Kwajalein"), 1, date(1993, 8, 22), date(1993, 8, 20), "weekend"),
    ],
)
def test_a_step_moves_to_a_working_day(
    place: Place, days_before: int, deadline: date, day: date, moved_because: str | None
) -> None:
    """Up to the deadline to the nearest earlier one, after it to the nearest later one."""
    step = planned(place, days_before, deadline=deadline)[days_before]
    assert (step.day, step.moved_because) == (day, moved_because)


@pytest.mark.parametrize(("days_before", "day"), [(1, date(2025, 3, 27)), (-1, date(2025, 3, 31))])
def test_a_step_moves_off_a_day_on_which_the_clock_jumps_over_the_window(days_before: int, day: date) -> None:
    """Israel sets its clocks from 02:00 to 03:00 on Friday 28 March 2025."""
    deadline = date(2025, 3, 28) + timedelta(days=days_before)
    step = planned(Place("Asia/Jerusalem"), days_before, deadline=deadline, window=Window.parse("02:10-02:50"))[days_before]
    assert (step.day, step.moved_because) == (day, "clock change")


def test_of_several_steps_on_one_day_the_one_nearest_the_deadline_goes_out() -> None:
    steps = planned(POTSDAM, 14, 4, 3, 2, 1, 0)
    assert {days: step.day for days, step in steps.items() if step.day == date(2025, 10, 30)}.keys() == {4, 3, 2, 1}
    assert {days: step.superseded_by.days_before for days, step in steps.items() if step.superseded_by} == {4: 1, 3: 1, 2: 1}
    assert all(steps[days].expires_at == steps[days].opens_at for days in (4, 3, 2))


def test_a_step_is_current_until_the_next_one_opens_or_its_time_is_over() -> None:
    steps = planned(GENEVA, 14, 7, 1, 0, -3, -7)
    assert {days: step.expires_at for days, step in steps.items()} == {
        14: utc("2025-10-27T08:00"),
        7: utc("2025-10-31T08:00"),
        1: utc("2025-11-02T23:00"),  # the deadline begins in Geneva
        0: utc("2025-11-03T23:00"),  # the deadline's day ends
        -3: utc("2025-11-10T08:00"),
        -7: utc("2026-01-31T23:00"),  # the campaign closes on 1 February
    }


@pytest.mark.parametrize(
    ("zone", "deadline", "expires_at"),
    [
        ("Pacific/Kiritimati", DEADLINE, "2025-11-02T10:00"),
        ("Pacific/Pago_Pago", DEADLINE, "2025-11-03T11:00"),
        ("America/New_York", DEADLINE, "2025-11-03T05:00"),
        ("Africa/Cairo", date(2025, 4, 25), "2025-04-24T22:00"),  # begins at 01:00
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),  # never comes: the next day begins
    ],
)
def test_the_deadline_is_the_start_of_its_day_where_the_person_is(zone: str, deadline: date, expires_at: str) -> None:
    assert planned(Place(zone), 7, deadline=deadline)[7].expires_at == utc(expires_at)


def test_a_step_on_a_deadline_that_is_no_working_day_goes_out_before_and_lasts_until_its_end() -> None:
    """Sunday 2 November: the step of the day and the one before it both fall on Friday, and the one of the day wins."""
    steps = planned(GENEVA, 2, 1, 0, deadline=date(2025, 11, 2))
    assert [step.day for step in steps.values()] == [date(2025, 10, 31)] * 3
    assert [step.superseded_by is None for step in steps.values()] == [False, False, True]
    assert steps[0].expires_at == utc("2025-11-02T23:00")


@pytest.mark.parametrize(
    ("leave_until", "days"),
    [
        # The last day of the leave is inclusive; steps that fell into it collapse on the first day after it.
        (date(2025, 10, 19), {14: 20, 7: 27, 1: 31}),
        (date(2025, 10, 20), {14: 21, 7: 27, 1: 31}),
        (date(2025, 10, 24), {14: 27, 7: 27, 1: 31}),
        (date(2025, 10, 30), {14: 31, 7: 31, 1: 31}),
    ],
)
def test_a_step_waits_for_the_end_of_a_leave(leave_until: date, days: dict[int, int]) -> None:
    steps = planned(MUNICH, 14, 7, 1, leave_until=leave_until)
    assert {number: step.day for number, step in steps.items()} == {number: date(2025, 10, day) for number, day in days.items()}
    moved = {number for number, step in steps.items() if step.nominal <= leave_until}
    assert {number for number, step in steps.items() if step.moved_because == "leave"} == moved
    alone = [step for step in steps.values() if step.superseded_by is None]
    assert len({step.day for step in alone}) == len(alone) == len({step.day for step in steps.values()})
    assert steps[1].superseded_by is None


def test_a_leave_ends_on_a_working_day_of_the_place() -> None:
    """Back on Thursday evening, Friday is Reformation Day, then a weekend: Monday, which is the deadline."""
    steps = planned(POTSDAM, 7, 1, 0, leave_until=date(2025, 10, 30))
    assert {step.day for step in steps.values()} == {DEADLINE}
    assert [step.superseded_by is None for step in steps.values()] == [False, False, True]
    assert steps[0].expires_at == utc("2025-11-03T23:00")


def test_a_step_that_only_moved_into_the_leave_waits_too() -> None:
    """Sunday would move to Friday, the last day of the leave. Nothing before the deadline is left to send."""
    steps = planned(MUNICH, 1, -1, leave_until=date(2025, 10, 31))
    assert (steps[1].day, steps[1].moved_because) == (DEADLINE, "leave")
    assert steps[1].expires_at <= steps[1].opens_at
    assert steps[-1].day == date(2025, 11, 4)


def test_a_leave_beyond_the_deadline_leaves_only_the_steps_after_it() -> None:
    steps = planned(MUNICH, 7, 1, 0, -3, -7, leave_until=date(2025, 11, 5))
    assert [step.day.day for step in steps.values()] == [6, 6, 6, 6, 10]
    assert [number for number, step in steps.items() if step.superseded_by is None] == [-3, -7]
    assert all(step.expires_at <= step.opens_at for number, step in steps.items() if number >= 0)
    assert current_step(tuple(steps.values()), utc("2025-11-06T08:00")) == steps[-3]


@pytest.mark.parametrize("country", ["", "CH", "IN"])
def test_an_absence_for_good_is_not_an_error(country: str) -> None:
    """HR systems write 9999-12-31."""
    place = Place("Asia/Kolkata", country)
    steps = schedule(campaign(14, 1, -7), place, OFFICE, WorkingDays(), date(9999, 12, 31))
    assert all(step.expires_at < step.opens_at and step.moved_because == "leave" for step in steps)
    assert next_opening(utc("2025-10-20T08:00"), place, OFFICE, WorkingDays(), date.max)[0].year > 9000


def test_a_campaign_that_closes_before_a_step_never_sends_it() -> None:
    steps = schedule(campaign(1, 0, -7, closes_after_days=0), GENEVA, OFFICE, WorkingDays())
    assert [step.opens_at < step.expires_at for step in steps] == [True, False, False]


@pytest.mark.parametrize(
    ("now", "days_before"),
    [
        ("2025-10-20T06:59:59", None),
        ("2025-10-20T07:00:00", 14),
        ("2025-10-20T22:00:00", 14),  # an outage, the night: still the current one, and goes out in the next window
        ("2025-10-27T07:59:59", 14),
        ("2025-10-27T08:00:00", 7),
        ("2025-10-31T08:00:00", 1),  # the one of 3 days before has the same day and gives way
        ("2025-11-02T22:59:59", 1),
        ("2025-11-02T23:00:00", None),
        ("2025-11-10T08:00:00", -7),
        ("2026-01-31T22:59:59", -7),
        ("2026-01-31T23:00:00", None),
    ],
)
def test_the_current_step(now: str, days_before: int | None) -> None:
    """What somebody gets who joins at that moment, or whom an outage kept from all earlier ones."""
    steps = schedule(campaign(14, 7, 3, 1, -7), GENEVA, OFFICE, WorkingDays())
    found = current_step(steps, utc(now))
    assert (found.step.days_before if found else None) == days_before


@pytest.mark.parametrize(
    ("place", "now", "leave_until", "opens", "closes"),
    [
        (GENEVA, "2025-10-31T07:59:59", None, "2025-10-31T08:00", "2025-10-31T16:00"),
        (GENEVA, "2025-10-31T08:00:00", None, "2025-10-31T08:00", "2025-10-31T16:00"),
        (GENEVA, "2025-10-31T15:59:59", None, "2025-10-31T08:00", "2025-10-31T16:00"),
        (GENEVA, "2025-10-31T16:00:00", None, "2025-11-03T08:00", "2025-11-03T16:00"),
        (POTSDAM, "2025-10-30T16:00:00", None, "2025-11-03T08:00", "2025-11-03T16:00"),
        (GENEVA, "2025-10-23T20:00:00", None, "2025-10-24T07:00", "2025-10-24T15:00"),
        (GENEVA, "2025-10-24T15:00:00", None, "2025-10-27T08:00", "2025-10-27T16:00"),  # summer time has ended meanwhile
        (GENEVA, "2025-10-20T08:00:00", date(2025, 10, 20), "2025-10-21T07:00", "2025-10-21T15:00"),
        (GENEVA, "2025-10-20T08:00:00", date(2025, 10, 19), "2025-10-20T07:00", "2025-10-20T15:00"),
        (GENEVA, "2025-10-20T08:00:00", date(2025, 8, 1), "2025-10-20T07:00", "2025-10-20T15:00"),
        (GENEVA, "2025-10-20T08:00:00", date(2025, 11, 7), "2025-11-10T08:00", "2025-11-10T16:00"),
        (Place("Pacific/Auckland", "NZ"), "2025-10-30T21:00:00", None, "2025-10-30T20:00", "2025-10-31T04:00"),
        (Place("Pacific/Apia"), "2011-12-30T03:00:00", None, "2012-01-01T19:00", "2012-01-02T03:00"),
    ],
)
def test_the_window_that_is_open_or_opens_next(place: Place, now: str, leave_until: date | None, opens: str, closes: str) -> None:
    assert next_opening(utc(now), place, OFFICE, WorkingDays(), leave_until) == (utc(opens), utc(closes))


def test_the_next_window_lies_ahead_even_where_midnight_comes_twice() -> None:
    """Newfoundland put its clock back from 00:01 to 23:01 of the day before: that evening it is Saturday for the second time."""
    everyday = WorkingDays(frozenset(range(7)))
    found = next_opening(utc("2010-11-07T02:45"), Place("America/St_Johns"), Window.parse("00:00-00:30"), everyday)
    assert found == (utc("2010-11-08T03:30"), utc("2010-11-08T04:00"))


@pytest.mark.parametrize(
    ("now", "zone", "today", "left"),
    [
        ("2025-11-02T22:59:59", "Europe/Zurich", date(2025, 11, 2), 1),
        ("2025-11-02T23:00:00", "Europe/Zurich", date(2025, 11, 3), 0),
        ("2025-11-02T23:00:00", "America/New_York", date(2025, 11, 2), 1),
        ("2025-11-02T23:00:00", "Pacific/Kiritimati", date(2025, 11, 3), 0),
        ("2025-10-20T12:00:00", "Asia/Kolkata", date(2025, 10, 20), 14),
        ("2025-11-10T12:00:00", "Asia/Kolkata", date(2025, 11, 10), -7),
    ],
)
def test_the_days_that_are_left_are_those_of_the_persons_own_calendar(now: str, zone: str, today: date, left: int) -> None:
    assert (local_date(utc(now), zone), days_left(DEADLINE, local_date(utc(now), zone))) == (today, left)


def test_one_place_is_planned_in_less_than_a_millisecond() -> None:
    """The planner asks for each distinct place. The best of some rounds counts, so that a busy machine does not."""
    asked = campaign(30, 14, 7, 3, 1, 0, -3, -7)
    rounds = []
    for _ in range(20):
        begun = stopwatch.perf_counter()
        schedule(asked, POTSDAM, OFFICE, WorkingDays())
        rounds.append(stopwatch.perf_counter() - begun)
    assert min(rounds) < 0.001
