"""What the source of the roster wants to find again at its next reading. There is one roster, and so one row at most."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from notifier.store.tables import roster_snapshots


def load(connection: Connection) -> bytes | None:
    """What was kept last."""
    return connection.scalar(select(roster_snapshots.c.content))


def keep(connection: Connection, source: str, content: bytes | None) -> None:
    """Keep this in place of what was there. None: keep nothing, as when the roster comes from another source now."""
    connection.execute(delete(roster_snapshots))
    if content is not None:
        connection.execute(insert(roster_snapshots).values(source=source[:255], content=content))
