"""The pages as one ASGI application: which address leads where, and what every failure looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.clock import Clock, SystemClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.domain.campaign import Campaign
from notifier.domain.links import LinkKeys
from notifier.errors import StoreError
from notifier.identity import Provider
from notifier.store.database import Database
from notifier.web import acknowledge, health, openid, signin
from notifier.web.notices import Notice, Refused
from notifier.web.pages import Pages
from notifier.web.security import FormProofs, SecurityHeaders
from notifier.web.site import Check, Site
from notifier.web.slack_actions import PATH, SlackActions

_log = structlog.get_logger(__name__)

_NOTICE_BY_STATUS = {404: Notice.NOWHERE, 405: Notice.NOT_THIS_WAY}


def create_app(
    *,
    database: Database,
    campaigns: Mapping[str, Campaign],
    catalogue: Catalogue,
    folders: Sequence[Path],
    keys: LinkKeys,
    clock: Clock,
    base_url: str,
    sender: Sender,
    receipt_channel: str,
    default_language: str,
    visitor_clock: Clock | None = None,
    checks: Mapping[str, Check] | None = None,
    slack: SlackActions | None = None,
    provider: Provider | None = None,
    parts: Sequence[Callable[[Site], Sequence[Route]]] = (),
) -> Starlette:
    """The application behind the personal links.

    Args:
        campaigns: by their id.
        folders: those the catalogue reads; the layouts stand in `layout` below one of them.
        base_url: what browsers reach, without a slash at the end.
        receipt_channel: the channel that carries receipts.
        default_language: for visitors about whom nothing is known.
        visitor_clock: where the visitors' time differs from the campaign's; see `Site`.
        checks: what else `/readyz` asks, besides the store.
        slack: hears Slack, where buttons are pressed there and told of by HTTP.
        provider: where operators sign in.
        parts: further pages; each gives its addresses.
    """
    pages = Pages(sender, [folder / "layout" for folder in folders])
    site = Site(
        database=database,
        campaigns=campaigns,
        catalogue=catalogue,
        keys=keys,
        clock=clock,
        visitor_clock=visitor_clock or SystemClock(),
        base_url=base_url,
        sender=sender,
        receipt_channel=receipt_channel,
        default_language=default_language,
        pages=pages,
        proofs=FormProofs(keys),
        checks=checks or {},
        provider=provider,
    )
    return Starlette(
        routes=[*_routes(site, slack), *(route for part in parts for route in part(site))],
        middleware=[Middleware(SecurityHeaders, style_hash=pages.style_hash), Middleware(_LastResort, site=site)],
        exception_handlers={
            HTTPException: partial(_http_problem, site),
            Refused: partial(_refused, site),
            StoreError: partial(_store_problem, site),
            **signin.handlers(site),
        },
    )


def _routes(site: Site, slack: SlackActions | None) -> list[Route]:
    person = "/a/{campaign}/{token}"
    from_slack = [Route(PATH, slack.take, methods=["POST"])] if slack else []
    return [
        Route("/", partial(_home, site)),
        Route(person, partial(acknowledge.show, site), methods=["GET"]),
        Route(person, acknowledge.Answers(site).take, methods=["POST"]),
        Route("/healthz", partial(health.alive, site)),
        Route("/readyz", partial(health.ready, site)),
        *signin.routes(site),
        *openid.routes(site),
        *from_slack,
    ]


async def _home(site: Site, request: Request) -> Response:
    return site.show_notice(request, Notice.HOME)


async def _refused(site: Site, request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return site.show_notice(request, error.notice, language=error.language)


async def _http_problem(site: Site, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return site.show_notice(request, _NOTICE_BY_STATUS.get(status, Notice.NOT_UNDERSTOOD))


async def _store_problem(site: Site, request: Request, error: Exception) -> Response:
    _log.error("page.store_unavailable", problem=str(error))
    return site.show_notice(request, Notice.PAUSED)


class _LastResort:
    """What nobody foresaw becomes a kind page and one line in the log, without what the visitor sent or who they are."""

    def __init__(self, app: ASGIApp, *, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_remember(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_remember)
        except Exception as error:  # noqa: BLE001 - the last one before the visitor
            # Not its traceback, which may name people.
            _log.error("page.failed", kind=type(error).__name__, at=_innermost(error))
            if not begun:
                response = self._site.show_notice(Request(scope), Notice.BROKEN)
                await response(scope, receive, send)


def _innermost(error: BaseException) -> str:
    """File and line where it happened: enough to mend it, and nothing personal."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
