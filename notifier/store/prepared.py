"""Statements that are needed again and again, compiled once and run by the driver itself.

Around each statement SQLAlchemy makes an execution context and a result, which takes 20 to 50 µs where SQLite needs 5. That is no
matter for a claim of 256 rows; it is most of the time that an answer takes. A `Prepared` statement is written with
SQLAlchemy like every other, and means the same on both databases; what listens to SQLAlchemy's events does not see it run.

**Lists.** Where a statement holds `bindparam(…, expanding=True)`, the value is a list. Its text grows with the list, so lists are
filled up to the next power of two by repeating their last value, which changes nothing about `IN`, and there are few texts. The
same holds for the rows of `PreparedRows`: both databases change a row once, however often it is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat, zip_longest
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, ColumnClause, Connection, Dialect, Row, Select, Subquery, bindparam, select, values
from sqlalchemy.engine import result_tuple
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.visitors import iterate

from notifier.store.driver import DriverCursor

_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The statement on one database.

    Attributes:
        names: the values in the order of their marks, or None where the driver takes them by name.
        lists: the names under which the values of a list are given.
        constants: values that stand in the statement.
        given, found: how values are stored, by their name; and read, by their place.
        row: makes a row of the columns.
    """

    text: str
    names: tuple[str, ...] | None
    lists: Mapping[str, Sequence[str]]
    constants: Mapping[str, Any]
    given: Mapping[str, _Convert]
    found: Mapping[int, _Convert]
    row: Callable[[Iterable[Any]], Row[*tuple[Any, ...]]]


class Prepared:
    """One statement. Its `bindparam`s are given by name at each run; values and columns are converted as their types say."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | UpdateBase) -> None:
        self._statement = statement
        self._lists = tuple(
            one.key for one in iterate(statement) if isinstance(one, BindParameter) and one.expanding and one.required
        )
        self._plans: dict[tuple[str | int, ...], _Plan] = {}

    def all(self, connection: Connection, **values: Any) -> list[Row[*tuple[Any, ...]]]:
        """Every row, its columns by name."""
        plan = self.plan(connection.dialect, values)
        with DriverCursor(connection) as cursor:
            found = cursor.execute(plan.text, _values(plan, values)).fetchall()
        return [_row(plan, columns) for columns in found]

    def tuples(self, connection: Connection, **values: Any) -> Iterable[tuple[Any, ...]]:
        """Every row, its columns in their order. SQLAlchemy's events see it run."""
        plan = self.plan(connection.dialect, values)
        return _in_columns(connection.exec_driver_sql(plan.text, _values(plan, values)).all(), plan.found.items())

    def first(self, connection: Connection, **values: Any) -> Row[*tuple[Any, ...]] | None:
        """The first row, its columns by name; None if there is none."""
        plan = self.plan(connection.dialect, values)
        with DriverCursor(connection) as cursor:
            found = cursor.execute(plan.text, _values(plan, values)).fetchone()
        return None if found is None else _row(plan, found)

    def one(self, connection: Connection, **values: Any) -> Row[*tuple[Any, ...]]:
        """The row, of a statement that always has one.

        Raises:
            LookupError: it has none.
        """
        row = self.first(connection, **values)
        if row is None:
            raise LookupError
        return row

    def change(self, connection: Connection, **values: Any) -> int:
        """How many rows it inserted or changed."""
        plan = self.plan(connection.dialect, values)
        with DriverCursor(connection) as cursor:
            count: int = cursor.execute(plan.text, _values(plan, values)).rowcount
            return count

    def plan(self, dialect: Dialect, values: Mapping[str, Any]) -> _Plan:
        """The statement on this database, for lists as long as those of the values."""
        lengths = tuple([_filled(len(values[name])) for name in self._lists])
        plan = self._plans.get((dialect.name, *lengths))
        if plan is None:
            plan = _compile(self._statement, dialect, dict(zip(self._lists, lengths, strict=True)))
            self._plans[dialect.name, *lengths] = plan
        return plan


class PreparedRows:
    """An update of many rows, each with values of its own, in one run. SQLAlchemy's events see it run.

    Row by row it would take as long in the database. But the driver lets go of Python's lock for each run, and while messages are
    sent somebody else has it then: the 256 rows of a claim were waited for 256 times.
    """

    def __init__(self, columns: Sequence[ColumnClause[Any]], update: Callable[[Subquery], UpdateBase]) -> None:
        """Take the columns of the rows that will be given, and what makes the update of a table with them."""
        self._columns = columns
        self._update = update
        self._plans: dict[str, _Plan] = {}
        self._sizes: dict[tuple[str, int], _RowsPlan] = {}

    def change(self, connection: Connection, rows: Sequence[tuple[Any, ...]], **values: Any) -> int:
        """How many rows were changed.

        Args:
            rows: the values of the columns, at least one row.
            values: of what the update names besides them, the same for all rows.
        """
        size = _filled(len(rows))
        prepared = self._sizes.get((connection.dialect.name, size))
        if prepared is None:
            prepared = self._sizes[connection.dialect.name, size] = self._prepare(connection.dialect, size, tuple(values))
        every_row = [*rows, *repeat(rows[-1], size - len(rows))]
        return connection.exec_driver_sql(prepared.text, prepared.given(every_row, values)).rowcount

    def _prepare(self, dialect: Dialect, size: int, others: tuple[str, ...]) -> _RowsPlan:
        """The statement for so many rows: that for one row, with its row as often as is needed."""
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = self._of_one_row(dialect)
        before, row, behind = _AROUND_THE_ROW.split(plan.text)
        marks = [_mark(place, column) for place in range(size) for column in self._columns]
        names = (*marks, *plan.constants, *others)
        return _RowsPlan(
            text=before + ", ".join([row.replace(_mark(0), _mark(place)) for place in range(size)]) + behind,
            plan=plan,
            names=names,
            converts=[(at, plan.given[mark]) for at, mark in enumerate(marks[: len(self._columns)]) if mark in plan.given],
            in_order=None if plan.names is None else _in_order(plan.names, names, marks, len(self._columns)),
        )

    def _of_one_row(self, dialect: Dialect) -> _Plan:
        row = tuple([bindparam(_mark(0, column), type_=column.type) for column in self._columns])
        rows = values(*self._columns).data([row]).cte("rows", nesting=True)
        # In a subquery: SQLite names no columns of VALUES, and its driver counts the changes only of what begins with UPDATE.
        return _compile(self._update(select(rows).subquery("given")), dialect, {})


