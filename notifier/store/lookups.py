"""A condition that is looked up row by row."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column, select


def is_there(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether such a row exists. Every row of the statement around it that is asked about costs one look into an index.

    The OFFSET changes nothing about the answer. It keeps PostgreSQL from making a join of it: where many rows came within the
    last minutes its statistics are old, and the join that it takes for cheap goes through a whole campaign for each person.
    """
    return select(literal_column("1")).where(*conditions).offset(literal_column("0")).exists()
