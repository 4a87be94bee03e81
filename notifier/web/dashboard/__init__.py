"""The pages of those who run the service: what goes out, how far everybody is, why somebody was written to, and what was done.

Plain HTML by forms and links, in the viewer's language and zone. A viewer sees figures; an officer sees persons too, and does what
is done for one of them; to stop, resume, retry, cancel and approve takes an admin. Every view and every act is in the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from notifier.web.dashboard import audit, campaign, choice, health, people, person, person_acts, queue, roster, today
from notifier.web.dashboard.desk import Desk, Office
from notifier.web.operators import START
from notifier.web.site import Site

__all__ = ["Desk", "routes"]

_Page = Callable[[Office, Request], Awaitable[Response]]
_LOOKS: dict[str, _Page] = {
    "": today.show,
    "/live.js": today.script,
    "/resume": today.preview_resume,
    "/campaigns": campaign.first,
    "/campaigns/{campaign}": campaign.show,
    "/people": people.show,
    "/people/{key:int}": person.show,
    "/queue": queue.show,
    "/queue/retry": queue.preview_retry,
    "/queue/cancel": queue.preview_cancel,
    "/roster": roster.show,
    "/roster/approve": roster.preview_approval,
    "/health": health.show,
    "/audit": audit.show,
    "/view": choice.show,
}
_ACTS: dict[str, _Page] = {
    "/stop": today.stop,
    "/resume": today.resume,
    "/people/{key:int}/{act}": person_acts.act,
    "/queue/retry": queue.retry,
    "/queue/cancel": queue.cancel,
    "/roster/approve": roster.approve,
    "/roster/remark": roster.settle_remark,
    "/view": choice.keep,
}


def routes(site: Site, *, desk: Desk) -> list[Route]:
    """The addresses of the dashboard."""
    office = Office(site, desk)
    looks = [Route(START + path, partial(page, office), methods=["GET"]) for path, page in _LOOKS.items()]
    return looks + [Route(START + path, partial(page, office), methods=["POST"]) for path, page in _ACTS.items()]
