"""When the roster is read again: a tiny language of four sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Literal

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SENTENCE = re.compile(rf"every\s+(day|hour|{'|'.join(WEEKDAYS)})(?:\s+(\d{{1,2}}):(\d{{2}}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refresh:
    """A moment that comes back, on the clock of `organisation.default_time_zone`.

    Attributes:
        every: "week", "day", "hour", or "never".
        weekday: one of WEEKDAYS when it is every week, else None.
        at: the time of day when it is every day or week, else None.
    """

    every: Literal["week", "day", "hour", "never"]
    weekday: str | None = None
    at: time | None = None


def parse_refresh(text: str) -> Refresh | None:
    """Read "every day 05:00", "every mon 05:00", "every hour" or "never"; None for anything else."""
    text = text.strip()
    if text.lower() == "never":
        return Refresh("never")
    match = _SENTENCE.fullmatch(text)
    if match is None:
        return None
    unit, at = match[1].lower(), _time(match[2], match[3])
    if unit == "hour":
        return Refresh("hour") if match[2] is None else None
    if at is None:
        return None
    return Refresh("day", at=at) if unit == "day" else Refresh("week", weekday=unit, at=at)


def _time(hour: str | None, minute: str | None) -> time | None:
    if hour is None or minute is None or int(hour) > 23 or int(minute) > 59:
        return None
    return time(int(hour), int(minute))
