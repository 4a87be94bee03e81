"""A program that is called, as Standard Webhooks has it: a real server on loopback that checks signatures by the specification."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from aiohttp import web

from notifier.channels.base import Outgoing
from tests.outgoing import LINK, outgoing

# The example of the specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Call:
    """What came in, if its signature was right."""

    body: bytes
    headers: Mapping[str, str]


@dataclass
class WebhookServer:
    """Takes every call that is signed, or answers with `status`.

    Attributes:
        calls: those that were taken.
        tries: every one, also those that were not.
        now: its clock; a call from more than five minutes away is not believed.
    """

    now: datetime
    calls: list[Call] = field(default_factory=list)
    tries: list[Call] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _runner: Any = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        call = Call(await request.read(), dict(request.headers))
        self.tries.append(call)
        if self.status != 200:
            return web.Response(status=self.status, headers=self.headers)
        if request.path != "/hook" or request.method != "POST" or not self.signed(call):
            return web.Response(status=401)
        self.calls.append(call)
        return web.Response(status=204)

    def signed(self, call: Call) -> bool:
        """Whether the signature is right and fresh, by the specification."""
        number, second = call.headers["webhook-id"], call.headers["webhook-timestamp"]
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        code = hmac.new(key, f"{number}.{second}.".encode() + call.body, hashlib.sha256).digest()
        fresh = abs(self.now.timestamp() - int(second)) <= 300
        return fresh and f"v1,{base64.b64encode(code).decode()}" in call.headers["webhook-signature"].split(" ")


def webhook_outgoing(number: int = 1, *, text: str | None = None) -> Outgoing:
    """The call of the delivery `number`; the same number gives the same call."""
    message = outgoing(number, address=f"e{number}", name="")
    said = text or f'{{"type":"person.settled","data":{{"employee_id":"e{number}","about":"{LINK}"}}}}'
    return replace(message, rendered=replace(message.rendered, html="", text=said))
