"""Dates as people write them, and the one way in which they are written here."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEAR_FIRST = re.compile(r"(\d{4})[-./ ]?(\d{1,2})[-./ ]?(\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-./])\s?(\d{1,2})[-./]\s?(\d{4}|\d{2})")
_IN_WORDS = re.compile(r"(\d{1,2})\.?\s+([a-zäéû]+)\.?,?\s+(\d{4})|([a-zäéû]+)\.?\s+(\d{1,2}),?\s+(\d{4})", re.IGNORECASE)
_MONTHS = (
    ("jan",), ("feb", "fév"), ("mar", "mär"), ("apr", "avr"), ("may", "mai"), ("jun", "juin"),
    ("jul", "juil"), ("aug", "aoû"), ("sep",), ("oct", "okt"), ("nov",), ("dec", "dez", "déc"),
)  # fmt: skip
_HOW = "write it as year-month-day, like 2025-11-03"


def read_day(text: str) -> date | None:
    """The date "2025-11-03" means; None for any other form and for a day that does not exist."""
    return _day(*text.split("-")) if _ISO.fullmatch(text) else None


def suggest_day(text: str) -> str:
    """What to write in place of something that is not a date, as an instruction."""
    text = text.strip()
    if match := _YEAR_FIRST.fullmatch(text):
        return _write(_day(match[1], match[2], match[3]), match[1], match[2])
    if match := _YEAR_LAST.fullmatch(text):
        year = match[4] if len(match[4]) == 4 else f"20{match[4]}"
        day_first, month_first = _day(year, match[3], match[1]), _day(year, match[1], match[3])
        if match[2] == "/" and day_first and month_first and day_first != month_first:
            return f"write {day_first} for {day_first:%-d %B}, or {month_first} for {month_first:%-d %B}"
        return _write(day_first or month_first, year, match[3])
    if match := _IN_WORDS.fullmatch(text):
        day, month, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
        return _write(_day(year, _month(month), day), year, _month(month))
    return _HOW


def _write(day: date | None, year: str, month: str) -> str:
    if day:
        return f"write {day}"
    if _day(year, month, "1") is None:
        return _HOW
    last = monthrange(int(year), int(month))[1]
    return f"write {date(int(year), int(month), last)}, the last day of that month"


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _month(name: str) -> str:
    numbers = [number for number, starts in enumerate(_MONTHS, start=1) if name.lower().startswith(starts)]
    return str(numbers[-1] if numbers else 0)
