"""Whom a manager sees by name, and where a group around a team begins to be large enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.domain.groups import Tree
from notifier.domain.progress import Figure, Tally
from notifier.domain.teams import Around, Report, Team, Teams, Unit

ABOVE: dict[str, str | None] = {"head": None, "a": "head", "b": "head"}
ZOE = Report("zoe", open=True, agreed=True, home="head", named=True)


def company(units: dict[str | None, Unit]) -> Teams:
    return Teams(Tree(ABOVE, ABOVE), units, 10)


def counted(people: int) -> Unit:
    return Unit(counted=Tally(people, 0, people // 2))


NAMED = Unit(named=Tally(3, 0, 1))


def test_who_is_open_is_named_where_names_may_be_shown() -> None:
    teams = company({"head": NAMED, "a": counted(20)})
    settled, elsewhere = replace(ZOE, key="settled", open=False), replace(ZOE, key="elsewhere", agreed=False)
    other = replace(ZOE, key="adam")
    assert teams.names("head", [ZOE, settled, elsewhere, other]) == ("zoe", "adam"), "in the order given"
    assert teams.names("head", []) == ()


@pytest.mark.parametrize(
    ("home", "named", "shown"),
    [
        ("head", True, True),
        ("head", False, False),  # in the count of this manager: a name would say of whom
        ("a", False, False),  # in the count of a team below, which is in this manager's too
        ("a", True, False),
        ("b", False, False),
        (None, False, True),  # came after the census: in nobody's count
        (None, True, True),
    ],
)
def test_nobody_who_stands_in_a_count_of_the_manager_is_named(home: str | None, named: bool, shown: bool) -> None:
    teams = company({"head": NAMED, "a": counted(20)})
    assert teams.names("head", [replace(ZOE, home=home, named=named)]) == (("zoe",) if shown else ())


def test_who_was_counted_in_another_team_is_named_in_the_new_one() -> None:
    teams = company({"head": counted(20), "a": NAMED, "b": counted(20)})
    assert teams.names("a", [replace(ZOE, home="b", named=False)]) == ("zoe",)
    assert teams.names("a", [replace(ZOE, home="head", named=False)]) == ("zoe",)


def test_who_is_shown_the_group_around_sees_no_names_beside_it() -> None:
    """With the names one could subtract."""
    teams = company({"head": counted(20), "a": counted(4), "b": Unit(Tally(4, 0, 2), Tally(1, 0, 0))})
    fresh = replace(ZOE, home=None)
    assert teams.team("a").around == Around("head", Figure(29, 14, 14))
    assert teams.names("a", [fresh]) == ()
    assert teams.team("b") == Team()
    assert teams.names("b", [fresh]) == ("zoe",), "who has somebody by name is shown no group around"
    large = company({"head": counted(20), "a": counted(10)})
    assert large.names("a", [fresh]) == ("zoe",), "whose team is large enough is not rolled up"
    assert large.names("b", [fresh]) == ("zoe",), "nor is one who had nobody"


def test_a_manager_who_was_none_at_the_census_sees_new_people_by_name() -> None:
    teams = company({"head": counted(20)})
    assert teams.names("new", [replace(ZOE, home=None), replace(ZOE, key="adam", home="head", named=False)]) == ("zoe", "adam")


def test_a_group_around_is_large_enough_at_the_minimum() -> None:
    assert company({"head": counted(6), "a": counted(4)}).team("a").around == Around("head", Figure(10, 5, 5))
    assert company({None: counted(1), "head": counted(5), "a": counted(4)}).team("a").around == Around(None, Figure(10, 4, 4))
    assert company({"head": counted(5), "a": counted(4)}).team("a") == Team()
