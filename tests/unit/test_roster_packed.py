"""Packed people: what goes in comes out, side by side comparison, and managers looked up among a crowd."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.employee import Employee
from notifier.roster import alike
from notifier.roster.alike import Unlike, compare_rows
from notifier.roster.managers import with_managers
from notifier.roster.reading import Notes
from notifier.roster.rows import Draft
from notifier.store.people import People, Table, employee_of, values_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MAYBE = st.none() | TEXTS.filter(bool)
PEOPLE = st.builds(
    Employee,
    id=TEXTS,
    email=TEXTS,
    given_name=TEXTS,
    family_name=TEXTS,
    time_zone=TEXTS,
    language=MAYBE,
    country=MAYBE,
    region=MAYBE,
    department=MAYBE,
    manager_id=MAYBE,
    active=st.booleans(),
    leave_until=st.none() | st.dates(),
)
CELLS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXTS | st.tuples(TEXTS, TEXTS)
"""What a `Table` may hold."""


@settings(max_examples=100, deadline=None)
@given(st.lists(PEOPLE, max_size=6), st.integers(0, 60), st.slices(40))
def test_packed_people_are_the_same_people(some: list[Employee], times: int, cut: slice) -> None:
    """Over several blocks too: as a sequence they are a list of the employees."""
    crowd = some * times
    people = People.of(crowd)

    assert people == crowd
    assert len(people) == len(crowd)
    assert list(people.managers()) == [(person.id, person.manager_id or "") for person in crowd]
    assert people[cut] == crowd[cut]
    assert [people[index] for index in range(-len(crowd), len(crowd), 41)] == [
        crowd[index] for index in range(-len(crowd), len(crowd), 41)
    ]
    assert People.of(people) is people


@given(PEOPLE)
def test_a_person_as_a_row_and_back(person: Employee) -> None:
    assert employee_of(values_of(person)) == person


@given(PEOPLE, PEOPLE)
def test_packed_people_differ_where_people_differ(one: Employee, other: Employee) -> None:
    """The roster is compared with the store by rows: equal rows are equal people."""
    assert (values_of(one) == values_of(other)) == (one == other)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), max_size=5))
def test_a_table_gives_back_what_it_was_given(blocks: list[list[tuple[object, object, object]]]) -> None:
    table = Table("a", "b", "c")
    for block in blocks:
        table.append(zip(*block, strict=True))
    rows = [row for block in blocks for row in block]
    marked = table.replace(("c", "a"), "line", [range(len(block)) for block in blocks if block])

    assert list(table.rows()) == rows
    assert [table.row(index) for index in range(len(table))] == rows
    assert [pair for columns in table.blocks("c", "a") for pair in zip(*columns, strict=True)] == [(c, a) for a, _, c in rows]
    assert list(marked.rows()) == [(c, a, line) for block in blocks for line, (a, _, c) in enumerate(block)]
    assert [type(cell) for row in table.rows() for cell in row] == [type(cell) for row in rows for cell in row]


IDS = st.dictionaries(st.integers(0, 30).map(str), st.integers(0, 2), max_size=20)


@given(IDS, IDS, st.randoms(use_true_random=False), st.integers(1, 20))
def test_two_crowds_in_any_order(before: dict[str, int], after: dict[str, int], chance: object, at_once: int) -> None:
    """Whatever the order: who is alike is counted, the others are told, on each side where they stand."""
    stored, roster = ([f"{id_}\x1f{version}" for id_, version in ids.items()] for ids in (before, after))
    chance.shuffle(stored)  # type: ignore[attr-defined]
    chance.shuffle(roster)  # type: ignore[attr-defined]
    same = {id_ for id_ in before if after.get(id_) == before[id_]}

    with patch.object(alike, "AT_ONCE", at_once):
        new = tuple(row for row in roster if row.partition("\x1f")[0] not in same)
        assert compare_rows(stored, roster) == Unlike(len(same), before.keys() - same, new)


FORMS = (
    lambda number: f"E{number}",
    lambda number: f"e{number}",
    lambda number: f"P{number}@Example.com",
    lambda number: f"CN=Family{number}\\, Given{number},OU=People, DC=example",
    lambda number: f"Given{number} Family{number}",
    lambda number: f"FAMILY{number}, Given{number}",
    lambda number: f"Given{number} Family{number} (on leave)",
    lambda number: f"Somebody Else (E{number})",
    lambda number: f"given.{number}",
)
"""The ways in which exports name somebody."""


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24), st.sampled_from(FORMS)), min_size=25, max_size=25), st.integers(1, 26))
def test_managers_in_any_form_and_block(told: list[tuple[int, Callable[[int], str]]], size: int) -> None:
    """Whoever else is named how: each person gets the manager who was meant."""
    drafts = Table(*Draft._fields)
    rows = [_draft(number, form(manager)) for number, (manager, form) in enumerate(told)]
    for start in range(0, len(rows), size):
        drafts.append(zip(*rows[start : start + size], strict=True))
    notes = Notes()
    people = with_managers(drafts, notes)

    expected = [None if number == manager else f"E{manager}" for number, (manager, _) in enumerate(told)]
    assert [person.manager_id for person in people] == expected
    own = sum(note.count for note in notes.collected() if "their own manager" in note.text)
    assert own == expected.count(None)
    assert not [note for note in notes.collected() if "fits several" in note.text or "not among" in note.text]


def test_a_name_that_fits_several_people_is_no_manager() -> None:
    drafts = Table(*Draft._fields)
    drafts.append(zip(_draft(1, ""), _draft(2, "Given1 Family1"), strict=True))
    drafts.append(zip(_draft(1, "")._replace(line=3, id="E3"), _draft(4, "E1"), strict=True))
    notes = Notes()

    assert [person.manager_id for person in with_managers(drafts, notes)] == [None, None, None, "E1"]
    assert [(note.text, note.lines) for note in notes.collected()] == [("manager 'Given1 Family1' fits several people", (2,))]


def test_ids_that_differ_in_case_only_are_two_people() -> None:
    """Whoever is named exactly is meant; otherwise it fits both."""
    drafts = Table(*Draft._fields)
    drafts.append(zip(_draft(1, "e2"), _draft(2, "E1")._replace(id="e2"), _draft(3, "E2")._replace(id="E2"), strict=True))
    drafts.append(zip(_draft(4, "E2"), _draft(5, "e1"), strict=True))
    drafts.append(zip(_draft(6, "x9"), _draft(7, "1")._replace(id="X9"), _draft(8, "1")._replace(id="x9"), strict=True))
    drafts.append(zip(_draft(9, "Somebody (Y9)"), _draft(10, "")._replace(id="y9"), strict=True))
    notes = Notes()
    people = with_managers(drafts, notes)

    assert [person.manager_id for person in people] == ["e2", "E1", None, "E2", "E1", "x9", None, None, "y9", None]
    several = Table(*Draft._fields)
    several.append(zip(_draft(1, "ß1"), _draft(2, "")._replace(id="SS1"), _draft(3, "")._replace(id="Ss1"), strict=True))
    notes = Notes()
    assert [person.manager_id for person in with_managers(several, notes)] == [None, None, None]
    assert [(note.text, note.lines) for note in notes.collected()] == [("manager 'ß1' fits several people", (1,))]


def _draft(number: int, manager: str) -> Draft:
    return Draft(
        line=number,
        id=f"E{number}",
        email=f"p{number}@example.com",
        given_name=f"Given{number}",
        family_name=f"Family{number}",
        language="",
        department="",
        leave_until="",
        active=True,
        place=("Europe/Zurich", "CH", ""),
        managers=manager,
        distinguished_name=f"CN=Family{number}\\, Given{number},OU=People,DC=example",
        other_names=f"given.{number}",
    )
