"""The countdown, for any campaign and any place: what always holds, and that the slow way of the oracle finds the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import Place, WorkingDays, current_step, days_left, local_date, next_opening, schedule
from notifier.domain.window import Window
from tests.oracle import Wall, expected_steps, may_go_out

MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
OFFICE = Window.parse("09:00-17:00")
PLACES = (
    Place("Europe/Zurich", "CH", "GE"),
    Place("Europe/Berlin", "DE", "BB"),
    Place("Europe/Paris", "FR", "6AE"),
    Place("America/New_York", "US", "NY"),
    Place("Asia/Shanghai", "CN"),
    Place("Asia/Jerusalem", "IL"),
    Place("Africa/Cairo", "EG"),
    Place("Australia/Lord_Howe", "AU", "NSW"),
    Place("America/Havana"),
    Place("Pacific/Chatham", "NZ"),
)

ends = st.tuples(st.integers(0, 287), st.integers(0, 287)).filter(lambda pair: pair[0] < pair[1])
windows = ends.map(lambda pair: Window(*(time(tick // 12, tick % 12 * 5) for tick in pair)))
some_windows = st.one_of(st.sampled_from([OFFICE, Window.parse("02:30-03:30"), Window.parse("00:00-23:55")]), windows)
some_work_days = st.one_of(st.just(frozenset(MONDAY_TO_FRIDAY)), st.frozensets(st.integers(0, 6), min_size=2))
deadlines = st.one_of(st.dates(date(2025, 10, 20), date(2025, 11, 20)), st.dates(date(2024, 1, 1), date(2027, 12, 31)))
leaves = st.one_of(st.none(), st.integers(-45, 45))


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    days = draw(st.lists(st.integers(-30, 40), min_size=1, max_size=8, unique=True))
    steps = tuple(Step(number, "message") for number in sorted(days, reverse=True))
    return Campaign("x", draw(deadlines), steps, closes_after_days=draw(st.integers(0, 40)))


def leave_of(campaign: Campaign, days_after_deadline: int | None) -> date | None:
    return None if days_after_deadline is None else campaign.deadline + timedelta(days=days_after_deadline)


@settings(deadline=None)  # the first look at a country and year loads its holidays
@given(campaigns(), st.sampled_from(PLACES), some_windows, some_work_days, leaves)
def test_what_always_holds(campaign: Campaign, place: Place, window: Window, work_days: frozenset[int], leave: int | None) -> None:
    working_days = WorkingDays(work_days)
    leave_until = leave_of(campaign, leave)
    zone = ZoneInfo(place.time_zone)
    steps = schedule(campaign, place, window, working_days, leave_until)
    assert [planned.step for planned in steps] == list(campaign.steps)
    for planned in steps:
        first, last = planned.opens_at.astimezone(zone), (planned.closes_at - timedelta(seconds=1)).astimezone(zone)
        assert first.date() == last.date() == planned.day
        assert window.opens <= first.time() <= last.time() < window.closes
        assert working_days.is_working_day(planned.day, place)
        assert leave_until is None or planned.day > leave_until
        assert planned.nominal == campaign.deadline - timedelta(days=planned.step.days_before)
        assert (planned.moved_because is None) == (planned.day == planned.nominal)
        if planned.moved_because != "leave":
            assert planned.day <= planned.nominal if planned.step.days_before >= 0 else planned.day >= planned.nominal
    for earlier, later in pairwise(steps):
        assert earlier.day <= later.day
        assert earlier.opens_at <= later.opens_at
        assert earlier.expires_at <= later.expires_at
        assert (earlier.superseded_by is not None) == (earlier.day == later.day)
    going_out = [planned.day for planned in steps if planned.superseded_by is None]
    assert len(going_out) == len(set(going_out))


@settings(deadline=None)
@given(campaigns(), st.sampled_from(PLACES), some_windows, leaves, st.integers(-60 * 24 * 60, 60 * 24 * 60))
def test_whenever_it_is_handed_over_its_number_of_days_is_true(
    campaign: Campaign, place: Place, window: Window, leave: int | None, minutes: int
) -> None:
    """R13: after an outage of any length a step that is still current goes out in the next window, and its text is still true."""
    working_days = WorkingDays()
    now = datetime.combine(campaign.deadline, time(12), UTC) + timedelta(minutes=minutes)
    leave_until = leave_of(campaign, leave)
    current = current_step(schedule(campaign, place, window, working_days, leave_until), now)
    opens, closes = next_opening(now, place, window, working_days, leave_until)
    assert now < closes
    for handed_over in (max(now, opens), closes - timedelta(microseconds=1)):
        wall = Wall(place.time_zone, place.country, place.region, (window.opens, window.closes))
        assert may_go_out(wall, handed_over, leave_until)
        if current is not None and handed_over < current.expires_at:
            left = days_left(campaign.deadline, local_date(handed_over, place.time_zone))
            assert left >= min(current.step.days_before, 1) if current.step.days_before >= 0 else left < 0
            assert handed_over.astimezone(ZoneInfo(place.time_zone)).date() + timedelta(days=left) == campaign.deadline


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # slow is what an oracle may be
@given(campaigns(), st.sampled_from(PLACES), some_windows, leaves)
def test_the_slow_way_finds_the_same(campaign: Campaign, place: Place, window: Window, leave: int | None) -> None:
    leave_until = leave_of(campaign, leave)
    wall = Wall(place.time_zone, place.country, place.region, (window.opens, window.closes))
    numbers = [step.days_before for step in campaign.steps]
    expected = expected_steps(
        wall, campaign.deadline, numbers, leave_until=leave_until, closes_after_days=campaign.closes_after_days
    )
    found = schedule(campaign, place, window, WorkingDays(), leave_until)
    assert [(one.days_before, one.day, one.opens, one.closes, one.expires) for one in expected] == [
        (step.step.days_before, step.day, step.opens_at, step.closes_at, step.expires_at) for step in found
    ]
    states = ["superseded" if step.superseded_by else "due" if step.opens_at < step.expires_at else "missed" for step in found]
    assert [one.state for one in expected] == states


def test_the_date_line_is_crossed_the_same_way() -> None:
    """Samoa never had Friday 30 December 2011."""
    for deadline in (date(2011, 12, 28) + timedelta(days=count) for count in range(8)):
        campaign = Campaign("x", deadline, tuple(Step(number, "message") for number in (7, 3, 2, 1, 0, -1, -2)))
        expected = expected_steps(Wall("Pacific/Apia"), deadline, (7, 3, 2, 1, 0, -1, -2))
        found = schedule(campaign, Place("Pacific/Apia"), OFFICE, WorkingDays())
        assert [(one.day, one.opens, one.expires) for one in expected] == [(s.day, s.opens_at, s.expires_at) for s in found], (
            deadline
        )


def test_in_every_zone_a_person_gets_each_step_once() -> None:
    """R14: a clock that ticks through a whole countdown, in every IANA zone, with a window at 02:30 across both clock changes.

    At every hour of the weeks around the change of October 2025 and that of March 2026, the current step is either
    the one of the tick before or the next one: none comes twice, none comes back.
    """
    window = Window.parse("02:30-03:15")
    everyday = WorkingDays(frozenset(range(7)))
    for deadline in (date(2025, 11, 3), date(2026, 4, 6)):
        campaign = Campaign(
            "x", deadline, tuple(Step(number, "message") for number in (10, 9, 8, 7, 2, 1, 0, -1)), closes_after_days=2
        )
        for name in sorted(available_timezones()):
            steps = schedule(campaign, Place(name), window, everyday)
            ticks = [datetime.combine(deadline, time.min, UTC) + timedelta(hours=hours) for hours in range(-12 * 24, 4 * 24)]
            met = [current_step(steps, tick) for tick in ticks]
            seen = [one for one, before in zip(met, [None, *met], strict=False) if one is not None and one is not before]
            assert seen == [planned for planned in steps if planned.superseded_by is None], name