_AROUND_THE_ROW = re.compile(r"(?<=\(VALUES )(\(.*\))(?=\)\n)")


def _mark(place: int, column: ColumnClause[Any] | None = None) -> str:
    """The name under which the value of a column is given, or what the names of all values of a row begin with."""
    return f"given_{place}_{'' if column is None else column.name}"


def _in_order(
    of_one_row: Sequence[str], names: Sequence[str], marks: Sequence[str], columns: int
) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Puts values under these names into the order of their marks in the statement."""
    at = of_one_row.index(marks[0])
    by_name = {name: place for place, name in enumerate(names)}
    return itemgetter(*(by_name[name] for name in (*of_one_row[:at], *marks, *of_one_row[at + columns :])))


@dataclass(frozen=True, slots=True)
class _RowsPlan:
    """An update of so many rows on one database.

    Attributes:
        plan: that of one row.
        names: of the values: those of one row after the other, the constants, and those that are the same for all rows.
        converts: how values of a column are stored, by its place.
        in_order: puts the values into the order of their marks; None where the driver takes them by name.
    """

    text: str
    plan: _Plan
    names: tuple[str, ...]
    converts: Sequence[tuple[int, _Convert]]
    in_order: Callable[[Sequence[Any]], tuple[Any, ...]] | None

    def given(self, rows: Sequence[tuple[Any, ...]], others: Mapping[str, Any]) -> Any:
        """What the driver takes besides the text."""
        convert = self.plan.given
        same = [convert[name](value) if name in convert else value for name, value in others.items()]
        every = (*chain.from_iterable(_in_columns(rows, self.converts)), *self.plan.constants.values(), *same)
        return dict(zip(self.names, every, strict=True)) if self.in_order is None else self.in_order(every)


def _filled(length: int) -> int:
    """The next power of two."""
    return 1 << (length - 1).bit_length()


def _compile(statement: Select[*tuple[Any, ...]] | UpdateBase, dialect: Dialect, lengths: Mapping[str, int]) -> _Plan:
    compiled: Any = statement.compile(dialect=dialect)
    open_ones = [name for name, one in compiled.binds.items() if one.required]
    state = compiled.construct_expanded_state({name: [None] * lengths[name] if name in lengths else None for name in open_ones})
    lists = {name: state.parameter_expansion[name] for name in lengths}
    given = {*open_ones, *chain.from_iterable(lists.values())}
    columns = statement.exported_columns
    found = {place: one.type.dialect_impl(dialect).result_processor(dialect, None) for place, one in enumerate(columns)}
    constants = {name: _plain(value) for name, value in state.parameters.items() if name not in given}
    own = {
        name: one.type.dialect_impl(dialect).bind_processor(dialect) for name, one in compiled.binds.items() if name not in lists
    }
    convert = {name: one for name, one in {**own, **state.processors}.items() if one is not None}
    return _Plan(
        text=state.statement,
        names=tuple(state.positiontup) if compiled.positional else None,
        lists=lists,
        constants={name: convert[name](value) if name in convert else value for name, value in constants.items()},
        given={name: convert[name] for name in given if name in convert},
        found={place: one for place, one in found.items() if one is not None},
        row=result_tuple([str(name) for name in columns.keys()]),  # noqa: SIM118 - a collection of columns, not a dict
    )


def _plain(value: Any) -> Any:
    """A word as plain text: for one of an enumeration SQLite's driver looks for an adapter each time, which takes 4 µs."""
    return value.value if isinstance(value, StrEnum) else value


def _values(plan: _Plan, values: Mapping[str, Any]) -> Any:
    """What the driver takes besides the text."""
    known = {**plan.constants, **values}
    for name, places in plan.lists.items():
        items = known.pop(name)
        known.update(zip_longest(places, items, fillvalue=items[-1]))
    for name, convert in plan.given.items():
        known[name] = convert(known[name])
    return known if plan.names is None else tuple([known[name] for name in plan.names])


def _row(plan: _Plan, found: Iterable[Any]) -> Row[*tuple[Any, ...]]:
    columns = list(found)
    for place, convert in plan.found.items():
        columns[place] = convert(columns[place])
    return plan.row(columns)


def _in_columns(rows: Sequence[Sequence[Any]], converts: Iterable[tuple[int, _Convert]]) -> Iterable[tuple[Any, ...]]:
    """Many rows with the values of some columns converted: what stands in a column many times is converted once."""
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for place, convert in converts if columns else ():
        known = {value: convert(value) for value in {*columns[place]}}
        columns[place] = [known[value] for value in columns[place]]
    return zip(*columns, strict=True)
