"""A copy of the store, complete up to the moment it began, while everything goes on running."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from notifier.errors import NotifierError, StoreError
from notifier.store import identity
from notifier.store.database import SQLITE, Database


def backup(database: Database, target: Path) -> int:
    """Write a copy to `target`, which must not exist. Returns its size in bytes.

    SQLite's own `VACUUM INTO` makes a compact file from one consistent snapshot; PostgreSQL's own `pg_dump` makes an archive.

    Raises:
        StoreError: it could not be written, in words.
    """
    if target.exists():
        msg = f"{target} exists already; a backup never replaces a file"
        raise StoreError(msg, hint="name another file")
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        if database.dialect == SQLITE:
            _vacuum_into(database, unfinished)
        else:
            _pg_dump(database, unfinished)
        unfinished.chmod(0o600)
        if database.dialect == SQLITE:
            _mark(unfinished, database)
        _flush(unfinished)
        unfinished.rename(target)
    except OSError as error:
        msg = f"the backup could not be written to {target}: {error.strerror}"
        raise StoreError(msg, hint="check the folder, its permissions and the free space") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def latest_beside(database: Database) -> datetime | None:
    """When the newest backup was written that lies beside an SQLite store; None where there is none, or none can be seen."""
    if database.path is None:
        return None
    path = Path(database.path)
    times = [file.stat().st_mtime for file in path.parent.glob(f"{path.stem}-*.backup.db")]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _vacuum_into(database: Database, target: Path) -> None:
    try:
        with database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is None:
                msg = "the store is closed"
                raise StoreError(msg)
            raw.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        msg = f"the backup could not be written: {error}"
        raise StoreError(msg, hint="check the folder, its permissions and the free space") from error


def _pg_dump(database: Database, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        msg = "a backup of a PostgreSQL store needs PostgreSQL's own pg_dump, which is not installed here"
        raise NotifierError(msg, hint="install the PostgreSQL client, or take the backup on the database server")
    url = database.engine.url
    environment = dict(os.environ) | ({"PGPASSWORD": str(url.password)} if url.password else {})
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    command = [program, "--format=custom", f"--file={target}", address.render_as_string()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode != 0:
        msg = f"pg_dump failed: {done.stderr.strip()}"
        raise StoreError(msg, hint="pg_dump has to be as new as the server, and its user has to be allowed to read every table")


def _mark(unfinished: Path, original: Database) -> None:
    """Write into the copy what it is: restored anywhere, it starts on hold."""
    copy = Database(f"sqlite:///{unfinished}")
    try:
        identity.mark_as_copy(copy, original)
    finally:
        copy.close()


def _flush(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
