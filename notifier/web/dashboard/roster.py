"""Roster: what the last reading brought, what managers say about it, and what was refused, to be looked at and approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.store import finding, ledger, refused_rosters, roster_changes, teams
from notifier.store.database import Connection
from notifier.store.finding import Found, Gap
from notifier.store.organisation import RosterHealth
from notifier.store.refused_rosters import RefusedRoster
from notifier.store.roster_changes import Reading, Touch, TouchedPerson
from notifier.store.teams import Remark
from notifier.web.dashboard import words
from notifier.web.dashboard.acts import Act, preview
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View
from notifier.web.notices import Notice, Refused

MOST = 20
KINDS = {
    "joiners": "new",
    "leavers": "gone",
    "returned": "back again",
    "moved": "moved",
    "changed": "changed",
}
TITLES = {
    Touch.CAME: "New with the last roster",
    Touch.WENT: "Gone with the last roster",
    Touch.CHANGED: "Changed with the last roster",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of the roster.

    Attributes:
        readings: the last ones, the newest first.
        applied: the newest of them that was applied.
        touched: the first of those whom that one touched.
        people: those whom the remarks are about, and the managers who made them, by roster id.
    """

    readings: Sequence[Reading]
    applied: Reading | None
    touched: Mapping[Touch, Sequence[TouchedPerson]]
    refused: RefusedRoster | None
    remarks: Sequence[Remark]
    people: Mapping[str, Found]


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.OFFICER)
    looked = await office.site.database.read_async(_look)
    campaign = next(iter(office.site.campaigns.values()), None)
    health = (await office.desk.board.figures(campaign, view.now)).roster if campaign else None
    await office.site.database.write_async(lambda connection: _note(connection, view, looked))
    return office.frame.show(
        request,
        view,
        "roster.html",
        str(view.say("Roster")),
        looked=looked,
        health=health,
        gaps=[(gap, view.say(words.GAPS[gap]), count) for gap, count in _gaps(health).items()] if health else [],
        last=looked.readings[0].record if looked.readings else None,
        lists=[(kind, TITLES[kind], people) for kind, people in looked.touched.items() if people],
        fields={name: view.say(word) for name, word in words.FIELDS.items()},
        kinds=[(name, view.say(word)) for name, word in KINDS.items()],
        most=MOST,
        source=office.desk.roster_source,
        refresh=office.desk.roster_refresh,
    )


async def preview_approval(office: Office, request: Request) -> Response:
    """GET: what approving would do."""
    view = await office.frame.enter(request, Role.ADMIN)
    refused = await _refused(office)
    return await preview(office, request, view, _approving(office, view, refused))


async def approve(office: Office, request: Request) -> Response:
    """POST: let the next reading be applied if it is of that size or less."""
    view, form = await office.frame.act(request, Role.ADMIN)
    refused = await _refused(office)
    act = _approving(office, view, refused)
    if form.get("sync") != str(refused.sync_id):
        return office.frame.back(view, "/roster", "overtaken")
    if not act.is_confirmed(form.get("typed", "")):
        return await preview(office, request, view, act, wrong=True)
    actor, now = view.operator.actor, view.now

    def do(connection: Connection) -> bool:
        done = refused_rosters.approve(connection, refused.sync_id, by=actor, now=now)
        if done:
            facts = {"sync": refused.sync_id, "size": refused.size}
            ledger.note(connection, event="roster approved", now=now, actor=actor, facts=facts)
        return done

    done = await office.site.database.write_async(do)
    return office.frame.back(view, "/roster", "approved" if done else "overtaken")


async def settle_remark(office: Office, request: Request) -> Response:
    """POST: a manager's remark has been looked into."""
    view, form = await office.frame.act(request, Role.OFFICER)
    number = form.get("remark", "")
    if not number.isdecimal():
        raise Refused(Notice.NOT_UNDERSTOOD)

    def do(connection: Connection) -> None:
        if teams.settle_remark(connection, int(number), by=view.operator.actor, now=view.now):
            facts = {"remark": int(number)}
            ledger.note(connection, event="remark settled", now=view.now, actor=view.operator.actor, facts=facts)

    await office.site.database.write_async(do)
    return office.frame.back(view, "/roster", "remark")


async def _refused(office: Office) -> RefusedRoster:
    refused = await office.site.database.read_async(refused_rosters.waiting)
    if refused is None:
        raise Refused(Notice.NOWHERE)
    return refused


def _approving(office: Office, view: View, refused: RefusedRoster) -> Act:
    say, button = view.say, view.say("Approve")
    counts = ", ".join(
        f"{view.number(refused.groups[kind].count)} {say(word)}" for kind, word in KINDS.items() if refused.groups[kind].count
    )
    tells = (
        say("Refused was: %(what)s.", what=counts),
        say("The next reading is applied if it changes %(count)s people or fewer.", count=view.number(refused.size)),
        say("Who is new is written to when their step is due. Who is gone gets nothing more, and their history stays."),
        say("An approval is used up by the next reading, whatever it brings."),
    )
    title, fields = str(view.say("Approve these changes")), {"sync": str(refused.sync_id)}
    tellings = [str(one) for one in tells]
    return Act(title, tellings, refused.size, str(button), "/roster", words=tuple(office.site.campaigns), fields=fields)


def _look(connection: Connection) -> Looked:
    readings = roster_changes.readings(connection)
    applied = next((one for one in readings if one.record.applied), None)
    remarks = teams.remarks(connection)[:MOST]
    ids = [id_ for remark in remarks for id_ in (remark.manager_id, remark.employee_id)]
    return Looked(
        readings=readings,
        applied=applied,
        touched=_touched(connection, applied) if applied else {},
        refused=refused_rosters.waiting(connection),
        remarks=remarks,
        people={one.id: one for one in finding.by_ids(connection, ids)},
    )


def _touched(connection: Connection, reading: Reading) -> Mapping[Touch, Sequence[TouchedPerson]]:
    """The first of each kind, where there are any: to look for those who came goes through everybody."""
    return {kind: roster_changes.touched(connection, reading, kind, most=MOST) for kind, count in reading.counts.items() if count}


def _gaps(health: RosterHealth) -> Mapping[Gap, int]:
    return {
        Gap.LANGUAGE: health.without_language,
        Gap.DEPARTMENT: health.without_department,
        Gap.COUNTRY: health.without_country,
        Gap.MANAGER: health.without_manager,
        Gap.KNOWN_MANAGER: health.unknown_manager,
    }


def _note(connection: Connection, view: View, looked: Looked) -> None:
    shown = sum(map(len, looked.touched.values())) + len(looked.people)
    ledger.note(connection, event="roster viewed", now=view.now, actor=view.operator.actor, facts={"shown": shown})
