"""The people of the roster, and the calendars they live by. Statements are set-based: never one for each person."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, bindparam, cast, func, insert, select, update

from notifier.domain.employee import Employee
from notifier.store.database import POSTGRESQL, SQLITE
from notifier.store.inserts import insert_into
from notifier.store.lookups import PORTION, portions
from notifier.store.people import People, Place
from notifier.store.prepared import Prepared
from notifier.store.tables import Instant, calendars, employees, roster_syncs

_IN_PORTIONS = {"yield_per": PORTION}
_PUBLIC_ID_BYTES = 16  # 22 characters
_ENCODED_BYTES = 18  # the next multiple of three: 24 characters
_ROSTER_LOCK = 0x726F73746572  # "roster"


@dataclass(frozen=True, slots=True)
class StoredEmployee:
    """Somebody the store knows, present or past.

    Attributes:
        key: the row, which stays the same whatever else changes.
        public_id: what a link carries in place of the id, 22 characters.
        link_version: raised to void every link of the person.
        language_choice: what the person chose on a page, or None.
        left_at: when they left the roster; None for those who are in it.
    """

    key: int
    employee: Employee
    public_id: str
    link_version: int
    language_choice: str | None
    calendar_id: int
    joined_at: datetime
    left_at: datetime | None


StoredRow = tuple[Any, ...]
"""Id, e-mail, given name, family name, language, department, last day of leave (ISO 8601), calendar (None for one that the store
does not know), the manager's id."""

_STORED = ("id", "email", "given_name", "family_name", "language", "department", "leave_until", "place", "manager_id")


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """One line of the history of the roster.

    Attributes:
        changed: people who are still there and of whom something is new.
        reason: why it was refused, or None.
    """

    at: datetime
    source: str
    applied: bool
    accepted: int
    left_out: int
    set_aside: int
    joiners: int
    leavers: int
    changed: int
    reason: str | None = None


def load(connection: Connection) -> dict[str, StoredEmployee]:
    """Everybody by roster id, those who left too."""
    return {person.employee.id: person for person in map(_stored, connection.execute(_everybody()))}


def load_some(connection: Connection, ids: Collection[str]) -> dict[str, StoredEmployee]:
    """Those of these roster ids whom the store knows, those who left too."""
    found: dict[str, StoredEmployee] = {}
    for some in portions(list(ids)):
        rows = connection.execute(_everybody().where(employees.c.id.in_(some)))
        found |= {person.employee.id: person for person in map(_stored, rows)}
    return found


def present_rows(connection: Connection) -> Iterator[StoredRow]:
    """Everybody who is in the roster, in the order they came."""
    person = employees.c
    columns = person.id, person.email, person.given_name, person.family_name, person.language, person.department
    statement = select(*columns, cast(person.leave_until, Text), person.calendar_id, person.manager_id)
    statement = statement.where(person.active).order_by(person.key)
    with connection.execute(statement, execution_options=_IN_PORTIONS) as rows:
        yield from map(tuple, rows)


def rows_of(connection: Connection, people: People) -> Iterator[StoredRow]:
    """People as `present_rows` would give them, if they were there."""
    numbers = _known_calendars(connection)
    *first, place, manager = _STORED
    for *columns, places, managers in people.blocks(*first, place, manager):
        yield from zip(*columns, map(numbers.get, places), managers, strict=True)


def find(connection: Connection, who: str) -> StoredEmployee | None:
    """The person with this roster id, else this e-mail address in any case; of several with one address the one who is there."""
    word = who.strip()
    by_id = connection.execute(_everybody().where(employees.c.id == word)).one_or_none()
    if by_id is not None:
        return _stored(by_id)
    by_email = _everybody().where(employees.c.email_key == word.casefold())
    row = connection.execute(by_email.order_by(employees.c.active.desc(), employees.c.key.desc()).limit(1)).one_or_none()
    return None if row is None else _stored(row)


def by_key(connection: Connection, key: int) -> StoredEmployee | None:
    """Somebody by their row."""
    row = connection.execute(_everybody().where(employees.c.key == key)).one_or_none()
    return None if row is None else _stored(row)


def by_public_id(connection: Connection, public_id: str) -> StoredEmployee | None:
    """The person a link speaks of."""
    return by_public_ids(connection, [public_id]).get(public_id)


