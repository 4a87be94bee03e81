"""The organisation's figures for those who ask often: counted once, and told to everybody for a moment.

To count 100,000 people takes about a second. So what was counted is kept, the longer the more people there are: a tenth of a
second for 1,000, ten seconds for 100,000. After that whoever asks still gets it at once, and it is counted anew behind their back;
only who comes when nobody has asked for six times as long waits. `OrganisationFigures.at` says of when it is: show it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from notifier.domain.campaign import Campaign
from notifier.store.database import Database
from notifier.summary.counted import Counted
from notifier.summary.organisation import OrganisationFigures, ScheduleOf, figures

_FRESH_FOR_EACH = timedelta(microseconds=100)
_STALE = 6


class Board:
    """The figures of each campaign, of now or of a moment ago. It belongs to one event loop."""

    def __init__(self, database: Database, *, zone: ZoneInfo, minimum_group: int, schedule_of: ScheduleOf) -> None:
        """Take what `figures` needs."""
        self._database = database
        self._zone = zone
        self._minimum_group = minimum_group
        self._schedule_of = schedule_of
        self._counted: dict[str, Counted[OrganisationFigures]] = {}

    async def figures(self, campaign: Campaign, now: datetime) -> OrganisationFigures:
        """Where the campaign stands.

        Raises:
            StoreError: the store cannot be used.
        """
        if campaign.id not in self._counted:
            self._counted[campaign.id] = Counted(partial(self._count, campaign), fresh=_fresh, stale=_STALE)
        return (await self._counted[campaign.id].get(now)).value

    async def _count(self, campaign: Campaign, now: datetime) -> OrganisationFigures:
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


def _fresh(told: OrganisationFigures) -> timedelta:
    return told.people * _FRESH_FOR_EACH
