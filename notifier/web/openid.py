"""Signing in at an OpenID Connect provider: there and back.

What the way back needs (state, nonce, the verifier of PKCE, where to go) travels in a cookie of this browser alone, encrypted with
a key of ours, for ten minutes. So an answer counts in the browser that began the sign-in and in no other, and nothing has to be
kept for all those who never come back. Each is good for one answer: it is spent, in the store that all processes share, before the
provider is asked about it.

Who somebody is, and their role, is what the ID token proves (`identity/`): (iss, sub) and the roles of that moment. Nobody is ever
found by an e-mail address.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from notifier.domain.operators import Role
from notifier.errors import NotifierError
from notifier.identity import Attempt, Identity, NotTrustedError, Provider, ProviderError, RefusedError
from notifier.store import employees, ledger, sessions
from notifier.store.database import Connection
from notifier.web import operators, signin
from notifier.web.doors import Door
from notifier.web.site import Site

GO = "/admin/sign-in/go"
BACK = "/admin/sign-in/back"
_LASTS = timedelta(minutes=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


def routes(site: Site) -> list[Route]:
    """The addresses of this part; none where no provider is configured."""
    if site.provider is None:
        return []
    return [
        Route(GO, partial(_go, site, site.provider), methods=["GET"]),
        Route(BACK, partial(_back, site, site.provider), methods=["GET"]),
    ]


async def _go(site: Site, provider: Provider, request: Request) -> Response:
    """To the provider. By GET: it changes nothing here, and a browser would not let a form be sent on to another site."""
    to, now = operators.own_path(request.query_params.get("to", "")), site.visitor_clock.now()
    try:
        address, attempt = await provider.begin(now)
    except NotifierError as error:
        return _failed(site, request, Door.UNREACHABLE, error)
    response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    _set_cookie(site, response, _seal(site, attempt, to, now), max_age=int(_LASTS.total_seconds()))
    return response


async def _back(site: Site, provider: Provider, request: Request) -> Response:
    """From the provider, with a code or a refusal."""
    response = await _come_back(site, provider, request)
    _set_cookie(site, response, "", max_age=0)
    return response


async def _come_back(site: Site, provider: Provider, request: Request) -> Response:
    now = site.visitor_clock.now()
    given = request.query_params.multi_items()
    answer = dict(given)
    opened = _open(site, request.cookies.get(_cookie_name(site), ""), now)
    if opened is None or len(given) != len(answer):
        return _again(site, request, Door.LOST)
    attempt, to = opened
    if answer.get("state") != attempt.state or not await _spend(site, attempt, now):
        return _again(site, request, Door.LOST)
    try:
        identity = await provider.finish(attempt, answer, now)
    except NotTrustedError as error:
        await _note_refusal(site, str(error))
        return _failed(site, request, Door.NOT_TRUSTED, error)
    except (RefusedError, ProviderError) as error:
        return _failed(site, request, Door.REFUSED if isinstance(error, RefusedError) else Door.UNREACHABLE, error)
    held, role = await site.database.write_async(lambda connection: _begin(connection, site, identity))
    if held is None:
        await _note_refusal(site, "no role", identity)
        return signin.show(site, request, Door.TOO_MANY_GROUPS if identity.overage else Door.NO_ROLE)
    return signin.entered(site, held, operators.TEAM if role is Role.MANAGER else to)


def _begin(connection: Connection, site: Site, identity: Identity) -> tuple[str | None, Role]:
    """Let them in with their role; without one, somebody of the roster to the page of their own team. (None, …) for nobody."""
    known = employees.load_some(connection, [identity.employee_id]) if identity.employee_id else {}
    person = next((one for one in known.values() if one.employee.active), None)
    role = identity.role or Role.MANAGER
    if identity.role is None and person is None:
        return None, role
    who = {"issuer": identity.issuer, "subject": identity.subject, "name": identity.name}
    key = person.key if person else None
    return signin.begin(site, connection, **who, role=role, through="provider", employee_key=key), role


async def _spend(site: Site, attempt: Attempt, now: datetime) -> bool:
    until = now + _LASTS
    return await site.database.write_async(lambda connection: sessions.spend(connection, attempt.state, now=now, until=until))


async def _note_refusal(site: Site, why: str, identity: Identity | None = None) -> None:
    """Into the ledger, with who it was where that is proven."""
    personal = {"name": identity.name, "issuer": identity.issuer, "subject": identity.subject} if identity else None

    def note(connection: Connection) -> int:
        return ledger.note(connection, event="sign-in refused", now=site.now(), facts={"why": why}, personal=personal)

    await site.database.write_async(note)


def _failed(site: Site, request: Request, door: Door, error: NotifierError) -> Response:
    _log.warning("nobody was signed in", problem=str(error), hint=error.hint)
    return _again(site, request, door)


def _again(site: Site, request: Request, door: Door) -> Response:
    return signin.show(site, request, door, href=operators.address(site, operators.SIGN_IN))


def _seal(site: Site, attempt: Attempt, to: str, now: datetime) -> str:
    content = json.dumps({"attempt": asdict(attempt), "to": to}).encode()
    return _box(site).encrypt_at_time(content, _second(now)).decode()


def _open(site: Site, cookie: str, now: datetime) -> tuple[Attempt, str] | None:
    """What `_seal` sealed; None if it is none of ours, was changed, or is too old."""
    try:
        content: Any = json.loads(_box(site).decrypt_at_time(cookie.encode(), int(_LASTS.total_seconds()), _second(now)))
    except (InvalidToken, ValueError):
        return None
    return Attempt(**content["attempt"]), content["to"]


def _box(site: Site) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in site.keys.derive("sign-in")])


def _second(now: datetime) -> int:
    return (now - _EPOCH) // timedelta(seconds=1)


def _cookie_name(site: Site) -> str:
    return f"{operators.cookie_name(site.base_url)}_sign_in"


def _set_cookie(site: Site, response: Response, value: str, *, max_age: int) -> None:
    secure = site.base_url.startswith("https://")
    response.set_cookie(_cookie_name(site), value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax")
