"""What came of reading a roster: who was accepted, who was not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypedDict

from notifier.domain.employee import Employee

_LINES_SHOWN = 5
_MOST_NOTES = 500


class LeftOutBecause(StrEnum):
    """Why somebody in the file is not an employee to write to."""

    GUEST = "guest"
    DISABLED = "disabled"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody who is not to be written to.

    Attributes:
        line: line of the file, or row of the sheet, from 1.
        detail: what in the row says so: "status Suspended".
    """

    line: int
    because: LeftOutBecause
    detail: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that cannot be used as it is.

    Attributes:
        line: line of the file, or row of the sheet, from 1.
        employee_id: the id that stands in it, if one does: this person is not taken for a leaver.
    """

    line: int
    reason: str
    employee_id: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was mended or left empty in accepted rows.

    Attributes:
        count: how many rows it is about.
        lines: the first few of them.
    """

    text: str
    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for people whose row does not say: from the settings of the organisation."""

    time_zone: str
    country: str | None = None


class ReadingRules(TypedDict):
    """How the rows of any source are read.

    Attributes:
        columns: our field -> their header, where headers are not recognised by themselves.
        defaults: what holds for rows that do not say.
        today: somebody whose last day is before it has left.
    """

    columns: Mapping[str, str]
    defaults: Defaults
    today: date


@dataclass(frozen=True, slots=True)
class RosterReading:
    """A roster, read.

    Attributes:
        source: the file, or the directory in words.
        accepted: in the order of the file.
        rows: rows below the header that were not blank.
        columns: our field -> their header.
        ignored_columns: headers that mean nothing to us.
        encoding: "utf-8", "utf-16", "windows-1252", …, or None for a spreadsheet.
        delimiter: one character, or None for a spreadsheet.
        sheet: its name, or None for a text file. A directory or a database has neither encoding nor sheet.
        remark: how much was asked of a directory, in words.
        snapshot: what is to be kept for the next reading, once this one has been applied.
    """

    source: str
    accepted: Sequence[Employee]
    left_out: tuple[LeftOut, ...]
    set_aside: tuple[SetAside, ...]
    notes: tuple[Note, ...]
    rows: int
    columns: Mapping[str, str]
    ignored_columns: tuple[str, ...]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    remark: str | None = None
    snapshot: bytes | None = None

    @property
    def left_out_by_reason(self) -> dict[str, int]:
        """How many were left out for each reason."""
        return dict(Counter(str(person.because) for person in self.left_out))


@dataclass(slots=True)
class Notes:
    """Collects notes: the same words about many rows are one note."""

    _counts: Counter[str] = field(default_factory=Counter)
    _lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, line: int, text: str) -> None:
        if text not in self._lines and len(self._lines) >= _MOST_NOTES:
            text = "further notes of other kinds"
        self._counts[text] += 1
        lines = self._lines.setdefault(text, [])
        if len(lines) < _LINES_SHOWN:
            lines.append(line)

    def collected(self) -> tuple[Note, ...]:
        """The notes, the most frequent first."""
        return tuple(Note(text, count, tuple(self._lines[text])) for text, count in self._counts.most_common())
