"""Finds, among a million people, the few of whom the store and a roster do not say the same.

Both are walked through side by side, and who is the same in both is dropped at once. Exports mostly keep their order, so few
people have to be remembered until they come up on the other side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from notifier.store.people import Values


@dataclass(frozen=True, slots=True)
class Unlike:
    """The outcome.

    Attributes:
        alike: how many people are the same in both.
        stored: ids of people whom the roster does not have, or has otherwise.
        new: ids of people whom the store does not have, or has otherwise.
    """

    alike: int
    stored: set[str]
    new: set[str]


def compare_rows(stored: Iterable[Values], roster: Iterable[Values]) -> Unlike:
    """Walk through both. An id comes once in each. People who wait for their other side are remembered by a hash of their row."""
    alike = 0
    different: set[str] = set()
    waiting_stored: dict[str, int] = {}
    waiting_new: dict[str, int] = {}
    for known, new in zip_longest(stored, roster):
        if known == new:
            alike += 1
            continue
        for row, others, own in ((known, waiting_new, waiting_stored), (new, waiting_stored, waiting_new)):
            if row is None:
                continue
            other = others.pop(row[0], None)
            if other is None:
                own[row[0]] = hash(row)
            elif other == hash(row):
                alike += 1
            else:
                different.add(row[0])
    return Unlike(alike, different | waiting_stored.keys(), different | waiting_new.keys())