def by_public_ids(connection: Connection, public_ids: Sequence[str]) -> dict[str, StoredEmployee]:
    """The people that links speak of, those whom the store knows. At least one is asked for."""
    return {row.public_id: _stored(row) for row in _by_public_ids.all(connection, of_people=public_ids)}


def is_empty(connection: Connection) -> bool:
    """Whether the store knows nobody, present or past."""
    return connection.execute(select(employees.c.key).limit(1)).one_or_none() is None


def count_active(connection: Connection) -> int:
    """How many people are in the roster now."""
    return connection.scalar(select(func.count()).select_from(employees).where(employees.c.active)) or 0


def lock_roster(connection: Connection) -> None:
    """Let one roster be applied at a time, until the end of the transaction. SQLite has one writer anyway."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(select(func.pg_advisory_xact_lock(_ROSTER_LOCK)))


def set_language_choice(connection: Connection, key: int, language: str) -> None:
    """Keep the language a person chose on a page."""
    connection.execute(update(employees).where(employees.c.key == key).values(language_choice=language))


def add(connection: Connection, people: Iterable[Employee], now: datetime) -> None:
    """Insert joiners, each with a public id of their own.

    After many, PostgreSQL is told to look at the table: by itself it would go on planning for an empty one for a minute.
    """
    joiners = People.of(people)
    calendar_ids = _calendar_ids(connection, {place for (places,) in joiners.blocks("place") for place in places})
    rows = _joiners(joiners, calendar_ids, int if connection.dialect.name == SQLITE else bool)
    # Not by way of SQLAlchemy's types: they would take twice as long as the database. What is the same for all of them stands in
    # the statement, and a day that nobody is away is an empty text on its way: Python's SQLite driver takes its time over None.
    mark = "?" if connection.dialect.name == SQLITE else "%s"
    joined_at = Instant().process_bind_param(now, connection.dialect)
    marks = {"leave_until": f"CAST(NULLIF({mark}, '') AS {_DAY[connection.dialect.name]})"}
    values = ", ".join(marks.get(name, mark) for name in _JOINER)
    statement = f"INSERT INTO employees ({', '.join(_JOINER)}, joined_at) VALUES ({values}, {joined_at})"  # noqa: S608 - our names
    many = len(joiners) >= PORTION
    with _indexes_at_ease(connection, many=many):
        while some := list(islice(rows, PORTION)):
            connection.exec_driver_sql(statement, some)
    if many and connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql("ANALYZE employees")


def change(connection: Connection, people: Sequence[tuple[int, Employee]]) -> None:
    """Give each row of (key, employee) the new values. Somebody who had left and is active again is there again."""
    calendar_ids = _calendar_ids(connection, {calendar_key(person) for _, person in people})
    columns = (*_COLUMNS, "email_key", "calendar_id")
    statement = (
        update(employees)
        .where(employees.c.key == bindparam("of_key"))
        .values({name: bindparam(f"new_{name}") for name in columns} | {"left_at": None})
    )
    for some in portions(people):
        rows = [
            {f"new_{name}": value for name, value in _values(person, calendar_ids).items()} | {"of_key": key}
            for key, person in some
        ]
        connection.execute(statement, rows)


def mark_left(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    """These people are no longer in the roster. Their rows and their history stay."""
    for some in portions(keys):
        connection.execute(update(employees).where(employees.c.key.in_(some)).values(active=False, left_at=now))


def record_sync(connection: Connection, record: SyncRecord) -> int:
    """Add a line to the history of the roster. Returns its number."""
    values = {column: getattr(record, column) for column in SyncRecord.__slots__}
    number: int = connection.execute(insert(roster_syncs).values(values).returning(roster_syncs.c.id)).scalar_one()
    return number


def last_sync(connection: Connection) -> SyncRecord | None:
    """The newest line of the history of the roster."""
    return next(iter(syncs(connection, most=1)), None)


def syncs(connection: Connection, *, most: int) -> list[SyncRecord]:
    """The history of the roster, the newest line first."""
    columns = [roster_syncs.c[name] for name in SyncRecord.__slots__]
    return [SyncRecord(*row) for row in connection.execute(select(*columns).order_by(roster_syncs.c.id.desc()).limit(most))]


def calendar_key(person: Employee) -> Place:
    """What the person's working days depend on."""
    return person.time_zone, person.country or "", person.region or ""


