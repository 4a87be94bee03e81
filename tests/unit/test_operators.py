"""What each role may do, and how the ledger names who did it."""

from __future__ import annotations

import pytest

from notifier.domain.operators import OPERATORS, Operator, Role

RISING = (Role.MANAGER, Role.VIEWER, Role.OFFICER, Role.ADMIN)


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_all_that_the_lesser_ones_may_and_nothing_that_a_greater_one_may(role: Role) -> None:
    assert [one for one in Role if role.includes(one)] == list(RISING[: RISING.index(role) + 1])


def test_a_manager_is_none_of_those_who_run_the_service() -> None:
    assert RISING[1:] == OPERATORS


@pytest.mark.parametrize(("name", "actor"), [("Olga", "Olga (https://login.example.com|248)"), ("O" * 300, "O" * 255)])
def test_the_ledger_names_who_it_is_for_ever_and_has_room_for_it(name: str, actor: str) -> None:
    assert Operator("https://login.example.com", "248", name, Role.ADMIN, 1).actor == actor
