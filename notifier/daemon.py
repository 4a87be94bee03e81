"""`notifier run`: one process that plans, sends, answers, and ends in good order.

Ticks of a clock wake its loops (`clockwork`). Each works until it is asked to stop; one that dies takes the process with it,
because a daemon that looks alive and does not send is worse than one that is started again.

SIGTERM: nothing new is claimed, what is on the wire is finished, and the process ends with 0. A second SIGTERM ends it at once;
what was on the wire is sent again at the next start, byte for byte. SIGHUP: the configuration is read and checked; if it is
good the parts are exchanged between two passes, else the old ones go on and the log says why. SIGUSR1: a line of state.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from starlette.types import Receive, Scope, Send

from notifier import clockwork, memory, service_manager
from notifier.clock import Clock
from notifier.domain.ladder import SLACK
from notifier.errors import NotifierError, StoreError, TryLaterError
from notifier.service import PeopleKeeper, Service, build, do_each, ladders_of
from notifier.settings import Settings
from notifier.settings.refresh import parse_refresh
from notifier.store import identity, processes, schema, stories
from notifier.web.readiness import Heard, daemon_checks
from notifier.web.server import host_and_port, serve
from notifier.web.site import Check
from notifier.web.slack_socket import SlackSocket

_log = structlog.get_logger(__name__)

_PLAN_SECONDS = 15
_SEND_SECONDS = 1
_BEAT_SECONDS = 10
_BOUNCES_SECONDS = 180
_CHORES_SECONDS = 30
_DRAIN_SECONDS = 60


class Daemon:
    """Runs a service until it is told to stop.

    Args:
        load: reads and checks the configuration anew.
        clock: time for everything the daemon does; its own ticks follow the machine's clock.
    """

    def __init__(self, load: Callable[[], Settings], clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._stopping = asyncio.Event()
        self._service = self._built()
        self._heard = Heard(planner=clock.now(), writer=clock.now())
        self._slack: SlackSocket | None = None
        self._people = self._keeper_of(self._service)
        self._web_app = self._service.web_app(self._checks(self._service))
        self._next: Service | None = None  # after a good SIGHUP, until the senders have come to a pause
        self._asking = asyncio.Lock()
        self._lost: TryLaterError | None = None  # no longer the only daemon on this store
        self._running: list[asyncio.Task[None]] = []
        self._plan, self._send, self._beat, self._refresh, self._bounces, self._chores = (asyncio.Event() for _ in range(6))
        self._exchanged = asyncio.Event()  # the parts, after a SIGHUP

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            TryLaterError: another daemon runs on this store or may do so, or the web address is taken.
            SchemaError: the store is of another version.
        """
        service = self._service
        schema.create_if_empty(service.database)
        schema.require_current(service.database)
        with processes.only_daemon(service.database) as self._require_alone:
            await self._registered(service)
        if self._lost is not None:
            raise self._lost

    async def _registered(self, service: Service) -> None:
        database, owner = service.database, service.owner
        with database.write() as connection:
            processes.register(connection, owner, self._clock.now())
        if not identity.guard(database, self._clock.now()):
            _log.error("on hold: this store looks like a copy; see `notifier status`")
        await service.dispatcher.release_dead(alone=True)
        await self._people.begin()
        try:
            with self._moved(service):
                async with self._listening(service):
                    _log.info("running", web=service.settings.web.listen, owner=owner)
                    service_manager.notify("READY=1", "STATUS=running")
                    memory.keep_for_good()
                    await self._loops()
        finally:
            service_manager.notify("STOPPING=1")
            await self._service.dispatcher.close()
            with contextlib.suppress(StoreError), database.write() as connection:
                processes.unregister(connection, owner, self._clock.now())
            database.close()
            _log.info("stopped", owner=owner)

    @asynccontextmanager
    async def _listening(self, service: Service) -> AsyncIterator[None]:
        """The pages, and the figures for Prometheus where they are wanted."""
        web = service.settings.web
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve(self._answer, *host_and_port(web.listen)))
            if web.metrics_listen is not None:
                await stack.enter_async_context(serve(service.metrics_app(), *host_and_port(web.metrics_listen)))
            yield

    async def _loops(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._running = loops = [
                group.create_task(self._loop("roster", self._refresh, self._refresh_roster)),
                group.create_task(self._loop("planner", self._plan, self._plan_due)),
                group.create_task(self._loop("sender", self._send, self._send_due)),
                group.create_task(self._loop("heartbeat", self._beat, self._heartbeat)),
                group.create_task(self._loop("bounces", self._bounces, self._hear_bounces)),
                group.create_task(self._loop("chores", self._chores, self._do_chores)),
                group.create_task(self._hear_slack()),
            ]
            await self._stopping.wait()
            self._service.dispatcher.stop()
            for wake in (self._plan, self._send, self._beat, self._refresh, self._bounces, self._chores):
                wake.set()
            _, late = await asyncio.wait(loops, timeout=_DRAIN_SECONDS)
            for loop in late:
                _log.warning("given up waiting; what is on the wire is sent again at the next start", loop=loop.get_name())
                loop.cancel()

    async def _loop(self, name: str, wake: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        """Work each time it is woken. Trouble that an admin can mend is logged, and the next tick tries again."""
        while True:
            await wake.wait()
            wake.clear()
            if self._stopping.is_set():
                return
            try:
                await work()
            except NotifierError as error:
                _log.error("failed; will be tried again", loop=name, error=str(error), hint=error.hint)

    def _keeper_of(self, service: Service) -> PeopleKeeper:
        return PeopleKeeper(service.settings, service.database, self._clock)

    async def _plan_due(self) -> None:
        now = self._clock.now()
        if self._people.is_to_ask_again(now):
            self._refresh.set()
        if self._people.wait_for_slack(now):
            self._planner_is_heard()
            return
        planned = await asyncio.to_thread(self._service.planner.tick, now)
        self._planner_is_heard()
        if planned:
            _log.info("planned", due=planned.inserted, passed=planned.passed, expired=planned.expired, moved=planned.moved)
            self._send.set()

    def _planner_is_heard(self, _people: int = 0) -> None:
        self._heard.planner = self._clock.now()

    async def _send_due(self) -> None:
        if not await self._is_alone():
            return
        await self._exchange_parts()
        done = await self._service.dispatcher.run_due()
        if done.total:
            _log.info("sent", **{state.value: count for state, count in done.outcomes.items()})

    async def _refresh_roster(self) -> None:
        people = self._people
        members = await clockwork.unless((self._stopping,), people.ask_slack())
        if self._stopping.is_set():
            return
        await people.read_roster(members)
        self._plan.set()

    async def _hear_slack(self) -> None:
        """Buttons in Slack, where they come through a connection of ours; after an exchange of the parts, through another one."""
        while not self._stopping.is_set():
            self._exchanged.clear()
            self._slack = self._service.slack_socket()
            hearing = asyncio.Event().wait() if self._slack is None else self._slack.run()
            await clockwork.unless((self._stopping, self._exchanged), hearing)

    async def _hear_bounces(self) -> None:
        """A store that looks like a copy leaves them to the one it was copied from."""
        service = self._service
        if service.bounces is None or not await self._is_alone():
            return
        if await asyncio.to_thread(identity.looks_like_a_copy, service.database) is not None:
            return
        heard = await service.bounces.read(self._clock.now())
        if heard.refused or heard.known:
            _log.info("mails came back", refused=heard.refused, known=heard.known)
        if heard.refused:
            self._plan.set()
        if not heard.is_all:
            self._bounces.set()

    async def _do_chores(self) -> None:
        if await self._is_alone() and await do_each(self._service.chores, self._clock, self._stopping.is_set):
            self._send.set()

    def _checks(self, service: Service) -> dict[str, Check]:
        """What `/readyz` asks."""

        async def slack() -> str | None:
            unheard = self._slack.trouble if self._slack else None
            return unheard or self._people.trouble()

        checks = daemon_checks(service.database, self._clock, service.owner, self._heard)
        return checks | ({"slack": slack} if SLACK in ladders_of(service.settings).channels else {})

    async def _heartbeat(self) -> None:
        """A planner that is stuck is nothing the service manager should call alive."""
        if not await self._is_alone():
            return
        owner, now = self._service.owner, self._clock.now()
        await self._service.database.write_async(lambda connection: processes.beat(connection, owner, now))
        self._heard.writer = self._clock.now()
        if self._heard.planner_silence(self._heard.writer) is None:
            service_manager.notify("WATCHDOG=1")

    async def _is_alone(self) -> bool:
        """Asked before each pass and at each heartbeat. Who has lost the lock of the store stops: another one may have it."""
        async with self._asking:
            try:
                if self._lost is None:
                    await asyncio.to_thread(self._require_alone)
            except TryLaterError as error:
                _log.error("no longer the only daemon on this store; stopping", error=str(error), hint=error.hint)
                self._lost = error
                self._stopping.set()
        return self._lost is None

    async def _exchange_parts(self) -> None:
        """Between two passes: the parts that a good SIGHUP has made take over from the ones before."""
        if self._next is not None:
            before, self._service, self._next = self._service, self._next, None
            self._web_app = self._service.web_app(self._checks(self._service))
            self._people = self._keeper_of(self._service)
            await self._people.begin()
            self._exchanged.set()
            await before.dispatcher.close()
            self._plan.set()
            memory.keep_for_good()
            _log.info("configuration exchanged")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The pages, as the configuration of the moment has them."""
        await self._web_app(scope, receive, send)

    def _built(self, before: Service | None = None) -> Service:
        """The parts, as the configuration has them; on the store and under the name of those before."""
        return build(
            self._load(),
            clock=self._clock,
            database=before.database if before else None,
            owner=before.owner if before else None,
            progress=self._planner_is_heard,
            stopping=self._stopping.is_set,
        )

    def _read_configuration(self) -> None:
        """On SIGHUP. The store, the web address and the times of the roster stay as they are until a restart."""
        service_manager.notify("RELOADING=1")
        try:
            before = self._service
            self._next = self._built(before)
        except NotifierError as error:
            _log.error("the new configuration is not good; the old one goes on", error=str(error), hint=error.hint)
        else:
            self._service.dispatcher.stop()
            self._send.set()
        service_manager.notify("READY=1")

    def _stop(self) -> None:
        if self._stopping.is_set():
            _log.warning("stopping at once; what is on the wire is sent again at the next start")
            for loop in self._running:
                loop.cancel()
            return
        _log.info("stopping; finishing what is on the wire")
        self._stopping.set()

    def _say_state(self) -> None:
        with self._service.database.read() as connection:
            counts: Counter[str] = Counter()
            for one in stories.count_states(connection):
                counts[f"{one.channel}_{one.state}"] += one.count
        _log.info("state", **counts)

    @contextmanager
    def _moved(self, service: Service) -> Iterator[None]:
        """Ticks and signals, as long as the block runs; whoever has work at the start is woken at once."""
        zone = ZoneInfo(service.settings.organisation.default_time_zone)
        ticks = {self._plan: _PLAN_SECONDS, self._send: _SEND_SECONDS, self._beat: _BEAT_SECONDS}
        ticks |= {self._bounces: _BOUNCES_SECONDS, self._chores: _CHORES_SECONDS}
        handlers: dict[signal.Signals, Callable[[], Any]] = {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._read_configuration,
            signal.SIGUSR1: self._say_state,
        }
        refresh = parse_refresh(service.settings.roster.refresh)
        for wake in (self._refresh, self._beat, self._bounces, self._chores):
            wake.set()
        with clockwork.heeding(handlers), clockwork.ticking(zone, ticks, refresh, self._refresh):
            yield
