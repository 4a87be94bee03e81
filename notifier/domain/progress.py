"""How far a campaign is, as each viewer may know it. What may not be known is in no field of what leaves this module.

Why: to judge a person by figures about a small group is to judge the person. German labour courts see a technical device that
monitors already where pressure on a group reaches its members, and found groups of five and six too small (BAG 26 July 1994,
1 ABR 6/94; also for data that was typed in, BAG 14 September 1984, 1 ABR 23/82). No statute names a size; `minimum_group` is 10.

**The promise, to each person of the roster**: one viewer who is shown counts cannot find out whether this person is settled or
open, at no time: not from every figure they were ever shown in this campaign, not knowing who was in which team and who left when,
not taking for granted that an answer once given stays given, and not knowing one more person's answer (their own, or a friend's).

**How it holds**
1. *A census.* Who is counted, and in whose team, is written down once, when the campaign's first summary is due, and is never
   changed. A figure is always about the same people. Otherwise one joiner or leaver is the difference between two Mondays: 5 of
   10 settled, then 5 of 11, and the new one is open. Who joins later is in no team's figure; who moves stays counted where they
   were. Who leaves stays counted, as they were on their last day.
2. *Blocks.* A viewer sees disjoint blocks of at least `minimum_group` people, and sums of them. There is no total but the sum of
   what is shown, so nothing is left over for a subtraction: direct and indirect are shown apart only where both are large
   enough, small teams stand together, and where together they are too few, the smallest large one joins them (`groups.gather`).
   Which blocks there are follows from sizes at the census, never from answers: that something is not shown tells nothing.
3. *Edges.* None, all, and what is near them is not told apart: up to EDGE settled is "at most EDGE"; up to EDGE open, besides those
   who can answer no more, is "at least the others". Inside one edge more than one person may stand either way, so that "all but
   one" does not become "all" by knowing one. The leavers widen the upper edge, for else "2 of 20, five left, 17 of 20" says all.
4. *Too few left.* A block of which fewer than `minimum_group` can still answer is not shown. It is not replaced by another.
5. *Rolled up.* Whose whole team is smaller than `minimum_group` is shown the smallest group around it that is large enough: that of
   the next manager above, and so on, at last the organisation; and nothing about the team. It is one figure, fixed by the census.
6. *Names.* Where the organisation agreed "open_names" for a person's country at the census, the person's own manager sees them by
   name while they are open, and they are in no block of that manager (in those of managers further up they count). Who was counted
   in a figure shown to a manager is never named to the same manager in this campaign, and whoever is rolled up sees no names.
7. *The last message*, "all settled", is sent when every block stands at its upper edge and most of it is settled for sure
   (`teams.Team.finished`): it says "at least 39 of 41", never "all". The two others, if there are any, are reminded as before.

**What cannot be hidden.** What people say themselves. What is seen over a shoulder: who watches a live figure while somebody
presses the button learns it, so pages should show the figures of the morning. A likely guess: "at least 39 of 41" makes it
likely of everybody. Two viewers who put their figures together: the teams that one sees stand together in a block of the other.
Officers: their tables are gathered and have edges, each for itself, so that a sheet can be passed on; but one table can be set
against another, and last week's against today's, because an officer may look persons up anyway, and every look is in the ledger.
For the same reason officers see whose address bounces, to mend it; managers see nothing of it, and such people are open to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from notifier.domain.groups import gather

EDGE = 2
SMALLEST_MINIMUM = 2 * EDGE + 1  # below it the two edges of a block would meet


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted, as the store knows it. It is never shown: `figure` makes of it what may be.

    Attributes:
        people: those of the census; it is the same in every week.
        left: those of them who can answer no more: departed, or outside the campaign by now.
        settled: those of them with a settling answer, among the leavers too.
    """

    people: int = 0
    left: int = 0
    settled: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.people + other.people, self.left + other.left, self.settled + other.settled)

    def figure(self, minimum: int) -> Figure | None:
        """What may be known, or None: too few people who can still answer."""
        if self.people - self.left < minimum:
            return None
        upper = self.people - self.left - EDGE
        if self.settled <= EDGE:
            return Figure(self.people, 0, EDGE)
        if self.settled >= upper:
            return Figure(self.people, upper, self.people)
        return Figure(self.people, self.settled, self.settled)


@dataclass(frozen=True, slots=True)
class Figure:
    """What is known of a group: how many people, and how many of them are settled, exactly or between two bounds."""

    people: int
    at_least: int
    at_most: int

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.people + other.people, self.at_least + other.at_least, self.at_most + other.at_most)

    @property
    def settled(self) -> int | None:
        """The number of settled people where it is shown exactly."""
        return self.at_least if self.at_least == self.at_most else None

    @property
    def open(self) -> int | None:
        """The number of open people where it is shown exactly."""
        return None if self.settled is None else self.people - self.settled

    @property
    def finished(self) -> bool:
        """It stands at its upper edge, and three quarters are settled for sure."""
        return self.at_most == self.people and 4 * self.at_least >= 3 * self.people

    def change_since(self, earlier: Figure | None) -> int | None:
        """How many more are settled than in an earlier figure of the same people, where both are exact."""
        if earlier is None or earlier.people != self.people or self.settled is None or earlier.settled is None:
            return None
        return self.settled - earlier.settled


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: one cell, or several that stand together, with their people's figure."""

    cells: tuple[str, ...]
    figure: Figure


def table(tallies: Mapping[str, Tally], minimum: int) -> tuple[Row, ...]:
    """The organisation by country, department or language. Cells that are too small stand together; no row where all are few.

    Args:
        tallies: by cell; people of whom the roster says nothing are a cell of their own ("").
            `people` are those of today who can answer, and `left` is 0: a table is about today.
    """
    groups = gather({cell: tallies[cell].people for cell in sorted(tallies)}, minimum)
    figures = [(group, reduce(add, (tallies[cell] for cell in group)).figure(minimum)) for group in groups]
    return tuple(Row(group, figure) for group, figure in figures if figure)


def total(figures: Iterable[Figure | None]) -> Figure | None:
    """The sum of what is shown; None where nothing is."""
    shown = [figure for figure in figures if figure]
    return reduce(add, shown) if shown else None
