"""Who is running on this store: a lock that only one daemon holds, and a heartbeat that the others can see.

On SQLite the lock is a lock of the operating system on a file beside the store, so it ends with the process that holds it,
however it ends. On PostgreSQL it is an advisory lock of a session, which ends with the connection. Either can be lost while the
process goes on: the file is taken away, the server restarts, the session is ended. So the daemon asks again and again whether it
still holds the lock, and ends where it does not, because another one may have started.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from notifier.errors import TryLaterError
from notifier.store.claims import LEASE
from notifier.store.database import SQLITE, Database
from notifier.store.outcomes import SILENCE
from notifier.store.tables import State, deliveries, processes

_ADVISORY_LOCK = 6_011_032_025  # any number, the same for every daemon


@dataclass(frozen=True, slots=True)
class Process:
    """A daemon that is or was running. Instants are UTC."""

    owner: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None

    def runs(self, now: datetime) -> bool:
        """Whether it has not said goodbye and was heard of lately. One that was killed seems to run until that is missed."""
        return self.stopped_at is None and self.seen_at > now - SILENCE


@contextmanager
def only_daemon(database: Database) -> Iterator[Callable[[], None]]:
    """Be the only daemon on this store while the block runs.

    Yields:
        Asks whether it still is, from any thread but from one at a time. Raises TryLaterError once the lock is lost.

    Raises:
        TryLaterError: another one is running; it is named.
    """
    with _file_lock(Path(f"{database.path}.lock")) if database.dialect == SQLITE else _advisory_lock(database) as require_alone:
        yield require_alone


def register(connection: Connection, owner: str, now: datetime) -> None:
    """Say that this process runs under the name `owner`."""
    host, pid = socket.gethostname(), os.getpid()
    connection.execute(insert(processes).values(owner=owner, host=host, pid=pid, started_at=now, seen_at=now))


def beat(connection: Connection, owner: str, now: datetime) -> None:
    """The heartbeat."""
    connection.execute(update(processes).where(processes.c.owner == owner).values(seen_at=now))


def unregister(connection: Connection, owner: str, now: datetime) -> None:
    """Say that this process has ended in good order."""
    connection.execute(update(processes).where(processes.c.owner == owner).values(stopped_at=now, seen_at=now))


def latest(connection: Connection) -> Process | None:
    """The daemon that was heard of last."""
    row = connection.execute(select(processes).order_by(processes.c.seen_at.desc()).limit(1)).one_or_none()
    return None if row is None else Process(*row)


def all_seen(connection: Connection, *, most: int) -> list[Process]:
    """Every daemon that is or was running, the one heard of last first."""
    return [Process(*row) for row in connection.execute(select(processes).order_by(processes.c.seen_at.desc()).limit(most))]


def in_hand(connection: Connection, owner: str, since: datetime) -> int:
    """How many messages this daemon took in hand before that instant and has not recorded an outcome of."""
    claimed = (deliveries.c.state == State.CLAIMED, deliveries.c.owner == owner, deliveries.c.lease_until < since + LEASE)
    return connection.scalar(select(func.count()).select_from(deliveries).where(*claimed)) or 0


@contextmanager
def _file_lock(path: Path) -> Iterator[Callable[[], None]]:
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _taken(_named(file.read())) from None
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        file.flush()

        def require_alone() -> None:
            if not (path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))):
                how = f"{path} was taken away"
                raise _lost(how, "leave that file alone while the service runs")

        yield require_alone


@contextmanager
def _advisory_lock(database: Database) -> Iterator[Callable[[], None]]:
    with database.engine.connect() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _ADVISORY_LOCK}):
            other = latest(connection)
            raise _taken(f"process {other.pid} on {other.host}" if other else "another process")
        session = _session(connection)

        def require_alone() -> None:
            if _session(connection) != session:  # a connection that was cut comes back as another one, without the lock
                how = "the database session that held its lock was ended"
                raise _lost(how, "look into the log of the database server")

        try:
            yield require_alone
        finally:
            _give_back(connection)


def _give_back(connection: Connection) -> None:
    """Let the next daemon in: the server drops the lock of a session only some time after its end, so it is told to first."""
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _ADVISORY_LOCK})
    except DBAPIError:
        pass  # the session has ended already, and its lock with it
    finally:
        connection.invalidate()


def _session(connection: Connection) -> int | None:
    try:
        number: int = connection.scalar(text("SELECT pg_backend_pid()"))
        connection.commit()
    except DBAPIError:
        connection.rollback()
        return None
    return number


def _named(content: str) -> str:
    try:
        holder = json.loads(content)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _lost(how: str, hint: str) -> TryLaterError:
    msg = f"no longer the only daemon on this store: {how}"
    return TryLaterError(msg, hint=f"{hint}; the service can be started again at once")


def _taken(who: str) -> TryLaterError:
    msg = f"a daemon is already running on this store: {who}"
    return TryLaterError(msg, hint="stop it first; it hands over within a minute")
