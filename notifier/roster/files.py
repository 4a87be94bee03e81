"""A roster file, read: text or spreadsheet, its header found, its rows judged, its managers looked up."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile, islice, pairwise
from operator import attrgetter
from pathlib import Path

from notifier.errors import BadDataError
from notifier.roster.blocks import BlockReader
from notifier.roster.columns import Columns, check_overrides, column_of_addresses, missing_override, recognise
from notifier.roster.csv_file import Broken, Row, TextTable, open_tables
from notifier.roster.managers import with_managers
from notifier.roster.reading import Defaults, LeftOut, Notes, RosterReading, SetAside
from notifier.roster.rows import Draft, RowReader
from notifier.roster.text import clean, order_of_date, shorten
from notifier.roster.workbook import SheetTable, is_workbook, open_sheets
from notifier.store.people import Table

_HEADER_WITHIN = 40  # rows; title lines stand above it
_HEADERS_SHOWN = 12
_BLOCK = 250  # rows; they fit into the processor's cache
_PARTS = 4
_ID, _EMAIL = (Draft._fields.index(name) for name in ("id", "email"))


@dataclass(frozen=True, slots=True)
class _Layout:
    """A table, and which of its rows is the header."""

    table: TextTable | SheetTable
    header_line: int
    columns: Columns


def read_roster(path: Path, *, columns: Mapping[str, str], defaults: Defaults, today: date) -> RosterReading:
    """Read a CSV, TSV or XLSX file.

    Args:
        columns: our field -> their header, where headers are not recognised by themselves.
        defaults: what holds for rows that do not say.
        today: somebody whose last day is before it has left.

    Raises:
        BadDataError: this is no roster: missing, unreadable, empty, binary, or without a column of addresses.
    """
    check_overrides(columns)
    with _plain_errors(path):
        layout = _layout(path, columns)
        return _read(layout, defaults, today)


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Say in words what the system says about a file."""
    try:
        yield
    except FileNotFoundError:
        msg = f"there is no file {path}"
        raise BadDataError(msg, hint="set roster.path to the file your directory or HR system exports") from None
    except IsADirectoryError:
        msg = f"{path} is a folder"
        raise BadDataError(msg, hint="set roster.path to the file in it") from None
    except PermissionError:
        msg = f"{path} may not be read by this user"
        raise BadDataError(msg, hint="give the user that runs notifier the right to read it") from None
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise BadDataError(msg, hint="check the disk or the network share that it is on") from None
    except ValueError as error:
        msg = f"{str(path)!r} is not the name of a file: {error}"
        raise BadDataError(msg, hint="set roster.path to the file your directory or HR system exports") from None


def _layout(path: Path, overrides: Mapping[str, str]) -> _Layout:
    with path.open("rb") as stream:
        start = stream.read(8)
    tables = open_sheets(path) if is_workbook(start) else open_tables(path)
    layouts = (layout for table in tables for layout in _layouts(table, overrides))
    best = max(layouts, key=lambda layout: _merit(layout, overrides), default=None)
    if best is None:
        msg = f"{path} has no visible sheet with rows"
        raise BadDataError(msg, hint="put the roster on the first sheet, one row for each person below a row of headers")
    if missing := missing_override(best.columns, overrides):
        field, wanted = missing
        msg = f"roster.columns: {field} is to come from {wanted!r}, but {path} has no such column"
        raise BadDataError(msg, hint=f"its columns are {_listed(best.columns.header)}")
    if "email" not in best.columns.places:
        raise _no_addresses(path, best)
    return best


def _merit(layout: _Layout, overrides: Mapping[str, str]) -> tuple[int, int, int]:
    """The more of what we need a header row has, the likelier it is the header row."""
    places = layout.columns.places
    mapped = sum(field in places for field in overrides)
    return ("email" in places) + mapped, len(places), -layout.header_line


def _layouts(table: TextTable | SheetTable, overrides: Mapping[str, str]) -> Iterator[_Layout]:
    """Each of the first rows, taken for the header."""
    for line, cells in islice(table.rows(), _HEADER_WITHIN):
        if not isinstance(cells, Broken) and any(cell.strip() for cell in cells):
            yield _Layout(table, line, recognise(cells, overrides))


def _no_addresses(path: Path, layout: _Layout) -> BadDataError:
    first = islice(layout.table.rows(), _HEADER_WITHIN)
    people = [cells for line, cells in first if line > layout.header_line and not isinstance(cells, Broken)]
    likely = column_of_addresses(layout.columns.header, people)
    wanted = f'email = "{shorten(likely)}"' if likely else 'email = "the header of that column"'
    msg = f"{path} has no column of e-mail addresses; line {layout.header_line} was taken for the headers"
    hint = f"export it with the addresses and a row of headers, or set roster.columns to {{ {wanted} }}"
    # Where the headers are lost these are the first person's cells.
    return BadDataError(msg, hint=hint, quoted=f"line {layout.header_line}: {_listed(layout.columns.header)}")


def _listed(header: Sequence[str]) -> str:
    names = [repr(shorten(clean(cell), 40)) for cell in header if clean(cell)]
    more = f" and {len(names) - _HEADERS_SHOWN} more" if len(names) > _HEADERS_SHOWN else ""
    return ", ".join(names[:_HEADERS_SHOWN]) + more


def _read(layout: _Layout, defaults: Defaults, today: date) -> RosterReading:
    notes = Notes()
    month_first = _month_first(layout)
    single = RowReader(layout.columns, defaults, month_first=month_first, today=today, notes=notes)
    rows = dropwhile(lambda row: row[0] <= layout.header_line, layout.table.rows())
    sorter = _Sorter(rows, BlockReader(layout.columns, single, month_first=month_first, today=today))
    drafts = sorter.sort()
    return RosterReading(
        source=str(layout.table.path),
        accepted=with_managers(drafts, notes),
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


def _month_first(layout: _Layout) -> bool:
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

    def __init__(self, rows: Iterator[Row], reader: BlockReader) -> None:
        self._rows = rows
        self._reader = reader
        self._ids, self._addresses = array("q"), array("q")  # hashes: a million texts twice would fill the memory
        self.left_out: list[LeftOut] = []
        self.set_aside: list[SetAside] = []

    def sort(self) -> Table:
        """The accepted rows, as columns of `Draft`. The first row of an id, or of an address, counts; later ones are set aside."""
        drafts = Table(*Draft._fields)
        while block := list(islice(self._rows, _BLOCK)):
            accepted, others = self._reader.read(block)
            for other in others:
                if isinstance(other, LeftOut):
                    self.left_out.append(other)
                else:
                    self.set_aside.append(other)
            drafts.append(accepted)
            self._ids.extend(map(hash, accepted[_ID]))
            self._addresses.extend([hash(address.casefold()) for address in accepted[_EMAIL]])
        repeated = _repeated(self._ids) | _repeated(self._addresses)
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


def _repeated(hashes: array[int]) -> set[int]:
    """Those that are there more than once. Looked for in parts, because a set of them all would be large."""
    repeated: set[int] = set()
    for part in range(_PARTS):
        some = [one for one in hashes if one % _PARTS == part]
        if len(set(some)) < len(some):
            repeated |= {one for one, following in pairwise(sorted(some)) if one == following}
    return repeated
