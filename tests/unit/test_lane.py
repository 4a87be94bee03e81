"""A channel between two passes: what is forgotten, and what has to be remembered."""

from __future__ import annotations

import pytest

from notifier.channels.capture import CaptureChannel
from notifier.delivery.lane import Lane
from notifier.store.quota import Limits
from notifier.store.tables import State
from tests.delivery_rig import NOW


def lane() -> Lane:
    return Lane(CaptureChannel("smtp", lambda _: None), Limits())


def test_a_pass_begins_open_and_with_nothing_counted() -> None:
    one = lane()
    one.closed = one.paused = True
    one.again_at = NOW
    one.outcomes[State.ACCEPTED] = 3
    one.resting.add("a@example.com")
    one.group = 200
    counted = one.outcomes
    one.begin_pass()
    assert (one.closed, one.paused, one.again_at, one.group) == (False, False, None, 0)
    assert (one.outcomes, one.resting) == ({}, set())
    assert counted == {State.ACCEPTED: 3}, "what the pass before has told stays as it was told"


def test_what_is_known_of_the_provider_and_of_claims_outlasts_a_pass() -> None:
    one = lane()
    one.failures, one.put_off, one.doubtful = 2, 3, True
    one.begin_pass()
    assert (one.failures, one.put_off, one.doubtful) == (2, 3, True)


@pytest.mark.parametrize(
    ("failures", "put_off", "doubt"), [(0, 0, False), (1, 0, True), (0, 2, False), (0, 3, True), (0, 4, True), (2, 5, True)]
)
def test_after_a_failure_or_three_messages_put_off_one_is_enough_to_ask(failures: int, put_off: int, doubt: bool) -> None:
    one = lane()
    one.failures, one.put_off = failures, put_off
    assert one.in_doubt is doubt
