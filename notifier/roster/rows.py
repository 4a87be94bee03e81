"""One row of a roster, checked: an employee, somebody to leave out, or a row to set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from notifier.roster.address import read_address
from notifier.roster.circumstances import Circumstances, CircumstancesReader
from notifier.roster.columns import FIELDS, Columns
from notifier.roster.names import split_name
from notifier.roster.reading import Defaults, LeftOut, LeftOutBecause, Notes, SetAside
from notifier.roster.text import clean, first_text, read_date, shorten
from notifier.store.people import Place

LONGEST_TEXT = 255
MANAGERS = ("manager_id", "manager_email", "manager")
_WHOLE_NUMBER = re.compile(r"(\d+)[.,]0+")
_ROUNDED_NUMBER = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")


class Draft(NamedTuple):
    """An accepted person whose manager is not looked up yet.

    Attributes:
        language, department, leave_until: or "" where there is none; the day is ISO 8601.
        managers: what the row says about the manager, the surest first, each on a line.
        distinguished_name: or "" where the file has none.
        other_names: further names by which others may refer to this person, each on a line: login names, the full name as it
            stands in the file.
    """

    line: int
    id: str
    email: str
    given_name: str
    family_name: str
    language: str
    department: str
    leave_until: str
    active: bool
    place: Place
    managers: str
    distinguished_name: str
    other_names: str


class RowReader:
    """Reads rows of one file.

    Attributes:
        circumstances: what judges the cells that repeat.

    Args:
        month_first: how dates with slashes are meant.
        today: the day on which somebody with an earlier last day is gone.
    """

    def __init__(self, columns: Columns, defaults: Defaults, *, month_first: bool, today: date, notes: Notes) -> None:
        self._columns = {field: columns.places.get(field, ()) for field in FIELDS}
        self._has_ids = "id" in columns.places
        self._width = len(columns.header)
        self._month_first = month_first
        self._today = today
        self._notes = notes
        self.circumstances = CircumstancesReader(columns.places, defaults)

    def read(self, line: int, cells: Sequence[str]) -> Draft | LeftOut | SetAside:
        """Judge one row."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        employee_id, id_fault = self._id(cells)
        known = employee_id or None if not id_fault and self._has_ids else None
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            reason = f"has {len(cells)} cells where the header has {self._width}: a separator inside a text without quotes?"
            return SetAside(line, reason, known)
        email, email_fault = self._email(cells)
        login = self._text(cells, "user_principal_name")
        circumstances = self.circumstances.read(cells)
        if left_out := self._left_out(line, cells, circumstances, f"{login}{email}"):
            return left_out
        if email_fault or id_fault:
            found = self._text(cells, "email" if email_fault else "id")
            return SetAside(line, _in_words(email_fault or id_fault or "", found), known)
        return self._draft(line, cells, employee_id or email.casefold(), email, login, circumstances)

    def _draft(
        self, line: int, cells: Sequence[str], employee_id: str, email: str, login: str, circumstances: Circumstances
    ) -> Draft:
        given, family, full = self._name(line, cells)
        for note in circumstances.notes:
            self._notes.add(line, note)
        return Draft(
            line=line,
            id=employee_id,
            email=email,
            given_name=given,
            family_name=family,
            language=circumstances.language,
            department=self._cut(line, "department", self._text(cells, "department")),
            leave_until=self._leave(line, cells),
            active=True,
            place=circumstances.place,
            managers="\n".join(text for field in MANAGERS if (text := self._text(cells, field))),
            distinguished_name=self._text(cells, "distinguished_name"),
            other_names="\n".join(text for text in (full, login, self._text(cells, "account_name")) if text),
        )

    def _text(self, cells: Sequence[str], field: str) -> str:
        return first_text(cells, self._columns[field])

    def _id(self, cells: Sequence[str]) -> tuple[str, str | None]:
        """The id, "" where the row has none, and what is wrong with it."""
        text = self._text(cells, "id")
        if whole := _WHOLE_NUMBER.fullmatch(text):
            text = whole[1]
        if _ROUNDED_NUMBER.fullmatch(text):
            return text, "the id was rounded by a spreadsheet; format its column as text and export it again"
        return text[:LONGEST_TEXT], None if len(text) <= LONGEST_TEXT else "the id is too long"

    def _email(self, cells: Sequence[str]) -> tuple[str, str | None]:
        return read_address(self._text(cells, "email"))

    def _left_out(self, line: int, cells: Sequence[str], circumstances: Circumstances, logins: str) -> LeftOut | None:
        if circumstances.guest:
            return LeftOut(line, LeftOutBecause.GUEST, circumstances.guest)
        if "#" in logins and "#ext#" in logins.casefold():
            return LeftOut(line, LeftOutBecause.GUEST, "#EXT# in the login name")
        if (ends_on := self._last_day(line, cells)) and ends_on < self._today:
            return LeftOut(line, LeftOutBecause.TERMINATED, f"last day {ends_on.isoformat()}")
        return None if circumstances.gone is None else LeftOut(line, *circumstances.gone)

    def _last_day(self, line: int, cells: Sequence[str]) -> date | None:
        text = self._text(cells, "ends_on")
        day = read_date(text, month_first=self._month_first) if text else None
        if text and day is None:
            self._notes.add(line, f"the last day {shorten(text)!r} is no date; the person is kept")
        return day

    def _leave(self, line: int, cells: Sequence[str]) -> str:
        """The last day of an absence that is not over, or ""."""
        text = self._text(cells, "leave_until")
        if not text:
            return ""
        day = read_date(text, month_first=self._month_first)
        if day is None:
            self._notes.add(line, f"the end of the leave {shorten(text)!r} is no date; taken as not on leave")
        return "" if day is None or day < self._today else day.isoformat()

    def _cut(self, line: int, what: str, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            self._notes.add(line, f"the {what} is longer than {LONGEST_TEXT} characters and was cut")
        return text[:LONGEST_TEXT]

    def _name(self, line: int, cells: Sequence[str]) -> tuple[str, str, str]:
        """Given name, family name, and the full name as it stands in the file. Any word is a name, even "Null"."""
        given, family, straight = (self._name_in(cells, field) for field in ("given_name", "family_name", "full_name"))
        full = straight or self._name_in(cells, "family_first")
        if full and not (given and family):
            if given:
                family = _rest(full, given)
            elif family:
                given = _rest(full, family)
            else:
                given, family = split_name(full, family_first=not straight)
        return self._cut(line, "given name", given), self._cut(line, "family name", family), full

    def _name_in(self, cells: Sequence[str], field: str) -> str:
        return next((text for index in self._columns[field] if (text := clean(cells[index]))), "")


def _in_words(fault: str, found: str) -> str:
    return f"{fault}: {shorten(found)}" if found else fault


def _rest(full: str, part: str) -> str:
    """What remains of a full name without the part that is known."""
    words = full.replace(",", " ").split()
    known = {word.casefold() for word in part.split()}
    return " ".join(word for word in words if word.casefold() not in known)
