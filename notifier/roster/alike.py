"""Finds, among a million people, the few of whom the store and a roster do not say the same.

Both are walked through side by side, and who is the same in both is dropped at once. Exports mostly keep their order, so few
people have to be remembered until they come up on the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from notifier.store.roster_rows import id_of

AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Unlike:
    """The outcome.

    Attributes:
        alike: how many people are the same in both.
        stored: ids of people whom the roster does not have, or has otherwise.
        new: rows of people whom the store does not have, or has otherwise, in the order of the roster.
    """

    alike: int
    stored: set[str]
    new: Sequence[str]


def compare_rows(stored: Iterable[str], roster: Iterable[str]) -> Unlike:
    """Walk through both. The rows are texts of `store.roster_rows`; an id comes once in each."""
    alike = 0
    waiting_stored: set[str] = set()
    waiting_new: dict[str, None] = {}  # which keeps their order
    rest_of_stored, rest_of_roster = iter(stored), iter(roster)
    while True:
        known, some = set(islice(rest_of_stored, AT_ONCE)), list(islice(rest_of_roster, AT_ONCE))
        if not known and not some:
            return Unlike(alike, set(map(id_of, waiting_stored)), tuple(waiting_new))
        new = set(some)
        alone, other = known - new, new - known
        late = alone & waiting_new.keys()
        alone -= late
        for row in late:
            del waiting_new[row]
        alike += len(known) - len(alone) + _settle(other, waiting_stored)
        waiting_stored |= alone
        waiting_new |= dict.fromkeys(filter(other.__contains__, some) if other else ())


def _settle(rows: set[str], others: set[str]) -> int:
    """Take the rows that are in both out of both. Returns how many."""
    both = rows & others
    rows -= both
    others -= both
    return len(both)
