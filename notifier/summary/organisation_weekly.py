"""The weekly letter to the compliance officers: when it is due, and to whom.

**Once a week.** It is due at its time in the organisation's zone, or after an outage at any later moment of that ISO week, never
in a week that is over. All officers' letters and deliveries are written in one transaction, and a letter is there once for each
officer and week: whoever dies before has planned nothing, and the next tick does it. An address that is added later in the week
gets its letter after the next start. From there on the outbox carries it like any other message, by mail only: at least once, a
repeat the same bytes.

**Of what.** Of all campaigns that have begun and are not over. When everybody has settled, one more letter says so, and then there
is silence until somebody is open again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.campaign import Campaign
from notifier.domain.countdown import local_date
from notifier.domain.ladder import Ladder
from notifier.domain.window import first_instant
from notifier.store import organisation, progress, seals, stories
from notifier.store.database import Connection, Database
from notifier.store.letters import Letter
from notifier.store.progress import Addressed
from notifier.store.tables import Kind
from notifier.summary.figures import is_running
from notifier.summary.organisation import ScheduleOf, figures
from notifier.summary.organisation_letter import CampaignReport, OrganisationLetter, read, without_addresses, written
from notifier.summary.weekly import When

MESSAGE = "organisation"
_WEEK = timedelta(days=7)
_MONDAYS = When(0, time.min)


@dataclass(frozen=True, slots=True)
class _Turn:
    """The letter of one week. Instants are UTC."""

    week: int
    on: date
    due_at: datetime
    ends_at: datetime


class OrganisationWeekly:
    """Writes the letter that is due.

    Args:
        officers: their addresses. They need not be in the roster.
        when: None where nobody is told anything.
        zone: the organisation's.
        channel: the one by which mail leaves.
        minimum_group: cells of tables with fewer people stand together.
    """

    def __init__(
        self,
        *,
        database: Database,
        campaigns: Sequence[Campaign],
        officers: Sequence[str],
        when: When | None,
        zone: ZoneInfo,
        channel: str,
        minimum_group: int,
        schedule_of: ScheduleOf,
    ) -> None:
        self._database = database
        self._campaigns = sorted(campaigns, key=lambda campaign: (campaign.deadline, campaign.id))
        self._officers = tuple(officers)
        self._when = when
        self._zone = zone
        self._ladder = Ladder((channel,))
        self._minimum_group = minimum_group
        self._schedule_of = schedule_of
        self._done: int | None = None  # this week is known to be written

    def tick(self, now: datetime) -> int:
        """Write what is due. Returns how many letters are new."""
        turn = self._turn(now)
        if turn is None or not self._officers or not turn.due_at <= now < turn.ends_at or self._done == turn.week:
            return 0
        done = self._write(turn, now)
        self._done = turn.week
        return done

    def send(self, now: datetime) -> int:
        """Write this week's letters now, due or not; whoever has one gets no second one. Returns how many are new."""
        turn = self._turn(now, self._when or _MONDAYS)
        return self._write(turn, now) if turn is not None else 0

    def preview(
        self, connection: Connection, now: datetime, campaigns: Sequence[Campaign] | None = None
    ) -> OrganisationLetter | None:
        """What would be written now; None where no campaign is running.

        Args:
            campaigns: in place of those that are running.
        """
        turn = self._turn(now, self._when or _MONDAYS)
        return self._letter(connection, turn, now, campaigns) if turn is not None else None

    def next_instant(self, now: datetime) -> datetime | None:
        """When a letter is due next, or None."""
        turns = (self._turn(at) for at in (now, now + _WEEK)) if self._officers else ()
        return min((turn.due_at for turn in turns if turn is not None and turn.due_at > now), default=None)

    def _write(self, turn: _Turn, now: datetime) -> int:
        with self._database.read() as connection:
            told = organisation.told(connection, turn.week)
            waiting = [address for address in self._officers if address.casefold() not in told]
            letter = self._letter(connection, turn, now) if waiting else None
            before = organisation.last_letter(connection, turn.week)
        if letter is None or (letter.finished and before is not None and read(before).finished):
            return 0
        content = written(letter)
        with self._database.write() as connection:
            rows = organisation.officers(connection, waiting, self._zone.key, now)
            addressed = [
                self._addressed(Letter(Kind.ORGANISATION, key, turn.week, "", content), turn, now) for key in rows.values()
            ]
            return progress.post(connection, addressed, self._ladder, now)

    def _letter(
        self, connection: Connection, turn: _Turn, now: datetime, campaigns: Sequence[Campaign] | None = None
    ) -> OrganisationLetter | None:
        today = local_date(now, self._zone.key)
        before = organisation.last_letter(connection, turn.week)
        last = read(before) if before is not None else None
        running = campaigns if campaigns is not None else [one for one in self._campaigns if is_running(one, today)]
        reports = tuple(self._report(connection, one, last, now) for one in running)
        if not reports:
            return None
        newest = seals.head(connection)
        seal = None if newest is None else (newest.number, newest.hash)
        return OrganisationLetter(today, turn.on + _WEEK, reports, seal)

    def _report(self, connection: Connection, campaign: Campaign, last: OrganisationLetter | None, now: datetime) -> CampaignReport:
        counted = figures(
            connection,
            campaign,
            now=now,
            zone=self._zone,
            minimum_group=self._minimum_group,
            schedule_of=self._schedule_of,
        )
        people = without_addresses(stories.undeliverable(connection, campaign.id))
        before = last.of(campaign.id) if last is not None else None
        if last is None or before is None:
            return CampaignReport(counted, people)
        return CampaignReport(counted, people, before.figures.settled, last.on)

    def _turn(self, now: datetime, when: When | None = None) -> _Turn | None:
        when = when or self._when
        if when is None:
            return None
        today = local_date(now, self._zone.key)
        monday = today - timedelta(days=today.weekday())
        year, week, _ = monday.isocalendar()
        day = monday + timedelta(days=when.weekday)
        due_at = first_instant(day, when.at, self._zone.key)
        return _Turn(year * 100 + week, day, due_at, first_instant(monday + _WEEK, time.min, self._zone.key))

    def _addressed(self, letter: Letter, turn: _Turn, now: datetime) -> Addressed:
        return Addressed(letter, MESSAGE, min(turn.due_at, now), turn.ends_at, turn.ends_at)
