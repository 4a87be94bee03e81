"""The burn-down curve as numbers for an inline SVG: pure arithmetic; the drawing itself stands in `templates/admin/campaign.html`.

Time runs from the first day of the curve (0) to the deadline (1000), or to today where that is later; downwards run the open
people, from the most there ever were (0) to none (1000). The drawing stretches both to the room that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from notifier.domain.campaign import Campaign
from notifier.summary.organisation import Point

SIZE = 1000
_MOST_ROWS = 14
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on one side: where it stands, and what it is called there."""

    at: float
    value: int


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day that is marked: where it stands."""

    at: float
    day: date


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn.

    Attributes:
        line: the corners of the line, as SVG's `points`.
        area: the same closed at the bottom.
        now_x, now_y: where the curve ends.
        levels: lines of so many open people, from the bottom.
        steps: the days of the countdown.
        deadline: its day.
        first, last: the days at the two ends.
        first_open, last_open: how many are open where the curve begins and ends.
        rows: the days of the data table, the newest first; at most fourteen, evenly apart.
    """

    line: str
    area: str
    now_x: float
    now_y: float
    levels: tuple[Tick, ...]
    steps: tuple[DayMark, ...]
    deadline: DayMark
    first: DayMark
    last: DayMark
    first_open: int
    last_open: int
    rows: tuple[Point, ...]


def draw(points: Sequence[Point], campaign: Campaign) -> Curve | None:
    """The curve; None where there is none yet.

    Args:
        points: day by day, as `summary.organisation.curve` has them.
    """
    if not points:
        return None
    first, last = points[0].day, max(points[-1].day, campaign.deadline)
    top = _round_up(max(point.open for point in points))

    def across(day: date) -> float:
        return round(SIZE * ((day - first) / max(last - first, _DAY)), 1)

    def up(people: int) -> float:
        return round(SIZE * (1 - people / top), 1)

    corners = [(across(point.day), up(point.open)) for point in points]
    line = " ".join(f"{x:g},{y:g}" for x, y in corners)
    days = (campaign.deadline - step.days_before * _DAY for step in campaign.steps)
    return Curve(
        line=line,
        area=f"{corners[0][0]:g},{SIZE} {line} {corners[-1][0]:g},{SIZE}",
        now_x=corners[-1][0],
        now_y=corners[-1][1],
        levels=tuple(Tick(up(level), level) for level in (0, top // 2, top)),
        steps=tuple(DayMark(across(day), day) for day in days if first <= day <= last),
        deadline=DayMark(across(campaign.deadline), campaign.deadline),
        first=DayMark(across(first), first),
        last=DayMark(across(last), last),
        first_open=points[0].open,
        last_open=points[-1].open,
        rows=_some(points),
    )


def _round_up(value: int) -> int:
    """The next even number with one digit other than nought, or two that begin with 1: 1,240 -> 1,400; 7 -> 8."""
    if value <= 2:
        return 2
    unit = int(10 ** max(0, len(str(value)) - 2))
    unit = unit if value < 20 * unit else 5 * unit
    rounded = -(-value // unit) * unit
    return rounded if rounded % 2 == 0 else rounded + unit


def _some(points: Sequence[Point]) -> tuple[Point, ...]:
    apart = -(-len(points) // _MOST_ROWS)
    return tuple(points[::-1][::apart])
