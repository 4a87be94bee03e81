"""Inserts that can meet a row that is there already."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from notifier.store.database import POSTGRESQL, SQLITE

INSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {SQLITE: sqlite.insert, POSTGRESQL: postgresql.insert}


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert with `on_conflict_…`: both databases have it, and SQLAlchemy has a class of its own for each."""
    return INSERTS[connection.dialect.name](table)
