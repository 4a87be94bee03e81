"""The hours in which people may be written to, on their own clock; and what a clock's reading means as an instant.

A local clock does not show every reading once. In spring an hour never comes, in autumn one comes twice, and a country that
crosses the date line drops a whole day. A reading that never comes means the first instant after the jump; one that comes
twice means its first coming. Source: the IANA time zone database, through `zoneinfo`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_SECOND = timedelta(seconds=1)

# ZoneInfo itself keeps only the eight zones used last. An organisation has more, and reading one takes longer than a plan in it.
zone_of = cache(ZoneInfo)


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` (included) to `closes` (excluded), within one day."""

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read "09:00-17:00".

        Raises:
            ValueError: it has another form, an hour that does not exist, or it closes before it opens.
        """
        match = _WINDOW.fullmatch(text.strip())
        if match is None:
            msg = "expected hours like 09:00-17:00"
            raise ValueError(msg)
        first_hour, first_minute, last_hour, last_minute = (int(part) for part in match.groups())
        window = cls(time(first_hour, first_minute), time(last_hour, last_minute))
        if window.opens >= window.closes:
            msg = "the window must open before it closes, within one day"
            raise ValueError(msg)
        return window

    def on(self, day: date, time_zone: str) -> tuple[datetime, datetime] | None:
        """When it opens and closes on that day, in UTC; None where the clock jumps over all of it.

        Between the two the local clock always reads a time inside the window: where it is put back to before the opening, the
        window closes at that moment, and it does not open a second time.
        """
        opens = first_instant(day, self.opens, time_zone)
        closes = first_instant(day, self.closes, time_zone)
        opens_again = datetime.combine(day, self.opens, zone_of(time_zone)).replace(fold=1).astimezone(UTC)
        if opens < opens_again and (put_back := _change(opens, opens_again, time_zone)) < opens_again:
            closes = min(closes, put_back)
        return (opens, closes) if opens < closes else None


def first_instant(day: date, reading: time, time_zone: str) -> datetime:
    """The first instant, in UTC, at which the clock in that zone shows that reading of that day or has jumped past it."""
    zone = zone_of(time_zone)
    local = datetime.combine(day, reading, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _change(local.replace(fold=1).astimezone(UTC), instant, time_zone)


def day_exists(day: date, time_zone: str) -> bool:
    """Whether the calendar of that zone has that day: Samoa's has no 30 December 2011."""
    return first_instant(day, time.min, time_zone).astimezone(zone_of(time_zone)).date() == day


def _change(before: datetime, after: datetime, time_zone: str) -> datetime:
    """The instant in (before, after] at which the zone changes its offset; there is exactly one, on a whole second."""
    zone = zone_of(time_zone)
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
