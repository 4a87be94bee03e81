"""A roster file cannot crash the service: whatever stands in it, it is a reading or an error in words."""

from __future__ import annotations

import io
import random
import tempfile
from datetime import date
from pathlib import Path

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.errors import BadDataError
from notifier.roster.columns import FIELDS
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.report import reading_as_data, reading_as_lines

TODAY = date(2025, 10, 1)
HEADER = (
    "Employee ID,First name,Last name,Email,Language,Time zone,Country,Region,Department,Manager,Manager email,Status,Active,"
    "User type,Termination date,Leave until,DistinguishedName,UPN"
)
HOSTILE_CELLS = (
    "=1+1",
    "@x",
    '"',
    "''",
    "1234.0",
    "1E+30",
    "CN=a\\",
    "CN=",
    "(",
    "()",
    "a@b.cz",
    "zoe@example.com",
    "max@example.com",
    "#EXT#",
    "CH-",
    "-GE",
    "CH-GE",
    "2025-13-45",
    "31/12/9999",
    "0/0/0",
    "99999",
    "00045992",
    "0000459920000000000",
    "²³",
    "٣",
    "İ",
    "Null",
    "-",
    "#N/A",
    "<a@b.cz>",
    "1970-01-01",
    "\0",
    "\x1b[31m",
    "\u202ezoe",
    '"a\nb"',
    "9" * 400,
    "ß" * 200,
    "x" * 300,
    "e\u0301",
    "x@" + "y." * 150 + "z",
    "\ufeff",
    "\u2028",
)
CELL = st.one_of(st.sampled_from(HOSTILE_CELLS), st.text(max_size=20))


def read(content: bytes, *, name: str = "roster.csv") -> RosterReading | None:
    """Read these bytes as a file. None where they are no roster, and the error says so and is for an admin."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read_file(path)


def read_file(path: Path) -> RosterReading | None:
    """The same for a file that is there."""
    try:
        return read_roster(path, columns={}, defaults=Defaults("Europe/Zurich", "CH"), today=TODAY)
    except BadDataError as error:
        said = str(error)
    assert path.name in said
    return None


def judge(reading: RosterReading | None) -> None:
    """Every row has exactly one outcome, and what was accepted fits the store and a header of a mail."""
    if reading is None:
        return
    assert reading.rows == len(reading.accepted) + len(reading.left_out) + len(reading.set_aside)
    assert len({person.id for person in reading.accepted}) == len(reading.accepted)
    assert len({person.email.casefold() for person in reading.accepted}) == len(reading.accepted)
    assert all(row.line > 0 and row.reason for row in reading.set_aside)
    for person in reading.accepted:
        texts = [person.id, person.email, person.given_name, person.family_name, person.department or "", person.manager_id or ""]
        assert all(
            len(text) <= 255 and not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text) for text in texts
        )
        assert person.id
        assert person.email.isascii()
        assert len(person.region or "") <= 3
    assert reading_as_data(reading)["accepted"] == len(reading.accepted)
    assert not any(ord(letter) < 32 for line in reading_as_lines(reading) for letter in line)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    judge(read(content))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"]), st.binary(max_size=400))
def test_any_bytes_below_a_good_header(encoding: str, content: bytes) -> None:
    judge(read(f"{HEADER}\r\n".encode(encoding) + content))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab@.\"',;\t|\r\n \0=é")), max_size=400))
def test_any_text_that_looks_like_csv(text: str) -> None:
    judge(read(f"{HEADER}\n{text}".encode()))
    judge(read(text.encode()))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELL, min_size=18, max_size=18), max_size=6))
def test_hostile_cells(rows: list[list[str]]) -> None:
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    judge(read(f"{HEADER}\n{text}".encode("utf-8", "surrogatepass")))


@settings(max_examples=300, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=8), st.lists(st.lists(CELL, max_size=8), max_size=4))
def test_hostile_headers(header: list[str], rows: list[list[str]]) -> None:
    lines = [";".join([*header, "E-Mail"]), *(";".join([*row, "zoe@example.com"]) for row in rows)]
    judge(read("\n".join(lines).encode("utf-8", "surrogatepass")))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), CELL, max_size=4))
def test_any_mapping(columns: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roster.csv"
        path.write_text(f"{HEADER}\n1,Zoé,Exemple,zoe@example.com,,,,,,,,,,,,,,\n", "utf-8")
        try:
            reading, hint = read_roster(path, columns=columns, defaults=Defaults("UTC"), today=TODAY), None
        except BadDataError as error:
            reading, hint = None, error.hint
    judge(reading)
    assert (reading is None) == bool(hint)


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_a_damaged_workbook(seed: int) -> None:
    judge(read(damaged(WORKBOOK, seed), name="roster.xlsx"))


def damaged(content: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    spoilt = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
    return bytes(spoilt[: chance.randint(10, len(spoilt))] if seed % 3 == 0 else spoilt)


def make_workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


WORKBOOK = make_workbook(
    [["Email", "Id", "Leave until", "Name"], ["zoe@example.com", 12.0, TODAY, "=1/0"], [True, None, 1e300, "#N/A"]]
)


def test_every_kind_of_cell_of_a_workbook() -> None:
    reading = read(WORKBOOK, name="roster.xlsx")

    judge(reading)
    assert reading is not None
    assert [(person.id, person.leave_until) for person in reading.accepted] == [("12", TODAY)]
    assert [row.line for row in reading.set_aside] == [3]


def test_a_cell_in_the_far_corner_of_a_sheet_is_refused_before_it_fills_the_memory() -> None:
    """A million rows by sixteen thousand columns: one stray cell makes a spreadsheet of 17 thousand million."""
    book = openpyxl.load_workbook(io.BytesIO(WORKBOOK))
    book.active["XFD1048576"] = "x"
    stream = io.BytesIO()
    book.save(stream)

    assert read(stream.getvalue(), name="roster.xlsx") is None
