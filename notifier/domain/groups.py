"""Who is above whom, made sound: circles cut, missing and departed managers stepped over, nobody counted twice.

- The *next active one* of a departed manager is the first active person above them. Where nobody active is above, or where the
  chain runs into somebody whom the roster does not know, there is none: such people belong to the organisation alone.
- A circle of active managers is cut above the one whose key sorts first; being their own manager is the smallest circle.
- Small groups are gathered: what is too small to stand alone stands with others, the smallest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

Key = TypeVar("Key")


class Tree:
    """The active managers, each with the one above. It has no circles: every way up ends at the organisation.

    Attributes:
        above: the next active manager of each active manager, or None where only the organisation is above.
    """

    def __init__(self, reports_to: Mapping[str, str | None], active: Collection[str]) -> None:
        """Make it sound.

        Args:
            reports_to: for each person that somebody names as their manager: whom they themselves name. 100,000 people have some
                10,000 of them. Who is missing here is unknown to the roster.
            active: those of them who are active.
        """
        self._reports_to = reports_to
        self._active = frozenset(active) & reports_to.keys()
        self.above: dict[str, str | None] = {manager: self._next_active(reports_to[manager]) for manager in sorted(self._active)}
        for circle in list(_circles(self.above)):
            self.above[min(circle)] = None
        self._below: dict[str | None, list[str]] = {}
        for manager, superior in self.above.items():
            self._below.setdefault(superior, []).append(manager)

    def home(self, person: str, manager: str | None) -> str | None:
        """The manager in whose team a person is counted, or None: with the organisation alone.

        Args:
            manager: whom their row of the roster names.
        """
        return self.above[person] if person in self.above else self._next_active(manager)

    def below(self, manager: str | None) -> tuple[str, ...]:
        """The managers directly below, sorted by key; below None those at the top."""
        return tuple(self._below.get(manager, ()))

    def way_up(self, manager: str) -> Iterator[str]:
        """The manager, and those above, from the nearest."""
        at: str | None = manager
        while at is not None:
            yield at
            at = self.above.get(at)

    def bottom_up(self) -> list[str]:
        """Every manager, each after all below."""
        order, waiting = [], list(self.below(None))
        while waiting:
            manager = waiting.pop()
            order.append(manager)
            waiting.extend(self.below(manager))
        return order[::-1]

    def _next_active(self, manager: str | None) -> str | None:
        passed = set()
        while manager is not None and manager not in self._active:
            if manager in passed:
                return None
            passed.add(manager)
            manager = self._reports_to.get(manager)
        return manager


def gather(sizes: Mapping[Key, int], minimum: int) -> list[tuple[Key, ...]]:
    """Disjoint groups of at least `minimum` people out of cells, or none where all together are fewer.

    A cell that is large enough stands alone. The smaller ones stand together; where even they are too few, the smallest of the
    large cells joins them, so that no small cell is the difference between a sum and what is shown. Sizes decide, never answers.

    Args:
        sizes: people by cell, in the order of the caller; empty cells are left out.

    Returns:
        The cells of each group; those that stand alone in the caller's order, then the gathered ones.
    """
    present = {cell: size for cell, size in sizes.items() if size}
    small = [cell for cell, size in present.items() if size < minimum]
    if small and sum(map(present.__getitem__, small)) < minimum:
        large = [cell for cell in present if present[cell] >= minimum]
        if not large:
            return []
        small.append(min(large, key=present.__getitem__))
    alone = [(cell,) for cell in present if cell not in set(small)]
    return [*alone, *([tuple(small)] if small else [])]


def _circles(above: Mapping[str, str | None]) -> Iterable[list[str]]:
    done: set[str] = set()
    for start in above:
        way: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in done and at not in way:
            way[at] = len(way)
            at = above[at]
        if at is not None and at in way:
            yield list(way)[way[at] :]
        done.update(way)
