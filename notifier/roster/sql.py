"""People out of a database: the rows of one query, judged like those of a file.

The names of the columns are recognised as the headers of a file are, so `SELECT mail, first_name, last_name, country FROM staff`
needs nothing else; `roster.columns` says the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.records import Records, read_records
from notifier.store import foreign


def read_sql_roster(
    url: str, password: str | None, query: str, *, columns: Mapping[str, str], defaults: Defaults, today: date
) -> RosterReading:
    """Read the people that a query gives.

    Args:
        columns, defaults, today: as for `files.read_roster`.

    Raises:
        ConfigurationError: the database's driver is not installed.
        TryLaterError: the database cannot be reached.
        BadDataError: the query fails, or what it gives is no roster.
    """
    with foreign.rows_of(url, password, query) as (header, rows):
        records = Records("the query of roster.sql", header, [[_text(value) for value in row] for row in rows])
    return read_records(records, columns=columns, defaults=defaults, today=today)


def anybody_in(url: str, password: str | None, query: str) -> bool:
    """Whether the query gives a row; asks for no more than the first few. Raises as `read_sql_roster` does."""
    with foreign.rows_of(url, password, query) as (_, rows):
        return next(rows, None) is not None


def _text(value: object) -> str:
    """A value as a file would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, bytes | memoryview):
        return _text_of_bytes(bytes(value))
    return str(value)


def _text_of_bytes(value: bytes) -> str:
    """Text that a driver gives as bytes, or an id that is a UUID."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return str(UUID(bytes=value)) if len(value) == 16 else value.hex()
