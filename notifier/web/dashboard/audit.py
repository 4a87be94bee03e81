"""Audit: the ledger, the newest entry first."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.store import ledger
from notifier.store.database import Connection
from notifier.store.ledger import Entry
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import row_id

ON_A_PAGE = 25
_LONGEST = 160


async def show(office: Office, request: Request) -> Response:
    """GET. `before` is the id of the last entry of the page before, `person` whom all entries are to be about."""
    view = await office.frame.enter(request, Role.OFFICER)
    before, person = (row_id(request.query_params.get(name, "")) for name in ("before", "person"))

    def look(connection: Connection) -> list[Entry]:
        return list(ledger.tell(connection, employee_key=person, before_id=before, most=ON_A_PAGE + 1))

    found = await office.site.database.read_async(look)
    facts = {"shown": min(len(found), ON_A_PAGE)}
    actor = view.operator.actor
    await office.site.database.write_async(
        lambda connection: ledger.note(
            connection, event="ledger viewed", now=view.now, actor=actor, employee_key=person, facts=facts
        )
    )
    shown = found[:ON_A_PAGE]
    about = f"&person={person}" if person else ""
    return office.frame.show(
        request,
        view,
        "audit.html",
        str(view.say("Audit")),
        entries=[(entry, _facts(entry)) for entry in shown],
        following=f"?before={shown[-1].id}{about}" if len(found) > ON_A_PAGE else "",
        person=person,
    )


def _facts(entry: Entry) -> str:
    """What an entry says, on one line: "scope: all, lifted: 1"."""
    told: Iterable[tuple[str, object]] = (*entry.facts.items(), *(entry.personal or {}).items())
    words = [f"{name}: {value}" for name, value in told if value not in {None, "", False} and name != "actor"]
    line = ", ".join(words)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
