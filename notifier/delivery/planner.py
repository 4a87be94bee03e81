"""Who is due what: the tick that turns the countdown into rows of the planning.

People are planned in groups that share a calendar, so a tick costs a little arithmetic for each distinct (zone, country, region)
and one statement for each step that has just opened. Everybody who is due and not settled gets a row; the outbox's unique key
makes a second tick, a second planner or a clock that jumps harmless.

**Catch-up.** A step is current from its opening until the next one opens. After an outage only the current one is sent; steps
that came and went meanwhile are recorded as superseded, or as missed where nothing newer follows.

**A changed plan.** When the deadline is moved, steps are added, renamed or taken out, or the clock was wrong, rows that have not
gone out follow: each gets the times and the text that its step has now, one whose step is gone is cancelled, one that ended
unsent although its step is still to come waits again. What has gone out counts as told: nobody gets the same step of the same
campaign twice, so a deadline that is moved far brings only the steps that are left. A countdown from the beginning is a
campaign with another name.

**Watermark.** A tick remembers how far it has planned. The next one looks only at what opened since, unless the roster or the
campaign changed, or the clock stands before the mark: then it looks at everything again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from importlib.metadata import version

from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, next_opening, schedule
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import marks, planning, replanning
from notifier.store.database import POSTGRESQL, Database
from notifier.store.planning import Group, Opening
from notifier.store.steps import PlannedRows, insert_step
from notifier.store.tables import State

# People for each transaction: no write lock is held for long, and on SQLite few commits wait for the disk.
RANGE = 30_000
RANGE_ON_POSTGRESQL = 10_000
AT_ONCE = 10_000  # where rows are changed, which takes longer than to insert them
_HOLIDAYS = version("holidays")  # another edition may know other days
_JITTER = timedelta(minutes=1)  # a clock may be set back this far without a full look


@dataclass(frozen=True, slots=True)
class Planned:
    """What a tick did, in rows."""

    inserted: int = 0
    passed: int = 0  # recorded as superseded or missed without ever waiting
    expired: int = 0
    moved: int = 0  # given another window

    def __add__(self, other: Planned) -> Planned:
        return Planned(
            self.inserted + other.inserted, self.passed + other.passed, self.expired + other.expired, self.moved + other.moved
        )

    def __bool__(self) -> bool:
        return self != Planned()


class Planner:
    """Plans every campaign of an organisation.

    Args:
        ladders: on which channels each step is tried.
        progress: called with the number of people looked at, after each transaction of a long tick.
    """

    def __init__(
        self,
        *,
        database: Database,
        campaigns: Sequence[Campaign],
        window: Window,
        working_days: WorkingDays,
        ladders: Ladders,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._campaigns = campaigns
        self._window = window
        self._working_days = working_days
        self._ladders = ladders
        self._progress = progress
        self._range = RANGE_ON_POSTGRESQL if database.dialect == POSTGRESQL else RANGE
        self._schedules: dict[tuple[str, Place, date | None], tuple[PlannedStep, ...]] = {}

    def tick(self, now: datetime) -> Planned:
        """Insert what has become due, end what is over, and move what waits outside its window."""
        with self._database.read() as connection:
            groups = planning.groups(connection)
            roster = marks.roster_version(connection)
            last_key = planning.highest_key(connection)
            before = marks.load(connection)
        done, reached = Planned(), {}
        changed = False
        for campaign in self._campaigns:
            mark, earlier = marks.Mark(now, self._fingerprint(campaign, roster)), before.pop(campaign.id, None)
            done += self._plan(campaign, groups, last_key, earlier, mark)
            reached[campaign.id] = mark
            changed |= earlier is not None and earlier.fingerprint != mark.fingerprint
        self._forget(before)
        return done + self._tidy(now, groups, last_key, reached, calendar_changed=changed)

    def _forget(self, others: Mapping[str, marks.Mark]) -> None:
        """Campaigns that are no longer configured: should one come back, it is looked at as a whole."""
        for campaign, mark in others.items():
            if mark.fingerprint:
                with self._database.write() as connection:
                    marks.save(connection, campaign, replace(mark, fingerprint=""))

    def schedule_of(self, campaign: Campaign, place: Place, leave_until: date | None) -> tuple[PlannedStep, ...]:
        """The countdown of a campaign for people with this calendar."""
        key = (campaign.id, place, leave_until)
        if key not in self._schedules:
            self._schedules[key] = schedule(campaign, place, self._window, self._working_days, leave_until)
        return self._schedules[key]

    def next_instant(self, now: datetime) -> datetime | None:
        """When the next step opens anywhere, or None."""
        with self._database.read() as connection:
            groups = planning.groups(connection)
        openings = (
            step.opens_at
            for campaign in self._campaigns
            for group in groups
            for step in self.schedule_of(campaign, place_of(group), group.leave_until)
            if step.superseded_by is None and step.opens_at > now
        )
        return min(openings, default=None)

    def _plan(
        self, campaign: Campaign, groups: Sequence[Group], last_key: int, before: marks.Mark | None, mark: marks.Mark
    ) -> Planned:
        now = mark.planned_until
        since = None
        set_back = before is not None and before.planned_until > now + _JITTER
        if before is not None and before.fingerprint == mark.fingerprint and not set_back:
            since = before.planned_until
        work = list(self._due(campaign, groups, now, since))
        if before is not None:
            work += self._passed(campaign, groups, now, before.planned_until)
        done = Planned()
        if before is not None and since is None:
            done += Planned(moved=self._follow(campaign, now, set_back=set_back))
        for rows in work:
            for first_key in range(0, last_key + 1, self._range):
                part = replace(rows, first_key=first_key, last_key=first_key + self._range)
                with self._database.write() as connection:
                    count = insert_step(connection, part, now)
                done += Planned(inserted=count) if rows.state is State.PLANNED else Planned(passed=count)
                self._progress(min(part.last_key, last_key))
        if work or since is None:
            with self._database.write() as connection:
                marks.save(connection, campaign.id, mark)
        return done

    def _due(self, campaign: Campaign, groups: Sequence[Group], now: datetime, since: datetime | None) -> Iterator[PlannedRows]:
        """Steps that are current for some groups, and opened after `since`."""
        for step in campaign.steps:
            openings = [
                Opening(group, *self._window_now(planned, group, now), planned.expires_at)
                for group, planned in self._planned(campaign, step, groups)
                if planned.opens_at <= now < planned.expires_at and (since is None or planned.opens_at > since)
            ]
            if openings:
                yield self._rows(campaign, step, State.PLANNED, None, openings)

    def _passed(self, campaign: Campaign, groups: Sequence[Group], now: datetime, since: datetime) -> list[PlannedRows]:
        """Steps that opened and ended since the last tick: an outage swallowed them."""
        swallowed: dict[tuple[Step, State], list[Opening]] = {}
        for group in groups:
            schedule_there = self.schedule_of(campaign, place_of(group), group.leave_until)
            steps = [one for one in schedule_there if one.superseded_by is None and one.opens_at < one.expires_at]
            newest = max((one.opens_at for one in steps if one.opens_at <= now), default=now)
            for one in steps:
                if since < one.opens_at and one.expires_at <= now:
                    state = State.SUPERSEDED if one.opens_at < newest else State.MISSED
                    opening = Opening(group, one.opens_at, one.closes_at, one.expires_at)
                    swallowed.setdefault((one.step, state), []).append(opening)
        reason = "the service was not running while this was due"
        return [self._rows(campaign, step, state, reason, openings) for (step, state), openings in swallowed.items()]

    def _follow(self, campaign: Campaign, now: datetime, *, set_back: bool) -> int:
        """Bring rows that were planned differently, or by a clock that ran ahead, into line with the present plan."""
        with self._database.read() as connection:
            standing = replanning.standing(connection, campaign.id)
        astray: dict[Step, list[Opening]] = {}
        for rows in standing:
            for planned in self.schedule_of(campaign, place_of(rows.group), rows.group.leave_until):
                if planned.step.days_before == rows.days_before and (set_back or _is_astray(rows, planned, now)):
                    opening = Opening(rows.group, planned.opens_at, planned.closes_at, planned.expires_at)
                    astray.setdefault(planned.step, []).append(opening)
        ladders = {step.days_before: self._ladders.of_step(campaign.id, step.days_before) for step in campaign.steps}
        sent_on = {(days_before, channel) for days_before, ladder in ladders.items() for channel in ladder.channels}
        gone = any(rows.waiting and (rows.days_before, rows.channel) not in sent_on for rows in standing)
        if not astray and not gone:
            return 0
        with self._database.write() as connection:
            done = replanning.withdraw(connection, campaign.id, ladders, now)
            for step, openings in astray.items():
                done += replanning.follow(
                    connection,
                    campaign=campaign.id,
                    days_before=step.days_before,
                    message=step.message,
                    ladder=ladders[step.days_before],
                    openings=list(dict.fromkeys(openings)),
                    now=now,
                    keep_retries=not set_back,
                )
        return done

    def _planned(self, campaign: Campaign, step: Step, groups: Sequence[Group]) -> Iterator[tuple[Group, PlannedStep]]:
        for group in groups:
            for planned in self.schedule_of(campaign, place_of(group), group.leave_until):
                if planned.step == step and planned.superseded_by is None:
                    yield group, planned

    def _window_now(self, planned: PlannedStep, group: Group, now: datetime) -> tuple[datetime, datetime]:
        """The step's own window, or where that has closed the next one."""
        if now < planned.closes_at:
            return planned.opens_at, planned.closes_at
        return next_opening(now, place_of(group), self._window, self._working_days, group.leave_until)

    def _rows(self, campaign: Campaign, step: Step, state: State, reason: str | None, openings: Sequence[Opening]) -> PlannedRows:
        return PlannedRows(
            campaign=campaign.id,
            days_before=step.days_before,
            message=step.message,
            ladder=self._ladders.of_step(campaign.id, step.days_before),
            state=state,
            reason=reason,
            audience=campaign.audience,
            openings=openings,
            first_key=0,
            last_key=0,
        )

    def _tidy(
        self, now: datetime, groups: Sequence[Group], last_key: int, reached: Mapping[str, marks.Mark], *, calendar_changed: bool
    ) -> Planned:
        """End what is over; give rows whose window has closed, or whose person is away, the window they can be sent in.

        Where this changed anything the marks say so: should the clock have been wrong, it is noticed when it comes back.
        """
        done = Planned(expired=self._expire(now))
        with self._database.read() as connection:
            late = planning.groups_past_window(connection, now)
        openings = [
            Opening(group, *next_opening(now, place_of(group), self._window, self._working_days, group.leave_until), now)
            for group in (dict.fromkeys((*late, *groups)) if calendar_changed else late)
        ]
        for first_key in range(0, last_key + 1, AT_ONCE) if openings else ():
            with self._database.write() as connection:
                done += Planned(moved=planning.move_to_window(connection, openings, now, first_key, first_key + AT_ONCE))
        if done:
            with self._database.write() as connection:
                for campaign, mark in reached.items():
                    marks.save(connection, campaign, mark)
        return done

    def _expire(self, now: datetime) -> int:
        expired = 0
        while True:
            with self._database.write() as connection:
                some = planning.expire(connection, now, AT_ONCE)
            expired += some
            if some < AT_ONCE:
                return expired

    def _fingerprint(self, campaign: Campaign, roster: int) -> str:
        calendar = (self._window, sorted(self._working_days.work_days), _HOLIDAYS)
        ladders = [self._ladders.of_step(campaign.id, step.days_before) for step in campaign.steps]
        facts = (campaign.deadline, campaign.steps, campaign.audience, campaign.closes_after_days, ladders, calendar)
        return sha256(repr((facts, roster)).encode()).hexdigest()


def _is_astray(rows: replanning.Standing, planned: PlannedStep, now: datetime) -> bool:
    """Whether rows wait by another plan, or ended although their step is still to come."""
    if rows.waiting:
        return (rows.message, rows.expires_at) != (planned.step.message, planned.expires_at)
    return planned.expires_at > max(now, planned.opens_at)


def place_of(group: Group) -> Place:
    """The group's calendar, as the domain knows it."""
    return Place(group.time_zone, group.country, group.region)
