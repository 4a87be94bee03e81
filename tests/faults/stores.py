"""What a store holds, read with nothing of ours: plain SQLite."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from notifier.store.database import Database
from notifier.store.tables import metadata
from tests.delivery_rig import add_people


@dataclass(frozen=True)
class Row:
    """One delivery."""

    id: int
    email: str
    kind: str
    state: str
    attempts: int
    message_id: str | None
    owner: str | None
    epoch: int
    reply: str | None
    finished_at: str | None


def rows(path: Path) -> list[Row]:
    """Every delivery of a store; none where it has no tables yet."""
    with closing(sqlite3.connect(path, timeout=60)) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone():
            return []
        columns = "d.id, email, kind, state, attempts, message_id, owner, epoch, reply, finished_at"
        found = store.execute(f"SELECT {columns} FROM deliveries d JOIN employees e ON e.key = d.employee_key ORDER BY d.id")
        return [Row(*row) for row in found]


def states(path: Path) -> Counter[str]:
    """How many deliveries stand in each state."""
    with closing(sqlite3.connect(path, timeout=60)) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone():
            return Counter()
        return Counter(dict(store.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()))


def integrity(path: Path) -> str:
    """ "ok", or what SQLite finds wrong."""
    with closing(sqlite3.connect(path, timeout=60)) as store:
        return "; ".join(line for (line,) in store.execute("PRAGMA integrity_check(3)"))


def count(path: Path, table: str, where: str = "1") -> int:
    """How many rows a table has."""
    with closing(sqlite3.connect(path, timeout=60)) as store:
        found: int = store.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]
        return found


def make_store(path: Path, people: int) -> None:
    """A store with so many people in it and nothing planned, in one file that can be copied."""
    store = Database(f"sqlite:///{path}")
    with store.write() as connection:
        metadata.create_all(connection)
    add_people(store, people)
    store.close()


def emptied(url: str, people: int) -> Database:
    """The same in a PostgreSQL database, whatever was in it before."""
    store = Database(url)
    with store.write() as connection:
        metadata.create_all(connection)
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    add_people(store, people)
    return store


def copy_store(source: Path, target: Path) -> Path:
    """The files of a store as they are at this moment."""
    for end in ("", "-wal"):
        if Path(f"{source}{end}").exists():
            shutil.copyfile(f"{source}{end}", f"{target}{end}")
    return target
