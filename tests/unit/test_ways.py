"""By which channels somebody is reached, for the help desk: the same rule as in the statements that plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notifier.delivery.explain import Way, ways_to
from notifier.store.reach import GONE, Reached, reached_on

EMAIL = "zoe@example.com"
THEN = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)
ON_SLACK = Reached(1, "slack", "U1", "T1", None, None)
REFUSED_ON_SLACK = replace(ON_SLACK, refused_at=THEN, refused_because="user_disabled")
REFUSED_BY_MAIL = Reached(1, "email", EMAIL, None, THEN, "550 5.1.1 no such user")


def test_the_ways_are_told_in_the_order_in_which_they_are_tried() -> None:
    assert ways_to(EMAIL, ["slack", "email"], [ON_SLACK]) == [Way("slack", reached=True), Way("email", reached=True)]
    assert [way.channel for way in ways_to(EMAIL, ["email", "slack"], [ON_SLACK])] == ["email", "slack"]
    assert ways_to(EMAIL, [], [ON_SLACK]) == []


def test_who_was_never_found_on_slack_is_said_to_be_missing_there() -> None:
    assert ways_to(EMAIL, ["slack", "email"], []) == [
        Way("slack", reached=False, why_not="not found there"),
        Way("email", reached=True),
    ]
    without_id = replace(ON_SLACK, address=None)
    assert ways_to(EMAIL, ["slack"], [without_id]) == [Way("slack", reached=False, why_not="not found there")]


def test_who_was_refused_is_told_why_and_since_when() -> None:
    slack, mail = ways_to(EMAIL, ["slack", "email"], [REFUSED_BY_MAIL, REFUSED_ON_SLACK])
    assert slack == Way("slack", reached=False, why_not="user_disabled", refused_at=THEN)
    assert mail == Way("email", reached=False, why_not="550 5.1.1 no such user", refused_at=THEN)


def test_who_left_slack_is_told_so() -> None:
    (slack,) = ways_to(EMAIL, ["slack"], [replace(ON_SLACK, refused_at=THEN, refused_because=GONE)])
    assert (slack.reached, slack.why_not) == (False, "no longer found there")


def test_an_address_that_was_refused_says_nothing_of_another_one() -> None:
    assert ways_to("eymond@example.com", ["email"], [REFUSED_BY_MAIL]) == [Way("email", reached=True)]


@pytest.mark.parametrize(
    ("known", "reached"),
    [
        ([], {"smtp", "graph", "file"}),
        ([ON_SLACK], {"slack", "smtp", "graph", "file"}),
        ([REFUSED_ON_SLACK], {"smtp", "graph", "file"}),
        ([REFUSED_BY_MAIL], set()),
        ([REFUSED_BY_MAIL, ON_SLACK], {"slack"}),
        ([replace(REFUSED_BY_MAIL, refused_at=None)], {"smtp", "graph", "file"}),
        ([replace(REFUSED_BY_MAIL, address="old@example.com")], {"smtp", "graph", "file"}),
    ],
)
def test_whichever_way_mail_leaves_it_is_one_rung(known: list[Reached], reached: set[str]) -> None:
    channels = ["slack", "smtp", "graph", "file"]
    assert reached_on(known, EMAIL, channels) == reached
    for channel in channels:
        assert reached_on(known, EMAIL, [channel]) == reached & {channel}
