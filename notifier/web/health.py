"""What a supervisor or a load balancer asks: is the process alive, and may people be sent to it?"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from notifier.domain.links import LinkKeys
from notifier.errors import NotifierError
from notifier.store import schema
from notifier.web.site import Check, Site

_PATIENCE_SECONDS = 10
_WELL = "ok"
INSTANCE_HEADER = "Notifier-Instance"


async def alive(site: Site, _request: Request) -> Response:
    """`/healthz`: the process answers. Nothing else is looked at.

    A header says which notifier it is, to whoever has its link keys.
    """
    return PlainTextResponse("ok\n", headers={INSTANCE_HEADER: instance_of(site.keys)})


def instance_of(keys: LinkKeys) -> str:
    """Tells the notifier with these keys from every other one, and nothing about the keys."""
    return keys.derive("instance")[0].hex()[:16]


async def ready(site: Site, _request: Request) -> Response:
    """`/readyz`: 200 if all is well, else 503. The body says for each part "ok" or what is wrong with it."""
    found = await report(site)
    well = not any(found.values())
    told = {part: wrong or _WELL for part, wrong in found.items()}
    return JSONResponse({"ready": well, **told}, status_code=200 if well else 503)


async def report(site: Site) -> dict[str, str | None]:
    """What is wrong with each part, or None where it is well."""

    async def store() -> str | None:
        await asyncio.to_thread(schema.require_current, site.database)
        return None

    checks: dict[str, Check] = {"store": store, **site.checks}
    found = await asyncio.gather(*(_run(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _run(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {_PATIENCE_SECONDS} seconds"
    except NotifierError as error:
        return str(error)