_COLUMNS = ("id", "email", "given_name", "family_name", "language", "department", "manager_id", "active", "leave_until")


_JOINER = (
    *("id", "email", "email_key", "given_name", "family_name", "language", "department", "manager_id", "leave_until"),
    *("active", "calendar_id", "public_id"),
)
_DAY = {SQLITE: "TEXT", POSTGRESQL: "DATE"}  # SQLite would take a DATE for a number


def _joiners(people: People, calendar_ids: Mapping[Place, int], truth: type[int]) -> Iterator[tuple[Any, ...]]:
    """The columns of `_JOINER`, with truth values of a type that the driver is quick with."""
    names = ("id", "email", "given_name", "family_name", "language", "department", "manager_id", "leave_until", "active", "place")
    for ids, emails, given, family, language, department, manager, leave_until, active, places in people.blocks(*names):
        yield from zip(
            ids,
            emails,
            map(str.casefold, emails),
            given,
            family,
            language,
            department,
            manager,
            [day or "" for day in leave_until],
            map(truth, active),
            map(calendar_ids.__getitem__, places),
            _public_ids(len(ids)),
            strict=True,
        )


def _public_ids(count: int) -> list[str]:
    """Each 22 characters for 16 random bytes."""
    raw = bytearray(secrets.token_bytes(_ENCODED_BYTES * count))
    for rest in range(_PUBLIC_ID_BYTES, _ENCODED_BYTES):
        raw[rest::_ENCODED_BYTES] = bytes(count)
    encoded = urlsafe_b64encode(raw).decode("ascii")
    return [encoded[start : start + 22] for start in range(0, len(encoded), 24)]


_ROOM = 64 * 1024  # KiB


@contextmanager
def _indexes_at_ease(connection: Connection, *, many: bool) -> Iterator[None]:
    """Keep the indexes from taking longer than the rows.

    Those of an empty table are taken away before many rows come and made afterwards, in the same transaction. Else SQLite may keep
    them in memory meanwhile, which it writes to all over.
    """
    if many and is_empty(connection):
        for index in employees.indexes:
            index.drop(connection)
        yield
        for index in sorted(employees.indexes, key=str):
            index.create(connection)
    elif connection.dialect.name == SQLITE:
        before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_ROOM}")
        yield
        connection.exec_driver_sql(f"PRAGMA cache_size = {before}")
    else:
        yield


def _values(person: Employee, calendar_ids: dict[Place, int]) -> dict[str, Any]:
    values = {name: getattr(person, name) for name in _COLUMNS}
    return values | {"email_key": person.email.casefold(), "calendar_id": calendar_ids[calendar_key(person)]}


def _calendar_ids(connection: Connection, wanted: Collection[Place]) -> dict[Place, int]:
    """The ids of these calendars; the new ones are inserted."""
    known = _known_calendars(connection)
    new = [
        {"time_zone": zone, "country": country, "region": region} for zone, country, region in sorted(set(wanted) - known.keys())
    ]
    if not new:
        return known
    connection.execute(insert_into(connection, calendars).on_conflict_do_nothing(), new)
    return _known_calendars(connection)


def _known_calendars(connection: Connection) -> dict[Place, int]:
    rows = connection.execute(select(calendars.c.time_zone, calendars.c.country, calendars.c.region, calendars.c.id))
    return {(zone, country, region): number for zone, country, region, number in rows}


_PERSON = Employee.__slots__
_KEPT = ("public_id", "link_version", "language_choice", "calendar_id", "joined_at", "left_at")


def _everybody() -> Select[*tuple[Any, ...]]:
    """The columns in the order that `_stored` wants."""
    place = {name: func.nullif(calendars.c[name], "").label(name) for name in ("country", "region")}
    place["time_zone"] = calendars.c.time_zone.label("time_zone")
    person = [place[name] if name in place else employees.c[name] for name in _PERSON]
    return select(employees.c.key, *person, *employees.c[_KEPT]).join_from(employees, calendars)


_by_public_ids = Prepared(_everybody().where(employees.c.public_id.in_(bindparam("of_people", expanding=True))))


def _stored(row: Row[*tuple[Any, ...]]) -> StoredEmployee:
    key, *values = row
    return StoredEmployee(key, Employee(*values[: len(_PERSON)]), *values[len(_PERSON) :])
