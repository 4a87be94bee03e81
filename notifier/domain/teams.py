"""What each manager may know of a campaign: blocks of a census, or the group around, or names. The rules stand in `progress`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import add

from notifier.domain.groups import Tree, gather
from notifier.domain.progress import SMALLEST_MINIMUM, Figure, Tally, total

NOBODY = Tally()


class Detail(StrEnum):
    """What managers see of their direct reports, by the country of the report."""

    COUNTS = "counts"
    OPEN_NAMES = "open_names"


@dataclass(frozen=True, slots=True)
class Unit:
    """The direct reports of one manager at the census.

    Attributes:
        counted: those whom the manager sees as a count.
        named: those whom the manager sees by name while they are open.
    """

    counted: Tally = NOBODY
    named: Tally = NOBODY


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a manager's people.

    Attributes:
        direct: the direct reports are in it (those who are not shown by name).
        teams: the managers whose whole teams are in it, sorted.
        figure: None where too few are left to show one.
    """

    direct: bool
    teams: tuple[str, ...]
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class Around:
    """The group around a team that is too small to show.

    Attributes:
        manager: whose whole team it is; None for the organisation.
    """

    manager: str | None
    figure: Figure


@dataclass(frozen=True, slots=True)
class Team:
    """What one manager may know. Where there is neither a block nor a group around, there is nothing to show.

    Attributes:
        blocks: disjoint, together everybody below except those shown by name.
        around: only where there are no blocks.
    """

    blocks: tuple[Block, ...] = ()
    around: Around | None = None

    @property
    def total(self) -> Figure | None:
        """All that is shown of the team: direct and indirect, without those shown by name."""
        return total(block.figure for block in self.blocks)

    @property
    def direct(self) -> Figure | None:
        """The direct reports, where they stand alone."""
        return next((block.figure for block in self.blocks if block.direct and not block.teams), None)

    @property
    def indirect(self) -> Figure | None:
        """Everybody further down, where they stand apart from the direct reports."""
        if any(block.direct and block.teams for block in self.blocks):
            return None
        return total(block.figure for block in self.blocks if not block.direct)

    @property
    def finished(self) -> bool:
        """All that is shown is: the last message goes out, then silence. Whether people are named as open, the caller knows."""
        shown = [self.around.figure] if self.around else [block.figure for block in self.blocks if block.figure]
        return bool(shown) and all(figure.finished for figure in shown)


@dataclass(frozen=True, slots=True)
class Report:
    """Somebody who reports to a manager today.

    Attributes:
        home: the manager in whose unit they were counted, or None: by none.
        named: they were in `Unit.named` there.
        agreed: names may be shown in their country today.
    """

    key: str
    open: bool
    agreed: bool
    home: str | None
    named: bool


class Teams:
    """A campaign on one day: the census with its tallies. Building it for 10,000 managers takes some hundredths of a second."""

    def __init__(self, tree: Tree, units: Mapping[str | None, Unit], minimum: int) -> None:
        """Sum up.

        Args:
            tree: the managers at the census.
            units: the direct reports of each manager of the tree; under None people with nobody above.
            minimum: the smallest group that is shown, at least SMALLEST_MINIMUM.
        """
        if minimum < SMALLEST_MINIMUM:
            msg = f"groups of {minimum} people are too small to hide anybody in"
            raise ValueError(msg)
        self._tree, self._units, self._minimum = tree, units, minimum
        self._whole: dict[str, Tally] = {}
        for manager in tree.bottom_up():
            self._whole[manager] = self._everybody(manager)
        self._all = self._everybody(None)

    @property
    def organisation(self) -> Figure | None:
        """Everybody of the census."""
        return self._all.figure(self._minimum)

    def team(self, manager: str) -> Team:
        """What this manager may know. Nothing for somebody who had no reports at the census."""
        if manager not in self._whole or not self._whole[manager].people:
            return Team()
        cells: dict[str | None, Tally] = {None: self._unit(manager).counted}
        cells.update((below, self._whole[below]) for below in self._tree.below(manager))
        groups = gather({cell: tally.people for cell, tally in cells.items()}, self._minimum)
        if groups:
            return Team(tuple(self._block(group, cells) for group in groups))
        return Team() if self._unit(manager).named.people else Team(around=self._around(manager))

    def names(self, manager: str, reports: Iterable[Report]) -> tuple[str, ...]:
        """The keys of the open direct reports whom this manager may see by name, in the order given."""
        if manager in self._whole and self._rolled_up(manager):
            return ()
        open_ones = (report for report in reports if report.open and report.agreed)
        return tuple(report.key for report in open_ones if not self._counts(manager, report))

    def _everybody(self, manager: str | None) -> Tally:
        unit = self._unit(manager)
        return reduce(add, (self._whole[below] for below in self._tree.below(manager)), unit.counted + unit.named)

    def _unit(self, manager: str | None) -> Unit:
        return self._units.get(manager, Unit())

    def _block(self, group: Sequence[str | None], cells: Mapping[str | None, Tally]) -> Block:
        figure = reduce(add, (cells[cell] for cell in group)).figure(self._minimum)
        return Block(None in group, tuple(sorted(cell for cell in group if cell is not None)), figure)

    def _rolled_up(self, manager: str) -> bool:
        """Whether the figure of a group around is (or was, before too many left) shown to this manager."""
        named = self._unit(manager).named.people
        return not named and 0 < self._whole[manager].people < self._minimum

    def _around(self, manager: str) -> Around | None:
        for above in self._tree.way_up(manager):
            if self._whole[above].people >= self._minimum:
                figure = self._whole[above].figure(self._minimum)
                return Around(above, figure) if figure else None
        return Around(None, self.organisation) if self.organisation else None

    def _counts(self, manager: str, report: Report) -> bool:
        """Whether somebody is in a block that is shown to this manager."""
        if report.home == manager:
            return not report.named
        return report.home is not None and manager in self._tree.way_up(report.home)
