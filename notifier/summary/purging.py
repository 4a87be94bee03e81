"""The end of per-person records: some days after a campaign's deadline only counts are left of it.

**When.** `keep_days` after the deadline, and not before the campaign has closed; for a campaign that is no longer configured,
`keep_days` after the last thing that happened in it. Looked at once a day.

**What stays.** The organisation's figures and the curve, as counted right before (`final_figures`); they are kept in a transaction
of their own before the first record goes, so whoever dies in between has lost nothing. The ledger's facts and its chain. The texts.

**What goes.** Deliveries, answers, presses of buttons, the census, letters, nudges; in the ledger, names, addresses and providers'
words. Older remarks, absences and sessions, and names in the ledger's entries of that age about looks and exports. Somebody who
left that long ago, and of whom nothing else is left, becomes a row of nobody. Before the first record goes, the ledger has got its
entry of each, and has lost what was personal in it: while there are records, whoever goes on later looks at the ledger again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from notifier.domain.campaign import Campaign
from notifier.domain.countdown import local_date
from notifier.domain.window import first_instant
from notifier.store import ledger, purging
from notifier.store.database import Connection, Database
from notifier.store.gathering import gather
from notifier.summary.organisation import ScheduleOf, figures, written

PORTION = 2000
PEOPLE = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """What a look took away.

    Attributes:
        campaigns: whose records are gone now, all of them.
        records: rows.
        people: who became nobody.
    """

    campaigns: tuple[str, ...] = ()
    records: int = 0
    people: int = 0


class Purger:
    """Takes away what need not be kept.

    Args:
        keep_days: how long, in days.
        zone: the organisation's.
        stopping: asked between two portions; where it says so the rest is left for the next time.
    """

    def __init__(
        self,
        *,
        database: Database,
        campaigns: Sequence[Campaign],
        keep_days: int,
        zone: ZoneInfo,
        minimum_group: int,
        schedule_of: ScheduleOf,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._campaigns = {campaign.id: campaign for campaign in campaigns}
        self._keep = timedelta(days=keep_days)
        self._zone = zone
        self._minimum_group = minimum_group
        self._schedule_of = schedule_of
        self._stopping = stopping
        self._looked_on: date | None = None

    def tick(self, now: datetime) -> Purged:
        """Take away what is due, if this day has not been looked at. Blocks, for minutes after a large campaign.

        Raises:
            StoreError: the store cannot be used; the next tick does what this one has not.
        """
        today = local_date(now, self._zone.key)
        if self._looked_on == today:
            return Purged()
        done = self.purge(now)
        if not self._stopping():
            self._looked_on = today
        return done

    def purge(self, now: datetime) -> Purged:
        """The same, whether or not this day has been looked at."""
        today = local_date(now, self._zone.key)
        before = first_instant(today - self._keep, time.min, self._zone.key)
        records, over = 0, []
        due = self.due(now)
        if due:
            gather(self._database, since=None, stopping=self._stopping)
        for campaign in due:
            self._keep_final(campaign, now)
            self._forget(campaign.id, partial(purging.people_in_ledger, campaign=campaign.id), now)
            records += self._portions(partial(purging.records, campaign=campaign.id, most=PORTION))
            over += [] if self._stopping() else [campaign.id]
        self._forget("", partial(purging.people_in_old_entries, before=before), now)
        records += self._portions(partial(purging.messages, before=before, most=PORTION))
        records += self._portions(partial(purging.notes, before=before, day=today - self._keep, most=PORTION))
        return Purged(tuple(over), records, self._leavers(before, now))

    def due(self, now: datetime) -> list[Campaign]:
        """The campaigns of which there are records that are to go."""
        today = local_date(now, self._zone.key)
        with self._database.read() as connection:
            active = purging.last_activity(connection)
        found = []
        for name, at in sorted(active.items()):
            campaign = self._campaigns.get(name)
            if campaign is None:
                campaign = Campaign(name, local_date(at, self._zone.key), (), closes_after_days=0)
            if today >= max(campaign.closes_on, campaign.deadline + self._keep):
                found.append(campaign)
        return found

    def _keep_final(self, campaign: Campaign, now: datetime) -> None:
        with self._database.read() as connection:
            if purging.final(connection, campaign.id) is not None:
                return
            counted = figures(
                connection,
                campaign,
                now=now,
                zone=self._zone,
                minimum_group=self._minimum_group,
                schedule_of=self._schedule_of,
            )
        with self._database.write() as connection:
            purging.keep_final(connection, campaign.id, written(counted), now)

    def _forget(self, campaign: str, who: Callable[[Connection], list[int]], now: datetime) -> None:
        with self._database.read() as connection:
            keys = who(connection)
        self._each_portion(keys, lambda connection, some: ledger.forget_campaign(connection, campaign, some, now=now))

    def _leavers(self, before: datetime, now: datetime) -> int:
        with self._database.read() as connection:
            keys = purging.leavers(connection, before)
        return self._each_portion(keys, partial(purging.make_nobody, before=before, now=now))

    def _portions(self, take: Callable[[Connection], int]) -> int:
        gone = 0
        while not self._stopping():
            with self._database.write() as connection:
                some = take(connection)
            gone += some
            if not some:
                break
        return gone

    def _each_portion(self, keys: Sequence[int], take: Callable[[Connection, Sequence[int]], int]) -> int:
        gone = 0
        for start in range(0, len(keys), PEOPLE):
            if self._stopping():
                break
            with self._database.write() as connection:
                gone += take(connection, keys[start : start + PEOPLE])
        return gone
