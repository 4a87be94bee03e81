"""The people of the roster, and the calendars they live by. Statements are set-based: never one for each person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, select, update

from notifier.domain.employee import Employee
from notifier.store.calendar_ids import calendar_ids
from notifier.store.database import POSTGRESQL
from notifier.store.joining import add
from notifier.store.lookups import portions
from notifier.store.people import Place
from notifier.store.prepared import Prepared
from notifier.store.tables import calendars, employees, roster_syncs

__all__ = ["add"]

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


def change(connection: Connection, people: Iterable[tuple[StoredEmployee, Employee]]) -> None:
    """Give people new values. Somebody who had left and is active again is there again.

    Only what differs is written: an index over a column that is named in an update is written to, whether it changes or not.

    Args:
        people: each as the store has them in this transaction, and as they are to be.
    """
    edited = list(people)
    numbers = calendar_ids(connection, {calendar_key(person) for _, person in edited})
    rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for before, person in edited:
        values = {name: value for name, value in _values(person, numbers).items() if value != _stored_value(before, name)}
        if person.active and before.left_at is not None:
            values["left_at"] = None
        rows.setdefault(tuple(values), []).append({f"new_{name}": value for name, value in values.items()} | {"of_key": before.key})
    for names, alike in rows.items():
        statement = update(employees).where(employees.c.key == bindparam("of_key"))
        for some in portions(alike if names else []):
            connection.execute(statement.values({name: bindparam(f"new_{name}") for name in names}), some)


def mark_left(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    """These people are no longer in the roster. Their rows and their history stay."""
    for some in portions(keys):
        connection.execute(update(employees).where(employees.c.key.in_(some)).values(active=False, left_at=now))


def record_sync(connection: Connection, record: SyncRecord) -> int:
    """Add a line to the history of the roster. Returns its number."""
    values = {column: getattr(record, column) for column in SyncRecord.__slots__}
    number: int = connection.execute(insert(roster_syncs).values(values).returning(roster_syncs.c.id)).scalar_one()
    return number


def last_sync(connection: Connection, *which: ColumnElement[bool]) -> SyncRecord | None:
    """The newest line of the history of the roster, or of those lines for which all this is true."""
    columns = [roster_syncs.c[name] for name in SyncRecord.__slots__]
    newest = select(*columns).where(*which).order_by(roster_syncs.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else SyncRecord(*row)


def calendar_key(person: Employee) -> Place:
    """What the person's working days depend on."""
    return person.time_zone, person.country or "", person.region or ""


_COLUMNS = ("id", "email", "given_name", "family_name", "language", "department", "manager_id", "active", "leave_until")


def _values(person: Employee, numbers: Mapping[Place, int]) -> dict[str, Any]:
    values = {name: getattr(person, name) for name in _COLUMNS}
    return values | {"email_key": person.email.casefold(), "calendar_id": numbers[calendar_key(person)]}


def _stored_value(before: StoredEmployee, name: str) -> Any:
    if name == "email_key":
        return before.employee.email.casefold()
    return before.calendar_id if name == "calendar_id" else getattr(before.employee, name)


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
