"""Looking up: a condition row by row, and many keys a portion at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, literal_column, select

from notifier.store.database import POSTGRESQL

T = TypeVar("T")

PORTION = 5000


def is_there(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether such a row exists. Each row of the statement around it that is asked about costs one look into an index.

    The OFFSET changes nothing about the answer. It keeps PostgreSQL from making a join of it: where many rows came within the
    last minute its statistics are old, and the join it takes for cheap goes through a whole campaign for each person.
    """
    rows: Select[Any] = select(literal_column("1")).where(*conditions)
    return rows.suffix_with("OFFSET 0", dialect=POSTGRESQL).exists()


def portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, PORTION at a time: no more than a statement can name."""
    return (items[start : start + PORTION] for start in range(0, len(items), PORTION))
