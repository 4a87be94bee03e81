"""Today: what is going out now, what goes out next, what is stuck; to stop everything, and to let it go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.ledger import HOLD_LIFTED, HOLD_PLACED
from notifier.domain.operators import Role
from notifier.store import holds, ledger, processes, queue, stories
from notifier.store.database import Connection
from notifier.store.holds import Hold
from notifier.store.outbox import WAITING
from notifier.store.processes import Process
from notifier.store.queue import Standing, Which
from notifier.store.tables import Kind, State
from notifier.web.dashboard.acts import Act, preview
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View

STUCK = (State.REFUSED, State.UNKNOWN, State.RETRY)
_COMING = 12
_LONGEST_REASON = 200
_GONE = frozenset({State.ACCEPTED, State.REFUSED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Underway:
    """A message of the countdown that is going out.

    Attributes:
        gone: of `count`, how many were handed over, refused, or may have been taken.
        waiting: how many have not gone yet.
        began_at: when the first one had gone, or may go.
    """

    campaign: str
    message: str
    days_before: int
    gone: int
    waiting: int
    began_at: datetime

    @property
    def count(self) -> int:
        return self.gone + self.waiting

    @property
    def percent(self) -> int:
        return self.gone * 100 // self.count


@dataclass(frozen=True, slots=True)
class Moment:
    """What is asked of the store anew each time: it is quick, and nobody should see it late."""

    holds: Sequence[Hold]
    process: Process | None
    overdue_since: datetime | None


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.VIEWER)
    await office.looks.note(request, view)
    moment = await office.site.database.read_async(lambda connection: _look(connection, view.now))
    standings, waves = await asyncio.gather(office.standings.get(view.now), office.waves.get(view.now))
    coming = [wave for wave in waves.value if wave.begins_at is None or wave.begins_at > view.now]
    process = moment.process
    return office.frame.show(
        request,
        view,
        "today.html",
        str(view.say("Today")),
        live=True,
        now=view.now,
        holds=moment.holds,
        stops_all=any(hold.stops("") for hold in moment.holds),
        copied=any(hold.scope == holds.COPY for hold in moment.holds),
        runs=process is not None and process.runs(view.now),
        process=process,
        overdue=None if moment.overdue_since is None else view.now - moment.overdue_since,
        underway=underway(standings.value, view.now),
        waiting=sum(one.count for one in standings.value if one.state in WAITING),
        stuck={state: sum(one.count for one in standings.value if one.state is state) for state in STUCK},
        coming=coming[:_COMING],
        more=len(coming) - len(coming[:_COMING]),
        default_language=office.desk.outlook.default_language,
        counted_at=standings.at,
        foreseen_at=waves.at,
    )


async def preview_resume(office: Office, request: Request) -> Response:
    """GET: what happens when sending goes on."""
    view = await office.frame.enter(request, Role.ADMIN)
    return await preview(office, request, view, await _resuming(office, view))


async def stop(office: Office, request: Request) -> Response:
    """POST: hold everything. It is the one act without a page before it: to stop has to be quick, and mails nobody."""
    view, form = await office.frame.act(request, Role.ADMIN)
    reason = form.get("reason", "").strip()[:_LONGEST_REASON] or str(view.say("stopped on the dashboard"))
    actor, now = view.operator.actor, view.now

    def place(connection: Connection) -> None:
        holds.place(connection, scope=holds.EVERYTHING, reason=reason, actor=view.operator.name, now=now)
        facts, personal = {"scope": holds.EVERYTHING}, {"reason": reason}
        ledger.note(connection, event=HOLD_PLACED, now=now, actor=actor, facts=facts, personal=personal)

    await office.site.database.write_async(place)
    office.has_changed()
    return office.frame.back(view, "", "stopped")


async def resume(office: Office, request: Request) -> Response:
    """POST: lift every hold but that of a copied store."""
    view, form = await office.frame.act(request, Role.ADMIN)
    act = await _resuming(office, view)
    if not act.is_confirmed(form.get("typed", "")):
        return await preview(office, request, view, act, wrong=True)
    actor, now = view.operator.actor, view.now

    def lift(connection: Connection) -> None:
        lifted = holds.lift(connection, scope=None, actor=view.operator.name, now=now)
        ledger.note(connection, event=HOLD_LIFTED, now=now, actor=actor, facts={"lifted": lifted, "waiting": act.count})

    await office.site.database.write_async(lift)
    office.has_changed()
    return office.frame.back(view, "", "resumed")


async def script(office: Office, _request: Request) -> Response:
    """GET of `live.js`, which holds nothing of anybody."""
    return Response(office.frame.script, media_type="text/javascript")


async def _resuming(office: Office, view: View) -> Act:
    count = await office.site.database.read_async(lambda connection: queue.count_waiting(connection, which=Which()))
    say, number = view.say, view.number(count)
    tells = (
        say(
            "Messages that wait: %(count)s. Those whose window is open go out at once, as fast as the provider allows.",
            count=number,
        ),
        say("Whoever has answered meanwhile is not written to."),
    )
    button = say("Let sending go on")
    return Act(str(button), [str(one) for one in tells], count, str(button), "", words=tuple(office.site.campaigns))


def _look(connection: Connection, now: datetime) -> Moment:
    return Moment(holds.active(connection, now), processes.latest(connection), stories.oldest_due(connection, now))


def underway(standings: Iterable[Standing], now: datetime) -> list[Underway]:
    """The steps of the countdown of which something may go now and has not gone yet, the one with the most first."""
    steps: dict[tuple[str, int], list[Standing]] = {}
    for one in standings:
        if one.kind is Kind.REMINDER:
            steps.setdefault((one.campaign, one.occasion), []).append(one)
    found = []
    for (campaign, days_before), rows in steps.items():
        waiting = [one for one in rows if one.state in {*WAITING, State.CLAIMED} and one.opens_at <= now]
        if waiting:
            gone = [one for one in rows if one.state in _GONE]
            began = min([one.first_at for one in gone if one.first_at] or [one.opens_at for one in waiting])
            counts = sum(one.count for one in gone), sum(one.count for one in waiting)
            found.append(Underway(campaign, waiting[0].message, days_before, *counts, began))
    return sorted(found, key=lambda one: -one.waiting)
