"""Whom the last readings of the roster touched, so that each number of a reading leads to its people.

Who joined says so in their own row (`joined_at`): a first roster of a million people is not written twice. Everybody else whom a
reading touched gets a row here. Those of older readings than the last KEPT go with the next reading that is applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from notifier.store.database import SQLITE
from notifier.store.employees import SyncRecord
from notifier.store.finding import Found, people, read
from notifier.store.oversight import roster_changes
from notifier.store.past import ever_there
from notifier.store.tables import employees, roster_syncs

KEPT = 20


class Touch(StrEnum):
    """What a reading did to somebody."""

    CAME = "came"  # or came back
    WENT = "went"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the last readings of the roster, applied or refused."""

    id: int
    record: SyncRecord

    @property
    def counts(self) -> Mapping[Touch, int]:
        """How many people it touched in each way."""
        return {Touch.CAME: self.record.joiners, Touch.WENT: self.record.leavers, Touch.CHANGED: self.record.changed}


@dataclass(frozen=True, slots=True)
class TouchedPerson:
    """Somebody whom a reading touched.

    Attributes:
        what: the names of the fields in which they differed: "manager_id", "department".
    """

    person: Found
    what: tuple[str, ...]


def keep(connection: Connection, sync_id: int, touched: Iterable[tuple[int, Touch, Sequence[str]]]) -> None:
    """Write down whom a reading touched, besides those who joined, and forget those of old ones.

    Args:
        touched: the row of each person, what became of them, and the fields in which they differ.
    """
    rows = [(sync_id, key, kind.value, ",".join(what)) for key, kind, what in touched]
    if rows:  # straight to the driver, without SQLAlchemy looking at each
        marks = ", ".join(["?" if connection.dialect.name == SQLITE else "%s"] * len(rows[0]))
        connection.exec_driver_sql(f"INSERT INTO roster_changes (sync_id, employee_key, kind, what) VALUES ({marks})", rows)  # noqa: S608 - our names
    oldest = select(roster_syncs.c.id).order_by(roster_syncs.c.id.desc()).offset(KEPT - 1).limit(1).scalar_subquery()
    connection.execute(delete(roster_changes).where(roster_changes.c.sync_id < oldest))


def readings(connection: Connection) -> list[Reading]:
    """The last KEPT readings, the newest first."""
    columns = [roster_syncs.c[name] for name in SyncRecord.__slots__]
    rows = connection.execute(select(roster_syncs.c.id, *columns).order_by(roster_syncs.c.id.desc()).limit(KEPT))
    return [Reading(id_, SyncRecord(*record)) for id_, *record in rows]


def touched(connection: Connection, reading: Reading, kind: Touch, *, after: int = 0, most: int) -> list[TouchedPerson]:
    """The people whom a reading touched in this way, by the order they came to the roster.

    As many as the reading counted; those who were erased since are missing among those who were changed, or went.
    """
    this = (roster_changes.c.sync_id == reading.id, roster_changes.c.kind == kind.value)
    keys: list[ColumnElement[bool]] = [employees.c.key.in_(select(roster_changes.c.employee_key).where(*this))]
    if kind is Touch.CAME:
        keys.append(and_(employees.c.joined_at == reading.record.at, ever_there()))
    found = read(connection, people().where(employees.c.key > after, or_(*keys)).limit(most))
    of_them = roster_changes.c.employee_key.in_([one.key for one in found])
    rows = connection.execute(select(*roster_changes.c["employee_key", "what"]).where(*this, of_them))
    what: dict[int, str] = {row.employee_key: row.what for row in rows}
    return [TouchedPerson(one, tuple(filter(None, what.get(one.key, "").split(",")))) for one in found]
