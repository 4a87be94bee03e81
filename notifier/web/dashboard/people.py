"""People: find somebody by name, address or id, or list those behind a figure. Whoever looks leaves an entry in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.operators import Role
from notifier.store import finding, ledger
from notifier.store.database import Connection
from notifier.store.finding import Found, Gap, Wanted
from notifier.store.ledger import Fact
from notifier.web.dashboard import words
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View

ON_A_PAGE = 25
_LONGEST = 100
_STANDINGS = {"open": True, "settled": False, "all": None}
_UNDELIVERABLE = "undeliverable"
_IN_ROSTER: Mapping[str, Gap | None] = {"in_roster": None, **{gap.value: gap for gap in Gap}}
_PARTS = ("country", "department", "language", "answer", "assurance")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for.

    Attributes:
        text: a search, or "".
        standing: a list: a key of _STANDINGS, "undeliverable", a key of _IN_ROSTER (the roster's, of no campaign), or "".
        parts: by each of _PARTS: which of them a list of _STANDINGS is about.
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
            standing=standing if standing in {*_STANDINGS, _UNDELIVERABLE, *_IN_ROSTER} else "",
            parts={part: query.getlist(part) if standing in _STANDINGS else [] for part in _PARTS},
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
        of_roster=_of_roster(view, asked),
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
    if asked.standing in _IN_ROSTER:
        return Seen(finding.in_roster(connection, _IN_ROSTER[asked.standing], after=asked.after, most=most))
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
        campaign="" if asked.text or asked.standing in _IN_ROSTER else campaign.id,
        facts=facts,
        personal={"text": asked.text} if asked.text else None,
    )


def _which(view: View, asked: Asked) -> str:
    """Whom a list is about, in words: "Switzerland, France"."""
    names = [
        *(view.country(code) for code in asked.parts["country"]),
        *asked.parts["department"],
        *(words.language_name(code, view.language) for code in asked.parts["language"] if code),
        *(view.answer(answer) for answer in Answer if answer in asked.parts["answer"]),
        *(str(view.say(words.ASSURANCES[one])) for one in Assurance if one in asked.parts["assurance"]),
    ]
    return ", ".join(name for name in names if name)


def _of_roster(view: View, asked: Asked) -> str:
    """Whom a list of the roster holds, in words; "" where it is a list of a campaign."""
    if asked.standing not in _IN_ROSTER:
        return ""
    gap = _IN_ROSTER[asked.standing]
    return str(view.say("everybody") if gap is None else view.say(words.GAPS[gap]))
