"""What a new roster would change, and whether that looks like an accident. Pure: nothing is read or written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from notifier.domain.employee import Employee
from notifier.roster.reading import RosterReading
from notifier.store.employees import StoredEmployee
from notifier.store.people import People

MOVES = ("manager_id", "department", "country", "region", "time_zone")
_FIELDS = tuple(field.name for field in fields(Employee) if field.name != "active")
_LEAVERS_SHARE = 0.1
_ABSURD_SHARE = 0.5
_ENOUGH_TO_JUDGE = 10


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody the store knows, and what the roster says now.

    Attributes:
        what: the names of the fields that differ.
    """

    before: StoredEmployee
    after: Employee
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RosterDiff:
    """What applying a roster would do.

    Attributes:
        returned: people who had left and are there again; they keep their row and its history.
        moved: another manager, department, country, region or time zone, and perhaps more.
        changed: something else is new: name, address, language, leave, id.
        unchanged: how many people are as they were.
        kept: how many people are missing only because their row was set aside; they stay.
    """

    joiners: Sequence[Employee]
    leavers: tuple[StoredEmployee, ...]
    returned: tuple[Change, ...]
    moved: tuple[Change, ...]
    changed: tuple[Change, ...]
    unchanged: int
    kept: int = 0

    @property
    def size(self) -> int:
        """How many people it touches: what `--accept-changes` is compared with."""
        return len(self.joiners) + len(self.leavers) + len(self.returned) + len(self.moved) + len(self.changed)


def diff(current: Mapping[str, StoredEmployee], accepted: Sequence[Employee], *, keep: Collection[str] = ()) -> RosterDiff:
    """Compare the store with a roster.

    People are the same if their id is. Somebody with a new id but the address and the given or family name of a person whose
    id is gone is that person: exports change what they call the id.

    Args:
        current: everybody in the store by id, those who left too.
        accepted: the people of the roster, each id once.
        keep: ids whose rows were set aside: these people have not left.
    """
    people = People.of(accepted)
    if not current:
        return RosterDiff(people, (), (), (), (), 0)
    present = {values[0] for values in people.values()}
    missing = {
        known.employee.email.casefold(): known for id_, known in current.items() if id_ not in present and known.employee.active
    }
    joiners: set[str] = set()
    returned: list[Change] = []
    moved: list[Change] = []
    changed: list[Change] = []
    renumbered: set[str] = set()
    unchanged = 0
    for person in people:
        known = current.get(person.id) or _same_person(missing.get(person.email.casefold()), person)
        if known is None:
            joiners.add(person.id)
            continue
        if known.employee.id != person.id:
            renumbered.add(known.employee.id)
        change = Change(known, person, _differences(known.employee, person))
        if not known.employee.active:
            returned.append(change)
        elif not change.what:
            unchanged += 1
        else:
            (moved if any(name in MOVES for name in change.what) else changed).append(change)
    gone = [known for id_, known in current.items() if id_ not in present and id_ not in renumbered and known.employee.active]
    leavers = tuple(known for known in gone if known.employee.id not in keep)
    return RosterDiff(
        people.only(joiners), leavers, tuple(returned), tuple(moved), tuple(changed), unchanged, len(gone) - len(leavers)
    )


def refusal(
    changes: RosterDiff, reading: RosterReading, *, active: int, largest_change: int, accept_changes: int | None = None
) -> str | None:
    """Why this looks like an accident, in words, or None. Nothing is refused if `accept_changes` is at least `changes.size`.

    Args:
        active: how many people the store has in the roster now.
        largest_change: so many leavers are never suspicious; neither is a tenth of the active people.
    """
    if accept_changes is not None and accept_changes >= changes.size:
        return None
    allowed = max(largest_change, int(active * _LEAVERS_SHARE))
    if not reading.accepted:
        return f"{reading.source} holds nobody who can be written to ({_counts(reading)})"
    if len(reading.set_aside) * 2 > reading.rows:
        return f"{len(reading.set_aside)} of {reading.rows} rows had to be set aside; the first: {_first_fault(reading)}"
    if len(changes.leavers) > allowed:
        return f"{len(changes.leavers)} of {active} people would leave; up to {allowed} are taken without asking"
    return _absurd_shift(changes, reading.accepted)


def _same_person(known: StoredEmployee | None, person: Employee) -> StoredEmployee | None:
    if known is None:
        return None
    before = known.employee
    same = _alike(before.given_name, person.given_name) or _alike(before.family_name, person.family_name)
    return known if same else None


def _alike(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.casefold()


def _differences(before: Employee, after: Employee) -> tuple[str, ...]:
    if replace(before, active=after.active) == after:
        return ()
    return tuple(name for name in _FIELDS if getattr(before, name) != getattr(after, name))


def _absurd_shift(changes: RosterDiff, accepted: Sequence[Employee]) -> str | None:
    """Columns that slipped, or were swapped, change nearly everybody in the same way. Filling what was empty is no shift."""
    edited = (*changes.moved, *changes.changed)
    stayed = len(edited) + changes.unchanged
    if stayed < _ENOUGH_TO_JUDGE:
        return None
    for names, words in ((("email",), "address"), (("given_name", "family_name"), "name"), (("manager_id",), "manager")):
        touched = sum(_replaces(change, names) for change in edited)
        if touched > stayed * _ABSURD_SHARE:
            return f"{touched} of {stayed} people would get another {words} at once, or none; have columns been swapped?"
    handed_over = sum(_replaces(change, ("manager_id",)) for change in edited)
    suspicious = handed_over > max(_ENOUGH_TO_JUDGE, stayed * _LEAVERS_SHARE)
    if suspicious and len({manager for _, manager in People.of(accepted).managers()} - {""}) == 1:
        return f"everybody would have the same manager, {handed_over} of {stayed} people another one than before"
    return None


def _replaces(change: Change, names: Sequence[str]) -> bool:
    return any(name in change.what and getattr(change.before.employee, name) for name in names)


def _counts(reading: RosterReading) -> str:
    return f"{reading.rows} rows, {len(reading.left_out)} left out, {len(reading.set_aside)} set aside"


def _first_fault(reading: RosterReading) -> str:
    first = reading.set_aside[0]
    return f"line {first.line} {first.reason}"
