"""What can be done for one person: answer on their behalf, exempt them, take an answer back, and the like. Each act is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.campaign import OFFERED, Answer, Assurance, Campaign
from notifier.domain.countdown import local_date
from notifier.domain.ladder import EMAIL, SLACK
from notifier.domain.operators import Role
from notifier.store import acknowledgements, finding, outbox, teams
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View
from notifier.web.dashboard.person import find, note
from notifier.web.notices import Notice, Refused

_BY_HAND = "dashboard"


async def act(office: Office, request: Request) -> Response:
    """POST: one of the acts of ACTS, for this person."""
    role = Role.ADMIN if request.path_params["act"] == "retry" else Role.OFFICER
    view, form = await office.frame.act(request, role)
    campaign, key, do = office.campaign(request), request.path_params["key"], ACTS.get(request.path_params["act"])
    if do is None:
        raise Refused(Notice.NOWHERE)
    task = _Task(office, view, campaign, form)
    said = await office.site.database.write_async(lambda connection: do(connection, task, find(connection, key)))
    if said is None:
        raise Refused(Notice.NOT_UNDERSTOOD)
    office.has_changed()
    return office.frame.back(view, f"/people/{key}?campaign={campaign.id}", said)


@dataclass(frozen=True, slots=True)
class _Task:
    office: Office
    view: View
    campaign: Campaign
    form: Mapping[str, str]


def _answer(connection: Connection, task: _Task, person: StoredEmployee) -> str | None:
    """What the person said by phone or at a desk. Its entry in the ledger is made of the row, which names the operator."""
    given = task.form.get("answer", "")
    return None if given not in set(OFFERED) else _record(connection, task, person, Answer(given), "answered")


def _exempt(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    return _record(connection, task, person, Answer.EXEMPT, "exempted")


def _record(connection: Connection, task: _Task, person: StoredEmployee, answer: Answer, said: str) -> str:
    recorded = acknowledgements.record(
        connection,
        campaign=task.campaign.id,
        employee_key=person.key,
        answer=answer,
        assurance=Assurance.ATTESTED,
        channel=_BY_HAND,
        receipt_channel=task.office.site.receipt_channel,
        now=task.view.now,
        actor=task.view.operator.actor,
    )
    return said if recorded.changed else "unchanged"


def _undo(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    if not acknowledgements.undo(connection, campaign=task.campaign.id, employee_key=person.key, now=task.view.now):
        return "unchanged"
    note(connection, task.view, "undone on behalf", task.campaign, person, facts={})
    return "undone"


def _leave(connection: Connection, task: _Task, person: StoredEmployee) -> str | None:
    try:
        until = date.fromisoformat(task.form.get("until", ""))
    except ValueError:
        return None
    if until < local_date(task.view.now, person.employee.time_zone):
        return None
    teams.note_leave(connection, person.key, until, by=task.view.operator.actor, now=task.view.now)
    note(connection, task.view, "leave noted", None, person, facts={"until": until.isoformat()})
    return "leave"


def _links(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    finding.void_links(connection, person.key)
    note(connection, task.view, "links voided", None, person, facts={})
    return "links"


def _retry(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    count = outbox.retry_person(connection, employee_key=person.key, rungs=(SLACK, EMAIL), now=task.view.now)
    note(connection, task.view, "queue retry", None, person, facts={"count": count})
    return "retried"


ACTS: Mapping[str, Callable[[Connection, _Task, StoredEmployee], str | None]] = {
    "answer": _answer,
    "exempt": _exempt,
    "undo": _undo,
    "leave": _leave,
    "links": _links,
    "retry": _retry,
}
