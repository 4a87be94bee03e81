"""The countdown: from a deadline and a place's calendar to the instant of each step, and which step is current.

- The nominal day of a step is the deadline less its `days_before`.
- A step goes out on a day on which people there work and the window opens. Up to the deadline it moves to the nearest earlier
  such day, after the deadline to the nearest later one.
- Of an absence only the last day is known. A step that would go out on or before it cannot move earlier, so it waits for the
  first day after it.
- Of several steps on one day the last of the countdown goes out and supersedes the others.
- A step is current from the opening of its window until the next one opens, the campaign closes, or its time is over: for
  a step before the deadline that is the start of the deadline's day where the person is. So no message that counts down
  reaches anybody after the deadline, however long an outage was.
- A step on the day of the deadline itself (`days_before` 0) says "today". It moves like the ones before it, and its time is over
  at the end of that day. Moved to an earlier day it stays current until then, and its text counts the days that are left.

Pure arithmetic: `now` is an argument, aware, and all instants that come back are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from notifier.domain.campaign import Campaign, Step
from notifier.domain.window import Window, first_instant, zone_of
from notifier.domain.working_days import Place, WorkingDays

__all__ = [
    "MovedBecause",
    "Place",
    "PlannedStep",
    "WorkingDays",
    "current_step",
    "days_left",
    "local_date",
    "next_opening",
    "schedule",
]

MovedBecause = Literal["weekend", "holiday", "clock change", "leave"]

_DAY = timedelta(days=1)
_FOR_GOOD = date(9990, 12, 31)  # HR systems write 9999-12-31 for an absence without end; there must be days after it to count with


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step in one place.

    Attributes:
        nominal: the deadline less `days_before`.
        day: the day it goes out, where the person is.
        opens_at: when the window of that day opens, UTC.
        closes_at: when it closes, UTC; always later than `opens_at`.
        expires_at: the step is no longer current from here on, UTC. At or before `opens_at` where it never is: it is superseded,
            or the leave it waited for lasts too long, or the campaign closes before.
        superseded_by: the step that goes out on that day in its place.
        moved_because: why nothing goes out on the nominal day; None where the step did not move.
    """

    step: Step
    nominal: date
    day: date
    opens_at: datetime
    closes_at: datetime
    expires_at: datetime
    superseded_by: Step | None
    moved_because: MovedBecause | None


@dataclass(frozen=True, slots=True)
class _Opening:
    """A day on which something can go out, and its window in UTC."""

    day: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class _SendingDays:
    """The days on which something can go out in one place: people there work, are back, and the window opens."""

    place: Place
    window: Window
    working_days: WorkingDays
    leave_until: date | None

    def nearest_earlier(self, day: date) -> _Opening:
        return self._nearest(self.working_days.nearest_earlier, day, -_DAY)

    def nearest_later(self, day: date) -> _Opening:
        return self._nearest(self.working_days.nearest_later, day, _DAY)

    def first_after_leave(self, day: date) -> _Opening:
        """The nearest later one that does not fall into the leave."""
        return self.nearest_later(day if self.leave_until is None else max(day, min(self.leave_until, _FOR_GOOD) + _DAY))

    def on_leave(self, day: date) -> bool:
        return self.leave_until is not None and day <= self.leave_until

    def why_not(self, day: date) -> MovedBecause:
        """Why nothing goes out on a day that is not one of these."""
        if self.working_days.is_weekend(day):
            return "weekend"
        return "clock change" if self.working_days.holiday_name(day, self.place, "en") is None else "holiday"

    def _nearest(self, nearest: Callable[[date, Place], date], day: date, stride: timedelta) -> _Opening:
        found = nearest(day, self.place)
        while (hours := self.window.on(found, self.place.time_zone)) is None:
            found = nearest(found + stride, self.place)
        return _Opening(found, *hours)


def schedule(
    campaign: Campaign, place: Place, window: Window, working_days: WorkingDays, leave_until: date | None = None
) -> tuple[PlannedStep, ...]:
    """Every step of the campaign for people in that place, from the earliest to the latest (falling `days_before`).

    Args:
        leave_until: last day of an absence, inclusive, or None.
    """
    days = _SendingDays(place, window, working_days, leave_until)
    placed = [(step, *_place(step, campaign.deadline, days)) for step in campaign.steps]
    last_on = {opening.day: step for step, _, opening, _ in placed}
    current_until = first_instant(campaign.closes_on, time.min, place.time_zone)
    planned = []
    for step, nominal, opening, moved_because in reversed(placed):
        winner = last_on[opening.day]
        planned.append(
            PlannedStep(
                step=step,
                nominal=nominal,
                day=opening.day,
                opens_at=opening.opens_at,
                closes_at=opening.closes_at,
                expires_at=min(current_until, _time_over(step, campaign, place.time_zone)),
                superseded_by=None if winner == step else winner,
                moved_because=moved_because,
            )
        )
        current_until = min(current_until, opening.opens_at)
    return tuple(reversed(planned))


def _place(step: Step, deadline: date, days: _SendingDays) -> tuple[date, _Opening, MovedBecause | None]:
    """The nominal day of a step, the day it goes out, and why the two differ."""
    nominal = deadline - timedelta(days=step.days_before)
    opening = days.nearest_earlier(nominal) if step.days_before >= 0 else days.nearest_later(nominal)
    if days.on_leave(opening.day):
        return nominal, days.first_after_leave(opening.day), "leave"
    return nominal, opening, None if opening.day == nominal else days.why_not(nominal)


def _time_over(step: Step, campaign: Campaign, time_zone: str) -> datetime:
    """When the text of a step has become pointless, whatever else goes out: see the head of this module."""
    if step.days_before > 0:
        over = campaign.deadline
    elif step.days_before == 0:
        over = campaign.deadline + _DAY
    else:
        over = campaign.closes_on
    return first_instant(over, time.min, time_zone)


def current_step(steps: Sequence[PlannedStep], now: datetime) -> PlannedStep | None:
    """The step that somebody who has heard of none of them should get now, or None where there is none.

    There is at most one: each expires at the latest when a later one opens, and a superseded one before it opens.
    """
    return next((step for step in steps if step.opens_at <= now < step.expires_at), None)


def next_opening(
    now: datetime, place: Place, window: Window, working_days: WorkingDays, leave_until: date | None = None
) -> tuple[datetime, datetime]:
    """The window (opens, closes), in UTC, that is open now in that place, or else opens next."""
    days = _SendingDays(place, window, working_days, leave_until)
    opening = days.first_after_leave(local_date(now, place.time_zone))
    while opening.closes_at <= now:
        opening = days.nearest_later(opening.day + _DAY)
    return opening.opens_at, opening.closes_at


def local_date(now: datetime, time_zone: str) -> date:
    """The date that a calendar on a wall in that zone shows."""
    return now.astimezone(zone_of(time_zone)).date()


def days_left(deadline: date, today: date) -> int:
    """Whole days until the deadline: 1 on the last safe day, 0 on the deadline's own day, negative after it."""
    return (deadline - today).days
