"""Finds, among a million people, the few of whom the store and a roster do not say the same.

Both are walked through side by side, and who is the same in both is dropped at once. Exports mostly keep their order, so few
people have to be remembered until they come up on the other side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from notifier.store.employees import StoredRow


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


def compare_rows(stored: Iterable[StoredRow], roster: Iterable[StoredRow]) -> Unlike:
    """Walk through both. An id comes once in each. People who wait for their other side are remembered by a hash of their row.

    Where somebody left or came, one side is a step behind from there on. It catches up by itself: whoever comes up and is waited
    for is settled alone, while the other side stands still.
    """
    alike = 0
    different: set[str] = set()
    waiting_stored: dict[str, int] = {}
    waiting_new: dict[str, int] = {}
    rest_of_stored, rest_of_roster = iter(stored), iter(roster)
    known, new = next(rest_of_stored, None), next(rest_of_roster, None)
    while known or new:
        if known == new:
            alike += 1
        elif new and new[0] in waiting_stored:
            alike += _settle(new, waiting_stored, different)
            new = next(rest_of_roster, None)
            continue
        elif known and known[0] in waiting_new:
            alike += _settle(known, waiting_new, different)
            known = next(rest_of_stored, None)
            continue
        else:
            waiting_stored |= _remembered(known)
            waiting_new |= _remembered(new)
        known, new = next(rest_of_stored, None), next(rest_of_roster, None)
    return Unlike(alike, different | waiting_stored.keys(), different | waiting_new.keys())


def _settle(row: StoredRow, waiting: dict[str, int], different: set[str]) -> bool:
    """Take the other side of a row out of those that wait. Returns whether both are the same."""
    same = waiting.pop(row[0]) == hash(row)
    if not same:
        different.add(row[0])
    return same


def _remembered(row: StoredRow | None) -> dict[str, int]:
    return {row[0]: hash(row)} if row else {}
