"""Rows of a text file, whatever its encoding, delimiter and quoting accidents.

A quotation mark that is opened and never closed would swallow the rest of the file. So a record may span a few lines only; one
that goes on is reported as broken at the line where it began, and reading goes on with the line after it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from notifier.errors import BadDataError
from notifier.store.people import BLOCK

DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 16  # bytes: what is decoded at once fits into the processor's cache
_SAMPLE = 1 << 16
_TAKEN_AT_ONCE = 1 << 15  # characters: some hundred rows, which fit into the processor's cache
_LONGEST_RECORD = 20  # lines; an address in a quoted cell has five
_TOO_FEW_CONTROLS_TO_BE_BINARY = 0.02
_ANNOUNCEMENT = re.compile(r"[\ufeff\" ]*sep=([,;\t|])[\" ,;]*[\r\n]*", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that could not be taken apart; stands in the place of its cells."""

    reason: str


Cells = Sequence[str] | Broken
Row = tuple[int, Cells]
"""Line number, from 1, and the cells."""
Rows = tuple[Sequence[int], Sequence[Cells]]
"""Some rows: their line numbers, and the cells of each."""


class LineSource(Protocol):
    """What lines are read from: a text file opened with `newline=""`, or anything like it."""

    def read(self, size: int, /) -> str:
        """As many characters, or fewer; "" at the end."""

    def readline(self) -> str:
        """The next line with its end, "" after the last."""


def detect_encoding(path: Path) -> str:
    """The encoding of a text file: a byte order mark, else the zeros of UTF-16, else UTF-8 if it is, else Windows-1252.

    A file that is UTF-8 but for a few broken bytes stays UTF-8; those bytes become U+FFFD.

    Raises:
        BadDataError: the file is empty, or no text.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE)
        if not start.strip():
            msg = f"{path} is empty"
            raise BadDataError(msg, hint="export the roster again, with one row for each person below a row of headers")
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        zeros = (start[0::2].count(0), start[1::2].count(0))
        if max(zeros) * 4 > len(start) // 2 and min(zeros) * 20 < max(zeros):
            return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        _refuse_binary(path, start)
        stream.seek(0)
        if _is_clean_utf8(stream):
            return "utf-8"
        stream.seek(0)
        return "utf-8" if _is_damaged_utf8(stream) else "windows-1252"


def _refuse_binary(path: Path, start: bytes) -> None:
    controls = sum(start.count(code) for code in range(32) if code not in b"\t\n\r\f\x1a")
    if controls > max(4, len(start) * _TOO_FEW_CONTROLS_TO_BE_BINARY):
        msg = f"{path} is not a text file and not a spreadsheet"
        raise BadDataError(msg, hint="export the roster as CSV or XLSX")


def _is_clean_utf8(stream: io.BufferedReader) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_damaged_utf8(stream: io.BufferedReader) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    while chunk := stream.read(_CHUNK):
        text = decoder.decode(chunk)
        if not text.isascii():
            replaced = text.count("\ufffd")
            bad += replaced
            good += sum(character > "\x7f" for character in text) - replaced
    bad += len(decoder.decode(b"", final=True))
    return good > 4 * bad


@dataclass(frozen=True, slots=True)
class TextTable:
    """A text file, and how it is made."""

    path: Path
    encoding: str
    delimiter: str
    name: None = None

    def blocks(self) -> Iterator[Rows]:
        """Every record from the first, some hundred at a time."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as stream:
            yield from read_blocks(stream, self.delimiter)

    def rows(self) -> Iterator[Row]:
        """Every record from the first."""
        return chain.from_iterable(zip(*block, strict=True) for block in self.blocks())


def open_tables(path: Path) -> Iterator[TextTable]:
    """The file, taken apart by each delimiter it may have.

    Raises:
        BadDataError: the file is empty, or no text.
        OSError: it cannot be read.
    """
    encoding = detect_encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        announced = announced_delimiter(stream.readline(_SAMPLE))
    for delimiter in (announced,) if announced else DELIMITERS:
        yield TextTable(path, encoding, delimiter)


