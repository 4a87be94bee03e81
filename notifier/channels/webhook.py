"""Calls to a program of the organisation, as Standard Webhooks has it (https://www.standardwebhooks.com).

The body is the JSON that was written when the call was planned. One that holds a mail address does not leave, unless the roster has
such for ids. `webhook-id` is the same at every try, so that a repeat can be told. The signature covers id, time of the try and
body: `v1,` and the HMAC-SHA256 of "id.timestamp.body" in base64; one for each secret, where there are two for a while.

Any 2xx is taken. What says that no call is wanted this way, a 3xx (nothing is ever followed), 401, 403, 404, 405 or 410, is ours to
mend: the channel pauses, and the calls wait. Other 4xx refuse this one call. 408, 425, 429 and 5xx are tried again, after the pause
that was asked for. When no answer comes within ten seconds nobody knows, and the call is made again.
"""

from __future__ import annotations

import base64
import hmac
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.clock import Clock
from notifier.content.plain import addresses_in
from notifier.domain.retry import Verdict

_PATIENCE = aiohttp.ClientTimeout(total=10)
_PAUSE = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OURS_TO_MEND = frozenset({401, 403, 404, 405, 410})
_LATER = frozenset({408, 425, 429})
_LONGEST_PAUSE = 3600
_LONGEST_REASON = 100


class WebhookChannel:
    """See `channels/base.py` for the contract."""

    name = "webhook"
    concurrency = 4
    resend_when_uncertain = True

    def __init__(self, url: str, *, secrets: Sequence[str], clock: Clock, ca_file: Path | None = None) -> None:
        """Nothing is opened before the first call.

        Args:
            secrets: each "whsec_" and the key in base64; the newest first.
            ca_file: certificates to trust in place of the system's.
        """
        self._url = url
        self._keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
        self._clock = clock
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def send(self, outgoing: Outgoing) -> Receipt:
        if set(addresses_in(outgoing.rendered.text)) - outgoing.rendered.addresses:
            raise DeliveryFailed(Verdict.CONTENT, "the call names a mail address; it was not made")
        body = outgoing.rendered.text.encode()
        try:
            async with self._opened().post(
                self._url, data=body, headers=self._headers(outgoing, body), allow_redirects=False
            ) as answer:
                return _judged(answer.status, _said(answer), answer.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError) as error:
            reply = f"the webhook cannot be reached ({type(error).__name__})"
            raise DeliveryFailed(Verdict.TEMPORARY, reply, pause_seconds=_PAUSE) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reply = f"no answer from the webhook ({type(error).__name__})"
            raise DeliveryFailed(Verdict.UNCERTAIN, reply, pause_seconds=_PAUSE) from None

    async def reach(self) -> str:
        """Ask for nothing but an answer (HEAD), and tell it: "HTTP 405 Method Not Allowed". No call is made.

        Raises:
            DeliveryFailed: nobody answers.
        """
        try:
            async with self._opened().head(self._url, allow_redirects=False) as answer:
                return _said(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reply = f"the webhook cannot be reached ({type(error).__name__})"
            raise DeliveryFailed(Verdict.TEMPORARY, reply) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=str(self._ca_file)) if self._ca_file else True
            connector = aiohttp.TCPConnector(limit=self.concurrency, ssl=context)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=_PATIENCE, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
            )
        return self._session

    def _headers(self, outgoing: Outgoing, body: bytes) -> dict[str, str]:
        number = f"msg_{outgoing.message_id.partition('@')[0].replace('.', '_')}"  # no dot: it parts what is signed
        second = str((self._clock.now() - _EPOCH) // timedelta(seconds=1))
        signed = f"{number}.{second}.".encode() + body
        codes = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self._keys]
        return {
            "Content-Type": "application/json",
            "User-Agent": "notifier",
            "webhook-id": number,
            "webhook-timestamp": second,
            "webhook-signature": " ".join(f"v1,{code}" for code in codes),
        }


def _said(answer: aiohttp.ClientResponse) -> str:
    return f"HTTP {answer.status} {(answer.reason or '')[:_LONGEST_REASON]}".strip()


def _judged(status: int, said: str, retry_after: str | None) -> Receipt:
    if 200 <= status < 300:
        return Receipt(said)
    if 300 <= status < 400:
        raise DeliveryFailed(Verdict.SENDER, f"{said}: it leads elsewhere; write the new address", pause_seconds=_PAUSE)
    if status in _OURS_TO_MEND:
        raise DeliveryFailed(Verdict.SENDER, f"{said}: check webhook.url and the secret", pause_seconds=_PAUSE)
    if status in _LATER or status >= 500:
        raise DeliveryFailed(Verdict.TEMPORARY, said, pause_seconds=_asked_pause(retry_after))
    raise DeliveryFailed(Verdict.CONTENT, said)


def _asked_pause(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds, an hour at most; a date is not waited for."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdecimal()):
        return None
    return float(min(int(retry_after[:9]), _LONGEST_PAUSE))
