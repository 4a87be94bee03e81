"""A table of people, read: its rows judged, those that stand there twice set aside, its managers looked up."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from operator import attrgetter, lt
from pathlib import Path
from typing import Protocol

from notifier.roster.blocks import BlockReader
from notifier.roster.columns import Columns
from notifier.roster.csv_file import Broken, Row, Rows
from notifier.roster.managers import with_managers
from notifier.roster.reading import Defaults, LeftOut, Notes, RosterReading, SetAside
from notifier.roster.rows import Draft, RowReader
from notifier.roster.text import clean, order_of_date, shorten
from notifier.store.people import Table

_HEADERS_SHOWN = 12


class Source(Protocol):
    """What rows come from: a text file, a sheet, a directory or a database.

    Attributes:
        path: its name, in words.
        encoding, delimiter, name: see `RosterReading`.
    """

    @property
    def path(self) -> Path | str: ...
    @property
    def encoding(self) -> str | None: ...
    @property
    def delimiter(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...

    def rows(self) -> Iterator[Row]:
        """Every row with its number."""

    def blocks(self) -> Iterator[Rows]:
        """The same, many at a time."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A table, and which of its rows is the header."""

    table: Source
    header_line: int
    columns: Columns


def listed(header: Sequence[str]) -> str:
    """Headers in words, the first dozen of them."""
    names = [repr(shorten(clean(cell), 40)) for cell in header if clean(cell)]
    more = f" and {len(names) - _HEADERS_SHOWN} more" if len(names) > _HEADERS_SHOWN else ""
    return ", ".join(names[:_HEADERS_SHOWN]) + more


def read_layout(layout: Layout, defaults: Defaults, today: date) -> RosterReading:
    """Judge every row below the header."""
    notes = Notes()
    month_first = _month_first(layout)
    single = RowReader(layout.columns, defaults, month_first=month_first, today=today, notes=notes)
    reader = BlockReader(layout.columns, single, month_first=month_first, today=today)
    sorter = _Sorter(_below_header(layout), reader)
    drafts = sorter.sort()
    return RosterReading(
        source=str(layout.table.path),
        accepted=with_managers(drafts, notes, wordless_names=reader.wordless_names),
        left_out=tuple(sorter.left_out),
        set_aside=tuple(sorted(sorter.set_aside, key=attrgetter("line"))),
        notes=notes.collected(),
        rows=len(drafts) + len(sorter.left_out) + len(sorter.set_aside),
        columns=layout.columns.recognised,
        ignored_columns=layout.columns.ignored,
        encoding=layout.table.encoding,
        delimiter=layout.table.delimiter,
        sheet=layout.table.name,
    )


def _below_header(layout: Layout) -> Iterator[Rows]:
    for lines, records in layout.table.blocks():
        start = bisect(lines, layout.header_line)
        if start < len(lines):
            yield lines[start:], records[start:]


def _month_first(layout: Layout) -> bool:
    """Whether dates with slashes are American: one with a day above 12 tells it for the whole file."""
    indexes = [index for field in ("ends_on", "leave_until") for index in layout.columns.places.get(field, ())]
    if not indexes:
        return False
    orders = set()
    for _, cells in layout.table.rows():
        if not isinstance(cells, Broken):
            orders |= {order_of_date(cells[index].strip()) for index in indexes if index < len(cells)}
    return "month" in orders and "day" not in orders


class _Sorter:
    """Sorts the rows of a file by what becomes of them."""

    def __init__(self, blocks: Iterator[Rows], reader: BlockReader) -> None:
        self._blocks = blocks
        self._reader = reader
        self.left_out: list[LeftOut] = []
        self.set_aside: list[SetAside] = []

    def sort(self) -> Table:
        """The accepted rows, as columns of `Draft`. The first row of an id, or of an address, counts; later ones are set aside."""
        drafts = Table(*Draft._fields)
        for lines, records in self._blocks:
            accepted, others = self._reader.read(lines, records)
            for other in others:
                if isinstance(other, LeftOut):
                    self.left_out.append(other)
                else:
                    self.set_aside.append(other)
            drafts.append(accepted)
        repeated = _repeated(drafts, "email", _casefolded)
        if not _ascend(column for (column,) in drafts.blocks("id")):
            repeated |= _repeated(drafts, "id", iter)
        if not repeated:
            return drafts
        first_ones = Table(*Draft._fields)
        first_ones.extend(self._first_ones(map(Draft._make, drafts.rows()), repeated))
        return first_ones

    def _first_ones(self, drafts: Iterable[Draft], repeated: Collection[int]) -> Iterator[Draft]:
        line_of_id: dict[str, int] = {}
        line_of_address: dict[str, int] = {}
        for draft in drafts:
            line, id_, address = draft.line, draft.id, draft.email.casefold()
            if hash(id_) not in repeated and hash(address) not in repeated:
                yield draft
            elif (first := line_of_id.get(id_)) is not None:
                self.set_aside.append(SetAside(line, f"the id {shorten(id_)} stands on line {first} already", id_))
            elif (first := line_of_address.get(address)) is not None:
                self.set_aside.append(SetAside(line, f"the address {shorten(draft.email)} stands on line {first} already", id_))
            else:
                line_of_id[id_] = line_of_address[address] = line
                yield draft


def _ascend(columns: Iterable[Sequence[str]]) -> bool:
    """Whether each text is behind the one before it, as the ids of many exports are: then none comes twice."""
    last = ""
    for column in columns:
        if not (last < column[0] and all(map(lt, column, islice(column, 1, None)))):
            return False
        last = column[-1]
    return True


def _casefolded(column: Iterable[str]) -> Iterable[str]:
    return map(str.casefold, column)


def _repeated(drafts: Table, name: str, words_of: Callable[[Iterable[str]], Iterable[str]]) -> set[int]:
    """Hashes of the words of a column that are there more than once. The words themselves, a million, would fill the memory."""
    seen: set[int] = set()
    for (column,) in drafts.blocks(name):
        seen.update(map(hash, words_of(column)))
    if len(seen) == len(drafts):
        return set()
    repeated: set[int] = set()
    seen.clear()
    for (column,) in drafts.blocks(name):
        for one in map(hash, words_of(column)):
            (repeated if one in seen else seen).add(one)
    return repeated
