"""People: find somebody by name, address or id, or list those behind a figure. Whoever looks leaves an entry in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.operators import Role
from notifier.store import finding, ledger, roster_changes
from notifier.store.database import Connection
from notifier.store.finding import Found, Gap, Wanted
from notifier.store.ledger import Fact
from notifier.store.roster_changes import Reading, Touch
from notifier.summary.organisation import end_of
from notifier.web.dashboard import words
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View, row_id

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
        standing: a list: a key of _STANDINGS, "undeliverable", a key of _IN_ROSTER (the roster's, of no campaign), a `Touch` (of a
            reading of the roster), or "".
        parts: by each of _PARTS: which of them a list of _STANDINGS is about.
        on: the day at whose end such a list was true; None for now.
        reading: the number of the reading.
        after: the last row of the page before, or 0.
    """

    text: str
    standing: str
    parts: Mapping[str, Sequence[str]]
    on: date | None
    reading: int
    after: int

    @classmethod
    def of(cls, request: Request) -> Asked:
        query = request.query_params
        standing = query.get("is", "")
        of_campaign = standing in _STANDINGS
        return cls(
            text=query.get("q", "").strip()[:_LONGEST],
            standing=standing if of_campaign or standing in {_UNDELIVERABLE, *_IN_ROSTER, *Touch} else "",
            parts={part: query.getlist(part) if of_campaign else [] for part in _PARTS},
            on=_day(query.get("on", "")) if of_campaign else None,
            reading=row_id(query.get("reading", "")) or 0,
            after=row_id(query.get("after", "")) or 0,
        )

    @property
    def is_of_roster(self) -> bool:
        return self.standing in {*_IN_ROSTER, *Touch}


@dataclass(frozen=True, slots=True)
class Seen:
    """The people of a page, one more where others follow; by id why nothing reaches them, or what became new of them."""

    people: Sequence[Found]
    reasons: Mapping[str, Sequence[str]] = field(default_factory=dict)
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reading: Reading | None = None


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.OFFICER)
    campaign, asked = office.campaign(request), Asked.of(request)
    seen = Seen(())
    if asked.text or asked.standing:
        lost = await office.undeliverable[campaign.id].get(view.now) if asked.standing == _UNDELIVERABLE else None
        reasons = {one.employee_id: one.reasons for one in lost.value} if lost else {}
        seen = await office.site.database.read_async(lambda connection: _look(connection, office, campaign, asked, reasons))
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
        of_roster=_of_roster(view, asked, seen.reading),
        found=shown,
        reasons=seen.reasons,
        changes={id_: [str(view.say(words.FIELDS[name])) for name in names] for id_, names in seen.changes.items()},
        following=f"?{urlencode([*kept, ('after', shown[-1].key)])}" if len(seen.people) > ON_A_PAGE else "",
    )


def _look(connection: Connection, office: Office, campaign: Campaign, asked: Asked, reasons: Mapping[str, Sequence[str]]) -> Seen:
    page = {"after": asked.after, "most": ON_A_PAGE + 1}
    if asked.text:
        return Seen(finding.search(connection, asked.text, **page))
    if asked.standing in _STANDINGS:
        before = end_of(asked.on, office.desk.zone) if asked.on else None
        wanted = Wanted(campaign, _STANDINGS[asked.standing], *(asked.parts[part] for part in _PARTS), before=before)
        return Seen(finding.listed(connection, wanted, **page))
    if asked.standing in _IN_ROSTER:
        return Seen(finding.in_roster(connection, _IN_ROSTER[asked.standing], **page))
    if asked.standing == _UNDELIVERABLE:
        found = [one for one in finding.by_ids(connection, list(reasons)) if one.key > asked.after]
        return Seen(found[: page["most"]], reasons)
    reading = next((one for one in roster_changes.readings(connection) if one.id == asked.reading and one.record.applied), None)
    touched = roster_changes.touched(connection, reading, Touch(asked.standing), **page) if reading else []
    changes = {one.person.id: one.what for one in touched} if asked.standing == Touch.CHANGED else {}
    return Seen([one.person for one in touched], changes=changes, reading=reading)


def _note(connection: Connection, view: View, campaign: Campaign, asked: Asked, shown: int) -> None:
    parts = {part: ", ".join(asked.parts[part]) for part in _PARTS}
    facts: dict[str, Fact] = {"shown": min(shown, ON_A_PAGE), "list": asked.standing, **parts}
    facts |= {"on": asked.on.isoformat() if asked.on else None, "reading": asked.reading or None}
    ledger.note(
        connection,
        event="people searched" if asked.text else "people listed",
        now=view.now,
        actor=view.operator.actor,
        campaign="" if asked.text or asked.is_of_roster else campaign.id,
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
        *([str(view.say("on the evening of %(day)s", day=view.day(asked.on)))] if asked.on else []),
    ]
    return ", ".join(name for name in names if name)


def _of_roster(view: View, asked: Asked, reading: Reading | None) -> str:
    """Whom a list of the roster holds, in words; "" where it is a list of a campaign."""
    if not asked.is_of_roster:
        return ""
    if asked.standing in _IN_ROSTER:
        gap = _IN_ROSTER[asked.standing]
        return str(view.say("everybody") if gap is None else view.say(words.GAPS[gap]))
    whom = str(view.say(words.TOUCHES[Touch(asked.standing)]))
    return f"{whom}, {view.instant(reading.record.at)}" if reading else whom


def _day(text: str) -> date | None:
    """A day, written as in 2025-10-14; None for anything else, and for days that no calendar reaches."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None
