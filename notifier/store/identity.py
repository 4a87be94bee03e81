"""Which store this is, so that a copy of it does not send.

A store remembers where it lives: the machine and the file, or the database server and the database. A copied folder, a restored
backup or a clone of a virtual machine finds itself somewhere else, and starts on hold: two stores with the same rows would send
everything twice. Whoever moved it on purpose says so with `notifier resume --i-am-the-only-one`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from notifier.store import holds
from notifier.store.database import POSTGRESQL, Database
from notifier.store.inserts import insert_into
from notifier.store.tables import meta

_HOME = "home"
_COPIED_FROM = "copied_from"
_MACHINE_ID = Path("/etc/machine-id")


def guard(database: Database, now: datetime) -> bool:
    """Put a store that has moved on hold; a new one learns where it lives. Returns False where a hold is in force."""
    home = _home_of(database)
    with database.write() as connection:
        if _get(connection, _HOME) is None:
            _put(connection, _HOME, home)
        where = _looks_like(connection, home)
        if where is None:
            return True
        if not holds.active(connection, now, (holds.COPY,)):
            reason = f"this store looks like a copy ({where}); two of them would send everything twice"
            holds.place(connection, scope=holds.COPY, reason=reason, actor=holds.SERVICE, now=now)
    return False


def looks_like_a_copy(database: Database) -> str | None:
    """Of which other store this one seems to be a copy, in words; None for one that is at home, or has no home yet."""
    home = _home_of(database)
    with database.read() as connection:
        return _looks_like(connection, home)


def _looks_like(connection: Connection, home: str) -> str | None:
    known, copied_from = _get(connection, _HOME), _get(connection, _COPIED_FROM)
    if copied_from is not None:
        return f"a backup of {copied_from}"
    return None if known in {None, home} else f"it was made for {known}, this is {home}"


def settle_here(database: Database) -> None:
    """From now on the store lives here, and is the only one."""
    with database.write() as connection:
        _put(connection, _HOME, _home_of(database))
        connection.execute(meta.delete().where(meta.c.key == _COPIED_FROM))


def mark_as_copy(copy: Database, original: Database) -> None:
    """Write into a backup what it is, so that it starts on hold wherever it is restored."""
    with copy.write() as connection:
        _put(connection, _COPIED_FROM, _home_of(original))


def _home_of(database: Database) -> str:
    if database.dialect == POSTGRESQL:
        with database.read() as connection:
            place = connection.execute(
                select(text("system_identifier"), func.current_database()).select_from(func.pg_control_system())
            ).one()
            oid = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
        return f"database {place[1]} ({oid}) of server {place[0]}"
    return f"{Path(database.path or '').absolute()} on machine {_machine()}"


def _machine() -> str:
    """A short name for this machine; its own id is confidential and is not stored.

    Not the host's name: a container gets a new one at every start. Where there is no id, the path alone has to tell.
    """
    try:
        machine_id = _MACHINE_ID.read_text("ascii").strip()
    except OSError:
        return "without an id"
    return hashlib.blake2b(machine_id.encode(), key=b"notifier", digest_size=6).hexdigest()


def _get(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))


def _put(connection: Connection, key: str, value: str) -> None:
    statement = insert_into(connection, meta).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value}))
