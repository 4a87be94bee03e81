"""Sealing: entries get their places in the chain, and a seal over them.

Entries come from many processes, and one that was begun earlier can be committed later. So an entry has no place when it is
written: whoever seals takes what is there, in the order of the ids, some hundred entries for each seal, and what arrives later
stands behind.

Any process may seal. The hashes are worked out beforehand; the transaction that writes first looks whether the newest seal is still
the one that they were worked out behind, and writes nothing if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from notifier.domain.ledger import BEFORE_THE_FIRST, SEALED, entries_hash, entry_hash, rest_hash, seal_hash
from notifier.store.database import POSTGRESQL, Database
from notifier.store.oversight import ledger, seals

BLOCK = 1000
_SEALING_LOCK = 0x7365616C  # "seal"
_HASHED = ("id", "at", "event", "subject", "campaign", "employee_key", "facts", "commitment")


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal. `first` and `last` are positions; `number` counts from 1."""

    number: int
    at: datetime
    first: int
    last: int
    entries_hash: str
    previous: str
    hash: str


def seal(database: Database, now: datetime, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Seal every entry that is not sealed yet. Returns how many were.

    Args:
        stopping: asked between two seals; where it says so the rest is left for the next time.
    """
    sealed = 0
    while not stopping():
        with database.read() as connection:
            before = head(connection)
            rows = connection.execute(_UNSEALED).mappings().all()
        if not rows:
            break
        new = _seal_over(rows, before, now)
        with database.write() as connection:
            if _is_still(connection, before):
                _write(connection, new, rows)
                sealed += len(rows)
    return sealed


def head(connection: Connection) -> Seal | None:
    """The newest seal."""
    row = connection.execute(select(seals).order_by(seals.c.number.desc()).limit(1)).mappings().first()
    return None if row is None else Seal(**row)


def chain(connection: Connection, up_to: int) -> Iterator[Seal]:
    """Every seal up to this number, from the first."""
    rows = connection.execute(select(seals).where(seals.c.number <= up_to).order_by(seals.c.number))
    return (Seal(**row) for row in rows.mappings())


def instant(at: datetime) -> str:
    """An instant as it is hashed."""
    return at.isoformat(timespec="microseconds")


_UNSEALED = select(*ledger.c[_HASHED]).where(ledger.c.position.is_(None)).order_by(ledger.c.id).limit(BLOCK)
_PLACE = update(ledger).where(ledger.c.id == bindparam("entry")).values(position=bindparam("place"))


def rest_of(row: RowMapping) -> str:
    """The hash of an entry that stands in the store, but for its position and its campaign."""
    named = {name: row[name] for name in ("event", "subject", "facts", "commitment")}
    return rest_hash(at=instant(row["at"]), person=row["employee_key"], **named)


def _seal_over(rows: Sequence[RowMapping], before: Seal | None, now: datetime) -> Seal:
    first = 1 if before is None else before.last + 1
    hashes = (entry_hash(position=first + n, campaign=row["campaign"], rest=rest_of(row)) for n, row in enumerate(rows))
    values: dict[str, Any] = {
        "number": 1 if before is None else before.number + 1,
        "at": now,
        "first": first,
        "last": first + len(rows) - 1,
        "entries_hash": entries_hash(hashes),
        "previous": BEFORE_THE_FIRST if before is None else before.hash,
    }
    return Seal(**values, hash=seal_hash(values | {"at": instant(now)}))


def _is_still(connection: Connection, before: Seal | None) -> bool:
    """Whether this is the newest seal, and stays so until the end of the transaction. SQLite has one writer anyway."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(select(func.pg_advisory_xact_lock(_SEALING_LOCK)))
    return head(connection) == before


def _write(connection: Connection, new: Seal, rows: Sequence[RowMapping]) -> None:
    connection.execute(_PLACE, [{"entry": row["id"], "place": new.first + n} for n, row in enumerate(rows)])
    connection.execute(insert(seals).values({name: getattr(new, name) for name in (*SEALED, "hash")}))
