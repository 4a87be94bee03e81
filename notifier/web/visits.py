"""Who comes with a link, and whether it opens anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request

from notifier.domain import links
from notifier.domain.campaign import Campaign
from notifier.domain.employee import choose_language
from notifier.domain.links import ParsedToken, Purpose
from notifier.store import acknowledgements, employees
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.web import security
from notifier.web.notices import Notice, Refused
from notifier.web.pages import preferred_language
from notifier.web.site import Site, asked_language


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

    def spoken(self, language: str | None) -> Visit:
        """The same in this language, if one is named."""
        return replace(self, language=language) if language else self

    def with_answer(self, connection: Connection) -> Visit:
        """The same with the answer that the person gave."""
        current = acknowledgements.current(connection, campaign=self.campaign.id, employee_key=self.person.key)
        return replace(self, current=current)


Found = Visit | Refused | None
"""A visit, or why a genuine link opens nothing any more, or None for a link that is none of ours."""


def link_in(request: Request) -> ParsedToken | None:
    """What the address claims to be; None if it is no link by its form."""
    return links.parse(request.path_params["token"])


def find(site: Site, request: Request, link: ParsedToken, person: StoredEmployee | None) -> Found:
    """What the link of a request opens.

    Args:
        person: the one of whom the link speaks, if the store knows them.
    """
    campaign_id = request.path_params["campaign"]
    if person is None or not site.keys.matches(link, Purpose.ACKNOWLEDGE, campaign_id, person.link_version):
        return None
    campaign = site.campaigns.get(campaign_id)
    language = _language(site, request, campaign, person)
    if campaign is None:
        return Refused(Notice.NO_CAMPAIGN, language=language)
    if not person.employee.active:
        return Refused(Notice.LEFT, language=language)
    zone = ZoneInfo(person.employee.time_zone)
    today = site.now().astimezone(zone).date()
    if today >= campaign.closes_on:
        return Refused(Notice.CLOSED, language=language)
    return Visit(campaign, person, request.path_params["token"], language, zone, today)


async def look_up(site: Site, request: Request) -> Visit:
    """Who the link belongs to, with their answer.

    Raises:
        Refused: it is no link of ours, or nothing is to be answered under it any more.
    """
    if (link := link_in(request)) is None:
        raise miss(site, request)

    def look(connection: Connection) -> Found:
        person = employees.by_public_id(connection, link.public_id)
        found = find(site, request, link, person)
        return found.with_answer(connection) if isinstance(found, Visit) else found

    return admitted(site, request, await site.database.read_async(look))


def admitted(site: Site, request: Request, found: Found) -> Visit:
    """The visit that was found.

    Raises:
        Refused: there is none.
    """
    if isinstance(found, Visit):
        return found
    if found is not None:
        raise found
    raise miss(site, request)


def fetched_at(site: Site, request: Request, form: Mapping[str, str], *, campaign: str, public_id: str) -> datetime:
    """When this browser fetched the form that it sends.

    Raises:
        Refused: it did not, or not for this, or too long ago.
    """
    fetched = site.proofs.fetched_at(
        form.get("proof", ""),
        visit=request.cookies.get(security.VISIT_COOKIE, ""),
        campaign=campaign,
        public_id=public_id,
        now=site.visitor_clock.now(),
    )
    if fetched is None:
        raise Refused(Notice.STALE_FORM)
    return fetched


def miss(site: Site, request: Request) -> Refused:
    """A link that is none of ours. Whoever tries many is told to wait."""
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
