"""Time in the demonstration: it runs at a pace that can be watched, stands still, or jumps; and nothing else moves it.

Visitors are let in between two moves, so a page never sees a wave half sent. And the clock never comes to rest within two minutes
of a reminder: an answer in the first minute counts as a mail filter's (see `web/acknowledge.py`), and a visitor who reads at
leisure while the clock stands still must not be taken for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.types import ASGIApp, Receive, Scope, Send

from notifier.clock import MovedClock
from notifier.service import Service
from notifier.simulate import Journey
from notifier.store import processes, stories
from notifier.store.tables import Kind, State

SLOWEST, FASTEST = 40.0, 0.3  # seconds that a day takes
_FACTOR = 2
_TICK_SECONDS = 0.1
_STRIDE = timedelta(days=1)
_AFTER_A_REMINDER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens at an instant, besides what the service does by itself."""

    at: datetime
    happen: Callable[[datetime], None]


class Stage:
    """Moves the demonstration through time.

    Attributes:
        start, end: the first and the last instant.
        pace: seconds that a day takes.
        paused: whether time stands still.
        over: set once the end is reached.
        moved: called with each instant that time has come to.
    """

    def __init__(
        self,
        service: Service,
        clock: MovedClock,
        journey: Journey,
        *,
        end: datetime,
        pace: float,
        scenes: Sequence[Scene] = (),
    ) -> None:
        self.start = clock.now()
        self.end = end
        self.pace = pace
        self.paused = False
        self.over = asyncio.Event()
        self.moved: Callable[[datetime], None] = lambda _: None
        self._service = service
        self._clock = clock
        self._journey = journey
        self._scenes = sorted(scenes, key=lambda scene: scene.at)
        self._moving = asyncio.Lock()
        self._cue = asyncio.Event()
        self._goal: datetime | None = None
        self._next_wave_wanted = False
        self._stopping = False

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return not self.paused and not self.over.is_set()

    async def play(self) -> None:
        """Move time until `stop`. After the end it stands, and what visitors answer is still confirmed."""
        while not self._stopping:
            await self._wait()
            if self._next_wave_wanted:
                self._next_wave_wanted = False
                await self._to_next_wave()
            else:
                await self._move(self._target())
            if self.now >= self.end:
                self._goal = None
                self.over.set()

    def stop(self) -> None:
        """Move no further; `play` returns once what is under way is finished."""
        self._stopping = True
        self._cue.set()

    def pause(self) -> None:
        self.paused, self._goal = True, None

    def go_on(self) -> None:
        self.paused = False
        self._cue.set()

    def faster(self) -> None:
        self.pace = max(self.pace / _FACTOR, FASTEST)

    def slower(self) -> None:
        self.pace = min(self.pace * _FACTOR, SLOWEST)

    def to_next_wave(self) -> None:
        """Go on to the moment just after reminders have gone out next."""
        self._next_wave_wanted = True
        self._cue.set()

    def to_the_end(self) -> None:
        self.paused, self._goal = False, self.end
        self._cue.set()

    def between_moves(self, app: ASGIApp) -> ASGIApp:
        """The same application, let in while time rests; what it has changed is acted upon at once."""

        async def entered(scope: Scope, receive: Receive, send: Send) -> None:
            async with self._moving:
                await app(scope, receive, send)
            self._cue.set()

        return entered

    async def _wait(self) -> None:
        """Until the next tick, or until somebody gives a cue."""
        if self._goal is None and not self._next_wave_wanted:
            timeout = _TICK_SECONDS if self.running else None
            try:
                await asyncio.wait_for(self._cue.wait(), timeout)
            except TimeoutError:
                return
        self._cue.clear()

    def _target(self) -> datetime:
        if not self.running:
            return self.now
        if self._goal is not None:
            return min(self.now + _STRIDE, self._goal)
        return min(self.now + _STRIDE * (_TICK_SECONDS / self.pace), self.end)

    async def _to_next_wave(self) -> None:
        since = self.now
        while self.now < self.end and not self._stopping and not self._last_reminder(since):
            await self._move(min(self._service.planner.next_instant(self.now) or self.end, self.end))

    async def _move(self, target: datetime) -> None:
        async with self._moving:
            while self._scenes and self._scenes[0].at <= target:
                scene = self._scenes.pop(0)
                await self._advance(scene.at)
                scene.happen(self.now)
            await self._advance(target)
            while (last := self._last_reminder(self.now - _AFTER_A_REMINDER)) and not self._stopping:
                await self._advance(last + _AFTER_A_REMINDER + timedelta(seconds=1))

    async def _advance(self, instant: datetime) -> None:
        await self._journey.advance_to(max(instant, self.now))
        with self._service.database.write() as connection:  # as a daemon would, so that the pages know that there is one
            processes.beat(connection, self._service.owner, self.now)
        self.moved(self.now)

    def _last_reminder(self, since: datetime) -> datetime | None:
        """When the last reminder was handed over, if that was at `since` or later."""
        with self._service.database.read() as connection:
            told = stories.tell(connection, state=State.ACCEPTED, finished_since=since)
            return max((story.at for story in told if story.kind is Kind.REMINDER), default=None)
