"""A manager's page: how far their people are, one reminder a day, and what the roster has wrong about the team.

The figures are those of the last letter, to the letter: the page never counts. Who watched a live figure while a colleague presses
the button would learn what that colleague answered (`domain/progress.py`). For the same reason the page does not say how many
were reminded. Beside the figures stands the list of direct reports, whom a manager knows anyway; it says nothing of answers.

GET and HEAD record nothing. A form counts if it comes from our own page, with the proof that this browser fetched the page before,
and not within moments: mail filters have been seen to press buttons. Who has the link is taken for the manager; so it ends after
two weeks, each letter brings a new one, and nothing can be done with it that cannot be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from notifier.delivery.nudging import Nudger
from notifier.domain import links
from notifier.domain.employee import LANGUAGES, choose_language
from notifier.store import employees, ledger, progress, teams
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.teams import Member
from notifier.summary import facts
from notifier.summary.facts import TeamLetter
from notifier.web import security, visits
from notifier.web.acknowledge import QUICKEST_PERSON
from notifier.web.forms import FormError, read_form
from notifier.web.notices import Notice, Refused
from notifier.web.pages import preferred_language
from notifier.web.site import Site, asked_language
from notifier.web.team_view import Standing, TeamView, render

_FOR = "/t"  # in place of a campaign in the proof of a form; no campaign can have such a name
_LONGEST_LEAVE = timedelta(days=3 * 366)
_ANY_WEEK = 999_999  # later than all: 202542 is the 42nd of 2025


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a good link.

    Attributes:
        token: as it stands in the address.
        today: the date where the manager is.
    """

    manager: StoredEmployee
    token: str
    language: str
    today: date

    @property
    def actor(self) -> str:
        """As the ledger names them."""
        return f"manager {self.manager.employee.id}"


def routes(site: Site, nudger: Nudger) -> list[Route]:
    """The addresses of this part."""
    return [
        Route("/t/{token}", partial(show, site), methods=["GET"]),
        Route("/t/{token}", partial(act, site, nudger), methods=["POST"]),
    ]


async def show(site: Site, request: Request) -> Response:
    """GET and HEAD."""

    def look(connection: Connection) -> tuple[Visit, TeamLetter | None, tuple[Standing, ...], list[Member]] | None:
        visit = _find(connection, site, request)
        if visit is None:
            return None
        letter = _letter(connection, visit)
        return visit, letter, _standings(connection, site, visit, letter), teams.members(connection, visit.manager.key)

    found = await site.database.read_async(look)
    if found is None:
        raise visits.miss(site, request)
    return _page(site, request, *found)


async def act(site: Site, nudger: Nudger, request: Request) -> Response:
    """POST."""
    if not security.comes_from_here(request.headers, site.base_url):
        raise Refused(Notice.FOREIGN)
    form = await _read_form(request)
    quick = _is_quick(site, request, form)
    done = await site.database.write_async(lambda connection: _act(connection, site, nudger, request, form, quick=quick))
    if done is None:
        raise visits.miss(site, request)
    visit, said = done
    query = {"said": said} | ({"lang": form["lang"]} if form.get("lang") in LANGUAGES else {})
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": f"{visit.token}?{urlencode(query)}"})


def _act(
    connection: Connection, site: Site, nudger: Nudger, request: Request, form: dict[str, str], *, quick: bool
) -> tuple[Visit, str] | None:
    """Do what a form asks for. Returns what to say about it, or None where the link is none of ours."""
    visit = _find(connection, site, request)
    if visit is None:
        return None
    if quick:
        return visit, "again"
    if form.get("do") == "remind":
        return visit, _remind(connection, site, nudger, visit, form)
    members = teams.members(connection, visit.manager.key)
    member = next((one for one in members if one.public_id == form.get("person")), None)
    if member is None:
        return visit, "unknown"
    return visit, _about(connection, site, visit, member, form)


def _remind(connection: Connection, site: Site, nudger: Nudger, visit: Visit, form: dict[str, str]) -> str:
    campaign = site.campaigns.get(form.get("campaign", ""))
    if campaign is None or visit.today >= campaign.closes_on:
        return "unknown"
    if not nudger.remind(connection, campaign, visit.manager.key, today=visit.today, now=site.now()):
        return "reminded-before"
    ledger.note(connection, event="team reminded", now=site.now(), actor=visit.actor, campaign=campaign.id, facts={})
    return "reminded"


