"""A manager's page: how far their people are, one reminder a day, and what the roster has wrong about the team.

The figures are those of the last letter, to the letter: the page never counts. Who watched a live figure while a colleague presses
the button would learn what that colleague answered (`domain/progress.py`). For the same reason the page does not say how many
were reminded. Beside the figures stands the list of direct reports, whom a manager knows anyway; it says nothing of answers.

There are two doors. `/t/{token}` is opened by the link in each letter: who has it is taken for the manager, so it ends after two
weeks, and nothing can be done with it that cannot be taken back. `/team` is opened by signing in, where the identity provider says
whom of the roster somebody is.

GET and HEAD record nothing. A form counts if it comes from our own page, with the proof that this browser fetched the page before,
and not within moments: mail filters have been seen to press buttons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from notifier.domain.operators import Operator, Role
from notifier.store import employees, progress, teams
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.teams import Member
from notifier.summary import facts
from notifier.summary.facts import TeamLetter
from notifier.web import operators, security, team_acts, visits
from notifier.web.acknowledge import QUICKEST_PERSON
from notifier.web.forms import own_form
from notifier.web.notices import Notice, Refused
from notifier.web.operators import TEAM
from notifier.web.pages import preferred_language
from notifier.web.signin import SIGN_OUT
from notifier.web.site import Site, asked_language
from notifier.web.team_acts import Visit
from notifier.web.team_view import Standing, TeamView, render

_FOR = "/t"  # in place of a campaign in the proof of a form; no campaign can have such a name
_ANY_WEEK = 999_999  # later than all: 202542 is the 42nd of 2025


@dataclass(frozen=True, slots=True)
class _Look:
    """What the page shows for a visit."""

    visit: Visit
    letter: TeamLetter | None
    standings: tuple[Standing, ...]
    members: tuple[Member, ...]


def routes(site: Site, nudger: Nudger) -> list[Route]:
    """The addresses of this part."""
    return [
        Route("/t/{token}", partial(_show_by_link, site), methods=["GET"]),
        Route("/t/{token}", partial(_act_by_link, site, nudger), methods=["POST"]),
        Route(TEAM, partial(_show_own, site), methods=["GET"]),
        Route(TEAM, partial(_act_own, site, nudger), methods=["POST"]),
    ]


async def _show_by_link(site: Site, request: Request) -> Response:
    def look(connection: Connection) -> _Look | None:
        visit = _by_link(connection, site, request)
        return None if visit is None else _look(connection, site, visit)

    found = await site.database.read_async(look)
    if found is None:
        raise visits.miss(site, request)
    browser = security.browser_of(request)
    public_id = found.visit.manager.public_id
    proof = site.proofs.issue(visit=browser.visit, campaign=_FOR, public_id=public_id, now=site.visitor_clock.now())
    response = _page(site, request, found, {"proof": proof})
    browser.remember(response, base_url=site.base_url, below=_FOR)
    return response


async def _act_by_link(site: Site, nudger: Nudger, request: Request) -> Response:
    if not security.comes_from_here(request.headers, site.base_url):
        raise Refused(Notice.FOREIGN)
    form = await own_form(request)
    quick = _is_quick(site, request, form)

    def act(connection: Connection) -> tuple[Visit, str] | None:
        visit = _by_link(connection, site, request)
        if visit is None:
            return None
        return visit, "again" if quick else team_acts.do(connection, site, nudger, visit, form)

    done = await site.database.write_async(act)
    if done is None:
        raise visits.miss(site, request)
    return _see(*done, form)


async def _show_own(site: Site, request: Request) -> Response:
    operator = await operators.require(site, request, Role.MANAGER)
    found = await site.database.read_async(
        lambda connection: _look(connection, site, _signed_in(connection, site, request, operator))
    )
    fields = {operators.FORM_FIELD: operators.form_token(site, operator, request)}
    return _page(site, request, found, fields, sign_out=operators.address(site, SIGN_OUT))


async def _act_own(site: Site, nudger: Nudger, request: Request) -> Response:
    operator = await operators.require(site, request, Role.MANAGER)
    form = await operators.checked_form(site, request, operator)

    def act(connection: Connection) -> tuple[Visit, str]:
        visit = _signed_in(connection, site, request, operator)
        return visit, team_acts.do(connection, site, nudger, visit, form)

    return _see(*await site.database.write_async(act), form)


def _see(visit: Visit, said: str, form: dict[str, str]) -> Response:
    """Back to the page by GET, so that a reload sends nothing twice."""
    query = {"said": said} | ({"lang": form["lang"]} if form.get("lang") in LANGUAGES else {})
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": f"{visit.back}?{urlencode(query)}"})


def _by_link(connection: Connection, site: Site, request: Request) -> Visit | None:
    """Who the link belongs to; None where it is no link of ours."""
    token = request.path_params["token"]
    parsed = links.parse_team(token)
    manager = None if parsed is None else employees.by_public_id(connection, parsed.public_id)
    if parsed is None or manager is None or not site.keys.matches_team(parsed, manager.link_version):
        return None
    visit = _visit(site, request, manager, token)
    if visit.today > parsed.until:
        raise Refused(Notice.TEAM_LINK_OVER, language=visit.language)
    return visit


def _signed_in(connection: Connection, site: Site, request: Request, operator: Operator) -> Visit:
    """Whom of the roster somebody who is signed in is."""
    manager = None if operator.employee_key is None else employees.by_key(connection, operator.employee_key)
    if manager is None:
        raise Refused(Notice.NO_TEAM)
    return _visit(site, request, manager, TEAM.rpartition("/")[2])


def _visit(site: Site, request: Request, manager: StoredEmployee, back: str) -> Visit:
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
    return Visit(manager, back, language, site.now().astimezone(ZoneInfo(person.time_zone)).date())


def _look(connection: Connection, site: Site, visit: Visit) -> _Look:
    letter = _letter(connection, visit)
    members = tuple(teams.members(connection, visit.manager.key))
    return _Look(visit, letter, _standings(connection, site, visit, letter), members)


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


def _is_quick(site: Site, request: Request, form: dict[str, str]) -> bool:
    """Whether the form was sent within moments of its page.

    Raises:
        Refused: this browser did not fetch it, or too long ago.
    """
    parsed = links.parse_team(request.path_params["token"])
    if parsed is None:
        raise visits.miss(site, request)
    fetched_at = visits.fetched_at(site, request, form, campaign=_FOR, public_id=parsed.public_id)
    return site.visitor_clock.now() - fetched_at < QUICKEST_PERSON


def _page(site: Site, request: Request, found: _Look, fields: Mapping[str, str], sign_out: str = "") -> Response:
    """The page.

    Args:
        fields: what its forms carry besides.
        sign_out: the address for whoever is signed in.
    """
    visit = found.visit
    view = TeamView(
        name=visit.manager.employee.short_name,
        language=visit.language,
        today=visit.today,
        written_on=found.letter.on if found.letter else None,
        standings=found.standings,
        members=found.members,
        said=request.query_params.get("said", ""),
        fields={**fields, **({"lang": visit.language} if asked_language(request) else {})},
        sign_out=sign_out,
    )
    return HTMLResponse(render(site, view), headers={"Content-Language": visit.language})
