"""The organisation's figures for those who ask often: counted once, and told to everybody for a moment.

To count 100,000 people takes about a second. So what was counted is kept, the longer the more people there are: a tenth of a
second for 1,000, ten seconds for 100,000. After that whoever asks still gets it at once, and it is counted anew behind their back;
only who comes when nobody has asked for six times as long waits. `OrganisationFigures.at` says of when it is: show it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.campaign import Campaign
from notifier.store.database import Database
from notifier.summary.organisation import OrganisationFigures, ScheduleOf, figures

_KEPT_FOR_EACH = timedelta(microseconds=100)
_STALE = 6


class Board:
    """The figures of each campaign, of now or of a moment ago. It belongs to one event loop."""

    def __init__(self, database: Database, *, zone: ZoneInfo, minimum_group: int, schedule_of: ScheduleOf) -> None:
        """Take what `figures` needs."""
        self._database = database
        self._zone = zone
        self._minimum_group = minimum_group
        self._schedule_of = schedule_of
        self._known: dict[str, OrganisationFigures] = {}
        self._counting: dict[str, asyncio.Task[OrganisationFigures]] = {}

    async def figures(self, campaign: Campaign, now: datetime) -> OrganisationFigures:
        """Where the campaign stands.

        Raises:
            StoreError: the store cannot be used.
        """
        known = self._known.get(campaign.id)
        if known is not None:
            keeps = known.people * _KEPT_FOR_EACH
            age = now - known.at
            if timedelta() <= age < keeps:
                return known
            if timedelta() <= age < _STALE * keeps:
                self._count(campaign, now)
                return known
        return await asyncio.shield(self._count(campaign, now))

    def _count(self, campaign: Campaign, now: datetime) -> asyncio.Task[OrganisationFigures]:
        if campaign.id not in self._counting:
            task = asyncio.create_task(self._counted(campaign, now))
            self._counting[campaign.id] = task
            task.add_done_callback(lambda done: self._keep(campaign.id, done))
        return self._counting[campaign.id]

    async def _counted(self, campaign: Campaign, now: datetime) -> OrganisationFigures:
        return await self._database.read_async(
            lambda connection: figures(
                connection,
                campaign,
                now=now,
                zone=self._zone,
                minimum_group=self._minimum_group,
                schedule_of=self._schedule_of,
            )
        )

    def _keep(self, campaign: str, done: asyncio.Task[OrganisationFigures]) -> None:
        del self._counting[campaign]
        if not done.cancelled() and done.exception() is None:
            self._known[campaign] = done.result()
