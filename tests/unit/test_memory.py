"""What is built for good is not searched again, and nothing is lost sight of."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from notifier.memory import keep_for_good


class Knot:
    """Holds itself: only the search for garbage frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _nothing_kept_afterwards() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_there_is_not_searched_again() -> None:
    knot = Knot()
    keep_for_good()
    gone = weakref.ref(knot)
    del knot
    gc.collect()
    assert gone() is not None


def test_what_has_become_garbage_is_freed_when_things_are_built_anew() -> None:
    """As after a change of the configuration, which takes the place of all the parts."""
    knot, gone_before = Knot(), weakref.ref(Knot())
    keep_for_good()
    assert gone_before() is None
    gone = weakref.ref(knot)
    del knot
    keep_for_good()
    assert gone() is None
