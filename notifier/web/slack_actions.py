"""`POST /slack/actions`: Slack tells of a press by HTTP.

What proves that Slack sends it is a code over the raw body and the time, made with the signing secret. A call is believed if the
code is right and the time no more than five minutes from ours: everything else gets 401 and changes nothing, whatever it holds.
So does a call that came before (see `slack_presses.py`), and one from a workspace where nobody is known. Nothing that a browser
could send is believed, so no form proof is asked for. Slack waits three seconds; an answer is durable before it gets its 200.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from notifier.web.forms import FormError, read_body
from notifier.web.slack_presses import Pressed, Presses

PATH = "/slack/actions"
OLDEST = timedelta(minutes=5)
_LARGEST = 512 * 1024  # the message comes along, with each sign in a code of up to twelve
_TIME = re.compile(r"[0-9]{1,10}")
_CODE = re.compile(r"v0=[0-9a-f]{64}")
_NOT_HEARD = frozenset({Pressed.REPEATED, Pressed.OTHER_TEAM})


@dataclass(frozen=True, slots=True)
class SlackActions:
    """The address that Slack calls.

    Attributes:
        secret: the signing secret.
    """

    secret: str = field(repr=False)
    presses: Presses

    async def take(self, request: Request) -> Response:
        """Answer one call."""
        payload = await self._genuine(request)
        if payload is None or await self.presses.press(payload) in _NOT_HEARD:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        return Response(status_code=HTTPStatus.OK)

    async def _genuine(self, request: Request) -> object | None:
        """What Slack tells; None where it cannot be read, or is not Slack's."""
        said = _said(request.headers, self.presses.clock.now())
        if said is None:
            return None
        try:
            body = await read_body(request, most=_LARGEST)
        except FormError:
            return None
        stamp, code = said
        expected = hmac.new(self.secret.encode(), b"v0:" + stamp + b":" + body, "sha256").hexdigest()
        return _payload(body) if hmac.compare_digest(code, b"v0=" + expected.encode()) else None


def _said(headers: Headers, now: datetime) -> tuple[bytes, bytes] | None:
    """The time and the code that a call carries; None where one is missing or the time is far from ours."""
    stamp, code = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _TIME.fullmatch(stamp) or not _CODE.fullmatch(code):
        return None
    fresh = abs(now - datetime.fromtimestamp(int(stamp), UTC)) <= OLDEST
    return (stamp.encode(), code.encode()) if fresh else None


def _payload(body: bytes) -> object | None:
    try:
        form = dict(parse_qsl(body.decode(), max_num_fields=10))
        payload: object = json.loads(form["payload"])
    except (ValueError, KeyError, RecursionError):
        return None
    return payload
