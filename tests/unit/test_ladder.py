"""The ladder: where a message goes first, where it goes on, and which ladder a step has."""

from __future__ import annotations

from datetime import date

import pytest

from notifier.domain.campaign import Campaign, Step
from notifier.domain.ladder import BY_EMAIL, Ladder, Ladders, rung_of, same_rung

DEADLINE = date(2025, 11, 3)


@pytest.mark.parametrize("channel", ["smtp", "graph", "file"])
def test_each_way_in_which_mail_leaves_is_the_same_rung(channel: str) -> None:
    assert rung_of(channel) == "email"
    assert sorted(same_rung(channel)) == ["file", "graph", "smtp"]


def test_slack_is_a_rung_of_its_own() -> None:
    assert rung_of("slack") == "slack"
    assert same_rung("slack") == ("slack",)


def test_the_first_channel_that_reaches_somebody_carries_the_message() -> None:
    ladder = Ladder(("slack", "smtp"))
    assert ladder.chosen({"smtp", "slack"}) == ("slack",)
    assert ladder.chosen({"smtp"}) == ("smtp",)
    assert ladder.chosen({"graph"}) == ()
    assert ladder.chosen(()) == ()


def test_or_each_of_them_in_the_order_of_the_ladder() -> None:
    ladder = Ladder(("slack", "smtp"), everywhere=True)
    assert ladder.chosen(["smtp", "slack"]) == ("slack", "smtp")
    assert ladder.chosen(["smtp"]) == ("smtp",)
    assert Ladder().chosen(["smtp"]) == ()


@pytest.mark.parametrize(
    ("channels", "tried", "reached", "following"),
    [
        (("slack", "smtp"), ["slack"], ["slack", "smtp"], "smtp"),
        (("slack", "smtp"), ["slack"], ["slack"], None),  # no mail reaches them
        (("slack", "smtp"), ["slack", "smtp"], ["slack", "smtp"], None),
        (("slack", "smtp"), ["smtp"], ["slack", "smtp"], "slack"),  # what is left, whichever was tried before
        (("slack", "smtp"), ["slack", "graph"], ["slack", "smtp"], None),  # by another way of e-mail it went already
        (("slack", "smtp"), [], ["smtp"], "smtp"),
        ((), ["slack"], ["smtp"], None),
    ],
)
def test_what_is_refused_goes_on_where_it_has_not_been(
    channels: tuple[str, ...], tried: list[str], reached: list[str], following: str | None
) -> None:
    for everywhere in (False, True):
        assert Ladder(channels, everywhere=everywhere).following(tried, reached) == following


def test_a_step_may_have_a_ladder_of_its_own() -> None:
    steps = (
        Step(30, "notice"),
        Step(7, "reminder", channels=("email",)),
        Step(3, "reminder", channels=("email", "slack"), everywhere=True),
        Step(1, "last-call", everywhere=True),
    )
    ladders = Ladders.of(["slack", "email"], email="graph", campaigns=[Campaign("a", DEADLINE, steps)])
    usual = Ladder(("slack", "graph"))
    assert ladders.usual == usual
    assert [ladders.of_step("a", step.days_before) for step in steps] == [
        usual,
        Ladder(("graph",)),
        Ladder(("graph", "slack"), everywhere=True),
        Ladder(("slack", "graph"), everywhere=True),
    ]
    assert ladders.of_step("b", 7) == usual, "of another campaign"
    assert ladders.of_step("a", 8) == usual
    assert ladders.channels == ("slack", "graph")


@pytest.mark.parametrize("email", BY_EMAIL)
def test_a_receipt_goes_by_mail_where_that_is_used_at_all(email: str) -> None:
    assert Ladders.of(["slack", "email"], email=email).receipts == Ladder((email, "slack"))
    assert Ladders.of(["email"], email=email).receipts == Ladder((email,))
    assert Ladders.of(["slack"], email=email).receipts == Ladder(("slack",))


def test_a_channel_that_only_one_step_uses_counts_too() -> None:
    campaign = Campaign("a", DEADLINE, (Step(30, "notice"), Step(1, "last-call", channels=("email",))))
    ladders = Ladders.of(["slack"], email="smtp", campaigns=[campaign])
    assert ladders.channels == ("slack", "smtp")
    assert ladders.receipts == Ladder(("smtp", "slack"))


def test_without_a_ladder_nothing_is_sent() -> None:
    assert Ladders().channels == ()
    assert Ladders().of_step("a", 7).chosen(["smtp", "slack"]) == ()
    assert Ladders().receipts.following([], ["smtp", "slack"]) is None
