"""The present people as one text each, the same for the store and for a roster where nothing about them is new.

The database puts the texts together, many thousand at a time and without the interpreter, so a second processor does it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from sqlalchemy import Connection, bindparam, func, select

from notifier.store.calendar_ids import known_calendars
from notifier.store.database import POSTGRESQL, SQLITE
from notifier.store.people import People, Place, Values
from notifier.store.tables import employees

BLOCK = 50_000  # the interpreter is waited for, some milliseconds, at the end of each
_BETWEEN, _END, _WITHIN = "\x1f", "\x1e", "\x1d"  # nothing that was read holds control characters
_TEXTS = ("id", "email", "given_name", "family_name", "language", "department", "leave_until", "manager_id")
_FORMAT = {SQLITE: "printf", POSTGRESQL: "format"}  # both make nothing of NULL, and take half as long as || and coalesce


def id_of(row: str) -> str:
    """Whose row it is."""
    return row.partition(_BETWEEN)[0]


def present_rows(connection: Connection) -> Iterator[str]:
    """Everybody who is in the roster, in the order they came. While it is walked through the connection is of no other use."""
    return chain.from_iterable(_present_blocks(connection))


def rows_of(connection: Connection, people: People) -> Iterator[str]:
    """People as `present_rows` would give them, if they were there; a calendar that the store does not have is written out."""
    numbers = {place: str(number) for place, number in known_calendars(connection).items()}
    return chain.from_iterable(
        map(_BETWEEN.join, zip(*columns, [numbers.get(place) or _WITHIN.join(place) for place in places], strict=True))
        for *columns, places in people.blocks(*_TEXTS, "place")
    )


def people_of(connection: Connection, rows: Iterable[str]) -> People:
    """The people of whom `rows_of` gave these rows."""
    places = {str(number): place for place, number in known_calendars(connection).items()}
    return People(_values(row, places) for row in rows)


def _values(row: str, places: Mapping[str, Place]) -> Values:
    id_, email, given_name, family_name, language, department, leave_until, manager_id, calendar = row.split(_BETWEEN)
    place = places.get(calendar)
    if place is None:
        zone, country, region = calendar.split(_WITHIN)
        place = zone, country, region
    return id_, email, given_name, family_name, language, department, leave_until, True, place, manager_id


def _present_blocks(connection: Connection) -> Iterator[list[str]]:
    person = employees.c
    form = getattr(func, _FORMAT[connection.dialect.name])
    row = form(_BETWEEN.join(["%s"] * (len(_TEXTS) + 1)), *person[_TEXTS], person.calendar_id)
    some = select(person.key, row.label("row")).where(person.active, person.key > bindparam("after"))
    block = some.order_by(person.key).limit(BLOCK).subquery()
    statement = select(func.aggregate_strings(block.c.row, _END), func.max(block.c.key))

    def behind(after: int) -> tuple[str | None, int | None]:
        text, last = connection.execute(statement, {"after": after}).one()
        return text, last

    with ThreadPoolExecutor(1, thread_name_prefix="store-rows") as ahead:
        text, last = behind(0)
        while text is not None and last is not None:
            coming = ahead.submit(behind, last)
            yield text.split(_END)
            text, last = coming.result()
