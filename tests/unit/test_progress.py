"""What a manager is told of teams of all sizes, and trees that are none."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.groups import Tree, gather
from notifier.domain.progress import Figure, Row, Tally, table, total
from notifier.domain.teams import Around, Block, Team, Teams, Unit

TEN = 10

keys = st.sampled_from("abcdefgh")


@pytest.mark.parametrize(
    ("tally", "figure"),
    [
        (Tally(41, 0, 36), Figure(41, 36, 36)),
        (Tally(41, 0, 38), Figure(41, 38, 38)),
        (Tally(41, 0, 39), Figure(41, 39, 41)),
        (Tally(41, 0, 41), Figure(41, 39, 41)),
        (Tally(41, 0, 3), Figure(41, 3, 3)),
        (Tally(41, 0, 2), Figure(41, 0, 2)),
        (Tally(41, 0, 0), Figure(41, 0, 2)),
        (Tally(10, 0, 10), Figure(10, 8, 10)),
        (Tally(9, 0, 5), None),
        (Tally(12, 2, 5), Figure(12, 5, 5)),
        (Tally(12, 2, 8), Figure(12, 8, 12)),
        (Tally(12, 3, 5), None),
    ],
)
def test_a_figure_says_nothing_of_none_and_all(tally: Tally, figure: Figure | None) -> None:
    assert tally.figure(TEN) == figure


def test_a_figure_knows_what_is_exact() -> None:
    assert (Figure(41, 36, 36).settled, Figure(41, 36, 36).open) == (36, 5)
    assert (Figure(41, 39, 41).settled, Figure(41, 39, 41).open) == (None, None)
    assert Figure(41, 36, 36).change_since(Figure(41, 27, 27)) == 9
    assert Figure(41, 36, 36).change_since(Figure(41, 0, 2)) is None
    assert Figure(41, 39, 41).change_since(Figure(41, 36, 36)) is None
    assert Figure(41, 36, 36).change_since(Figure(40, 30, 30)) is None
    assert Figure(41, 36, 36).change_since(None) is None
    assert total([Figure(41, 36, 36), None, Figure(10, 0, 2)]) == Figure(51, 36, 38)
    assert total([None]) is None


def test_the_last_message_needs_most_to_be_settled_for_sure() -> None:
    assert Figure(10, 8, 10).finished
    assert not Figure(41, 38, 38).finished
    assert Tally(40, 20, 18).figure(TEN) == Figure(40, 18, 40)  # perhaps all who are there are open
    assert not Figure(40, 18, 40).finished


def teams(
    sizes: dict[str | None, int], above: dict[str, str | None], minimum: int = TEN, named: dict[str | None, int] | None = None
) -> Teams:
    """Half of everybody is settled; the sizes are those of direct reports."""
    units = {manager: Unit(Tally(size, 0, size // 2)) for manager, size in sizes.items()}
    for manager, size in (named or {}).items():
        units[manager] = Unit(units.get(manager, Unit()).counted, Tally(size, 0, size // 2))
    return Teams(Tree(above, above.keys()), units, minimum)


def test_direct_and_indirect_reports_stand_apart_where_both_are_enough() -> None:
    team = teams({"head": 12, "a": 10, "b": 20}, {"head": None, "a": "head", "b": "head"}).team("head")
    assert team.direct == Figure(12, 6, 6)
    assert team.indirect == Figure(30, 15, 15)
    assert team.total == Figure(42, 21, 21)
    assert [(block.direct, block.teams) for block in team.blocks] == [(True, ()), (False, ("a",)), (False, ("b",))]


def test_few_direct_reports_stand_with_the_smallest_team() -> None:
    team = teams({"head": 3, "a": 30, "b": 20, "c": 40}, {"head": None, "a": "head", "b": "head", "c": "head"}).team("head")
    assert [(block.direct, block.teams) for block in team.blocks] == [(False, ("a",)), (False, ("c",)), (True, ("b",))]
    assert team.direct is None
    assert team.indirect is None
    assert team.total == Figure(93, 46, 46)


def test_small_teams_stand_together() -> None:
    team = teams({"head": 12, "a": 4, "b": 7, "c": 40}, {"head": None, "a": "head", "b": "head", "c": "head"}).team("head")
    assert [(block.direct, block.teams) for block in team.blocks] == [(True, ()), (False, ("c",)), (False, ("a", "b"))]
    assert team.blocks[-1] == Block(direct=False, teams=("a", "b"), figure=Figure(11, 5, 5))


def test_a_small_team_is_rolled_up_to_the_smallest_group_around_it() -> None:
    company = teams({None: 5, "top": 20, "head": 2, "a": 4, "b": 5}, {"top": None, "head": "top", "a": "head", "b": "head"})
    assert company.team("a") == Team(around=Around("head", Figure(11, 5, 5)))
    assert company.team("head").around is None
    alone = teams({None: 8, "a": 4}, {"a": None})
    assert alone.team("a") == Team(around=Around(None, Figure(12, 6, 6)))
    assert teams({None: 3, "a": 4}, {"a": None}).team("a") == Team()
    assert teams({None: 30}, {"a": None}).team("a") == teams({None: 30}, {}).team("nobody") == Team()


def test_who_sees_names_sees_no_figure_with_the_same_people() -> None:
    above: dict[str, str | None] = {"head": None, "a": "head"}
    company = teams({"head": 2, "a": 12}, above, named={"head": 8, "a": 1})
    assert company.team("head").total == Figure(15, 7, 7)  # without the eight
    assert company.organisation == Figure(23, 11, 11)
    assert teams({None: 20}, {"a": None}, named={"a": 4}).team("a") == Team()


def test_a_block_of_too_few_is_not_replaced() -> None:
    tree = Tree({"head": None, "a": "head"}, {"head", "a"})
    company = Teams(tree, {"head": Unit(Tally(20, 0, 10)), "a": Unit(Tally(12, 3, 6))}, TEN)
    team = company.team("head")
    assert team.blocks == (Block(True, (), Figure(20, 10, 10)), Block(False, ("a",), None))
    assert team.total == team.direct == Figure(20, 10, 10)
    assert team.indirect is None
    assert company.team("a") == Team((Block(True, (), None),))
    around = Teams(tree, {"head": Unit(Tally(6, 1, 3)), "a": Unit(Tally(5, 1, 3))}, TEN)
    assert around.team("a") == Team()
    above: dict[str, str | None] = {"top": None, "head": "top", "a": "head"}
    units: dict[str | None, Unit] = {"top": Unit(Tally(90, 0, 40)), "head": Unit(Tally(6, 2, 3)), "a": Unit(Tally(5, 0, 3))}
    assert Teams(Tree(above, above.keys()), units, TEN).team("a") == Team()  # not that of "top", which would be the second group


def test_finished_when_every_block_is() -> None:
    tree = Tree({"head": None, "a": "head"}, {"head", "a"})
    both = Teams(tree, {"head": Unit(Tally(20, 0, 20)), "a": Unit(Tally(12, 0, 10))}, TEN)
    assert both.team("head").finished
    assert both.team("a").finished
    one = Teams(tree, {"head": Unit(Tally(20, 0, 20)), "a": Unit(Tally(12, 0, 9))}, TEN)
    assert not one.team("head").finished
    small = Teams(tree, {"head": Unit(Tally(20, 0, 19)), "a": Unit(Tally(3, 0, 3))}, TEN)
    assert small.team("a").around == Around("head", Figure(23, 21, 23))
    assert small.team("a").finished
    assert not Team().finished


def test_groups_are_never_smaller_than_what_hides_somebody() -> None:
    with pytest.raises(ValueError, match="groups of 4 people are too small to hide anybody in"):
        Teams(Tree({}, ()), {}, 4)


def test_a_table_gathers_its_small_cells() -> None:
    cells = {"FR": Tally(50, 0, 20), "CH": Tally(400, 0, 300), "": Tally(3, 0, 1), "DE": Tally(30, 0, 29)}
    assert table(cells, TEN) == (
        Row(("CH",), Figure(400, 300, 300)),
        Row(("FR",), Figure(50, 20, 20)),
        Row(("", "DE"), Figure(33, 30, 30)),
    )
    assert table({"CH": Tally(9, 0, 4)}, TEN) == table({}, TEN) == ()


def test_what_is_shown_has_no_field_for_what_is_not() -> None:
    fields = {field.name for shown in (Figure, Row, Block, Around, Team) for field in dataclasses.fields(shown)}
    assert fields == {"people", "at_least", "at_most", "cells", "figure", "direct", "teams", "manager", "blocks", "around"}


def test_departed_and_missing_managers_are_stepped_over() -> None:
    reports_to: dict[str, str | None] = {
        "head": None,
        "gone": "head",
        "long gone": "gone",
        "lost": "unknown",
        "a": "long gone",
        "b": "lost",
    }
    tree = Tree(reports_to, {"head", "a", "b"})
    assert tree.above == {"head": None, "a": "head", "b": None}
    assert tree.home("p", "long gone") == "head"
    assert tree.home("p", "lost") is None
    assert tree.home("p", "unknown") is None
    assert tree.home("p", None) is None
    assert tree.home("a", "long gone") == "head"


def test_circles_are_cut_above_the_first_key() -> None:
    tree = Tree({"a": "c", "b": "a", "c": "b", "d": "b", "e": "e", "x": "y", "y": "x"}, {"a", "b", "c", "d", "e"})
    assert tree.above == {"a": None, "b": "a", "c": "b", "d": "b", "e": None}
    assert tree.home("a", "c") is None
    assert tree.home("e", "e") is None
    assert tree.home("p", "x") is None


@given(st.dictionaries(keys, st.one_of(st.none(), keys, st.just("unknown"))), st.sets(keys))
def test_every_way_up_ends_and_everybody_stands_in_the_tree_once(reports_to: dict[str, str | None], active: set[str]) -> None:
    tree = Tree(reports_to, active)
    order = tree.bottom_up()
    assert sorted(order) == sorted(tree.above) == sorted(active & reports_to.keys())
    for manager in order:
        way = list(tree.way_up(manager))
        assert len(way) == len(set(way))
        assert all(order.index(lower) < order.index(higher) for lower, higher in pairwise(way))
    assert Tree(tree.above, tree.above).above == tree.above  # as it is read back from a census


@given(st.dictionaries(keys, st.integers(0, 30)), st.integers(1, 30))
def test_groups_are_large_enough_and_leave_nobody_out(sizes: dict[str, int], minimum: int) -> None:
    groups = gather(sizes, minimum)
    cells = [cell for group in groups for cell in group]
    assert all(sum(sizes[cell] for cell in group) >= minimum for group in groups)
    assert sorted(cells) == sorted(cell for cell, size in sizes.items() if size and sum(sizes.values()) >= minimum)
    assert all(len(group) == 1 for group in groups[:-1])


def test_a_chain_of_ten_thousand_managers_is_no_trouble() -> None:
    above: dict[str, str | None] = {"0": None} | {str(number): str(number - 1) for number in range(1, 10_000)}
    company = teams(dict.fromkeys(above, 10), above)
    assert company.organisation == Figure(100_000, 50_000, 50_000)
    assert company.team("0").indirect == Figure(99_990, 49_995, 49_995)
