"""Cells as people and programs leave them, made into clean text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

_CONTROLS = "".join(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)))
_LINE_ENDS = "\u2028\u2029"
_DIRECTION_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = "\u00ad\u200b\u2060\ufeff"
_CLEANING = str.maketrans(
    {**dict.fromkeys(_CONTROLS + _LINE_ENDS, " "), **dict.fromkeys(_DIRECTION_MARKS + _INVISIBLE, None)}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
_NOTHING = frozenset({"-", "--", "–", "—", "n/a", "#n/a", "#n/v", "#nv", "null", "none", "nan", "(none)", "(leer)", "(vide)"})
_PROTECTED_TEXT = re.compile(r'="(.*)"')
K = TypeVar("K")
V = TypeVar("V")
_MOST_REMEMBERED = 1 << 16
_FIRST_SERIAL_DAY = date(1899, 12, 30)
_DATE_WITH_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})")


def clean(cell: str) -> str:
    """The text of a cell: no control characters, no direction marks, single spaces, composed accents.

    `="0012"`, the way of protecting leading zeros, is `0012`. Anything else that begins with = + - or @ is text like any other.
    """
    text = cell.strip()
    if not text.isascii() or not text.isprintable():
        text = unicodedata.normalize("NFC", text.translate(_CLEANING))
        text = " ".join(text.split())
    elif "  " in text:
        text = " ".join(text.split())
    if text[:2] == '="' and (protected := _PROTECTED_TEXT.fullmatch(text)):
        text = protected[1].strip()
    return text


def says_nothing(text: str) -> bool:
    """Whether a clean text is one of the ways of programs to write an empty cell: `-`, `#N/A`, `NULL`. Never ask it of a name."""
    return not text or (len(text) <= 6 and text.casefold() in _NOTHING)


class Remembered(dict[K, V]):
    """What came of a cell, or of several, worked out when it is first seen: the cells of a column repeat."""

    def __init__(self, judge: Callable[[K], V]) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, cell: K) -> V:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        value = self[cell] = self._judge(cell)
        return value


def tell(cell: str) -> str:
    """The clean text of a cell, "" where it says nothing."""
    text = clean(cell)
    return "" if says_nothing(text) else text


def first_text(cells: Sequence[str], indexes: Iterable[int]) -> str:
    """The clean text of the first of these cells that says something, "" where none does."""
    return next((text for index in indexes if (text := tell(cells[index]))), "")


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Letters and digits only, without case and accents: for comparing words that people write in many ways."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    return "".join(character for character in decomposed if character.isalnum())


def read_date(text: str, *, month_first: bool = False) -> date | None:
    """The day meant by `2026-03-01`, `01.03.2026`, `1/3/2026`, `2026-03-01T00:00:00Z`, or the serial number of a spreadsheet.

    Args:
        month_first: read `3/1/2026` as the first of March.

    Returns:
        None where it is no date.
    """
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        pass
    if len(text) == 5 and text.isdecimal() and 20_000 <= int(text) <= 80_000:
        return _FIRST_SERIAL_DAY + timedelta(days=int(text))
    match = _DATE_WITH_DAY_FIRST.match(text)
    if match is None or text[match.end() :].strip()[:1].isalpha():
        return None
    first, second, year = (int(part) for part in match.groups())
    day, month = (second, first) if (month_first and "/" in match[0]) or (second > 12 >= first) else (first, second)
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None


def all_lines(pattern: re.Pattern[str], cells: Sequence[str]) -> bool:
    """Whether a pattern for any number of lines with their ends fits a column: no cell has two lines, and each fits."""
    lines = "\n".join((*cells, ""))
    return lines.count("\n") == len(cells) and pattern.fullmatch(lines) is not None


def order_of_date(text: str) -> str | None:
    """What a date with slashes gives away about the order of its column: "month" or "day" first, or None."""
    match = _DATE_WITH_DAY_FIRST.match(text)
    if match is None or "/" not in match[0]:
        return None
    first, second = int(match[1]), int(match[2])
    if first > 12 >= second:
        return "day"
    return "month" if second > 12 >= first else None


def shorten(text: str, length: int = 60) -> str:
    """For quoting a cell in a message."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
