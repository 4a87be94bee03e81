"""A person's own page: who is asked, what to do, and their answer.

GET and HEAD record nothing, whoever sends them: mail filters open every link. POST records, and only if all of this holds: the
browser says it comes from our own page; the form carries a proof that this browser fetched it before, for this person, within
`FORM_VALID`; and it names an answer, since none is chosen beforehand.

Mail filters have been seen to send forms too. So an answer that arrives less than `QUICKEST_PERSON` after its form was fetched,
or less than `FIRST_MINUTE` after a reminder was handed over, is kept as provisional: it stops nothing, and the page asks again.

An answer can be undone, changed, or disowned ("this was not me") as long as the campaign is open: there is no shorter limit,
because a mistake may be noticed at any time and nothing is lost by allowing it. Doing any of it twice changes nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from notifier.content.facts import Facts, context
from notifier.domain import links
from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.employee import LANGUAGES, choose_language
from notifier.domain.links import Purpose
from notifier.store import acknowledgements, employees, outbox
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.web import security
from notifier.web.forms import FormError, read_form
from notifier.web.notices import Notice, Refused
from notifier.web.pages import AskView, preferred_language
from notifier.web.site import Site, asked_language

QUICKEST_PERSON = timedelta(seconds=2)
FIRST_MINUTE = timedelta(seconds=60)
_ANSWERS = frozenset(Answer)
_MISSING = "missing"
_SAID = {
    "undone": "Your answer has been taken back. We will go on reminding you.",
    "not-me": "Thank you for telling us. The answer has been taken back, and you can give your own below.",
    "again": "That was very quick, so nothing was changed. Please press the button once more.",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a good link.

    Attributes:
        token: as it stands in the address.
        language: the page is written in it.
        today: the date where the person is.
        current: their answer, if there is one and it was looked up.
    """

    campaign: Campaign
    person: StoredEmployee
    token: str
    language: str
    zone: ZoneInfo
    today: date
    current: Acknowledgement | None = None


async def show(site: Site, request: Request) -> Response:
    """GET and HEAD."""
    return _page(site, request, await _visit(site, request))


async def answer(site: Site, request: Request) -> Response:
    """POST. What is looked up and what is written is one transaction, which many answers share the commit of."""
    if not security.comes_from_here(request.headers, site.base_url):
        raise Refused(Notice.FOREIGN)
    form: dict[str, str] = {}
    try:
        form = await _read_form(request)
        quick = site.visitor_clock.now() - _fetched_at(site, request, form) < QUICKEST_PERSON
    except Refused as refused:
        visit = await _visit(site, request)  # a bad link is told first; a good one tells the language
        raise Refused(refused.notice, language=_spoken(visit, form).language) from None
    done = await site.database.write_async(lambda connection: _act(connection, site, request, form, quick=quick))
    if done is None:
        raise _miss(site, request)
    visit, said = done
    return _page(site, request, visit, missing=True) if said == _MISSING else _see(visit, said)


def _act(
    connection: Connection, site: Site, request: Request, form: dict[str, str], *, quick: bool
) -> tuple[Visit, str | None] | None:
    """Do what a form asks for. Returns what to say about it, or None where the link is none of ours."""
    found = _find(connection, site, request)
    if found is None:
        return None
    visit = _spoken(found, form)
    if (action := form.get("do")) in {"undo", "not_me"}:
        return visit, "again" if quick else _take_back(connection, site, visit, action)
    if form.get("answer") not in _ANSWERS:
        return _with_answer(connection, visit), _MISSING
    _record(connection, site, visit, Answer(form["answer"]), quick=quick, language=form.get("lang"))
    return visit, None


def _spoken(visit: Visit, form: dict[str, str]) -> Visit:
    """The visit in the language that the form was in."""
    return replace(visit, language=form["lang"]) if form.get("lang") in LANGUAGES else visit


async def _visit(site: Site, request: Request) -> Visit:
    """Who the link belongs to.

    Raises:
        Refused: it is no link of ours, or nothing is to be answered under it any more.
    """

    def look(connection: Connection) -> Visit | None:
        found = _find(connection, site, request)
        return None if found is None else _with_answer(connection, found)

    visit = await site.database.read_async(look)
    if visit is None:
        raise _miss(site, request)
    return visit


def _find(connection: Connection, site: Site, request: Request) -> Visit | None:
    """The same within a transaction; None where it is no link of ours."""
    campaign_id, token = request.path_params["campaign"], request.path_params["token"]
    parsed = links.parse(token)
    person = None if parsed is None else employees.by_public_id(connection, parsed.public_id)
    if parsed is None or person is None or not site.keys.matches(parsed, Purpose.ACKNOWLEDGE, campaign_id, person.link_version):
        return None
    campaign = site.campaigns.get(campaign_id)
    language = _language(site, request, campaign, person)
    if campaign is None:
        raise Refused(Notice.NO_CAMPAIGN, language=language)
    if not person.employee.active:
        raise Refused(Notice.LEFT, language=language)
    zone = ZoneInfo(person.employee.time_zone)
    today = site.now().astimezone(zone).date()
    if today >= campaign.closes_on:
        raise Refused(Notice.CLOSED, language=language)
    return Visit(campaign, person, token, language, zone, today)


def _with_answer(connection: Connection, visit: Visit) -> Visit:
    """The same with the answer that the person gave."""
    current = acknowledgements.current(connection, campaign=visit.campaign.id, employee_key=visit.person.key)
    return replace(visit, current=current)


