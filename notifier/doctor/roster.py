"""The roster's source, as far as one look at it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from notifier.doctor.examination import in_thread
from notifier.doctor.findings import Area, Finding
from notifier.roster import ldap, sql
from notifier.roster.ldap import Directory
from notifier.settings import Settings
from notifier.settings.section import revealed

AREA = Area("Roster")


def look_at_file(path: Path) -> list[Finding]:
    """Whether it is there, may be read, and is not empty; what it holds is for `notifier check`."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        advice = "name another file with roster.path, or let the service's user read it"
        return [AREA.problem("source", f"{path} cannot be read: {error.strerror}", advice)]
    if empty:
        return [AREA.problem("source", f"{path} is empty", "export the roster again")]
    return [AREA.ok("source", f"{path} may be read; it is of {changed:%Y-%m-%d %H:%M} UTC")]


async def look_at_directory(directory: Directory) -> list[Finding]:
    """Log in and ask for one entry. Raises as `read_ldap_roster` does."""
    return _of(directory.url, "roster.ldap.people", await in_thread(lambda: ldap.anybody_in(directory)))


async def look_at_query(settings: Settings) -> list[Finding]:
    """Log in and ask for the first row. Raises as `read_sql_roster` does."""
    query = settings.roster.sql
    secret = revealed(query.password)
    found = await in_thread(lambda: sql.anybody_in(query.url or "", secret, query.query or ""))
    return _of(query.url or "", "roster.sql.query", found)


def _of(where: str, key: str, anybody: bool) -> list[Finding]:
    if anybody:
        return [AREA.ok("source", f"{where} accepts the login and shows people")]
    return [AREA.warning("source", f"{where} accepts the login and shows nobody", f"look at {key}")]
