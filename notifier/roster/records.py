"""People who come as records with named fields, from a directory or a database: judged like the rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from notifier.errors import BadDataError
from notifier.roster.columns import check_overrides, missing_override, recognise
from notifier.roster.csv_file import Row, Rows
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.table import Layout, listed, read_layout
from notifier.store.people import BLOCK


@dataclass(frozen=True, slots=True)
class Records:
    """Records with the same fields.

    Attributes:
        path: where they came from, in words.
        header: the names of the fields.
        records: a text for each field; their numbers in messages count from 1.
    """

    path: str
    header: Sequence[str]
    records: Sequence[list[str]]
    encoding: None = None
    delimiter: None = None
    name: None = None

    def rows(self) -> Iterator[Row]:
        """Each record with its number."""
        yield from enumerate(self.records, start=1)

    def blocks(self) -> Iterator[Rows]:
        """The same, many at a time."""
        for start in range(0, len(self.records), BLOCK):
            some = self.records[start : start + BLOCK]
            yield range(start + 1, start + 1 + len(some)), some


def read_records(records: Records, *, columns: Mapping[str, str], defaults: Defaults, today: date) -> RosterReading:
    """Read people out of records.

    Args:
        columns, defaults, today: as for `files.read_roster`.

    Raises:
        BadDataError: there are none, or they have no field with addresses.
    """
    check_overrides(columns)
    layout = Layout(records, 0, recognise(records.header, columns))
    if missing := missing_override(layout.columns, columns):
        field, wanted = missing
        msg = f"roster.columns: {field} is to come from {wanted!r}, but {records.path} has no such column"
        raise BadDataError(msg, hint=f"its columns are {listed(records.header)}")
    if "email" not in layout.columns.places:
        msg = f"{records.path} has no column of e-mail addresses; its columns are {listed(records.header)}"
        raise BadDataError(msg, hint='set roster.columns to { email = "the name of that column" }')
    if not records.records:
        msg = f"{records.path} gives nobody"
        raise BadDataError(msg, hint="check that it asks for the right people, and that its user may see them")
    return read_layout(layout, defaults, today)
