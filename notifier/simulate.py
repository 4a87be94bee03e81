"""A countdown on a moved clock: the real planner, outbox, texts and dispatcher, from instant to instant without waiting.

Between two instants at which something can happen (a window opens, a retry is due, a limit has room again, somebody answers)
nothing can, so the clock jumps from one to the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from notifier.clock import MovedClock
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.ladder import SLACK
from notifier.service import Service
from notifier.store import acknowledgements, employees, outbox, reach, stories
from notifier.store.database import Database
from notifier.store.tables import Kind, State

# How people answer a reminder that reaches them, by what is told of such campaigns: most settle, few need help.
_ANSWERS = (Answer.DONE, Answer.ALREADY_OFF, Answer.NO_ACCOUNT, Answer.PREFER_NOT_TO_SAY, Answer.HELP)
_WEIGHTS = (55, 15, 15, 10, 5)
_SOONEST, _LATEST = timedelta(minutes=3), timedelta(hours=36)
_NOT_STUCK = timedelta(seconds=1)


@dataclass
class Crowd:
    """People who answer along the way: each reminder that arrives is answered with the same probability, some hours later.

    The same seed gives the same answers, whatever the order of deliveries.
    """

    rate: float
    seed: int
    _coming: list[tuple[datetime, int, str, Answer]] = field(default_factory=list)
    _read: set[int] = field(default_factory=set)

    def read(self, story: stories.Story) -> None:
        """A reminder has arrived; its reader may decide to answer. Reading it twice changes nothing."""
        if story.id in self._read:
            return
        self._read.add(story.id)
        random = Random(f"{self.seed}/{story.employee_id}/{story.campaign}/{story.occasion}")  # noqa: S311 - a play, not a secret
        if random.random() < self.rate:
            when = story.at + _SOONEST + (_LATEST - _SOONEST) * random.random() ** 2
            answer = random.choices(_ANSWERS, _WEIGHTS)[0]
            heapq.heappush(self._coming, (when, story.employee_key, story.campaign, answer))

    def next_instant(self) -> datetime | None:
        return self._coming[0][0] if self._coming else None

    def due(self, now: datetime) -> list[tuple[int, str, Answer]]:
        """Answers that are given now, as (employee key, campaign, answer)."""
        given = []
        while self._coming and self._coming[0][0] <= now:
            _, employee_key, campaign, answer = heapq.heappop(self._coming)
            given.append((employee_key, campaign, answer))
        return given


def find_everybody_on_slack(database: Database, now: datetime) -> None:
    """A simulation does not ask Slack who is there: everybody of the roster counts as found."""
    with database.write() as connection:
        people = [person for person in employees.load(connection).values() if person.employee.active]
        reach.match(connection, SLACK, [(person.key, f"U{person.key}", None) for person in people], now)


class Journey:
    """Moves a service through time.

    Args:
        service: built on `clock`, with channels that take everything at once or real ones.
        crowd: who answers along the way, if anybody.
        moved: called with each instant the clock stops at.
    """

    def __init__(
        self, service: Service, clock: MovedClock, crowd: Crowd | None = None, moved: Callable[[datetime], None] = lambda _: None
    ) -> None:
        self._service = service
        self._clock = clock
        self._crowd = crowd
        self._moved = moved

    async def advance_to(self, end: datetime) -> None:
        """Let everything happen that happens until `end`, which becomes the present."""
        while True:
            again_at = await self._happen()
            following = self._next_instant(again_at)
            if following is None or following > end:
                self._clock.move_to(end)
                return
            self._clock.move_to(following)
            self._moved(following)

    async def _happen(self) -> datetime | None:
        """Everything that happens now. Returns when a limit or a pause that stood in the way ends."""
        now = self._clock.now()
        self._answer(now)
        self._service.planner.tick(now)
        for letters in self._service.letters:
            letters.do(now)
        done = await self._service.dispatcher.run_due()
        if self._crowd is not None and done.outcomes.get(State.ACCEPTED):
            with self._service.database.read() as connection:
                for story in stories.tell(connection, state=State.ACCEPTED, finished_since=now):
                    if story.kind is Kind.REMINDER:
                        self._crowd.read(story)
        return done.again_at

    def _answer(self, now: datetime) -> None:
        for employee_key, campaign, answer in self._crowd.due(now) if self._crowd else ():
            with self._service.database.write() as connection:
                before = acknowledgements.current(connection, campaign=campaign, employee_key=employee_key)
                if before is not None and before.settles:
                    continue  # whoever has settled does not think of it any more
                acknowledgements.record(
                    connection,
                    campaign=campaign,
                    employee_key=employee_key,
                    answer=answer,
                    assurance=Assurance.LINK,
                    channel="page",
                    receipt_channel=self._service.settings.email.via,
                    now=now,
                )

    def _next_instant(self, again_at: datetime | None) -> datetime | None:
        now = self._clock.now()
        with self._service.database.read() as connection:
            instants = [outbox.next_instant(connection, now)]
        instants += [self._service.planner.next_instant(now), again_at, self._crowd.next_instant() if self._crowd else None]
        instants += [letters.next_instant(now) for letters in self._service.letters]
        coming = [max(instant, now + _NOT_STUCK) for instant in instants if instant is not None]
        return min(coming, default=None)
