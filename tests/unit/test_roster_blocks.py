"""The fast ways through a roster give what the slow ones give: blocks of rows, blocks of lines, repeated people."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.roster import columns
from notifier.roster.blocks import BlockReader
from notifier.roster.csv_file import Broken, Row, read_blocks
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, LeftOut, Note, Notes, RosterReading, SetAside
from notifier.roster.rows import Draft, RowReader

TODAY = date(2025, 10, 1)
DEFAULTS = Defaults("Europe/Zurich", "CH")
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)

# For each header what people write below it every day, and what needs a second look.
CELLS: dict[str, tuple[list[str], list[str]]] = {
    "Employee ID": (["1", "E0002", "00412", "x" * 255], ["", "7.0", "8,00", "1.2E+05", "NULL", "nan", " 9", "a b", "x" * 256, "ß"]),
    "Email": (
        ["zoe@example.com", "Max.Muster@example.co.uk", "o'neil@example.com", "a@xn--bcher-kva.example"],
        [
            *("", "-", "zoe", "a@b@c.ch", "Email", "zoé@example.com", "a.@example.com", "zoe@example.c", "zoe#1@example.com"),
            *("Zoé <zoe@example.com>", "mailto:zoe@example.com", "zoe@bücher.example", "'zoe@example.com", " zoe@example.com"),
            *("a@b.cz\nc@d.cz", "zoe@example.com\n", "zoe_gmail.com#EXT#@corp.example"),
            *("x" * 64 + "@example.com", "x" * 65 + "@example.com", "x@" + "y" * 63 + ".ch", "x@" + "y" * 64 + ".ch"),
            *("x@" + "abcdefg." * 31 + "chxy", "x@" + "abcdefg." * 31 + "chxyz"),
        ],
    ),
    "First name": (["Zoé", "Jean-Luc"], ["", "Null", "  Zoé  Anna ", "e\u0301", "\u202eZoé", "z" * 256, '="Zoé"']),
    "Last name": (["Exemple", "van der Berg"], ["", "-", "x\ty", "z" * 256]),
    "Display name": (["Zoé Exemple", "EXEMPLE Zoé"], ["", "Exemple, Zoé", "Dr. Zoé Exemple (on leave)", "z" * 600]),
    "Nom Prénom": (["Exemple Zoé"], ["", "de la Tour Zoé"]),
    "UPN": (["zoe@corp.example"], ["", "n/a", "zoe_gmail.com#ext#@corp.example", "a#b", "#"]),
    "sAMAccountName": (["zoe"], ["", "NULL"]),
    "Language": (["fr", "de-CH", ""], ["xx", "fr;en", "Klingon"]),
    "Time zone": (["Europe/Paris", ""], ["Mars/Olympus", "W. Europe Standard Time"]),
    "Country": (["CH", "France", ""], ["US", "Atlantis", "-"]),
    "Region": (["GE", ""], ["CH-GE", "Nowhere", "US-NY"]),
    "Department": (["Finance", ""], ["#N/A", "d" * 256, " R\u00a0& D "]),
    "Manager": (["Max Muster", "E0002", ""], ["CN=Max\\, Muster,OU=x", "null", "Max (00412)"]),
    "Manager email": (["max@example.com", ""], ["-"]),
    "distinguishedName": (["CN=Zoé,DC=x"], ["", "CN="]),
    "Status": (["Active", ""], ["Terminated", "gesperrt", "inactif", "on leave"]),
    "Enabled": (["TRUE", ""], ["false", "nein"]),
    "Blocked": (["False", ""], ["yes"]),
    "User type": (["Member", ""], ["Guest", "Invité"]),
    "End date": (
        ["", TODAY.isoformat(), TOMORROW.strftime("%d.%m.%Y"), "31/12/2099"],
        [YESTERDAY.isoformat(), YESTERDAY.strftime("%d/%m/%Y"), "soon", "2025-13-45", "45930", "-", "10/2/2025"],
    ),
    "Leave until": (
        ["", TODAY.isoformat(), TOMORROW.strftime("%d.%m.%Y")],
        [YESTERDAY.isoformat(), "soon", "0/0/0", "99999", "n/a", f"{TOMORROW.isoformat()}T00:00:00Z"],
    ),
}


class Read(NamedTuple):
    """Everything that reading some rows says."""

    accepted: list[Draft]
    others: list[LeftOut | SetAside]
    notes: tuple[Note, ...]


def one_by_one(header: Sequence[str], rows: Iterable[Row], *, month_first: bool) -> Read:
    """The slow way, written down plainly: blank rows and repeated headers are nothing, every other row is judged alone."""
    notes = Notes()
    reader = RowReader(columns.recognise(header, {}), DEFAULTS, month_first=month_first, today=TODAY, notes=notes)
    accepted: list[Draft] = []
    others: list[LeftOut | SetAside] = []
    for line, cells in rows:
        if isinstance(cells, Broken):
            others.append(SetAside(line, cells.reason))
        elif list(cells) != list(header) and any(cell.strip() for cell in cells):
            outcome = reader.read(line, cells)
            if isinstance(outcome, Draft):
                accepted.append(outcome)
            else:
                others.append(outcome)
    return Read(accepted, others, notes.collected())


def by_blocks(header: Sequence[str], rows: Sequence[Row], size: int, *, month_first: bool) -> Read:
    notes = Notes()
    recognised = columns.recognise(header, {})
    single = RowReader(recognised, DEFAULTS, month_first=month_first, today=TODAY, notes=notes)
    reader = BlockReader(recognised, single, month_first=month_first, today=TODAY)
    accepted: list[Draft] = []
    others: list[LeftOut | SetAside] = []
    for start in range(0, len(rows), size):
        lines, records = zip(*rows[start : start + size], strict=True)
        block, more = reader.read(lines, records)
        assert len(block) == len(Draft._fields)
        accepted += map(Draft._make, zip(*block, strict=True))
        others += more
    return Read(accepted, others, notes.collected())


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[Row]]:
    """A header with some of the columns, in any order, and rows of which most are plain."""
    optional = draw(st.lists(st.sampled_from([name for name in CELLS if name != "Email"]), unique=True))
    twice = draw(st.lists(st.sampled_from(["Employee ID", "Email", "First name", "Department", "End date"]), max_size=1))
    header = draw(st.permutations(["Email", *optional, *twice]))
    plain = [st.sampled_from(CELLS[name][0]) for name in header]
    doubtful = [st.one_of(st.sampled_from([*CELLS[name][0], *CELLS[name][1]]), st.text(max_size=8)) for name in header]
    row = st.one_of(
        st.tuples(*plain).map(list),
        st.tuples(*plain).map(list),
        st.tuples(*[st.one_of(usual, usual, usual, odd) for usual, odd in zip(plain, doubtful, strict=True)]).map(list),
        st.tuples(*doubtful).map(list),
    )
    odd = st.one_of(
        st.just(list(header)),
        st.just([""] * len(header)),
        st.just([]),
        st.tuples(row, st.lists(st.sampled_from(["", " ", "x"]), min_size=1, max_size=2)).map(lambda pair: pair[0] + pair[1]),
        st.tuples(row, st.integers(1, len(header))).map(lambda pair: pair[0][: pair[1]]),
        st.just(Broken("a quotation mark is opened and not closed")),
    )
    cells = draw(st.lists(st.one_of(row, row, row, row, odd) if draw(st.booleans()) else row, max_size=12))
    return list(header), list(enumerate(cells, 2))


@settings(max_examples=400, deadline=None)
@given(tables(), st.integers(1, 13), st.booleans())
def test_blocks_give_what_single_rows_give(table: tuple[list[str], list[Row]], size: int, month_first: bool) -> None:
    header, rows = table

    assert by_blocks(header, rows, size, month_first=month_first) == one_by_one(header, rows, month_first=month_first)


@pytest.mark.parametrize("header", CELLS)
def test_each_cell_among_plain_rows(header: str) -> None:
    """Every cell above once in the middle of a block of people of whom nothing else is doubtful."""
    names = ["Email", *(name for name in CELLS if name != "Email")]
    usual = [CELLS[name][0][0] for name in names]
    for cell in (*CELLS[header][0], *CELLS[header][1]):
        odd = [cell if name == header else text for name, text in zip(names, usual, strict=True)]
        rows: list[Row] = list(enumerate([usual, odd, usual], 2))

        assert by_blocks(names, rows, 3, month_first=False) == one_by_one(names, rows, month_first=False)


def test_two_addresses_on_two_lines_of_a_cell_are_none(tmp_path: Path) -> None:
    """A line break inside an address would end a header of the mail."""
    reading = read(tmp_path, 'Employee ID,Email\n1,"a@b.cz\nc@d.cz"\n2,zoe@example.com\n')

    assert [person.id for person in reading.accepted] == ["2"]
    assert [(row.line, row.employee_id) for row in reading.set_aside] == [(2, "1")]


def read(folder: Path, text: str) -> RosterReading:
    path = folder / "roster.csv"
    path.write_text(text, "utf-8", newline="")
    return read_roster(path, columns={}, defaults=DEFAULTS, today=TODAY)


RECORDS = st.lists(
    st.lists(st.sampled_from(["", "a", " b", 'say "x"', "two\nlines", "three\r\n\n", "é", ",", '"']), max_size=3), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(st.integers(240, 252), RECORDS, st.integers(0, 260), RECORDS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_records_across_the_blocks_of_lines(
    before: int, first: list[list[str]], between: int, second: list[list[str]], end: str, finished: bool
) -> None:
    """Whatever stands around the 250th line comes as Python's csv module reads the whole text, with the number of its line."""
    records = [["p", str(number)] for number in range(before)] + first + [["q"]] * between + second
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=end).writerows(records)
    text = stream.getvalue() if finished else stream.getvalue().removesuffix(end)

    assert rows_by_blocks(text) == rows_by_csv(text)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("a,;\n\n\r é\0\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40), st.integers(0, 3))
def test_ends_of_lines_of_every_kind(text: str, before: int) -> None:
    """What Unicode calls the end of a line is none in a file."""
    text = "a,b\n" * before + text

    assert rows_by_blocks(text) == rows_by_csv(text)


class Trickle(io.StringIO):
    """A stream that gives a few hundred short lines at a time."""

    def read(self, size: int | None = -1, /) -> str:
        return super().read(1400 if size is None or size < 0 else min(size, 1400))


def rows_by_blocks(text: str) -> list[Row]:
    return [row for block in read_blocks(Trickle(text, newline=""), ",") for row in zip(*block, strict=True)]


def rows_by_csv(text: str) -> list[Row]:
    rows: list[Row] = []
    number = 1
    whole = csv.reader(io.StringIO(text, newline=""))
    for cells in whole:
        rows.append((number, cells))
        number = whole.line_num + 1
    return rows


@pytest.mark.parametrize("broken_at", [1, 2, 249, 250, 251, 499, 500, 501, 520])
def test_a_quotation_mark_that_is_never_closed_costs_one_row(tmp_path: Path, broken_at: int) -> None:
    rows = [f"{number},p{number}@example.com,".ljust(130, "x") for number in range(1, 521)]  # 250 of them are read at a time
    rows[broken_at - 1] = f'{broken_at},"p{broken_at}@example.com,'.ljust(130, "x")
    reading = read(tmp_path, "Employee ID,Email,Department\n" + "\n".join(rows))

    assert [row.line for row in reading.set_aside] == [broken_at + 1]
    assert [person.id for person in reading.accepted] == [str(number) for number in range(1, 521) if number != broken_at]


def test_ids_that_ascend_and_begin_again(tmp_path: Path) -> None:
    """The second 250 rows, which are read at once as the first are, have ids of the first."""
    rows = [f"E{number % 250:04},p{number}@example.com,".ljust(130, "x") for number in range(500)]
    reading = read(tmp_path, "Employee ID,Email,Department\n" + "\n".join(rows))

    assert [row.line for row in reading.set_aside] == list(range(252, 502))


@pytest.mark.parametrize(
    ("header", "boss"),
    [
        ("Employee ID,Email,First name,Last name,Manager", "1,b@example.com,…,Solo,"),
        ("Employee ID,Email,First name,Last name,Manager", "1,b@example.com,Solo,,"),
        ("Employee ID,Email,First name,Last name,Manager", "1,b@example.com,…,Solo"),  # a short row is read by itself
        ("Employee ID,Email,First name,Manager", "1,b@example.com,Solo,"),
    ],
)
def test_a_manager_who_has_one_word_for_a_name_is_found_by_it(tmp_path: Path, header: str, boss: str) -> None:
    person = ",".join(["2", "p@example.com", *["Zoé", "Exemple"][: header.count(",") - 2], "SOLO"])
    reading = read(tmp_path, "\n".join([header, boss, person]))

    assert [person.manager_id for person in reading.accepted] == [None, "1"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8), st.booleans()), max_size=12), st.integers(0, 260))
def test_the_first_row_of_an_id_or_address_counts(people: list[tuple[int, int, bool]], apart: int) -> None:
    """However far apart the others stand; an address in capitals is the same address."""
    half = len(people) // 2
    between = [(number, number, False) for number in range(100, 100 + apart)]
    rows, ids, emails, first, later = ["Employee ID,Email"], set(), set(), [], []
    for line, (id_, email, upper) in enumerate([*people[:half], *between, *people[half:]], 2):
        address = f"p{email}@example.com"
        rows.append(f"E{id_},{address.upper() if upper else address}")
        if id_ in ids or email in emails:
            later.append((line, f"E{id_}"))
        else:
            first.append(f"E{id_}")
            ids.add(id_)
            emails.add(email)
    with tempfile.TemporaryDirectory() as folder:
        reading = read(Path(folder), "\n".join(rows))

    assert [person.id for person in reading.accepted] == first
    assert [(row.line, row.employee_id) for row in reading.set_aside] == later