def announced_delimiter(line: str) -> str | None:
    """What a first line `sep=;` says, as spreadsheets write and read it."""
    match = _ANNOUNCEMENT.fullmatch(line)
    return match[1] if match else None


def read_blocks(stream: LineSource, delimiter: str) -> Iterator[Rows]:
    """Every record with the number of its first line, some hundred at a time. Broken ones are there too, as `Broken`.

    Nearly every file has one record on each line. So lines are taken in blocks, and a block is gone through line by line only
    where it holds anything else.
    """
    lines = _Lines(stream)
    while text := lines.take_text():
        records = _one_on_each_line(text, delimiter)
        if records is None:
            lines.give_back(io.StringIO(text, newline=""))
            yield from in_blocks(_record_by_record(lines, delimiter))
        else:
            yield range(lines.first, lines.first + len(records)), records
            lines.first += len(records)


def in_blocks(rows: Iterator[Row]) -> Iterator[Rows]:
    """Rows, some hundred at a time."""
    while some := list(islice(rows, BLOCK)):
        lines, records = zip(*some, strict=True)
        yield lines, records


def _one_on_each_line(text: str, delimiter: str) -> list[list[str]] | None:
    """The records of some lines; None unless each line is a record of its own.

    Where nothing is quoted, nor too long, Python's own splitting does the same as the csv module in half the time: as long as
    `splitlines` saw no ends of lines that are none in a file. Behind quoted lines an empty one comes back as an empty record,
    unless a quotation mark is still open.
    """
    lines = text.splitlines()
    if '"' not in text and "" not in lines and len(text) < csv.field_size_limit() and text.count("\n") == len(lines):
        return [line.split(delimiter) for line in lines]
    block = list(io.StringIO(text, newline=""))
    try:
        records = list(csv.reader([*block, "\n"], delimiter=delimiter))
    except csv.Error:
        return None
    return records[:-1] if len(records) == len(block) + 1 else None


def _record_by_record(lines: _Lines, delimiter: str) -> Iterator[Row]:
    """The records of the lines that were given back, and what else of the stream the last of them needs."""
    reader: Iterator[list[str]] = csv.reader(lines, delimiter=delimiter)
    while lines.given_back:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _NeverClosedError:
            yield lines.first, Broken("a quotation mark is opened and not closed")
            reader = lines.start_again(delimiter)
            continue
        except csv.Error:
            yield lines.first, Broken(f"a cell is longer than {csv.field_size_limit():,} characters")
            reader = lines.start_again(delimiter)
            continue
        if lines.ended_inside_record:
            yield lines.first, Broken("a quotation mark is opened and not closed")
            reader = lines.start_again(delimiter)
            continue
        yield lines.first, cells
        lines.record_is_complete()


class _NeverClosedError(Exception):
    """A record has more lines than a record has."""


class _Lines:
    """The lines of a stream, which can be given back from the second line of a record on.

    Attributes:
        first: number of the line on which the present record began, from 1.
        ended_inside_record: the stream ended while the present record was not complete.
    """

    def __init__(self, stream: LineSource) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self.first = 1
        self.ended_inside_record = False

    def take_text(self) -> str:
        """Some of the next lines of the stream, outside any record; "" at its end."""
        return self._stream.read(_TAKEN_AT_ONCE) + self._stream.readline()

    def give_back(self, block: Iterable[str]) -> None:
        """Let these lines be read again."""
        self._again.extend(block)

    @property
    def given_back(self) -> bool:
        """Whether lines wait to be read again."""
        return bool(self._again)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self._record) >= _LONGEST_RECORD:
            raise _NeverClosedError
        line = self._again.popleft() if self._again else self._stream.readline()
        if not line:
            self.ended_inside_record = bool(self._record)
            raise StopIteration
        self._record.append(line)
        return line

    def record_is_complete(self) -> None:
        self.first += len(self._record)
        self._record.clear()

    def start_again(self, delimiter: str) -> Iterator[list[str]]:
        """Give up the first line of the present record and read the others anew."""
        self._again.extendleft(reversed(self._record[1:]))
        self._record.clear()
        self.first += 1
        self.ended_inside_record = False
        return csv.reader(self, delimiter=delimiter)