def _miss(site: Site, request: Request) -> Refused:
    address = request.client.host if request.client else ""
    return Refused(Notice.TOO_MANY if site.misses.exceeded(address, site.visitor_clock.now()) else Notice.BAD_LINK)


def _language(site: Site, request: Request, campaign: Campaign | None, person: StoredEmployee) -> str:
    return choose_language(
        chosen=asked_language(request) or person.language_choice,
        roster=person.employee.language,
        country=person.employee.country,
        by_country=campaign.language_by_country if campaign else {},
        default=preferred_language(request.headers.get("accept-language")) or site.default_language,
    )


async def _read_form(request: Request) -> dict[str, str]:
    try:
        return await read_form(request)
    except FormError as error:
        raise Refused(Notice.TOO_LARGE if error.too_large else Notice.NOT_UNDERSTOOD) from None


def _fetched_at(site: Site, request: Request, form: dict[str, str]) -> datetime:
    parsed = links.parse(request.path_params["token"])
    fetched_at = (
        None
        if parsed is None
        else site.proofs.fetched_at(
            form.get("proof", ""),
            visit=request.cookies.get(security.VISIT_COOKIE, ""),
            campaign=request.path_params["campaign"],
            public_id=parsed.public_id,
            now=site.visitor_clock.now(),
        )
    )
    if fetched_at is None:
        raise Refused(Notice.STALE_FORM)
    return fetched_at


def _take_back(connection: Connection, site: Site, visit: Visit, action: str) -> str:
    take_back = acknowledgements.undo if action == "undo" else acknowledgements.not_me
    take_back(connection, campaign=visit.campaign.id, employee_key=visit.person.key, now=site.now())
    return "undone" if action == "undo" else "not-me"


def _record(connection: Connection, site: Site, visit: Visit, given: Answer, *, quick: bool, language: str | None) -> None:
    """Write the answer; with it the language, where the person chose one, so that the receipt is written in it."""
    now, person, campaign = site.now(), visit.person, visit.campaign.id
    handed_over = outbox.last_accepted_at(connection, campaign=campaign, employee_key=person.key)
    doubtful = quick or (handed_over is not None and timedelta() <= now - handed_over < FIRST_MINUTE)
    if language in LANGUAGES and not doubtful and language != person.language_choice:
        employees.set_language_choice(connection, person.key, language)
    acknowledgements.record(
        connection,
        campaign=campaign,
        employee_key=person.key,
        answer=given,
        assurance=Assurance.PROVISIONAL if doubtful else Assurance.LINK,
        channel="page",
        receipt_channel=site.receipt_channel,
        now=now,
    )


def _see(visit: Visit, said: str | None) -> Response:
    """Back to the page by GET, so that a reload sends nothing twice. Relative, hence right behind any proxy."""
    parameters = {"said": said} if said else {}
    if visit.language != visit.person.language_choice:
        parameters["lang"] = visit.language
    query = "&".join(f"{name}={word}" for name, word in parameters.items())  # words of ours: nothing in them to escape
    location = f"{visit.token}?{query}" if query else visit.token
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": location})


def _page(site: Site, request: Request, visit: Visit, *, missing: bool = False) -> Response:
    cookie = request.cookies.get(security.VISIT_COOKIE, "")
    known = security.is_visit(cookie)
    proof_for = cookie if known else security.new_visit()
    response = HTMLResponse(
        site.pages.ask(_view(site, request, visit, proof_for, missing=missing)),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if missing else HTTPStatus.OK,
        headers={"Content-Language": visit.language},
    )
    if not known:
        base = urlsplit(site.base_url)
        response.set_cookie(
            security.VISIT_COOKIE,
            proof_for,
            path=f"{base.path}/a",
            secure=base.scheme == "https",
            httponly=True,
            samesite="lax",
        )
    return response


def _view(site: Site, request: Request, visit: Visit, cookie: str, *, missing: bool) -> AskView:
    current, person, campaign = visit.current, visit.person, visit.campaign
    facts = Facts(
        given_name=person.employee.given_name,
        name=person.employee.short_name,
        link=links.url(site.base_url, campaign.id, visit.token),
        today=visit.today,
        deadline=campaign.deadline,
        first_notice=False,
        answer=current.answer if current else None,
        answered_at=current.answered_at.astimezone(visit.zone) if current else None,
    )
    text = site.catalogue.page(campaign.id, facts, visit.language)
    said = request.query_params.get("said", "")
    return AskView(
        language=visit.language,
        chosen_language=asked_language(request),
        state=_state(current),
        asking="change" in request.query_params,
        said=_SAID.get(said) if current is None or said == "again" else None,
        missing=missing,
        proof=site.proofs.issue(visit=cookie, campaign=campaign.id, public_id=person.public_id, now=site.visitor_clock.now()),
        name=person.employee.short_name,
        title=text.title,
        body=text.body_html,
        button=text.button,
        answers={one.value: label for one, label in text.answers.items()},
        dates=context(site.sender, facts, visit.language, ""),
        answer=current.answer.value if current else None,
    )


def _state(current: Acknowledgement | None) -> str:
    if current is None:
        return "open"
    if current.assurance is Assurance.PROVISIONAL:
        return "provisional"
    return "settled" if current.settles else "help"
