"""The viewer's own choice: in which language and in which time zone these pages are written."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.store import finding
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import VIEW_COOKIE, zones
from notifier.web.pages import LANGUAGE_NAMES

_A_YEAR = 366 * 24 * 60 * 60
_UTC = "UTC"


async def show(office: Office, request: Request) -> Response:
    """GET: the zones of the people of the roster are offered, besides the organisation's and UTC; any other can be typed."""
    view = await office.frame.enter(request, Role.VIEWER)
    lived_in = await office.site.database.read_async(finding.time_zones)
    return office.frame.show(
        request,
        view,
        "choice.html",
        str(view.say("Language and time zone")),
        languages=LANGUAGE_NAMES,
        zones=sorted({*lived_in, office.frame.zone.key, _UTC}),
        wrong="zone" in request.query_params.getlist("wrong"),
    )


async def keep(office: Office, request: Request) -> Response:
    """POST."""
    view, form = await office.frame.act(request, Role.VIEWER)
    language = form.get("lang") if form.get("lang") in LANGUAGE_NAMES else view.language
    zone = form.get("zone", "").strip()
    if zone not in zones():
        return office.frame.back(view, "/view?wrong=zone")
    response = office.frame.back(view, "/view", "view")
    secure = urlsplit(office.site.base_url).scheme == "https"
    value = f"{language}|{zone}"
    response.set_cookie(VIEW_COOKIE, value, max_age=_A_YEAR, path=view.root, secure=secure, httponly=True, samesite="lax")
    return response
