"""What a letter to a manager says: the figures of that morning, as they are kept with the message and never changed.

Nothing else may be shown to a manager: what may not be known (`domain/progress.py`) is in no field here. The same content gives the
same message for ever, but for the days that are left, which are counted on the day it is handed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from notifier.domain.progress import Figure, total

MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a manager's people, disjoint from the others.

    Attributes:
        direct: the direct reports are in it (those who are not shown by name).
        teams: the names of managers whose whole teams are in it, sorted.
    """

    direct: bool
    teams: tuple[str, ...]
    figure: Figure


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The group around a team that is too small to show.

    Attributes:
        name: whose whole team it is; None for the organisation.
    """

    name: str | None
    figure: Figure


@dataclass(frozen=True, slots=True)
class OpenReport:
    """A direct report who is open and may be named.

    Attributes:
        reminders: how many steps of the countdown were meant for them so far.
        leave_until: the last day of an absence that is not over yet, or None.
    """

    name: str
    reminders: int
    leave_until: date | None


@dataclass(frozen=True, slots=True)
class TeamProgress:
    """How far a manager's people are in one campaign.

    Attributes:
        deadline: the start of this day is the deadline.
        bars: together `total`.
        around: only where there are no bars.
        named: those who may be named, those with the most reminders first. A mail names MOST_NAMES of them, the team's page all.
        before: the total, or the figure around, as the manager was told it last, on the day `before_on`.
        last: everything that is shown is settled; nothing more is said about this campaign while that is so.
    """

    campaign: str
    deadline: date
    bars: tuple[Bar, ...] = ()
    around: Surroundings | None = None
    named: tuple[OpenReport, ...] = ()
    before: Figure | None = None
    before_on: date | None = None
    last: bool = False

    @property
    def total(self) -> Figure | None:
        """All that is shown of the team, without those shown by name; it is the sum of the bars."""
        return total(bar.figure for bar in self.bars)

    @property
    def figure(self) -> Figure | None:
        """The one figure that stands for the campaign: of the team, else of the group around it."""
        return self.around.figure if self.around else self.total

    @property
    def open_by_name(self) -> int:
        return len(self.named)

    @property
    def somebody_is_open(self) -> bool:
        """By what is shown, for sure."""
        return bool(self.named) or (self.figure is not None and self.figure.at_most < self.figure.people)

    @property
    def change(self) -> int | None:
        """How many more are settled than on `before_on`, where both figures are exact."""
        return self.figure.change_since(self.before) if self.figure else None


@dataclass(frozen=True, slots=True)
class TeamLetter:
    """A summary, or an escalation, which is about one campaign.

    Attributes:
        on: the day it was written for, where the manager is.
        campaigns: by deadline, the nearest first.
        next_on: the day of the next one; None where none is to come.
        link_until: the last day on which its link opens.
        silent: campaigns that are left out because everything was settled when they were told of last.
    """

    on: date
    campaigns: tuple[TeamProgress, ...]
    next_on: date | None
    link_until: date
    silent: tuple[str, ...] = ()

    def of(self, campaign: str) -> TeamProgress | None:
        """What it says about a campaign."""
        return next((one for one in self.campaigns if one.campaign == campaign), None)


_LETTER = TypeAdapter(TeamLetter)


def written(letter: TeamLetter) -> str:
    """As it is kept."""
    return _LETTER.dump_json(letter, exclude_defaults=True).decode()


def read(content: str) -> TeamLetter:
    """What `written` made."""
    return _LETTER.validate_json(content)
