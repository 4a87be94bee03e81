"""What goes out next, and whether it can: the coming waves of every campaign, from the people who are open now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from notifier.delivery.forecast import Demand, Wave, demands, forecast
from notifier.delivery.planner import place_of
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, next_opening
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import planning, stories
from notifier.store.database import Connection
from notifier.store.planning import Group
from notifier.store.quota import Limits
from notifier.store.stories import OpenGroup


@dataclass(frozen=True)
class Outlook:
    """Looks ahead.

    Attributes:
        schedule_of: the countdown of a campaign for people of one calendar: `Planner.schedule_of`.
        limits: what each channel's provider allows.
        default_language: of people about whom nothing else is known.
    """

    campaigns: Sequence[Campaign]
    schedule_of: Callable[[Campaign, Place, date | None], Sequence[PlannedStep]]
    ladders: Ladders
    limits: Mapping[str, Limits]
    window: Window
    working_days: WorkingDays
    default_language: str

    def waves(self, connection: Connection, now: datetime, until: datetime) -> list[Wave]:
        """What goes out from now on, of the steps that open before `until`."""
        return forecast(list(self._demands(connection, now, until)), limits=self.limits, now=now, next_opening=self._next_opening)

    def _demands(self, connection: Connection, now: datetime, until: datetime) -> Iterator[Demand]:
        calendars = planning.groups(connection)
        for campaign in self.campaigns:
            for index, step in enumerate(campaign.steps):
                if not self._falls_due(campaign, index, calendars, now, until):
                    continue  # to count who has not had it yet takes as long as all the rest
                groups = stories.open_groups(connection, campaign.id, not_yet_sent=step.days_before)
                yield from self._of_step(campaign, index, groups, now, until)

    def _falls_due(self, campaign: Campaign, index: int, calendars: Sequence[Group], now: datetime, until: datetime) -> bool:
        steps = (self.schedule_of(campaign, place_of(group), group.leave_until)[index] for group in calendars)
        return any(step.opens_at <= until and step.expires_at > now for step in steps)

    def _of_step(
        self, campaign: Campaign, index: int, groups: Sequence[OpenGroup], now: datetime, until: datetime
    ) -> Iterator[Demand]:
        step = campaign.steps[index]

        def schedule(place: Place, leave_until: date | None) -> Sequence[PlannedStep]:
            return self.schedule_of(campaign, place, leave_until)

        ladder = self.ladders.of_step(campaign.id, step.days_before)
        for demand in demands(campaign, index, groups, schedule, now, self.default_language, ladder):
            if demand.opens_at <= until:
                yield demand

    def _next_opening(self, after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
        return next_opening(after, place, self.window, self.working_days, leave_until)
