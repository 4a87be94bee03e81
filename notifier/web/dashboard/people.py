"""People: find somebody by name, address or id, or list those behind a figure. Whoever looks leaves an entry in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.campaign import Campaign
from notifier.domain.operators import Role
from notifier.store import finding, ledger
from notifier.store.database import Connection
from notifier.store.finding import Found, Wanted
from notifier.store.ledger import Fact
from notifier.web.dashboard import words
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View

ON_A_PAGE = 25
_LONGEST = 100
_STANDINGS = {"open": True, "settled": False, "all": None}
_UNDELIVERABLE = "undeliverable"
_PARTS = ("country", "department", "language")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for.

    Attributes:
        text: a search, or "".
        standing: a list: a key of _STANDINGS, "undeliverable", or "".
        parts: by "country", "department", "language": which of them the list is about.
        after: the last row of the page before, or 0.
    """

    text: str
    standing: str
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: int = 0

    @classmethod
    def of(cls, request: Request) -> Asked:
        query = request.query_params
        standing, after = query.get("is", ""), query.get("after", "")
        return cls(
            text=query.get("q", "").strip()[:_LONGEST],
            standing=standing if standing in {*_STANDINGS, _UNDELIVERABLE} else "",
            parts={part: query.getlist(part) for part in _PARTS},
            after=int(after) if after.isdecimal() else 0,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """The people of a page, one more where others follow; and of those whom nothing reaches, why."""

    people: Sequence[Found]
    reasons: Mapping[str, Sequence[str]] = field(default_factory=dict)


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.OFFICER)
    campaign, asked = office.campaign(request), Asked.of(request)
    seen = Seen(())
    if asked.text or asked.standing:
        lost = await office.undeliverable[campaign.id].get(view.now) if asked.standing == _UNDELIVERABLE else None
        reasons = {one.employee_id: one.reasons for one in lost.value} if lost else {}
        seen = await office.site.database.read_async(lambda connection: _look(connection, campaign, asked, reasons))
        await office.site.database.write_async(lambda connection: _note(connection, view, campaign, asked, len(seen.people)))
    shown = seen.people[:ON_A_PAGE]
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in {"after", "said"}]
    return office.frame.show(
        request,
        view,
        "people.html",
        str(view.say("People")),
        asked=asked,
        campaign=campaign,
        campaigns=list(office.site.campaigns),
        which=_which(view, asked),
        found=shown,
        reasons=seen.reasons,
        following=f"?{urlencode([*kept, ('after', shown[-1].key)])}" if len(seen.people) > ON_A_PAGE else "",
    )


def _look(connection: Connection, campaign: Campaign, asked: Asked, reasons: Mapping[str, Sequence[str]]) -> Seen:
    most = ON_A_PAGE + 1
    if asked.text:
        return Seen(finding.search(connection, asked.text, after=asked.after, most=most))
    if asked.standing in _STANDINGS:
        parts = (asked.parts[part] for part in _PARTS)
        return Seen(finding.listed(connection, Wanted(campaign, _STANDINGS[asked.standing], *parts), after=asked.after, most=most))
    found = [one for one in finding.by_ids(connection, list(reasons)) if one.key > asked.after]
    return Seen(found[:most], reasons)


def _note(connection: Connection, view: View, campaign: Campaign, asked: Asked, shown: int) -> None:
    parts = {part: ", ".join(asked.parts[part]) for part in _PARTS}
    facts: dict[str, Fact] = {"shown": min(shown, ON_A_PAGE), "list": asked.standing, **parts}
    ledger.note(
        connection,
        event="people searched" if asked.text else "people listed",
        now=view.now,
        actor=view.operator.actor,
        campaign="" if asked.text else campaign.id,
        facts=facts,
        personal={"text": asked.text} if asked.text else None,
    )


def _which(view: View, asked: Asked) -> str:
    """Whom a list is about, in words: "Switzerland, France"."""
    names = [
        *(view.country(code) for code in asked.parts["country"]),
        *asked.parts["department"],
        *(words.language_name(code, view.language) for code in asked.parts["language"] if code),
    ]
    return ", ".join(name for name in names if name)
