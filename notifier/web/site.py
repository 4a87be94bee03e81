"""What every page needs, and how a request finds its language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier.clock import Clock
from notifier.content.catalogue import Catalogue, Sender
from notifier.domain.campaign import Campaign
from notifier.domain.employee import LANGUAGES
from notifier.domain.links import LinkKeys
from notifier.identity import Provider
from notifier.store.database import Database
from notifier.web.notices import Notice
from notifier.web.pages import Pages, preferred_language
from notifier.web.security import FormProofs, MissLimit

Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the pages.

    Attributes:
        clock: the time of the campaign: which day it is, when an answer was given.
        visitor_clock: the time of the people at their browsers: how long a form has been open. The two differ only where a
            demonstration moves the first one.
        provider: where operators sign in, if there is such a service.
        checks: by name, what must be well for the service to be ready; each returns what is wrong, or None.
    """

    database: Database
    campaigns: Mapping[str, Campaign]
    catalogue: Catalogue
    keys: LinkKeys
    clock: Clock
    visitor_clock: Clock
    base_url: str
    sender: Sender
    receipt_channel: str
    default_language: str
    pages: Pages
    proofs: FormProofs
    misses: MissLimit = field(default_factory=MissLimit)
    checks: Mapping[str, Check] = field(default_factory=dict)
    provider: Provider | None = None

    def now(self) -> datetime:
        return self.clock.now()

    def language_of_browser(self, request: Request) -> str:
        """The language of somebody unknown: asked for in the address, else wished for by the browser, else the default."""
        return asked_language(request) or preferred_language(request.headers.get("accept-language")) or self.default_language

    def show_notice(self, request: Request, notice: Notice, *, language: str | None = None) -> HTMLResponse:
        """The page of a notice with its status, in the person's language or the browser's."""
        chosen = language or self.language_of_browser(request)
        again = request.url.path.rpartition("/")[2] if request.path_params else "."
        headers = {"Retry-After": "60"} if notice in {Notice.PAUSED, Notice.TOO_MANY} else None
        page = self.pages.notice(notice, chosen, again=again)
        return HTMLResponse(page, status_code=notice.value.status, headers=headers)


def asked_language(request: Request) -> str | None:
    """The language named in the address (`?lang=fr`), if it is one of ours."""
    asked = request.query_params.get("lang") if request.scope["query_string"] else None
    return asked if asked in LANGUAGES else None
