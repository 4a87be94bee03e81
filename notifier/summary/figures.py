"""One campaign as it stands now, and of it what each manager may be told. What may be told, the domain decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from notifier.domain.campaign import Campaign
from notifier.domain.teams import Team, Teams
from notifier.store import census, progress
from notifier.store.census import Details, Managers
from notifier.store.database import Connection, Database
from notifier.store.progress import Nameable
from notifier.summary.facts import Bar, OpenReport, Surroundings, TeamProgress


@dataclass(frozen=True, slots=True)
class Rules:
    """What the organisation has agreed managers see.

    Attributes:
        minimum: the smallest group of which a count is shown; a campaign keeps the one of its census.
    """

    details: Details
    minimum: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A campaign at one moment, for any number of managers. People are known by their row; in the domain's trees as text."""

    campaign: Campaign
    teams: Teams
    nameable: Mapping[int, Sequence[Nameable]]
    names: Mapping[int, str]

    @classmethod
    def load(cls, connection: Connection, campaign: Campaign, rules: Rules, managers: Managers) -> Figures:
        """Count. The census has been taken.

        Args:
            managers: of now; whom people report to today decides who is named to whom.
        """
        tree = census.load_tree(connection, campaign.id)
        nameable = progress.nameable(connection, campaign, rules.details, managers)
        names = progress.names_of(connection, [int(manager) for manager in tree.above])
        minimum = census.taken(connection)[campaign.id]
        return cls(campaign, Teams(tree, census.units(connection, campaign), minimum), nameable, names)

    @property
    def managers(self) -> frozenset[int]:
        """Everybody to whom there might be something to tell."""
        return frozenset({*self.names, *self.nameable})

    def of(self, manager: int, today: date) -> TeamProgress | None:
        """What this manager is told, without what they were told before; None where nothing can be shown.

        Args:
            today: where the manager is.
        """
        team = self.teams.team(str(manager))
        named = self._named(manager, today)
        shown = TeamProgress(
            campaign=self.campaign.id,
            deadline=self.campaign.deadline,
            bars=tuple(
                Bar(block.direct, self._teams(block.teams), block.figure) for block in team.blocks if block.figure is not None
            ),
            around=self._around(team),
            named=named,
            last=team.finished and not named,
        )
        return shown if shown.figure or named else None

    def _teams(self, managers: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted((self.names[int(manager)] for manager in managers), key=str.casefold))

    def _around(self, team: Team) -> Surroundings | None:
        if team.around is None:
            return None
        manager = team.around.manager
        return Surroundings(None if manager is None else self.names[int(manager)], team.around.figure)

    def _named(self, manager: int, today: date) -> tuple[OpenReport, ...]:
        people = {one.report.key: one for one in self.nameable.get(manager, ())}
        shown = [people[key] for key in self.teams.names(str(manager), [one.report for one in people.values()])]
        shown.sort(key=lambda one: (-one.reminders, one.name.casefold()))
        return tuple(
            OpenReport(one.name, one.reminders, one.leave_until if one.leave_until and one.leave_until >= today else None)
            for one in shown
        )


def is_running(campaign: Campaign, today: date) -> bool:
    """Whether there is something to tell: the day of the first message has passed, and links are answered still."""
    begins_on = campaign.deadline - timedelta(days=campaign.steps[0].days_before)
    return begins_on < today < campaign.closes_on


def take_censuses(database: Database, campaigns: Sequence[Campaign], rules: Rules, now: datetime) -> None:
    """See to it that the census of each of these campaigns has been taken."""
    with database.read() as connection:
        missing = [campaign for campaign in campaigns if campaign.id not in census.taken(connection)]
    for campaign in missing:
        with database.write() as connection:
            census.take(connection, campaign, rules.details, rules.minimum, now)
