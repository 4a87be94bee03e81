"""What a command prints about a roster: the same facts as lines to read, and as data for `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from notifier.domain.employee import Employee
from notifier.roster.diff import Change, RosterDiff
from notifier.roster.reading import Note, RosterReading, SetAside
from notifier.roster.sync import SyncOutcome

_SHOWN = 20


def reading_as_data(reading: RosterReading) -> dict[str, Any]:
    """A reading, ready for JSON. Of the accepted people only their number."""
    return {
        "source": reading.source,
        "sheet": reading.sheet,
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "rows": reading.rows,
        "accepted": len(reading.accepted),
        "left_out": [{"line": row.line, "reason": str(row.because), "detail": row.detail} for row in reading.left_out],
        "left_out_by_reason": reading.left_out_by_reason,
        "set_aside": [{"line": row.line, "reason": row.reason} for row in reading.set_aside],
        "notes": [{"text": note.text, "count": note.count, "lines": list(note.lines)} for note in reading.notes],
        "columns": dict(reading.columns),
        "ignored_columns": list(reading.ignored_columns),
    }


def reading_as_lines(reading: RosterReading) -> list[str]:
    """A reading for people: counts, then every fault with its line (the first 20 of a kind), then what was recognised."""
    place, rows, several = ("entry", "entries", "entries:") if _has_entries(reading) else ("line", "rows", "rows: lines")
    lines = [f"{reading.source}: {_described(reading)}", f"{len(reading.accepted)} accepted of {reading.rows} {rows}"]
    if reading.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(reading.left_out_by_reason.items()))
        lines += [f"{len(reading.left_out)} left out: {reasons}"]
        lines += _first(f"  {place} {row.line}: {row.because}, {row.detail}" for row in reading.left_out)
    if reading.set_aside:
        lines += [f"{len(reading.set_aside)} set aside:"]
        lines += _first(f"  {place} {row.line}{_whose(reading, row)}: {row.reason}" for row in reading.set_aside)
    if reading.notes:
        lines += ["Notes:", *_first(f"  {_noted(note, place, several)}" for note in reading.notes)]
    lines += ["Columns:", *(f"  {field} from {header}" for field, header in reading.columns.items())]
    if reading.ignored_columns:
        lines += [f"Not used: {', '.join(reading.ignored_columns)}"]
    return lines


def diff_as_data(changes: RosterDiff) -> dict[str, Any]:
    """A diff, ready for JSON."""
    return {
        "joiners": [_person(person) for person in changes.joiners],
        "leavers": [_person(known.employee) for known in changes.leavers],
        "returned": [_person(change.after) for change in changes.returned],
        "moved": [_changed(change) for change in changes.moved],
        "changed": [_changed(change) for change in changes.changed],
        "unchanged": changes.unchanged,
        "kept": changes.kept,
        "changes": changes.size,
    }


def diff_as_lines(changes: RosterDiff) -> list[str]:
    """A diff for people: `+` joins, `-` leaves, `~` is new about somebody (the first 20 of a kind)."""
    counts = (
        f"{len(changes.joiners)} join, {len(changes.leavers)} leave, {len(changes.returned)} return, {len(changes.moved)} move, "
    )
    lines = [counts + f"{len(changes.changed)} change, {changes.unchanged} stay as they are"]
    if changes.kept:
        lines += [f"{changes.kept} stay although their row was set aside"]
    lines += _first(f"  + {_shown(person)}" for person in changes.joiners)
    lines += _first(f"  - {_shown(known.employee)}" for known in changes.leavers)
    lines += _first(f"  + {_shown(change.after)} (was here before)" for change in changes.returned)
    lines += _first(f"  ~ {_shown(change.after)}: {_in_words(change)}" for change in (*changes.moved, *changes.changed))
    return lines


def outcome_as_data(outcome: SyncOutcome) -> dict[str, Any]:
    """What came of a sync, ready for JSON: the reading and the diff in one."""
    return {
        "applied": outcome.applied,
        "refused": outcome.refused,
        "cancelled": outcome.cancelled,
        "roster": reading_as_data(outcome.reading),
        "diff": diff_as_data(outcome.diff),
    }


def _has_entries(reading: RosterReading) -> bool:
    """Whether it came from a directory or a database, where no line can be looked up."""
    return reading.sheet is None and reading.encoding is None


def _whose(reading: RosterReading, row: SetAside) -> str:
    return f" ({row.employee_id})" if _has_entries(reading) and row.employee_id else ""


def _described(reading: RosterReading) -> str:
    if _has_entries(reading):
        return reading.remark or "entries, numbered as they came"
    if reading.sheet is not None:
        return f"sheet {reading.sheet!r}"
    names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
    return f"text in {reading.encoding}, cells separated by {names.get(reading.delimiter or '', reading.delimiter)}"


def _noted(note: Note, one: str, several: str) -> str:
    numbers = ", ".join(str(line) for line in note.lines)
    more = ", …" if note.count > len(note.lines) else ""
    return f"{note.text} ({one if note.count == 1 else f'{note.count} {several}'} {numbers}{more})"


def _person(person: Employee) -> dict[str, Any]:
    return {"id": person.id, "email": person.email, "name": person.name}


def _changed(change: Change) -> dict[str, Any]:
    return _person(change.after) | {"what": {name: {"before": before, "after": after} for name, before, after in _values(change)}}


def _values(change: Change) -> Iterator[tuple[str, str | None, str | None]]:
    for name in change.what:
        before, after = getattr(change.before.employee, name), getattr(change.after, name)
        yield name, None if before is None else str(before), None if after is None else str(after)


def _shown(person: Employee) -> str:
    return f"{person.name} <{person.email}>"


def _in_words(change: Change) -> str:
    return ", ".join(f"{name} {before or 'nothing'} -> {after or 'nothing'}" for name, before, after in _values(change))


def _first(lines: Iterable[str]) -> Sequence[str]:
    """The first 20 lines, and how many more there are."""
    every = list(lines)
    return every if len(every) <= _SHOWN else [*every[:_SHOWN], f"  … and {len(every) - _SHOWN} more"]
