"""The weekly letter to each manager: who gets one, when, and what it says of which campaigns.

**Once a week.** A letter is due at its time on the manager's own clock, or after an outage at any later moment of that ISO week,
never in a week that is over. Letter and delivery are written in one transaction, for some hundred managers at a time, and the
letter is there once for each manager and week: whoever dies in the middle has planned some managers whole and others not at all,
and the next tick goes on with those. From there on the outbox carries it like any other message: at least once, a repeat the same.

**One letter about all campaigns** that have begun and are not over. A campaign of which all that is shown is settled is told of
once more, and then not again as long as that is so. A manager to whom nothing can be shown, or nothing new, gets no letter.

**What was said before** is read from the letters themselves, so a change is the difference of two figures that the manager has.

**Watermark.** A tick remembers how far it has planned, so that one with nothing due costs one small query. A clock that stands
before the mark has been set back: then the week is looked at again, and who has a letter is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from notifier.domain.campaign import Campaign
from notifier.domain.countdown import Place, WorkingDays, local_date
from notifier.domain.ladder import Ladder
from notifier.domain.window import first_instant
from notifier.store import census, marks, planning, progress
from notifier.store.database import Connection, Database
from notifier.store.letters import Letter
from notifier.store.progress import Addressed, Manager
from notifier.store.tables import Kind
from notifier.summary.facts import TeamLetter, TeamProgress, read, written
from notifier.summary.figures import Figures, Rules, is_running, take_censuses

MESSAGE = "manager"
AT_ONCE = 500  # managers for each transaction
LINK_LASTS = timedelta(days=14)
_MARK = "summary/managers"  # beside the marks of campaigns; no campaign can have such a name
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class When:
    """A moment that comes back every week.

    Attributes:
        weekday: Monday is 0.
    """

    weekday: int
    at: time


@dataclass(frozen=True, slots=True)
class Turn:
    """The letters of one week in one place. Instants are UTC.

    Attributes:
        week: of the ISO calendar: 202542.
        ends_at: the week is over.
    """

    week: int
    day: date
    due_at: datetime
    ends_at: datetime


class Weekly:
    """Writes the letters that are due.

    Args:
        when: None where managers are told nothing.
        ladder: on which channels a letter is tried.
    """

    def __init__(
        self,
        *,
        database: Database,
        campaigns: Sequence[Campaign],
        rules: Rules,
        when: When | None,
        working_days: WorkingDays,
        ladder: Ladder,
    ) -> None:
        self._database = database
        self._campaigns = sorted(campaigns, key=lambda campaign: (campaign.deadline, campaign.id))
        self._rules = rules
        self._when = when
        self._working_days = working_days
        self._ladder = ladder
        self._turns: dict[tuple[Place, date], Turn] = {}

    def tick(self, now: datetime) -> int:
        """Write what is due. Returns how many letters are new."""
        due = self._due(now)
        if not due:
            return 0
        done = self._write(now, due, None)
        with self._database.write() as connection:
            marks.save(connection, _MARK, marks.Mark(now, ""))
        return done

    def send(self, now: datetime, only: Collection[int] | None = None) -> int:
        """Write this week's letters now, due or not, to everybody or to `only` these; who has one gets no second one."""
        turns = {place: turn for place in self._places() if (turn := self._turn(place, now)) is not None}
        return self._write(now, turns, only)

    def preview(self, connection: Connection, now: datetime, only: Collection[int] | None = None) -> dict[int, TeamLetter]:
        """What `send` would write, by the row of the manager, who may have this week's already.

        Args:
            connection: of a transaction that is then undone: a census may be taken in it.
        """
        for campaign in self._running({local_date(now, place.time_zone) for place in self._places()}):
            census.take(connection, campaign, self._rules.details, self._rules.minimum, now)
        figures = self._figures(connection, self._campaigns)
        managers = self._managers(connection, figures, only)
        letters = self._letters(connection, managers, figures, now)
        return {manager.key: letter for manager, _, letter in letters}

    def told(self, now: datetime) -> frozenset[int]:
        """Who has a letter of their present week."""
        weeks = {turn.week for place in self._places() if (turn := self._turn(place, now)) is not None}
        with self._database.read() as connection:
            return frozenset().union(*(_written_to(connection, week) for week in weeks))

    def next_instant(self, now: datetime) -> datetime | None:
        """When letters are due next anywhere, or None."""
        turns = (self._turn(place, at) for place in self._places() for at in (now, now + _WEEK))
        return min((turn.due_at for turn in turns if turn is not None and turn.due_at > now), default=None)

    def _due(self, now: datetime) -> dict[Place, Turn]:
        if self._when is None:
            return {}
        with self._database.read() as connection:
            mark = marks.load(connection).get(_MARK)
        since = mark.planned_until if mark and mark.planned_until <= now else None
        turns = ((place, self._turn(place, now)) for place in self._places())
        return {place: turn for place, turn in turns if turn and turn.due_at <= now and (since is None or turn.due_at > since)}

    def _write(self, now: datetime, turns: dict[Place, Turn], only: Collection[int] | None) -> int:
        running = self._running({local_date(now, place.time_zone) for place in turns})
        if not running:
            return 0
        take_censuses(self._database, running, self._rules, now)
        with self._database.read() as connection:
            figures = self._figures(connection, running)
            written_to = {week: _written_to(connection, week) for week in {turn.week for turn in turns.values()}}
            managers = [
                manager
                for manager in self._managers(connection, figures, only)
                if (turn := turns.get(place_of(manager))) is not None and manager.key not in written_to[turn.week]
            ]
        done = 0
        for start in range(0, len(managers), AT_ONCE):
            with self._database.write() as connection:
                letters = self._letters(connection, managers[start : start + AT_ONCE], figures, now)
                addressed = [_addressed(one, now) for one in letters]
                done += progress.post(connection, addressed, self._ladder, now)
        return done

    def _figures(self, connection: Connection, campaigns: Iterable[Campaign]) -> list[Figures]:
        managers, taken = census.managers_of_now(connection), census.taken(connection)
        return [Figures.load(connection, one, self._rules, managers) for one in campaigns if one.id in taken]

    def _managers(self, connection: Connection, figures: Iterable[Figures], only: Collection[int] | None) -> list[Manager]:
        keys = frozenset(key for one in figures for key in one.managers)
        return progress.active_managers(connection, keys if only is None else keys.intersection(only))

    def _letters(
        self, connection: Connection, managers: Sequence[Manager], figures: Sequence[Figures], now: datetime
    ) -> Iterator[tuple[Manager, Turn, TeamLetter]]:
        """What each of these managers is told in their present week; those who are told nothing are left out."""
        turns = {manager.key: self._turn(place_of(manager), now) for manager in managers}
        last: dict[int, TeamLetter] = {}
        for week in {turn.week for turn in turns.values() if turn}:
            keys = [key for key, turn in turns.items() if turn and turn.week == week]
            last |= {key: read(content) for key, content in progress.last_summaries(connection, keys, before=week).items()}
        for manager in managers:
            turn, today = turns[manager.key], local_date(now, manager.time_zone)
            if turn is None:
                continue
            running = [one for one in figures if is_running(one.campaign, today)]
            shown = [(one.campaign, one.of(manager.key, today)) for one in running]
            following = self._turn(place_of(manager), now + _WEEK)
            letter = letter_of(shown, last.get(manager.key), today, following.day if following else None)
            if letter is not None:
                yield manager, turn, letter

    def _running(self, days: Collection[date]) -> list[Campaign]:
        return [campaign for campaign in self._campaigns if any(is_running(campaign, day) for day in days)]

    def _places(self) -> list[Place]:
        with self._database.read() as connection:
            groups = planning.groups(connection)
        return list(dict.fromkeys(Place(group.time_zone, group.country, group.region) for group in groups))

    def _turn(self, place: Place, now: datetime) -> Turn | None:
        """The letters of the week that it is there now; None where managers are told nothing."""
        if self._when is None:
            return None
        today = local_date(now, place.time_zone)
        monday = today - timedelta(days=today.weekday())
        if (place, monday) not in self._turns:
            day = monday + timedelta(days=self._when.weekday)
            if not self._working_days.is_weekend(day):
                later = self._working_days.nearest_later(day, place)
                day = later if later < monday + _WEEK else day
            year, week, _ = monday.isocalendar()
            due_at = first_instant(day, self._when.at, place.time_zone)
            ends_at = first_instant(monday + _WEEK, time.min, place.time_zone)
            self._turns[place, monday] = Turn(year * 100 + week, day, due_at, ends_at)
        return self._turns[place, monday]


