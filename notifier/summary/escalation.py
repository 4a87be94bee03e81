"""The escalation of a campaign: once, on a day of its countdown, managers with open people are told so.

Its day moves like that of any other step: to a day on which the manager works and is back, into the hours in which people are
written to. It is planned from the opening of that window until the deadline (or, after the deadline, until the campaign is over),
so an outage delays it and does not swallow it. Letter and delivery are written together, once for each manager and campaign, as
those of the week are (`weekly`).

A manager is written to if by what may be shown to them somebody is open for sure, by the same rules as in every week: so that a
letter comes, or does not, tells nothing that is not in it. Nothing is compared with an earlier letter.

A day that is set when it has already passed brings nothing: what opened before the last tick counts as planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, local_date, next_opening, schedule
from notifier.domain.ladder import Ladder
from notifier.domain.window import Window
from notifier.store import census, marks, planning, progress
from notifier.store.database import Database
from notifier.store.letters import Letter
from notifier.store.progress import Addressed, Manager
from notifier.store.tables import Kind
from notifier.summary.facts import TeamLetter, written
from notifier.summary.figures import Figures, Rules, take_censuses
from notifier.summary.weekly import AT_ONCE, LINK_LASTS, place_of

MESSAGE = "escalation"
_MARK = "summary/escalations"


class Escalations:
    """Writes the escalations that are due.

    Args:
        days_before: of each campaign that has one, by its id: whole days before the deadline, negative after it.
        ladder: on which channels they are tried.
    """

    def __init__(
        self,
        *,
        database: Database,
        campaigns: Sequence[Campaign],
        days_before: Mapping[str, int],
        rules: Rules,
        window: Window,
        working_days: WorkingDays,
        ladder: Ladder,
    ) -> None:
        self._database = database
        self._rules = rules
        self._window = window
        self._working_days = working_days
        self._ladder = ladder
        self._steps = [
            replace(campaign, steps=(Step(days_before[campaign.id], MESSAGE),))
            for campaign in campaigns
            if campaign.id in days_before
        ]
        self._schedules: dict[tuple[str, Place, date | None], PlannedStep] = {}

    def tick(self, now: datetime) -> int:
        """Write what is due. Returns how many letters are new."""
        if not self._steps:
            return 0
        with self._database.read() as connection:
            mark = marks.load(connection).get(_MARK)
            groups = planning.groups(connection)
        since = mark.planned_until if mark and mark.planned_until <= now else None
        done, opened = 0, False
        for campaign in self._steps:
            planned = {when: self._planned(campaign, *when) for when in map(_calendar, groups)}
            due = {
                when
                for when, step in planned.items()
                if step.opens_at <= now < step.expires_at and (since is None or step.opens_at > since)
            }
            if due:
                done, opened = done + self._write(campaign, due, now), True
        if opened or mark is None:
            with self._database.write() as connection:
                marks.save(connection, _MARK, marks.Mark(now, ""))
        return done

    def next_instant(self, now: datetime) -> datetime | None:
        """When one opens next anywhere, or None."""
        if not self._steps:
            return None
        with self._database.read() as connection:
            groups = planning.groups(connection)
        planned = (self._planned(campaign, *_calendar(group)) for campaign in self._steps for group in groups)
        return min((step.opens_at for step in planned if now < step.opens_at < step.expires_at), default=None)

    def _write(self, campaign: Campaign, due: set[tuple[Place, date | None]], now: datetime) -> int:
        take_censuses(self._database, [campaign], self._rules, now)
        occasion = campaign.steps[0].days_before
        with self._database.read() as connection:
            figures = Figures.load(connection, campaign, self._rules, census.managers_of_now(connection))
            told = progress.written_to(connection, kind=Kind.ESCALATION, occasion=occasion, campaign=campaign.id)
            managers = [
                manager
                for manager in progress.active_managers(connection, figures.managers - told)
                if (place_of(manager), manager.leave_until) in due
            ]
        addressed = [one for manager in managers if (one := self._addressed(campaign, manager, figures, now))]
        done = 0
        for start in range(0, len(addressed), AT_ONCE):
            with self._database.write() as connection:
                done += progress.post(connection, addressed[start : start + AT_ONCE], self._ladder, now)
        return done

    def _addressed(self, campaign: Campaign, manager: Manager, figures: Figures, now: datetime) -> Addressed | None:
        today, place = local_date(now, manager.time_zone), place_of(manager)
        shown = figures.of(manager.key, today)
        if shown is None or not shown.somebody_is_open:
            return None
        planned = self._planned(campaign, place, manager.leave_until)
        window = (planned.opens_at, planned.closes_at)
        if planned.closes_at <= now:
            window = next_opening(now, place, self._window, self._working_days, manager.leave_until)
        letter = TeamLetter(on=today, campaigns=(shown,), next_on=None, link_until=today + LINK_LASTS)
        return Addressed(
            letter=Letter(Kind.ESCALATION, manager.key, campaign.steps[0].days_before, campaign.id, written(letter)),
            message=MESSAGE,
            opens_at=window[0],
            closes_at=planned.expires_at,
            expires_at=planned.expires_at,
        )

    def _planned(self, campaign: Campaign, place: Place, leave_until: date | None) -> PlannedStep:
        key = (campaign.id, place, leave_until)
        if key not in self._schedules:
            self._schedules[key] = schedule(campaign, place, self._window, self._working_days, leave_until)[0]
        return self._schedules[key]


def _calendar(group: planning.Group) -> tuple[Place, date | None]:
    return Place(group.time_zone, group.country, group.region), group.leave_until
