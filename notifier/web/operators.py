"""Who of those that run the service is asking, and what their forms have to carry.

A session is 256 random bits in a cookie that no script reads and no other site sends along with a form (HttpOnly, SameSite=Lax);
behind https it is bound to this host (`__Host-`). See `store/sessions.py` for how long it is good.

A form counts only if it comes from a page of ours (`security.comes_from_here`) and carries the token of this very session. Whoever
sends one from elsewhere gets a 403, signed in or not; whoever merely looks without a session is led to the sign-in, and back.
"""

from __future__ import annotations

import base64
import hmac
import re
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from notifier.domain.operators import Operator, Role
from notifier.store import sessions
from notifier.web import security
from notifier.web.forms import own_form
from notifier.web.site import Site

SIGN_IN = "/admin/sign-in"
START = "/admin"
TEAM = "/team"
FORM_FIELD = "form_token"
_LOOKING = frozenset({"GET", "HEAD"})
_OWN_PATH = re.compile(r"/(admin|team)([/?][!-\[\]-~]*)?")  # printable ASCII, no backslash
_NOT_BACK_TO = re.compile(r"/admin/(sign-in|sign-out|link)\b|[^?]*/(\.|%2e)", re.IGNORECASE)  # nor where dots lead out


class SignInNeeded(Exception):  # noqa: N818 - an outcome, not a mistake of ours
    """Nobody is signed in.

    Attributes:
        to: where they were going, a path of ours.
    """

    def __init__(self, to: str) -> None:
        super().__init__("nobody is signed in")
        self.to = to


class Barred(StrEnum):
    """Why somebody may not do what they asked for."""

    ROLE = "role"  # theirs is not enough
    FOREIGN = "foreign"  # the form came from another site
    STALE = "stale"  # the form has no token of this session
    SIGNED_OUT = "signed out"  # a form, and nobody is signed in


class NotAllowed(Exception):  # noqa: N818 - the same
    """A 403.

    Attributes:
        needed: the role it takes, where it is a matter of roles.
    """

    def __init__(self, why: Barred, needed: Role | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.needed = needed


async def require(site: Site, request: Request, role: Role) -> Operator:
    """The operator who is signed in here, with at least this role.

    Raises:
        SignInNeeded: nobody is, and they are only looking. `web/app.py` leads them to the sign-in.
        NotAllowed: their role is not enough; or it is a form, and it comes from elsewhere or nobody is signed in.
    """
    looking = request.method in _LOOKING
    if not looking and not security.comes_from_here(request.headers, site.base_url):
        raise NotAllowed(Barred.FOREIGN)
    operator = await signed_in(site, request)
    if operator is None and looking:
        raise SignInNeeded(asked_for(request))
    if operator is None:
        raise NotAllowed(Barred.SIGNED_OUT)
    if not operator.role.includes(role):
        raise NotAllowed(Barred.ROLE, role)
    return operator


async def signed_in(site: Site, request: Request) -> Operator | None:
    """The operator who is signed in here, or None."""
    token = _held(site, request)
    if not token:
        return None
    now = site.visitor_clock.now()
    session = await site.database.read_async(lambda connection: sessions.find(connection, token, now))
    if session is None:
        return None
    if not session.fresh:
        number = session.operator.session
        await site.database.write_async(lambda connection: sessions.seen(connection, number, now))
    return session.operator


def form_token(site: Site, operator: Operator, request: Request) -> str:
    """What every form of this operator carries in a hidden field named `FORM_FIELD`. It is good as long as the session is."""
    return _code(site.keys.derive("operator-form")[0], operator, _held(site, request))


async def checked_form(site: Site, request: Request, operator: Operator) -> dict[str, str]:
    """The fields of a form that this operator sent from a page of ours.

    Raises:
        NotAllowed: it comes from elsewhere, or has no token of this session.
        Refused: it is too large, or no form.
    """
    if not security.comes_from_here(request.headers, site.base_url):
        raise NotAllowed(Barred.FOREIGN)
    form = await own_form(request)
    given, held = form.get(FORM_FIELD, ""), _held(site, request)
    codes = (_code(key, operator, held) for key in site.keys.derive("operator-form"))
    if not any(hmac.compare_digest(code.encode(), given.encode()) for code in codes):
        raise NotAllowed(Barred.STALE)
    return form


def remember(site: Site, response: Response, token: str) -> None:
    """Give the browser its session. It forgets it when it is closed; we do after `SESSION_LASTS`."""
    response.set_cookie(cookie_name(site.base_url), token, path="/", secure=_secure(site.base_url), httponly=True, samesite="lax")


def forget(site: Site, response: Response) -> None:
    """Have the browser drop its session."""
    name = cookie_name(site.base_url)
    response.set_cookie(name, "", max_age=0, path="/", secure=_secure(site.base_url), httponly=True, samesite="lax")


def cookie_name(base_url: str) -> str:
    """`__Host-` has the browser refuse a cookie of this name from any other host, and without https."""
    return "__Host-notifier" if _secure(base_url) else "notifier_operator"


def address(site: Site, path: str) -> str:
    """A path of ours as browsers reach it, also where `web.base_url` has a path of its own."""
    return urlsplit(site.base_url).path + path


def own_path(text: str) -> str:
    """Where to go after the sign-in: a page of operators or of the team, or else the first page."""
    good = _OWN_PATH.fullmatch(text) and not _NOT_BACK_TO.match(text)
    return text if good else START


def asked_for(request: Request) -> str:
    """Where this request was going, as `own_path` has it."""
    query = request.url.query
    return own_path(f"{request.url.path}?{query}" if query else request.url.path)


def to_sign_in(site: Site, to: str) -> Response:
    """Lead a browser to the sign-in, and from there to `to`."""
    query = "" if to == START else "?" + urlencode({"to": to})
    return RedirectResponse(address(site, SIGN_IN) + query, status_code=HTTPStatus.SEE_OTHER)


def _held(site: Site, request: Request) -> str:
    return request.cookies.get(cookie_name(site.base_url), "")


def _secure(base_url: str) -> bool:
    return urlsplit(base_url).scheme == "https"


def _code(key: bytes, operator: Operator, held: str) -> str:
    code = hmac.digest(key, f"{operator.session}|{held}".encode(), "sha256")
    return base64.urlsafe_b64encode(code).decode().rstrip("=")
