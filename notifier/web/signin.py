"""How operators come in and go out. Where no provider vouches for them (`openid.py`), the service itself does, by a link.

`notifier admin link` makes it. GET shows one button and uses nothing up, so that a preview or a filter of links costs nothing;
POST uses it, once. Whoever signs in gets a session of a new number, whatever their browser held before.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import HTTPExceptionHandler

from notifier.domain.operators import Operator, Role
from notifier.store import ledger, sessions
from notifier.store.database import Connection
from notifier.web import operators, security
from notifier.web.doors import ROLE_NAMES, Door
from notifier.web.operators import Barred, NotAllowed, SignInNeeded
from notifier.web.pages import Say
from notifier.web.site import Site, asked_language

SIGN_OUT = "/admin/sign-out"
_LINK = "/admin/link/{token}"
_DOORS = {
    Barred.ROLE: Door.ROLE,
    Barred.FOREIGN: Door.FOREIGN,
    Barred.STALE: Door.STALE,
    Barred.SIGNED_OUT: Door.SIGNED_OUT_FORM,
}


def routes(site: Site) -> list[Route]:
    """The addresses of this part."""
    return [
        Route(operators.SIGN_IN, partial(_sign_in, site), methods=["GET"]),
        Route(SIGN_OUT, partial(_sign_out, site), methods=["POST"]),
        Route("/admin/signed-out", partial(_signed_out, site), methods=["GET"]),
        Route(_LINK, partial(_show_link, site), methods=["GET"]),
        Route(_LINK, partial(_use_link, site), methods=["POST"]),
    ]


def handlers(site: Site) -> dict[type[Exception], HTTPExceptionHandler]:
    """What becomes of the exceptions of `operators`."""
    return {SignInNeeded: partial(_lead_in, site), NotAllowed: partial(_bar, site)}


async def _sign_in(site: Site, request: Request) -> Response:
    """The way in. Nobody is sent on to the provider unasked: whoever has just signed out would be in again."""
    to = operators.own_path(request.query_params.get("to", ""))
    keep = {} if to == operators.START else {"to": to}
    if site.provider is None:
        return show(site, request, Door.NO_PROVIDER, keep=keep)
    query = f"?{urlencode(keep)}" if keep else ""
    return show(site, request, Door.SIGN_IN, keep=keep, href=f"{operators.address(site, operators.SIGN_IN)}/go{query}")


async def _show_link(site: Site, request: Request) -> Response:
    token, now = request.path_params["token"], site.visitor_clock.now()
    link = await site.database.read_async(lambda connection: sessions.link(connection, token, now))
    if link is None:
        return show(site, request, Door.LINK_OVER)
    return show(site, request, Door.LINK, fields={}, role=link.role)


async def _use_link(site: Site, request: Request) -> Response:
    """Sign in by a link. Only our own page may ask for it, else another site could sign somebody in as whom it likes."""
    if not security.comes_from_here(request.headers, site.base_url):
        raise NotAllowed(Barred.FOREIGN)
    token, now = request.path_params["token"], site.visitor_clock.now()

    def use(connection: Connection) -> str | None:
        link = sessions.use_link(connection, token, now)
        if link is None:
            return None
        issuer, who = sessions.LINK_ISSUER, link.made_by
        return begin(site, connection, issuer=issuer, subject=who, name=who, role=link.role, through="link")

    held = await site.database.write_async(use)
    return show(site, request, Door.LINK_OVER) if held is None else entered(site, held, operators.START)


async def _sign_out(site: Site, request: Request) -> Response:
    operator = await operators.require(site, request, Role.MANAGER)
    await operators.checked_form(site, request, operator)

    def end(connection: Connection) -> None:
        sessions.revoke(connection, site.visitor_clock.now(), operator.session)
        ledger.note(connection, event="signed out", now=site.now(), actor=operator.actor, facts={"session": operator.session})

    await site.database.write_async(end)
    response = RedirectResponse(operators.address(site, "/admin/signed-out"), status_code=HTTPStatus.SEE_OTHER)
    operators.forget(site, response)
    return response


async def _signed_out(site: Site, request: Request) -> Response:
    return show(site, request, Door.SIGNED_OUT, href=operators.address(site, operators.SIGN_IN))


def begin(
    site: Site,
    connection: Connection,
    *,
    issuer: str,
    subject: str,
    name: str,
    role: Role,
    through: str,
    employee_key: int | None = None,
) -> str:
    """Open a session and note it in the ledger. Returns the value for the cookie.

    Args:
        through: "link" or "provider".
        employee_key: whom of the roster they are, if that is known.
    """
    token, now = sessions.new_token(), site.visitor_clock.now()
    who = {"issuer": issuer, "subject": subject, "name": name}
    operator = sessions.begin(connection, token=token, **who, role=role, now=now, employee_key=employee_key)
    facts = {"session": operator.session, "role": role.value, "through": through}
    ledger.note(connection, event="signed in", now=site.now(), actor=operator.actor, facts=facts)
    return token


def entered(site: Site, held: str, to: str) -> Response:
    """Somebody has signed in: their session, and on to where they were going.

    Args:
        held: the value of the session's cookie.
        to: a path of ours.
    """
    response = RedirectResponse(operators.address(site, to), status_code=HTTPStatus.SEE_OTHER)
    operators.remember(site, response, held)
    return response


def show(
    site: Site,
    request: Request,
    door: Door,
    *,
    href: str = "",
    fields: dict[str, str] | None = None,
    send_to: str = "",
    keep: dict[str, str] | None = None,
    operator: Operator | None = None,
    role: Role | None = None,
    needed: Role | None = None,
) -> HTMLResponse:
    """One of these pages.

    Args:
        href: where its action leads; or
        fields: what the form behind its action carries, and
        send_to: where that is sent; "" for the page's own address.
        keep: of the address, beside the language.
    """
    language = asked_language(request) or site.language_of_browser(request)
    tell = Say(language, "sign-in")
    role = operator.role if operator else role
    known = {
        "organisation": site.sender.organisation,
        "contact": site.sender.contact_name,
        "name": operator.name if operator else "",
        "role": tell(ROLE_NAMES[role]) if role else "",
        "needed": tell(ROLE_NAMES[needed]) if needed else "",
    }
    said = door.value
    page = site.pages.page(
        "page-sign-in.html",
        language,
        keep=keep,
        title=tell(said.title, **known),
        paragraphs=[tell(one, **known) for one in said.paragraphs],
        action=tell(said.action),
        href=href,
        send_to=send_to,
        fields=None if fields is None else tuple(fields.items()),
    )
    return HTMLResponse(page, status_code=said.status, headers={"Content-Language": language})


async def _lead_in(site: Site, _request: Request, error: Exception) -> Response:
    if not isinstance(error, SignInNeeded):
        raise error
    return operators.to_sign_in(site, error.to)


async def _bar(site: Site, request: Request, error: Exception) -> Response:
    """A 403. Whoever has too low a role may sign out here, to come back as somebody else."""
    if not isinstance(error, NotAllowed):
        raise error
    operator = await operators.signed_in(site, request) if error.why is Barred.ROLE else None
    if operator is None:
        again = operators.address(site, operators.SIGN_IN) if error.why is Barred.SIGNED_OUT else ""
        return show(site, request, _DOORS[error.why], href=again)
    return show(
        site,
        request,
        Door.ROLE,
        fields={operators.FORM_FIELD: operators.form_token(site, operator, request)},
        send_to=operators.address(site, SIGN_OUT),
        operator=operator,
        needed=error.needed,
    )
