"""A roster file, read: text or spreadsheet, its header found, its rows judged, its managers looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path

from notifier.errors import BadDataError
from notifier.roster.columns import check_overrides, column_of_addresses, missing_override, recognise
from notifier.roster.csv_file import Broken, TextTable, open_tables
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.table import Layout, listed, read_layout
from notifier.roster.text import shorten
from notifier.roster.workbook import SheetTable, is_workbook, open_sheets

_HEADER_WITHIN = 40  # rows; title lines stand above it


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
        return read_layout(layout, defaults, today)


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


def _layout(path: Path, overrides: Mapping[str, str]) -> Layout:
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
        raise BadDataError(msg, hint=f"its columns are {listed(best.columns.header)}")
    if "email" not in best.columns.places:
        raise _no_addresses(path, best)
    return best


def _merit(layout: Layout, overrides: Mapping[str, str]) -> tuple[int, int, int]:
    """The more of what we need a header row has, the likelier it is the header row."""
    places = layout.columns.places
    mapped = sum(field in places for field in overrides)
    return ("email" in places) + mapped, len(places), -layout.header_line


def _layouts(table: TextTable | SheetTable, overrides: Mapping[str, str]) -> Iterator[Layout]:
    """Each of the first rows, taken for the header."""
    for line, cells in islice(table.rows(), _HEADER_WITHIN):
        if not isinstance(cells, Broken) and any(cell.strip() for cell in cells):
            yield Layout(table, line, recognise(cells, overrides))


def _no_addresses(path: Path, layout: Layout) -> BadDataError:
    first = islice(layout.table.rows(), _HEADER_WITHIN)
    people = [cells for line, cells in first if line > layout.header_line and not isinstance(cells, Broken)]
    likely = column_of_addresses(layout.columns.header, people)
    wanted = f'email = "{shorten(likely)}"' if likely else 'email = "the header of that column"'
    msg = f"{path} has no column of e-mail addresses; line {layout.header_line} was taken for the headers"
    hint = f"export it with the addresses and a row of headers, or set roster.columns to {{ {wanted} }}"
    # Where the headers are lost these are the first person's cells.
    return BadDataError(msg, hint=hint, quoted=f"line {layout.header_line}: {listed(layout.columns.header)}")
