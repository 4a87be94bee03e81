"""Many rows at once, column by column: the same outcomes as `rows.RowReader` gives, several times faster.

The cells of a column repeat, so each distinct text is judged once. What is not plain (a doubtful cell, a person to leave out, a
row of another width) is left to the reader of single rows, one row or a whole block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from notifier.roster.address import plain_addresses
from notifier.roster.circumstances import Circumstances
from notifier.roster.columns import Columns
from notifier.roster.csv_file import Broken, Cells, Row
from notifier.roster.reading import LeftOut, SetAside
from notifier.roster.rows import LONGEST_TEXT, MANAGERS, Draft, RowReader
from notifier.roster.text import Remembered, all_lines, clean, fold, read_date, tell

Outcome = Draft | LeftOut | SetAside
Column = Sequence[Any]
Block = Sequence[Column]
"""The columns of `Draft`, of equal length."""

_PLAIN_ID = re.compile(rf"(?!(?:null|none|nan)\Z)[A-Za-z0-9][A-Za-z0-9-]{{0,{LONGEST_TEXT - 1}}}", re.IGNORECASE)
_PLAIN_ID_LINES = re.compile(rf"(?:(?!(?:null|none|nan)\n)[A-Za-z0-9][A-Za-z0-9-]{{0,{LONGEST_TEXT - 1}}}+\n)*+", re.IGNORECASE)
_DOUBTFUL = "?"


class BlockReader:
    """Reads rows of one file.

    Attributes:
        wordless_names: whether a given or family name that was read may be without any letter or digit.

    Args:
        reader: judges single rows.
        month_first, today: as for `RowReader`.
    """

    def __init__(self, columns: Columns, reader: RowReader, *, month_first: bool, today: date) -> None:
        self._reader = reader
        self._header = list(columns.header)
        self._places = columns.places
        self._month_first = month_first
        self._today = today
        self.wordless_names = not {"given_name", "family_name"} <= columns.places.keys()
        self._long_texts = False  # whether any was seen
        self._clean = Remembered(self._clean_name)
        self._tell = Remembered(self._tell_text)
        self._stays = Remembered(self._is_still_there)
        self._leave = Remembered(self._end_of_leave)

    def read(self, lines: Sequence[int], records: Sequence[Cells]) -> tuple[Block, list[LeftOut | SetAside]]:
        """Judge rows below the header: the accepted people as columns of `Draft`, and the others.

        Blank rows, and repeated headers, are neither.

        Args:
            lines: the number of the first line of each.
        """
        columns = _columns(records)
        if len(columns) != len(self._header):
            return _sorted(self._one_by_one(zip(lines, records, strict=True)))
        block = _Reading(self._places, columns, self._clean, self._tell)
        circumstances = self._reader.circumstances.read_columns(columns)
        leave = block.texts("leave_until")
        plain = list(block.plain(may_be_long=self._long_texts))
        if not all(one.plain for one in set(circumstances)):
            plain.append([one.plain for one in circumstances])
        if "leave_until" in self._places:
            leave = list(map(self._leave.__getitem__, leave))
            plain.append([day != _DOUBTFUL for day in leave])
        if "ends_on" in self._places:
            plain.append(list(map(self._stays.__getitem__, block.texts("ends_on"))))
        drafts = block.drafts(lines, circumstances, leave)
        doubtful = [column for column in plain if not all(column)]
        if not doubtful:
            return drafts, []
        rows = zip(lines, records, strict=True)
        return _sorted(self._mixed(map(all, zip(*doubtful, strict=True)), zip(*drafts, strict=True), rows))

    def _mixed(self, plain: Iterable[bool], drafts: Iterable[tuple[Any, ...]], rows: Iterable[Row]) -> Iterator[Outcome]:
        for is_plain, draft, row in zip(plain, drafts, rows, strict=True):
            if is_plain:
                yield Draft(*draft)
            else:
                yield from self._one_by_one([row])

    def _one_by_one(self, rows: Iterable[Row]) -> Iterator[Outcome]:
        for line, cells in rows:
            if isinstance(cells, Broken):
                yield SetAside(line, cells.reason)
            elif cells != self._header and "".join(cells).strip():
                outcome = self._reader.read(line, cells)
                if isinstance(outcome, Draft):
                    self.wordless_names |= not (fold(outcome.given_name) and fold(outcome.family_name))
                yield outcome

    def _clean_name(self, cell: str) -> str:
        text = clean(cell)
        self.wordless_names |= not fold(text)
        self._long_texts |= len(text) > LONGEST_TEXT
        return text

    def _tell_text(self, cell: str) -> str:
        text = tell(cell)
        self._long_texts |= len(text) > LONGEST_TEXT
        return text

    def _is_still_there(self, text: str) -> bool:
        """Whether a last day is none, or plainly not past."""
        day = read_date(text, month_first=self._month_first) if text else self._today
        return day is not None and day >= self._today

    def _end_of_leave(self, text: str) -> str:
        """The last day of an absence that is not over or "", `_DOUBTFUL` for what is no date."""
        if not text:
            return ""
        day = read_date(text, month_first=self._month_first)
        if day is None:
            return _DOUBTFUL
        return day.isoformat() if day >= self._today else ""


class _Reading:
    """The columns of some rows, all as wide as the header.

    Args:
        places: for each field the indexes of its columns, best first.
        clean, tell: remember what `text.clean` and `text.tell` made of a cell.
    """

    def __init__(
        self, places: Mapping[str, Sequence[int]], columns: Sequence[Column], clean: Mapping[str, str], tell: Mapping[str, str]
    ) -> None:
        self._columns = columns
        self._places = places
        self._tell = tell
        self._length = len(columns[0])
        self._emails = columns[places["email"][0]]
        self._ids = columns[places["id"][0]] if "id" in places else [address.casefold() for address in self._emails]
        self._given, self._family, self._straight, self._turned = (
            self._column(field, clean) for field in ("given_name", "family_name", "full_name", "family_first")
        )
        self._logins = self.texts("user_principal_name")
        self._departments = self.texts("department")

    def texts(self, field: str) -> Column:
        """The clean texts of a field, "" where a row says nothing."""
        return self._column(field, self._tell)

    def plain(self, *, may_be_long: bool) -> Iterator[Sequence[object]]:
        """Columns of truth values: whether a row is plain in one respect.

        Args:
            may_be_long: whether a text may be longer than LONGEST_TEXT.
        """
        yield plain_addresses(self._emails)
        if "id" in self._places and not _are_plain_ids(self._ids):
            yield list(map(_PLAIN_ID.fullmatch, self._ids))
        if "full_name" in self._places or "family_first" in self._places:
            yield [bool(given and family) for given, family in zip(self._given, self._family, strict=True)]
        for column in (self._given, self._family, self._departments) if may_be_long else ():
            if max(map(len, column)) > LONGEST_TEXT:
                yield [len(text) <= LONGEST_TEXT for text in column]
        for column in (self._emails, self._logins):
            if "#" in "".join(column):
                yield ["#" not in text for text in column]

    def drafts(self, lines: Column, circumstances: Sequence[Circumstances], leave: Column) -> Block:
        """The columns of `Draft`, on the assumption that every row is plain."""
        full = self._straight
        if "family_first" in self._places:
            full = [straight or turned for straight, turned in zip(self._straight, self._turned, strict=True)]
        return [
            lines,
            self._ids,
            self._emails,
            self._given,
            self._family,
            [one.language for one in circumstances],
            self._departments,
            leave,
            [True] * len(lines),
            [one.place for one in circumstances],
            _several([self.texts(field) for field in MANAGERS]),
            self.texts("distinguished_name"),
            _several([full, self._logins, self.texts("account_name")]),
        ]

    def _column(self, field: str, remembered: Mapping[str, str]) -> Column:
        columns = [list(map(remembered.__getitem__, self._columns[index])) for index in self._places.get(field, ())]
        if len(columns) == 1:
            return columns[0]
        return [next(filter(None, texts), "") for texts in zip(*columns, strict=True)] if columns else [""] * self._length


def _are_plain_ids(ids: Column) -> bool:
    """Whether all are plain; mostly it is enough that they are letters and digits, and longer than a word that says nothing."""
    text, lengths = "".join(ids), set(map(len, ids))
    if text.isascii() and text.isalnum() and len("null") < min(lengths) and max(lengths) <= LONGEST_TEXT:
        return True
    return all_lines(_PLAIN_ID_LINES, ids)


def _columns(records: Sequence[Cells]) -> Sequence[Column]:
    """The columns of rows that all have the same number of cells; none where they have not, or where one is `Broken`."""
    try:
        return list(zip(*records, strict=True))
    except (TypeError, ValueError):
        return ()


def _several(columns: Sequence[Column]) -> Column:
    """The texts of each row that say something, each on a line."""
    filled = [column for column in columns if any(column)]
    if len(filled) < 2:
        return filled[0] if filled else columns[0]
    return ["\n".join(filter(None, texts)) for texts in zip(*filled, strict=True)]


def _sorted(outcomes: Iterable[Outcome]) -> tuple[Block, list[LeftOut | SetAside]]:
    drafts: list[Draft] = []
    others: list[LeftOut | SetAside] = []
    for outcome in outcomes:
        if isinstance(outcome, Draft):
            drafts.append(outcome)
        else:
            others.append(outcome)
    return list(zip(*drafts, strict=True)) or [()] * len(Draft._fields), others
