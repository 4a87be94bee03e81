"""What a new roster would change, and what of it looks like an accident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from notifier.domain.employee import Employee
from notifier.roster.diff import RosterDiff, diff, refusal
from notifier.roster.reading import RosterReading, SetAside
from notifier.store.employees import StoredEmployee
from tests.people import ADA, BRUNO, CHLOE, COMPANY, DIETER, ELIF, JOERG, NOW, PRESENT


def stored(people: Sequence[Employee]) -> dict[str, StoredEmployee]:
    return {
        person.id: StoredEmployee(number, person, f"public-{number}", 1, None, 1, NOW, None if person.active else NOW)
        for number, person in enumerate(people, 1)
    }


def crowd(size: int, **values: str) -> list[Employee]:
    """People under a few managers."""
    return [
        replace(
            Employee(str(number), f"p{number}@example.com", f"Given{number}", f"Family{number}", "Europe/Zurich"),
            manager_id=str(number // 5),
            **values,
        )
        for number in range(1, size + 1)
    ]


def reading(accepted: Sequence[Employee], *, set_aside: int = 0) -> RosterReading:
    aside = tuple(SetAside(line, "no e-mail address") for line in range(2, set_aside + 2))
    return RosterReading("roster.csv", tuple(accepted), (), aside, (), len(accepted) + set_aside, {}, ())


def judge(before: Sequence[Employee], after: Sequence[Employee], *, accept: int | None = None, set_aside: int = 0) -> str | None:
    changes = diff(stored(before), after)
    active = sum(person.active for person in before)
    return refusal(changes, reading(after, set_aside=set_aside), active=active, largest_change=20, accept_changes=accept)


def test_the_same_roster_changes_nothing() -> None:
    changes = diff(stored(COMPANY), PRESENT)

    assert changes == RosterDiff((), (), (), (), (), unchanged=len(PRESENT))
    assert changes.size == 0


def test_joiners_leavers_movers_changes_and_returns() -> None:
    """A mover has another manager, department or place; the rest of what is new is a change."""
    joiner = Employee("50", "new@example.com", "New", "Joiner", "Europe/Zurich")
    moved = replace(CHLOE, manager_id=DIETER.id, family_name="Neuve")
    renamed = replace(ELIF, family_name="Muster", email="elif.muster@example.com")
    back = replace(JOERG, active=True)
    others = [person for person in PRESENT if person not in {ADA, CHLOE, ELIF}]

    changes = diff(stored(COMPANY), [*others, moved, renamed, back, joiner])

    assert changes.joiners == (joiner,)
    assert [known.employee for known in changes.leavers] == [ADA]
    assert [(change.after, change.what) for change in changes.returned] == [(back, ())]
    assert [(change.after, change.what) for change in changes.moved] == [(moved, ("family_name", "manager_id"))]
    assert [(change.after, change.what) for change in changes.changed] == [(renamed, ("email", "family_name"))]
    assert (changes.unchanged, changes.size) == (len(others), 5)


def test_somebody_who_left_before_is_no_leaver() -> None:
    assert diff(stored(COMPANY), PRESENT).leavers == ()


def test_a_new_id_with_the_same_address_and_name_is_the_same_person() -> None:
    """An export that changed its column of ids must not write to everybody as to joiners."""
    renumbered = [
        replace(person, id=f"E-{person.id}", manager_id=person.manager_id and f"E-{person.manager_id}") for person in PRESENT
    ]
    changes = diff(stored(COMPANY), renumbered)

    assert (changes.joiners, changes.leavers) == ((), ())
    assert {change.what for change in (*changes.moved, *changes.changed)} == {("id",), ("id", "manager_id")}


def test_an_address_given_to_somebody_else_is_another_person() -> None:
    heir = Employee("77", BRUNO.email, "Bianca", "Erbin", "Europe/Zurich")
    changes = diff(stored(COMPANY), [*(person for person in PRESENT if person != BRUNO), heir])

    assert changes.joiners == (heir,)
    assert [known.employee for known in changes.leavers] == [BRUNO]


def test_somebody_whose_row_was_set_aside_has_not_left() -> None:
    changes = diff(stored(COMPANY), [person for person in PRESENT if person != BRUNO], keep={BRUNO.id})

    assert (changes.leavers, changes.kept) == ((), 1)


@pytest.mark.parametrize(("size", "leavers", "refused"), [(100, 20, False), (100, 21, True), (1000, 100, False), (1000, 101, True)])
def test_too_many_leavers_are_refused(size: int, leavers: int, refused: bool) -> None:
    """More than twenty, and more than a tenth."""
    people = crowd(size)

    assert (judge(people, people[leavers:]) is not None) is refused


def test_a_refusal_can_be_overruled_by_a_number_that_is_large_enough() -> None:
    people = crowd(100)

    assert judge(people, people[50:], accept=49) is not None
    assert judge(people, people[50:], accept=50) is None


def test_a_file_that_holds_nobody_is_refused() -> None:
    assert "nobody" in (judge([], []) or "")
    assert "nobody" in (judge(crowd(3), []) or "")


def test_mostly_bad_rows_are_refused() -> None:
    """On the first import too."""
    assert judge([], crowd(10), set_aside=10) is None
    assert "11 of 21 rows" in (judge([], crowd(10), set_aside=11) or "")


def test_the_first_import_is_taken() -> None:
    assert judge([], crowd(5000)) is None


@pytest.mark.parametrize("field", ["email", "given_name", "manager_id"])
def test_columns_that_slipped_are_refused(field: str) -> None:
    """Each person gets what belongs to the next one."""
    people = crowd(100)
    slipped = [
        replace(person, **{field: getattr(people[number - 7], field)}) if number % 5 < 3 else person
        for number, person in enumerate(people)
    ]

    assert "have columns been swapped?" in (judge(people, slipped) or "")


def test_half_of_the_people_may_change() -> None:
    people = crowd(100)
    renamed = [replace(person, email=f"x{person.email}") if int(person.id) % 2 else person for person in people]

    assert judge(people, renamed) is None


def test_filling_what_was_empty_is_no_accident() -> None:
    """The first roster with managers, or with names."""
    people = crowd(100)
    bare = [replace(person, manager_id=None, given_name="", family_name="") for person in people]

    assert judge(bare, people) is None
    assert judge(people, bare) is not None


def test_one_manager_for_all_is_refused() -> None:
    people = [replace(person, manager_id="1" if int(person.id) <= 60 else "2") for person in crowd(100)]
    flat = [replace(person, manager_id="1") for person in people]

    assert "the same manager" in (judge(people, flat) or "")
