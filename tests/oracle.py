"""What the countdown must do, worked out the slow way: by watching the clock on the wall.

It walks through the weeks in steps of five minutes, reads the local time at each, and marks the days on which people work and
their window is open. It shares nothing with `notifier.domain`: only the zones (`zoneinfo`), the holidays (`holidays`) and the
rules of the design, written down a second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

_TICK = timedelta(minutes=5)  # every change of offset and every window asked about here falls on one
_MARGIN = timedelta(days=21)  # no break in any calendar is longer


@dataclass(frozen=True)
class Wall:
    """A person's calendar. `window` is two local times on whole five minutes; `work_days` counts from 0 for Monday."""

    time_zone: str
    country: str = ""
    region: str = ""
    window: tuple[time, time] = (time(9), time(17))
    work_days: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Expected:
    """What becomes of one step for somebody who does not answer, where everything is sent at once.

    "due" goes out in [opens, closes) and is still good until `expires`; "superseded" gives its day to another step; "missed" has
    no moment at which it could go out (a leave that lasts too long, a campaign that closes before). Instants are UTC.
    """

    days_before: int
    state: Literal["due", "superseded", "missed"]
    day: date
    opens: datetime
    closes: datetime
    expires: datetime


def expected_steps(
    wall: Wall, deadline: date, days_before: Iterable[int], *, leave_until: date | None = None, closes_after_days: int = 90
) -> list[Expected]:
    """One entry for each step, from the earliest to the latest."""
    steps = sorted(days_before, reverse=True)
    closing_day = deadline + timedelta(days=closes_after_days)
    first, last = (
        deadline - timedelta(days=max(steps)),
        max(closing_day, leave_until or deadline, deadline - timedelta(days=min(steps))),
    )
    open_days = _open_days(wall, first - _MARGIN, last + _MARGIN)
    going_out: dict[int, date] = {}
    for step in steps:
        nominal = deadline - timedelta(days=step)
        day = max(d for d in open_days if d <= nominal) if step >= 0 else min(d for d in open_days if d >= nominal)
        if leave_until and day <= leave_until:
            day = min(d for d in open_days if d > leave_until)
        going_out[step] = day
    found = []
    for step in steps:
        day = going_out[step]
        opens, closes = open_days[day]
        ends = [_day_begins(wall, closing_day)]
        if step >= 0:
            ends.append(_day_begins(wall, deadline if step > 0 else deadline + timedelta(days=1)))
        ends += [open_days[going_out[other]][0] for other in steps if other < step]
        expires = min(ends)
        superseded = any(going_out[other] == day for other in steps if other < step)
        state: Literal["due", "superseded", "missed"] = "superseded" if superseded else "due" if opens < expires else "missed"
        found.append(Expected(step, state, day, opens, closes, expires))
    return found


def may_go_out(wall: Wall, at: datetime, leave_until: date | None = None) -> bool:
    """Whether anything may be handed over at that instant: people there work, are back, and their clock is inside the window."""
    local = at.astimezone(ZoneInfo(wall.time_zone))
    back = leave_until is None or local.date() > leave_until
    return back and _works(wall, local.date()) and wall.window[0] <= local.time() < wall.window[1]


def _works(wall: Wall, day: date) -> bool:
    return day.weekday() in wall.work_days and day not in _feasts(wall.country, wall.region)


@cache
def _feasts(country: str, region: str) -> dict[date, str]:
    if not country:
        return {}
    calendar = getattr(holidays, country)
    return dict(calendar(subdiv=region if region in calendar.subdivisions else None, years=range(1990, 2036), language="en_US"))


@cache
def _open_days(wall: Wall, first: date, last: date) -> dict[date, tuple[datetime, datetime]]:
    """The days in between on which something can go out, with the first stretch of time inside their window."""
    stretches: dict[date, tuple[datetime, datetime]] = {}
    zone = ZoneInfo(wall.time_zone)
    now = datetime.combine(first, time.min, UTC)
    while now.date() <= last:
        local = now.astimezone(zone)
        if wall.window[0] <= local.time() < wall.window[1]:
            begun, ended = stretches.get(local.date(), (now, now))
            if ended == now:
                stretches[local.date()] = (begun, now + _TICK)
        now += _TICK
    return {day: stretch for day, stretch in stretches.items() if _works(wall, day)}


@cache
def _day_begins(wall: Wall, day: date) -> datetime:
    """The first instant at which the wall shows that day or, where the calendar drops it, a later one."""
    now = datetime.combine(day, time.min, UTC) - timedelta(hours=30)
    while now.astimezone(ZoneInfo(wall.time_zone)).date() < day:
        now += _TICK
    return now
