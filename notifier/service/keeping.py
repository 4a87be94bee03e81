"""The people of the organisation, and who of them is on Slack: kept up to date while the daemon runs.

Slack is asked before the roster is read, so that who joins is known there before anything is planned for them. Where it has never
said who is who, nothing is planned for a while (`roster/slack.py`), and it is asked again without waiting for the next reading.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from notifier.clock import Clock
from notifier.errors import NotifierError
from notifier.roster.slack import PATIENCE, FirstListing, Member
from notifier.service.people import first_listing, match_slack_members, read_slack_members, refresh_roster
from notifier.settings import Settings
from notifier.store import employees
from notifier.store.database import Database

_log = structlog.get_logger(__name__)

_SOON = timedelta(minutes=1)


class PeopleKeeper:
    """Reads the roster and asks Slack, as one configuration has them."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        """Nothing is looked at before `begin`."""
        self._settings = settings
        self._database = database
        self._clock = clock
        self._listing = FirstListing(clock.now(), is_known=True)
        self._again_at: datetime | None = None

    async def begin(self) -> None:
        """See what the store knows."""
        now = self._clock.now()
        self._listing = await asyncio.to_thread(first_listing, self._settings, self._database, now)
        if not self._listing.is_known:
            self._again_at = now
            _log.info("nothing is planned until Slack has said who is who", until=(now + PATIENCE).isoformat())

    async def ask_slack(self) -> list[Member] | None:
        """Who is in the Slack workspace. Where Slack is not used, or does not say, None."""
        self._again_at = None
        members = None
        try:
            members = await read_slack_members(self._settings, self._slack_is_heard)
        except NotifierError as error:
            _log.error("Slack does not say who is who; what was known goes on", error=str(error), hint=error.hint)
        now = self._clock.now()
        self._listing.is_refused = members is None
        self._again_at = now + (_SOON if self._listing.waits(now) else PATIENCE)
        return members

    async def read_roster(self, members: list[Member] | None) -> None:
        """Bring the store up to date with the roster, and with who of it is on Slack.

        Raises:
            NotifierError: see `refresh_roster`; whoever was known before is looked for on Slack all the same.
        """
        try:
            await self._refresh()
        finally:
            if members is not None:
                await self._match(members)

    async def _refresh(self) -> None:
        outcome = await asyncio.to_thread(refresh_roster, self._settings, self._database, self._clock.now())
        if outcome.refused is not None:
            _log.error("the roster was not applied; the one before goes on", reason=outcome.refused)
        elif outcome.diff.size:
            changes = outcome.diff
            _log.info("roster applied", joiners=len(changes.joiners), leavers=len(changes.leavers), changes=changes.size)

    async def _match(self, members: list[Member]) -> None:
        matched = await match_slack_members(self._database, members, self._clock.now())
        people = await self._database.read_async(employees.count_active)
        _log.info(
            "people found on Slack", found=matched.found, new=matched.new, gone=matched.gone, not_there=people - matched.found
        )
        self._listing.is_known = True

    def _slack_is_heard(self) -> None:
        self._listing.heard_at = self._clock.now()

    def wait_for_slack(self, now: datetime) -> bool:
        """Whether nothing is to be planned yet. The log says when the waiting ends without success."""
        if self._listing.gives_up(now):
            _log.error("Slack has never said who is who; everybody gets mail", hint="mend what the log says of Slack")
        return self._listing.waits(now)

    def is_to_ask_again(self, now: datetime) -> bool:
        """Whether Slack, which has never said who is who, is to be asked before the next reading of the roster."""
        return not self._listing.is_known and self._again_at is not None and now >= self._again_at

    def trouble(self) -> str | None:
        """What `/readyz` says of it."""
        return self._listing.trouble(self._clock.now())
