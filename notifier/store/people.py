"""People by the hundred thousand, as rows instead of objects.

A million `Employee` objects fill more than half a gigabyte. As packed rows they take a seventh of that, and rows can be compared
with what the store holds, and written to it, without an object being made for each person.
"""

from __future__ import annotations

import marshal
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import chain, compress, islice
from typing import Any, overload

from notifier.domain.employee import Employee

Place = tuple[str, str, str]
"""Time zone, country and region; "" where there is none."""

Values = tuple[str, str, str, str, str, str, str, bool, Place, str]
"""Id, e-mail, given name, family name, language, department, last day of leave (ISO 8601), active, place, the manager's id. A text
is "" where a person has none."""

_FIELDS = ("id", "email", "given_name", "family_name", "language", "department", "leave_until", "active", "place", "manager_id")
BLOCK = 250
"""Rows that are worked on at once: they fit into the processor's cache."""


_BETWEEN = "\x1f"
_Packed = str | bytes | range


class Table:
    """Columns of text, numbers, truth values, None and tuples of such, some hundred rows to a block.

    A column of a block is kept as one text or as bytes, and can be read without the others.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._blocks: list[dict[str, _Packed]] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def append(self, columns: Iterable[Sequence[Any]]) -> None:
        """Add a block: a column of the same length for each name."""
        block = list(columns)
        if block and block[0]:
            self._ends.append(len(self) + len(block[0]))
            self._blocks.append({name: _packed(column) for name, column in zip(self._names, block, strict=True)})

    def extend(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""
        remaining = iter(rows)
        while block := list(islice(remaining, BLOCK)):
            self.append(zip(*block, strict=True))

    def blocks(self, *names: str) -> Iterator[list[Any]]:
        """These columns, block by block."""
        for block in self._blocks:
            yield [_unpacked(block[name]) for name in names]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row."""
        return chain.from_iterable(zip(*columns, strict=True) for columns in self.blocks(*self._names))

    def row(self, index: int) -> tuple[Any, ...]:
        """One row, counted from 0."""
        number = bisect(self._ends, index)
        start = self._ends[number - 1] if number else 0
        return tuple(_unpacked(self._blocks[number][name])[index - start] for name in self._names)

    def replace(self, names: Sequence[str], added: str, columns: Iterable[Sequence[Any]]) -> Table:
        """A table of these columns of this one, and one more, which is given block by block."""
        table = Table(*names, added)
        table._ends = self._ends
        for block, column in zip(self._blocks, columns, strict=True):
            table._blocks.append({**{name: block[name] for name in names}, added: _packed(column)})
        return table


def _packed(column: Sequence[Any]) -> _Packed:
    if isinstance(column, range):
        return column
    try:
        text = _BETWEEN.join(column)
    except TypeError:
        return marshal.dumps(list(column))
    return text if text.count(_BETWEEN) == len(column) - 1 else marshal.dumps(list(column))


def _unpacked(column: _Packed) -> Sequence[Any]:
    if isinstance(column, str):
        return column.split(_BETWEEN)
    if isinstance(column, bytes):
        cells: list[Any] = marshal.loads(column)  # noqa: S302 - written above, and never leaves the process
        return cells
    return column


class People(Sequence[Employee]):
    """Employees, made one by one when they are looked at."""

    def __init__(self, rows: Iterable[Values] = ()) -> None:
        self._table = Table(*_FIELDS)
        self._table.extend(rows)

    @classmethod
    def of(cls, people: Iterable[Employee]) -> People:
        """These people, packed."""
        return people if isinstance(people, People) else cls(map(values_of, people))

    @classmethod
    def of_table(cls, table: Table, managers: Iterable[Sequence[str]]) -> People:
        """People whose other values stand in a table.

        Args:
            managers: the ids of their managers or "", for each block of the table.
        """
        people = cls()
        people._table = table.replace(_FIELDS[:-1], _FIELDS[-1], managers)
        return people

    def values(self) -> Iterator[Values]:
        """Each person as a row."""
        return self._table.rows()

    def blocks(self, *names: str) -> Iterator[list[Any]]:
        """These values of everybody, as columns, some hundred people to a block."""
        return self._table.blocks(*names)

    def managers(self) -> Iterator[tuple[str, str]]:
        """Each person's id, and their manager's or ""."""
        return chain.from_iterable(zip(*columns, strict=True) for columns in self.blocks("id", "manager_id"))

    def only(self, ids: AbstractSet[str]) -> People:
        """Those with one of these ids."""
        blocks = (block for block in self.blocks(*_FIELDS) if not ids.isdisjoint(block[0]))
        return People(chain.from_iterable(compress(zip(*one, strict=True), map(ids.__contains__, one[0])) for one in blocks))

    def with_leaves(self, noted: Mapping[str, str]) -> People:
        """The same people, away at least until the day that is noted for their id (ISO 8601)."""
        if not noted:
            return self
        return People(_away(values, noted[values[0]]) if values[0] in noted else values for values in self.values())

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Employee]:
        return map(employee_of, self.values())

    @overload
    def __getitem__(self, index: int) -> Employee: ...
    @overload
    def __getitem__(self, index: slice) -> People: ...
    def __getitem__(self, index: int | slice) -> Employee | People:
        if isinstance(index, slice):
            wanted = range(len(self))[index]
            return People(self._table.row(one) for one in wanted)
        return employee_of(self._table.row(range(len(self))[index]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def _away(values: Values, until: str) -> Values:
    id_, email, given_name, family_name, language, department, leave_until, active, place, manager_id = values
    leave_until = max(leave_until, until)
    return id_, email, given_name, family_name, language, department, leave_until, active, place, manager_id


def values_of(person: Employee) -> Values:
    """A person as a row."""
    return (
        person.id,
        person.email,
        person.given_name,
        person.family_name,
        person.language or "",
        person.department or "",
        "" if person.leave_until is None else person.leave_until.isoformat(),
        person.active,
        (person.time_zone, person.country or "", person.region or ""),
        person.manager_id or "",
    )


def employee_of(values: Values) -> Employee:
    """The person of a row."""
    id_, email, given_name, family_name, language, department, leave_until, active, (zone, country, region), manager_id = values
    return Employee(
        id=id_,
        email=email,
        given_name=given_name,
        family_name=family_name,
        time_zone=zone,
        language=language or None,
        country=country or None,
        region=region or None,
        department=department or None,
        manager_id=manager_id or None,
        active=active,
        leave_until=date.fromisoformat(leave_until) if leave_until else None,
    )
