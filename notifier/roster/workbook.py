"""Rows of a spreadsheet: XLSX, and the older XLS and ODS."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from notifier.errors import BadDataError
from notifier.roster.csv_file import Row, Rows, in_blocks

_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_LARGEST_UNPACKED = 4 << 30
_MOST_CELLS = 100_000_000
_CHUNK = 1 << 20
_CELL = re.compile(rb'<c\b[^>]*? ?r="([A-Z]{1,3})([0-9]{1,10})"')
_LONGEST_CELL_TAG = 200

Cell = int | float | str | bool | object


def is_workbook(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a spreadsheet and not text."""
    return start.startswith(_SIGNATURES)


@dataclass(frozen=True, slots=True)
class SheetTable:
    """One sheet, loaded. A row's number is the one the spreadsheet shows."""

    path: Path
    sheet: CalamineSheet
    name: str
    encoding: None = None
    delimiter: None = None

    def blocks(self) -> Iterator[Rows]:
        """Every row from the first, some hundred at a time."""
        return in_blocks(self.rows())

    def rows(self) -> Iterator[Row]:
        """Every row from the first."""
        for number, cells in enumerate(self.sheet.iter_rows(), 1):
            yield number, [_text(cell) for cell in cells]


def open_sheets(path: Path) -> Iterator[SheetTable]:
    """Each visible sheet that can be read.

    Raises:
        BadDataError: the file is damaged, protected by a password, or unpacks to an absurd size.
        OSError: it cannot be read.
    """
    if zipfile.is_zipfile(path):
        _refuse_bombs(path)
    try:
        book = CalamineWorkbook.from_path(path)
        for known in book.sheets_metadata:
            if known.typ is SheetTypeEnum.WorkSheet and known.visible is SheetVisibleEnum.Visible:
                yield SheetTable(path, book.get_sheet_by_name(known.name), known.name)
    except PasswordError:
        msg = f"{path} is protected by a password"
        raise BadDataError(msg, hint="save it without one, or export it as CSV") from None
    except CalamineError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> BadDataError:
    said = " ".join(str(error).split())
    return BadDataError(
        f"{path} cannot be read as a spreadsheet: {said}",
        hint="open it in your spreadsheet program and save it again, or export it as CSV",
    )


def _text(cell: Cell) -> str:
    """What the cell shows, without the decimals that spreadsheets add to whole numbers."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _refuse_bombs(path: Path) -> None:
    """Refuse a file that would fill the memory: packed again and again, or with one cell far out in the corner of a sheet."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LARGEST_UNPACKED:
                msg = f"{path} unpacks to more than {_LARGEST_UNPACKED >> 30} GB"
                raise BadDataError(msg, hint="export it as CSV")
            for member in members:
                if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                    _refuse_wide_sheet(path, archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from None


def _refuse_wide_sheet(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    last_row = last_column = 0
    rest = b""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            found = _CELL.findall(rest + chunk)
            if found:
                last_row = max([last_row, *(int(number) for _, number in found)])
                last_column = max([last_column, *(_number(letters) for letters in {letters for letters, _ in found})])
            rest = chunk[-_LONGEST_CELL_TAG:]
    if last_row * last_column > _MOST_CELLS:
        msg = f"{path} has a cell in row {last_row}, another in column {last_column}: far too large a sheet for a roster"
        raise BadDataError(msg, hint="delete what stands outside the table, or export it as CSV")


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