def letter_of(
    shown: Iterable[tuple[Campaign, TeamProgress | None]], last: TeamLetter | None, today: date, next_on: date | None
) -> TeamLetter | None:
    """The letter of a week, or None where there is nothing to say.

    Args:
        shown: what may be shown of each running campaign.
        last: the letter before, however long ago.
        today, next_on: where the manager is.
    """
    told, silent = [], []
    for campaign, progress_now in shown:
        before = last.of(campaign.id) if last else None
        ended = last is not None and (campaign.id in last.silent or (before is not None and before.last))
        one = progress_now
        if one is None and before is not None and before.named:
            one = TeamProgress(campaign.id, campaign.deadline, last=True)  # of those who were named nobody is open any more
        if one is None or (one.last and ended):
            silent += [campaign.id] if ended else []
        elif before is not None and last is not None:
            told.append(replace(one, before=before.figure, before_on=last.on))
        else:
            told.append(one)
    if not told:
        return None
    return TeamLetter(
        on=today,
        campaigns=tuple(told),
        next_on=None if all(one.last for one in told) else next_on,
        link_until=today + LINK_LASTS,
        silent=tuple(silent),
    )


def place_of(manager: Manager) -> Place:
    """The calendar a manager lives by."""
    return Place(manager.time_zone, manager.country, manager.region)


def _written_to(connection: Connection, week: int) -> frozenset[int]:
    return progress.written_to(connection, kind=Kind.SUMMARY, occasion=week, campaign="")


def _addressed(one: tuple[Manager, Turn, TeamLetter], now: datetime) -> Addressed:
    manager, turn, letter = one
    return Addressed(
        letter=Letter(Kind.SUMMARY, manager.key, turn.week, "", written(letter)),
        message=MESSAGE,
        opens_at=min(turn.due_at, now),
        closes_at=turn.ends_at,
        expires_at=turn.ends_at,
    )
