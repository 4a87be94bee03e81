"""Health: is everything running, how fresh is what it works with, and when was it last copied."""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.store import employees, holds, processes, stories
from notifier.store.backup import latest_beside
from notifier.store.database import Connection, Database
from notifier.store.employees import SyncRecord
from notifier.store.holds import Hold
from notifier.store.processes import Process
from notifier.web import health
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.words import bytes_of

_SHOWN = 5
_LIBRARIES = ("sqlalchemy", "starlette", "uvicorn")


@dataclass(frozen=True, slots=True)
class Looked:
    """What the store knows of its own health."""

    processes: Sequence[Process]
    roster: SyncRecord | None
    overdue_since: datetime | None
    holds: Sequence[Hold]


@dataclass(frozen=True, slots=True)
class Disk:
    """Where an SQLite store lies: its size and the room that is left, in bytes; and when a backup was last written beside it."""

    size: int
    free: int
    copied_at: datetime | None


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.VIEWER)
    await office.looks.note(request, view)
    database = office.site.database
    checks = await health.report(office.site)
    looked = await database.read_async(lambda connection: _look(connection, view.now))
    disk = await asyncio.to_thread(_disk, database)
    return office.frame.show(
        request,
        view,
        "health.html",
        str(view.say("Health")),
        checks=checks,
        well=not any(checks.values()),
        processes=[(one, one.runs(view.now)) for one in looked.processes],
        roster=looked.roster,
        roster_age=None if looked.roster is None else view.now - looked.roster.at,
        overdue=None if looked.overdue_since is None else view.now - looked.overdue_since,
        holds=looked.holds,
        disk=disk,
        size=disk and bytes_of(disk.size, view.language),
        free=disk and bytes_of(disk.free, view.language),
        backup_age=None if disk is None or disk.copied_at is None else view.now - disk.copied_at,
        versions=_versions(database.dialect),
    )


def _look(connection: Connection, now: datetime) -> Looked:
    return Looked(
        processes.all_seen(connection, most=_SHOWN),
        employees.last_sync(connection),
        stories.oldest_due(connection, now),
        holds.active(connection, now),
    )


def _disk(database: Database) -> Disk | None:
    if database.path is None:
        return None
    path = Path(database.path)
    return Disk(path.stat().st_size, shutil.disk_usage(path.parent).free, latest_beside(database))


@cache
def _versions(dialect: str) -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"notifier": version("notifier"), "Python": platform.python_version(), "store": dialect, **libraries}
