"""A condition that is looked up row by row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, select

from notifier.store.database import POSTGRESQL


def is_there(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether such a row exists. Each row of the statement around it that is asked about costs one look into an index.

    The OFFSET changes nothing about the answer. It keeps PostgreSQL from making a join of it: where many rows came within the
    last minute its statistics are old, and the join it takes for cheap goes through a whole campaign for each person.
    """
    rows: Select[Any] = select(literal_column("1")).where(*conditions)
    return rows.suffix_with("OFFSET 0", dialect=POSTGRESQL).exists()
