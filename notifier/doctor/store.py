"""The store: its version, whether it may send, who runs on it, and its latest backup."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from notifier.doctor.findings import Area, Finding
from notifier.store import holds, identity, processes, schema
from notifier.store.backup import latest_beside
from notifier.store.database import SQLITE, Database

AREA = Area("Store")

_OLD_BACKUP = timedelta(days=7)


def is_missing(database: Database) -> bool:
    """Whether there is no store yet: to ask SQLite would make one."""
    return database.dialect == SQLITE and not Path(database.path or "").exists()


def is_running(database: Database, now: datetime) -> bool:
    """Whether a daemon runs on the store. Raises StoreError where it cannot be asked."""
    if is_missing(database) or schema.current(database) is None:
        return False
    with database.read() as connection:
        process = processes.latest(connection)
    return process is not None and process.runs(now)


def look_at_store(database: Database, now: datetime) -> list[Finding]:
    """Raises StoreError where it cannot be asked; SchemaError where it is of another version."""
    if is_missing(database) or schema.current(database) is None:
        return [AREA.warning("schema", "there is no store yet", "`notifier run` makes it, or `notifier migrate`")]
    schema.require_current(database)
    return [
        AREA.ok("schema", f"of this program's version ({schema.head()})"),
        *_holds(database, now),
        *_copy(database),
        _daemon(database, now),
        *_backup(database, now),
    ]


def _holds(database: Database, now: datetime) -> list[Finding]:
    with database.read() as connection:
        in_force = holds.active(connection, now)
    advice = "`notifier resume` lifts it once the reason is gone"
    found = [
        AREA.warning("hold", f"{hold.scope} is on hold: {hold.reason}", None if hold.until else advice)
        for hold in in_force
        if hold.scope != holds.COPY
    ]
    return found or [AREA.ok("hold", "nothing is on hold")]


def _copy(database: Database) -> list[Finding]:
    where = identity.looks_like_a_copy(database)
    if where is None:
        return [AREA.ok("only one", "it is where it was made")]
    advice = "if the other one is gone for good: `notifier resume --i-am-the-only-one`"
    return [AREA.problem("only one", f"it looks like a copy ({where}), so it does not send", advice)]


def _daemon(database: Database, now: datetime) -> Finding:
    if is_running(database, now):
        return AREA.ok("service", "runs")
    return AREA.warning("service", "does not run: nothing is sent, and no page answers", "start it with `notifier run`")


def _backup(database: Database, now: datetime) -> list[Finding]:
    """Backups that `notifier backup` writes beside an SQLite store; others cannot be seen."""
    if database.path is None:
        return []
    latest = latest_beside(database)
    advice = "let `notifier backup` run every day, and keep the link keys in another safe place"
    if latest is None:
        return [AREA.ok("backup", "none lies beside the store; others cannot be seen from here", advice)]
    found = f"the latest one beside the store is of {latest:%Y-%m-%d %H:%M} UTC"
    return [AREA.warning("backup", found, advice) if now - latest > _OLD_BACKUP else AREA.ok("backup", found)]
