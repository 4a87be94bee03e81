"""What keeps the pages from being used against anybody: headers, origin, form proofs, and a limit on guessing."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.domain.links import LinkKeys

VISIT_COOKIE = "notifier_visit"
FORM_VALID = timedelta(hours=8)
_VISIT = re.compile(r"[A-Za-z0-9_-]{22}")
_CODE_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MISSES_A_MINUTE = 20
_MINUTE = timedelta(minutes=1)
_MOST_ADDRESSES = 10_000
_POLICY = b"content-security-policy"


class SecurityHeaders:
    """Adds to every response what browsers, search engines and caches must respect.

    `Referrer-Policy: same-origin` keeps the link (it stands in the path) from every other site; with `no-referrer` browsers
    would send `Origin: null` on our own form.
    """

    def __init__(self, app: ASGIApp, *, style_hash: str) -> None:
        self._app = app
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src '{style_hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex, nofollow, noarchive",
        }
        self._headers = MutableHeaders(headers).raw
        self._names = {name for name, _ in self._headers}
        self._without_policy = [header for header in self._headers if header[0] != _POLICY]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                others = [header for header in given if header[0] not in self._names]
                policy = [header for header in given if header[0] == _POLICY]  # of a page with another style sheet, or a script
                message["headers"] = [*others, *policy, *(self._without_policy if policy else self._headers)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def comes_from_here(headers: Headers, base_url: str) -> bool:
    """Whether a form was sent from one of our own pages.

    Browsers say so in `Sec-Fetch-Site`, which no page can forge; where it is missing, `Origin` must be ours. `Origin: null` (a
    sandboxed frame, a redirect from elsewhere) is nobody's.
    """
    origin = headers.get("origin")
    if origin == "null":
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    parts = urlsplit(base_url)
    return origin is not None and origin.lower() == f"{parts.scheme}://{parts.netloc}".lower()


class FormProofs:
    """Proves that a form was fetched before it was sent, by the same browser, for the same person and campaign, and when.

    proof = base64url( when: 8 bytes | code: 16 bytes ), the code over all of it with a key derived from the link keys.
    """

    def __init__(self, keys: LinkKeys) -> None:
        self._keys = keys.derive("form")

    def issue(self, *, visit: str, campaign: str, public_id: str, now: datetime) -> str:
        """The proof to put into a form.

        Args:
            visit: the value of the visitor's cookie.
        """
        when = ((now - _EPOCH) // _MICROSECOND).to_bytes(8, "big")
        return base64.urlsafe_b64encode(when + _code(self._keys[0], when, visit, campaign, public_id)).decode()

    def fetched_at(self, proof: str, *, visit: str, campaign: str, public_id: str, now: datetime) -> datetime | None:
        """When the form was fetched; None if the proof is not ours, not for this, or older than `FORM_VALID`."""
        try:
            raw = base64.b64decode(proof.encode(), altchars=b"-_", validate=True)
        except ValueError:
            return None
        when, code = raw[:8], raw[8:]
        expected = [_code(key, when, visit, campaign, public_id) for key in self._keys]
        if len(raw) != 8 + _CODE_BYTES or not any(hmac.compare_digest(code, one) for one in expected):
            return None
        fetched = _EPOCH + int.from_bytes(when, "big") * _MICROSECOND
        return fetched if now - FORM_VALID < fetched else None


@dataclass(frozen=True, slots=True)
class Browser:
    """A visitor's browser, as its cookie makes it known again.

    Attributes:
        visit: what its proofs are made for.
        known: it came with that.
    """

    visit: str
    known: bool

    def remember(self, response: Response, *, base_url: str, below: str) -> None:
        """Give it the cookie for the pages below that path, if it has none."""
        if not self.known:
            base = urlsplit(base_url)
            path, secure = f"{base.path}{below}", base.scheme == "https"
            response.set_cookie(VISIT_COOKIE, self.visit, path=path, secure=secure, httponly=True, samesite="lax")


def browser_of(request: Request) -> Browser:
    """The browser that asks."""
    cookie = request.cookies.get(VISIT_COOKIE, "")
    return Browser(cookie, known=True) if is_visit(cookie) else Browser(new_visit(), known=False)


def new_visit() -> str:
    """A fresh value for the visitor's cookie: random, remembered nowhere."""
    return secrets.token_urlsafe(16)


def is_visit(value: str) -> bool:
    """Whether a cookie has the form of ours."""
    return _VISIT.fullmatch(value) is not None


def _code(key: bytes, when: bytes, visit: str, campaign: str, public_id: str) -> bytes:
    message = "|".join((when.hex(), visit, campaign, public_id)).encode()
    return hmac.digest(key, message, "sha256")[:_CODE_BYTES]


class MissLimit:
    """Counts bad links by address, at most 20 a minute. Good links are never counted: a whole company may share one address.

    The address is the peer's own. `X-Forwarded-For` is not believed, because anybody can write it; behind a proxy all bad links
    therefore share one count, which no good link feels.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def exceeded(self, address: str, now: datetime) -> bool:
        """Count one more miss; whether there have been too many in this minute."""
        key = _network(address)
        since, count = self._counts.pop(key, (now, 0))
        if not timedelta() <= now - since < _MINUTE:
            since, count = now, 0
        self._counts[key] = (since, count + 1)
        if len(self._counts) > _MOST_ADDRESSES:
            self._counts.popitem(last=False)
        return count + 1 > _MISSES_A_MINUTE


def _network(address: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 user has to themselves."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