def _about(connection: Connection, site: Site, visit: Visit, member: Member, form: dict[str, str]) -> str:
    """What a manager says about somebody of the team."""
    now, manager = site.now(), visit.manager.key
    facts_of_it: dict[str, ledger.Fact] = {}
    match form.get("do"):
        case "leave":
            until = _day(form.get("until", ""), visit.today)
            if until is None:
                return "no-day"
            teams.note_leave(connection, member.key, until, by=visit.actor, now=now)
            event, said, facts_of_it = "leave noted", "leave", {"until": until.isoformat()}
        case "back":
            event, said = "leave ended", "back"
            if not teams.end_leave(connection, member.key):
                return said
        case "not-mine":
            event, said = "not in the team", "not-mine"
            if not teams.disown(connection, manager_key=manager, employee_key=member.key, now=now):
                return said
        case "mine":
            event, said = "in the team after all", "mine"
            if not teams.own(connection, manager_key=manager, employee_key=member.key, by=visit.actor, now=now):
                return said
        case _:
            return "unknown"
    ledger.note(connection, event=event, now=now, actor=visit.actor, employee_key=member.key, facts=facts_of_it)
    return said


def _day(text: str, today: date) -> date | None:
    """The last day of an absence, if it can be one."""
    try:
        until = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return until if today <= until <= today + _LONGEST_LEAVE else None


def _find(connection: Connection, site: Site, request: Request) -> Visit | None:
    """Who the link belongs to; None where it is no link of ours."""
    token = request.path_params["token"]
    parsed = links.parse_team(token)
    manager = None if parsed is None else employees.by_public_id(connection, parsed.public_id)
    if parsed is None or manager is None or not site.keys.matches_team(parsed, manager.link_version):
        return None
    person = manager.employee
    language = choose_language(
        chosen=asked_language(request) or manager.language_choice,
        roster=person.language,
        country=person.country,
        by_country={},
        default=preferred_language(request.headers.get("accept-language")) or site.default_language,
    )
    if not person.active:
        raise Refused(Notice.LEFT, language=language)
    today = site.now().astimezone(ZoneInfo(person.time_zone)).date()
    if today > parsed.until:
        raise Refused(Notice.TEAM_LINK_OVER, language=language)
    return Visit(manager, token, language, today)


def _letter(connection: Connection, visit: Visit) -> TeamLetter | None:
    """The last one that was written to the manager."""
    written = progress.last_summaries(connection, [visit.manager.key], before=_ANY_WEEK)
    return facts.read(written[visit.manager.key]) if written else None


def _standings(connection: Connection, site: Site, visit: Visit, letter: TeamLetter | None) -> tuple[Standing, ...]:
    """What the letter says of each campaign that is still there, and whether the team can be reminded."""
    return tuple(
        Standing(
            progress=one,
            running=visit.today < site.campaigns[one.campaign].closes_on,
            reminded=teams.nudged_on(connection, campaign=one.campaign, manager_key=visit.manager.key, day=visit.today),
        )
        for one in (letter.campaigns if letter else ())
        if one.campaign in site.campaigns
    )


async def _read_form(request: Request) -> dict[str, str]:
    try:
        return await read_form(request)
    except FormError as error:
        raise Refused(Notice.TOO_LARGE if error.too_large else Notice.NOT_UNDERSTOOD) from None


def _is_quick(site: Site, request: Request, form: dict[str, str]) -> bool:
    """Whether the form was sent within moments of its page.

    Raises:
        Refused: this browser did not fetch it, or too long ago.
    """
    parsed, now = links.parse_team(request.path_params["token"]), site.visitor_clock.now()
    if parsed is None:
        raise visits.miss(site, request)
    fetched_at = site.proofs.fetched_at(
        form.get("proof", ""),
        visit=request.cookies.get(security.VISIT_COOKIE, ""),
        campaign=_FOR,
        public_id=parsed.public_id,
        now=now,
    )
    if fetched_at is None:
        raise Refused(Notice.STALE_FORM)
    return now - fetched_at < QUICKEST_PERSON


def _page(
    site: Site,
    request: Request,
    visit: Visit,
    letter: TeamLetter | None,
    standings: tuple[Standing, ...],
    members: list[Member],
) -> Response:
    cookie = request.cookies.get(security.VISIT_COOKIE, "")
    known = security.is_visit(cookie)
    proof_for = cookie if known else security.new_visit()
    view = TeamView(
        name=visit.manager.employee.short_name,
        language=visit.language,
        chosen_language=asked_language(request),
        today=visit.today,
        written_on=letter.on if letter else None,
        standings=standings,
        members=tuple(members),
        said=request.query_params.get("said", ""),
        proof=site.proofs.issue(visit=proof_for, campaign=_FOR, public_id=visit.manager.public_id, now=site.visitor_clock.now()),
    )
    response = HTMLResponse(render(site, view), headers={"Content-Language": visit.language})
    if not known:
        security.keep_visit(response, proof_for, base_url=site.base_url, below=_FOR)
    return response
