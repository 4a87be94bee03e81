"""Requests to Microsoft Graph: one session, the app's token, and what came back. What an answer means is for the caller to judge.

Nothing is tried again here but one thing: a token that Graph does not accept any more is exchanged once. Such a request was turned
away at the door, so it cannot have had an effect.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from notifier.errors import ConfigurationError
from notifier.microsoft.tokens import GRAPH_URL, TokenClient, roles_in

_AT_ONCE = 4  # Graph takes no more of an app for Outlook, whatever the mailboxes
_LONGEST_RETRY = 86_400.0
_CONNECT_SECONDS = 30.0

_NO_CONNECTION = "Microsoft Graph cannot be reached; check the way out to it: proxy, firewall, name server"
_NOT_TRUSTED = "the certificate of Microsoft Graph is not trusted; if a proxy of yours stands in between, name microsoft.ca_file"
_NO_ANSWER = "no answer in time"
_CUT = "the connection was lost"


class LostError(Exception):
    """No usable answer came.

    Attributes:
        reason: why, in our words, without anything personal.
        sent: False where surely nothing of the request has reached Graph.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph said.

    Attributes:
        body: the JSON object, empty where there was none.
        retry_after: seconds to leave it alone, where it asks for that.
        request_id: what Microsoft's support asks for.
        date: the Date header, as it came.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    request_id: str = ""
    date: str = ""

    @property
    def code(self) -> str:
        """The name of the error ("ErrorAccessDenied"), or nothing."""
        return str(self._error.get("code") or "")

    @property
    def message(self) -> str:
        """The words of the error. They may name people."""
        return str(self._error.get("message") or "")

    @property
    def _error(self) -> Mapping[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


class GraphClient:
    """See the head of this module."""

    def __init__(self, tokens: TokenClient, *, url: str = GRAPH_URL, ca_file: Path | None = None, timeout: float = 60.0) -> None:
        """Nothing is opened before the first request.

        Args:
            url: of the cloud, without the version.
            ca_file: certificates to trust in place of the system's.
            timeout: seconds for a whole request.
        """
        self._tokens = tokens
        self._root = url.rstrip("/")
        self._scope = f"{self._root}/.default"
        self._ca_file = ca_file
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT_SECONDS))
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, path: str, *, payload: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request.

        Args:
            path: "/users/privacy%40example.com/sendMail", quoted and below the version; or a whole link that Graph gave.
            payload: goes as JSON.

        Raises:
            LoginRefusedError, ConfigurationError, TryLaterError: there is no token; nothing has left.
            LostError: there is no answer.
        """
        link = path if path.startswith(f"{self._root}/") else f"{self._root}/v1.0{path}"
        body = None if payload is None else json.dumps(payload, ensure_ascii=False).encode()
        token = await self._tokens.token(self._scope)
        answer = await self._once(method, link, body, token, headers or {})
        if answer.status == 401:
            token = await self._tokens.token(self._scope, instead_of=token)
            answer = await self._once(method, link, body, token, headers or {})
        return answer

    async def roles(self) -> frozenset[str] | None:
        """The permissions that stand in the app's token for Graph ("Mail.Send"). None where it cannot be read.

        Raises:
            As `request` does where there is no token.
        """
        return roles_in(await self._tokens.token(self._scope))

    async def close(self) -> None:
        """Let go of connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _once(self, method: str, link: str, body: bytes | None, token: str, more: Mapping[str, str]) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **more}
        if body is not None:
            headers["Content-Type"] = "application/json"
        session = await self._opened()
        try:
            async with session.request(
                method, URL(link, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                return _answer(response, await response.read())
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise _lost(error) from error

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = await asyncio.to_thread(self._tls)
            if self._session is None:
                connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=tls)
                self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=True)
        return self._session

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            msg = f"microsoft.ca_file: cannot use the certificates in {self._ca_file}: {error.strerror or error}"
            raise ConfigurationError(msg, hint="name a file of certificates in PEM form") from error


def _lost(error: BaseException) -> LostError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return LostError(_NOT_TRUSTED, sent=False)
    if isinstance(error, aiohttp.ConnectionTimeoutError | aiohttp.ClientConnectorError):
        return LostError(_NO_CONNECTION, sent=False)
    return LostError(_NO_ANSWER if isinstance(error, TimeoutError) else _CUT, sent=True)


def _answer(response: aiohttp.ClientResponse, raw: bytes) -> Answer:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = {}  # a proxy's page; the status says enough
    return Answer(
        status=response.status,
        body=body if isinstance(body, dict) else {},
        retry_after=_seconds(response.headers.get("Retry-After", "")),
        request_id=_identifier(response.headers.get("request-id", "")),
        date=response.headers.get("Date", ""),
    )


def _seconds(text: str) -> float | None:
    return min(float(text), _LONGEST_RETRY) if text.isascii() and text.isdecimal() else None


def _identifier(text: str) -> str:
    return text if len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum() else ""
