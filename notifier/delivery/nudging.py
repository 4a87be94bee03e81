"""Reminders that a manager asks for: "remind the open ones now".

The open direct reports of today get the text of the step that is current for them once more, in the window that is open where they
are or opens next; if it cannot be sent in that window, it is not sent. A manager has one such time a day for each campaign.

Nobody gets two messages on one day: who was reminded today, or has a message on its way, is passed over, and so is whoever has
not been told by the countdown itself yet. How many were reminded is not told to the manager: it would be the number of open people
of this minute, which `domain/progress.py` keeps from them.
"""

from __future__ import annotations

from datetime import date, datetime

from notifier.delivery.planner import Planner, place_of
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import WorkingDays, current_step, local_date, next_opening
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import reach, teams
from notifier.store.database import Connection
from notifier.store.reach import Reached
from notifier.store.teams import Asked, Nudge


class Nudger:
    """Has teams reminded."""

    def __init__(self, *, planner: Planner, window: Window, working_days: WorkingDays, ladders: Ladders) -> None:
        self._planner = planner
        self._window = window
        self._working_days = working_days
        self._ladders = ladders

    def remind(self, connection: Connection, campaign: Campaign, manager_key: int, *, today: date, now: datetime) -> bool:
        """Remind the open direct reports. False where the manager has done so today.

        Args:
            today: the date where the manager is.
        """
        if not teams.begin_nudge(connection, campaign=campaign.id, manager_key=manager_key, day=today, now=now):
            return False
        asked = teams.to_remind(connection, campaign.id, campaign.audience, manager_key)
        known: dict[int, list[Reached]] = {}
        for one in reach.of_people(connection, [person.key for person in asked]):
            known.setdefault(one.employee_key, []).append(one)
        nudges = [nudge for person in asked if (nudge := self._nudge(campaign, person, known.get(person.key, []), now))]
        teams.nudge(connection, nudges, campaign=campaign.id, manager_key=manager_key, day=today, now=now)
        return True

    def _nudge(self, campaign: Campaign, person: Asked, known: list[Reached], now: datetime) -> Nudge | None:
        group = person.group
        place = place_of(group)
        steps = self._planner.schedule_of(campaign, place, group.leave_until)
        opens_at, closes_at = next_opening(now, place, self._window, self._working_days, group.leave_until)
        current = current_step(steps, opens_at)
        day = local_date(opens_at, group.time_zone)
        due_that_day = any(step.day == day and step.opens_at > now for step in steps)
        if current is None or due_that_day or local_date(person.last_at, group.time_zone) == day:
            return None
        channels = self._ladders.usual.chosen(reach.reached_on(known, person.email, self._ladders.usual.channels))
        if not channels:
            return None
        expires_at = min(closes_at, current.expires_at)
        return Nudge(person.key, channels[0], current.step.message, max(opens_at, now), closes_at, expires_at)
