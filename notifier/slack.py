"""Slack's Web API: one client for everybody who calls it, and its failures told apart.

The SDK's own retries are off (`retry_handlers=[]`): by default it posts again on a dropped connection, which writes people twice.
Nothing is retried here either; whoever calls decides what a second try may cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

_LONGEST_RETRY_AFTER = 3600.0
_CONNECT_SECONDS = 10.0
# Below the minute after which load balancers drop a connection that nobody uses: a request on a dropped one is an uncertain one.
_IDLE_SECONDS = 15.0


class SlackRefused(Exception):  # noqa: N818 - it is what happened, not a mistake of ours
    """Slack answered, and not with yes.

    Attributes:
        error: its name ("user_not_found"); None where the answer was not Slack's JSON.
        status: of HTTP.
        retry_after: seconds, where Slack asked for a pause.
        needed: the scope that is missing, where that is the matter.
    """

    def __init__(self, error: str | None, status: int, *, retry_after: float | None = None, needed: str | None = None) -> None:
        super().__init__(error or f"HTTP {status} without an answer of Slack")
        self.error = error
        self.status = status
        self.retry_after = retry_after
        self.needed = needed


class SlackSilent(Exception):  # noqa: N818
    """No answer came.

    Attributes:
        sent: whether the request may have reached Slack; False where no connection was made.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class SlackApi:
    """Calls methods of the Web API with one token. Opens nothing before the first call, and again after `close`."""

    def __init__(self, token: str, *, base_url: str, team_id: str | None = None, timeout: float = 30.0) -> None:
        """Take what a call needs.

        Args:
            token: of the bot (xoxb-…), or of the app (xapp-…) for `apps.connections.open`.
            base_url: what names of methods are put behind: "https://slack.com/api/".
            team_id: the workspace, for organisation-wide tokens.
            timeout: seconds to wait for an answer.
        """
        self._token = token
        self._team_id = team_id
        self._base_url = base_url
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None

    async def call(self, method: str, arguments: Mapping[str, Any], *, read: bool = False) -> dict[str, Any]:
        """Call a method ("chat.postMessage") and return its answer.

        Args:
            arguments: sent as JSON, or in the address where the method only reads.

        Raises:
            SlackRefused: Slack said no, or something in between did.
            SlackSilent: no answer came.
        """
        return (await self.call_with_headers(method, arguments, read=read))[0]

    async def call_with_headers(
        self, method: str, arguments: Mapping[str, Any], *, read: bool = False
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """As `call`; with the headers of the answer, their names in small letters."""
        client = self._open()
        try:
            if read:
                response = await client.api_call(method, http_verb="GET", params=dict(arguments))
            else:
                response = await client.api_call(method, json=dict(arguments))
        except SlackApiError as error:
            raise _refused(error) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            reason = f"no connection to Slack: {_reason(error)}"
            raise SlackSilent(reason, sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = f"the connection to Slack was lost: {_reason(error)}"
            raise SlackSilent(reason, sent=True) from error
        data = response.data
        if not isinstance(data, dict):
            raise SlackRefused(None, response.status_code)
        return data, {name.lower(): str(value) for name, value in (response.headers or {}).items()}

    async def close(self) -> None:
        """Let go of connections."""
        session, self._session, self._client = self._session, None, None
        if session is not None:
            await session.close()

    def _open(self) -> AsyncWebClient:
        if self._client is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._timeout),
            )
            self._client = AsyncWebClient(
                self._token, base_url=self._base_url, session=self._session, team_id=self._team_id, retry_handlers=[]
            )
        return self._client


def _refused(error: SlackApiError) -> SlackRefused:
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    name = data.get("error") if isinstance(data, dict) else None
    needed = data.get("needed") if isinstance(data, dict) else None
    headers = getattr(response, "headers", None) or {}
    return SlackRefused(
        name if isinstance(name, str) else None,
        status,
        retry_after=_seconds(headers.get("Retry-After")),
        needed=needed if isinstance(needed, str) else None,
    )


def _seconds(text: object) -> float | None:
    """Retry-After; what is no number counts as not said, and nobody waits longer than an hour without asking again."""
    word = str(text).strip() if text is not None else ""
    return min(float(word), _LONGEST_RETRY_AFTER) if word.isdecimal() else None


def _reason(error: BaseException) -> str:
    """Why, in words; never with an address of ours or a token in them."""
    return getattr(error, "strerror", None) or type(error).__name__
