"""R17: roster files as no export has them, by the thousand.

The properties of `tests/unit/test_roster_properties.py` look for the smallest file that goes wrong; most of their time goes into
making it. Here files are made by chance alone, several hundred a second, so that a million of them can be read.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.faults.tried import Tried
from tests.unit.test_roster_properties import HEADER, HOSTILE_CELLS, WORKBOOK, damaged, judge, read_file

ANY_FILE = "R17 any roster file"
_COLUMNS = HEADER.split(",")
_ENCODINGS = (*["utf-8"] * 6, "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "cp037")
_ENDS = ("\n", "\r\n", "\r", "\n\n", "\u2028")
_PARTS = ",,,,;;\t|"
# What a letter is drawn from: ASCII, its control characters, Latin, all of the first plane with surrogates, and all there is.
_LETTERS = ((0x20, 0x7E), (0x20, 0x7E), (0x00, 0x1F), (0x80, 0x17F), (0x00, 0xFFFF), (0x00, 0x10FFFF))


def any_files(chance: Random, *, times: int) -> Tried:
    """Bytes, cells and workbooks: a reading in which each row has one outcome, or an error in words."""
    tried = Tried(ANY_FILE)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(times):
            seed = chance.getrandbits(64)
            name, content = any_file(Random(seed))
            path = Path(folder) / name
            path.write_bytes(content)
            tried.tries += 1
            try:
                judge(read_file(path))
            except Exception as error:  # noqa: BLE001 - whatever it is, the table has to say it
                tried.wrong.append(f"file {seed}: {type(error).__name__}: {str(error)[:200]}")
    return tried


def any_file(chance: Random) -> tuple[str, bytes]:
    """Name and content of one."""
    make = chance.choice((_bytes, _cells, _cells, _cells, _workbook))
    return ("roster.xlsx" if make is _workbook else "roster.csv"), make(chance)


def _bytes(chance: Random) -> bytes:
    above = chance.choice((b"", f"{HEADER}\r\n".encode(), codecs.BOM_UTF16_LE, f"{HEADER}\n".encode("utf-16")))
    return above + chance.randbytes(chance.randrange(400))


def _workbook(chance: Random) -> bytes:
    return damaged(WORKBOOK, chance.getrandbits(32))


def _cells(chance: Random) -> bytes:
    header, part, end = list(_COLUMNS), chance.choice(_PARTS), chance.choice(_ENDS)
    if chance.random() < 0.3:
        chance.shuffle(header)
    if chance.random() < 0.1:
        header[chance.randrange(len(header))] = _cell(chance)
    write = chance.choice((_bare, _bare, _quoted))
    make = chance.choice((_any_row, _nearly_good_row))
    text = end.join(part.join(map(write, row)) for row in [header, *(make(chance, header) for _ in range(chance.randrange(7)))])
    encoding = chance.choice(_ENCODINGS)
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else chance.choice(("replace", "ignore")))


def _any_row(chance: Random, header: Sequence[str]) -> list[str]:
    width = len(header) if chance.random() < 0.9 else chance.randrange(2 * len(header))
    return [_cell(chance) for _ in range(width)]


def _nearly_good_row(chance: Random, header: Sequence[str]) -> list[str]:
    """Of one of four people, so that numbers and addresses come twice and people are each other's managers."""
    number = chance.randrange(4)
    good = {
        "Employee ID": f"{number}",
        "First name": "Zoé",
        "Last name": "Exemple",
        "Email": f"person{number}@example.com",
        "Language": "fr",
        "Country": "CH",
        "Manager": f"{chance.randrange(4)}",
        "Manager email": chance.choice(("", f"Person{chance.randrange(4)}@example.com")),
        "Status": "Active",
        "Leave until": chance.choice(("", "2025-11-12")),
    }
    row = [good.get(name, "") for name in header]
    for _ in range(chance.randrange(4)):
        row[chance.randrange(len(row))] = _cell(chance)
    return row


def _cell(chance: Random) -> str:
    draw: Callable[[Random], str] = chance.choice((_hostile, _text, _text, lambda _: ""))
    return draw(chance)


def _hostile(chance: Random) -> str:
    return chance.choice(HOSTILE_CELLS)


def _text(chance: Random) -> str:
    lowest, highest = chance.choice(_LETTERS)
    return "".join([chr(chance.randint(lowest, highest)) for _ in range(chance.randrange(20))])


def _bare(cell: str) -> str:
    return cell


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
