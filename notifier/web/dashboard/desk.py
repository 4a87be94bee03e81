"""The parts behind the dashboard, and what is counted for all its pages at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.requests import Request

from notifier.delivery.forecast import Wave
from notifier.delivery.outlook import Outlook
from notifier.domain.campaign import Campaign
from notifier.store import queue, stories
from notifier.store.queue import Standing
from notifier.store.stories import Undeliverable
from notifier.summary.board import Board
from notifier.summary.counted import Counted
from notifier.web.dashboard.frame import Frame
from notifier.web.dashboard.looks import Looks
from notifier.web.notices import Notice, Refused
from notifier.web.site import Site

LOOK_AHEAD = timedelta(days=14)
_QUICK = timedelta(seconds=2)
_SLOW = timedelta(seconds=30)
_STALE = 20


@dataclass(frozen=True)
class Desk:
    """What operators' pages know besides the site.

    Attributes:
        zone: the organisation's.
        folders: that hold the layouts of the pages, as for `Site`.
        roster_source: where the roster comes from, and when it is read, for people to read.
        board: the organisation's figures.
        minimum_group: fewer people than that are never a figure of their own.
    """

    zone: ZoneInfo
    folders: tuple[Path, ...]
    outlook: Outlook
    board: Board
    minimum_group: int
    roster_source: str
    roster_refresh: str


class Office:
    """The dashboard of one application: its parts, and what it keeps counted. It belongs to one event loop."""

    def __init__(self, site: Site, desk: Desk) -> None:
        self.site = site
        self.desk = desk
        self.frame = Frame(site, desk.folders, desk.zone)
        self.looks = Looks(site.database)
        self.standings = Counted(self._standings, fresh=lambda _: _QUICK, stale=_STALE)
        self.waves = Counted(self._waves, fresh=lambda _: _SLOW, stale=_STALE)
        self.undeliverable = {
            name: Counted(partial(self._undeliverable, name), fresh=lambda _: _QUICK, stale=_STALE) for name in site.campaigns
        }

    def campaign(self, request: Request) -> Campaign:
        """The campaign that the address names, or else the first one.

        Raises:
            Refused: there is none of that name.
        """
        name = request.path_params.get("campaign") or request.query_params.get("campaign")
        found = next(iter(self.site.campaigns.values()), None) if not name else self.site.campaigns.get(name)
        if found is None:
            raise Refused(Notice.NOWHERE)
        return found

    def has_changed(self) -> None:
        """After an act: what was counted is no longer true."""
        self.standings.forget()
        self.waves.forget()
        for counted in self.undeliverable.values():
            counted.forget()

    async def _undeliverable(self, campaign: str, _now: datetime) -> list[Undeliverable]:
        return await self.site.database.read_async(lambda connection: stories.undeliverable(connection, campaign))

    async def _standings(self, _now: datetime) -> list[Standing]:
        return await self.site.database.read_async(queue.standings)

    async def _waves(self, now: datetime) -> list[Wave]:
        until = now + LOOK_AHEAD
        return await self.site.database.read_async(lambda connection: self.desk.outlook.waves(connection, now, until))
