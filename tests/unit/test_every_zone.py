"""R14: each step once and in its window, whatever clocks do: in every zone there is, for four years, at half past two at night.

That is the hour at which clocks are changed: in spring it may not come, in autumn it may come twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, current_step, schedule
from notifier.domain.window import Window

WINDOW = Window(time(2, 30), time(3, 30))
EVERY_DAY = WorkingDays(frozenset(range(7)))
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
TICK, SECOND = timedelta(minutes=15), timedelta(seconds=1)


def changes(name: str, first: datetime = FIRST, last: datetime = LAST) -> Iterator[date]:
    """The days on which, or after whose midnight in London, the clocks of a zone are put forward or back."""
    zone = ZoneInfo(name)
    while first < last:
        if first.astimezone(zone).utcoffset() != (first + WEEK).astimezone(zone).utcoffset():
            for days in range(7):
                midnight = first + days * DAY
                if midnight.astimezone(zone).utcoffset() != (midnight + DAY).astimezone(zone).utcoffset():
                    yield midnight.date()
        first += WEEK


@cache
def countdown(deadline: date) -> Campaign:
    return Campaign("a", deadline, tuple(Step(days, "reminder") for days in range(5, 0, -1)))


def judge(steps: tuple[PlannedStep, ...], name: str) -> None:
    """Those that go out have a window each, one after the other; a clock on the wall agrees with it from its start to its end."""
    zone = ZoneInfo(name)
    sent = [step for step in steps if step.superseded_by is None]
    assert len({step.day for step in sent}) == len(sent)
    for step, following in zip(sent, [*sent[1:], None], strict=True):
        assert step.opens_at < step.closes_at <= step.opens_at + timedelta(hours=1)
        ticks = [step.opens_at + number * TICK for number in range(4)]
        for instant in (*(tick for tick in ticks if tick < step.closes_at), step.closes_at - SECOND):
            wall = instant.astimezone(zone)
            assert (wall.date(), WINDOW.opens <= wall.time() < WINDOW.closes) == (step.day, True), f"{name}: {wall}"
            assert current_step(steps, instant) == step
        assert following is None or step.closes_at <= following.opens_at


def test_each_step_once_around_every_change_of_every_clock() -> None:
    zones = sorted(available_timezones() - {"localtime"})
    seen = 0
    for name in zones:
        for day in [date(2026, 7, 15), *changes(name)]:
            steps = schedule(countdown(day + 4 * DAY), Place(name, "", ""), WINDOW, EVERY_DAY)
            assert [step.step.days_before for step in steps] == [5, 4, 3, 2, 1]
            judge(steps, name)
            seen += 1
    assert len(zones) >= 400
    assert seen >= 8 * 60 + len(zones)


def test_a_day_that_a_country_leaves_out() -> None:
    """Samoa went from 29 to 31 December 2011: the step of the 30th goes out on the 29th, in place of that day's own."""
    steps = schedule(countdown(date(2012, 1, 2)), Place("Pacific/Apia", "", ""), WINDOW, EVERY_DAY)
    judge(steps, "Pacific/Apia")
    assert [(step.step.days_before, step.day.day, step.superseded_by is None) for step in steps] == [
        (5, 28, True),
        (4, 29, False),
        (3, 29, True),
        (2, 31, True),
        (1, 1, True),
    ]
    assert list(changes("Pacific/Apia", datetime(2011, 12, 25, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))) == [
        date(2011, 12, 30)
    ]
