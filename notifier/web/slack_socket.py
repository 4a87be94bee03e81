"""Socket Mode: Slack tells of presses through a WebSocket that we open, so nothing has to reach us from outside.

Connections end: Slack renews them about once an hour and says so a little before; the next one is then opened while this one is
still heard. Whatever the end, the next one is made from nothing, after a pause that grows from a second to a minute until one has
held for a minute: Slack counts how often connections are asked for (`apps.connections.open`). Where Slack refuses for a reason that
somebody has to mend, it is asked again every fifteen minutes, and log and readiness say why.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
import structlog

from notifier.slack import SlackApi, SlackRefused, SlackSilent
from notifier.web.slack_connection import LINK_DISABLED, LostError, Press, SlackConnection

_log = structlog.get_logger(__name__)

_NEW_ONE = (
    "make an app-level token with the permission connections:write under Basic Information of the app, and copy it into "
    "slack.app_token_file"
)
_ASK = "the organisation does not let the app do this; ask its Slack administrators"
_MENDING = {
    **dict.fromkeys(("not_authed", "invalid_auth", "token_revoked", "token_expired", "not_allowed_token_type"), _NEW_ONE),
    "missing_scope": _NEW_ONE,
    "account_inactive": f"the app was removed: install it again, then {_NEW_ONE}",
    LINK_DISABLED: "Socket Mode is off: switch it on in the app, or take out slack.app_token and set slack.signing_secret",
    **dict.fromkeys(("access_denied", "no_permission", "forbidden_team", "enterprise_is_restricted", "ekm_access_denied"), _ASK),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds.

    Attributes:
        opening: for a connection and its greeting.
        silence: without a sign before a ping is sent; half as long is waited for its answer.
        pauses: before the first and every further try, until a connection has held.
        held: as long as this a connection must last to count as a good one.
        refused: before the next try where somebody has to mend something.
        leaving: how long the old connection is heard when Slack wants another one.
    """

    opening: float = 10.0
    silence: float = 20.0
    pauses: tuple[float, ...] = (1.0, 5.0, 15.0, 30.0, 60.0)
    held: float = 60.0
    refused: float = 900.0
    leaving: float = 30.0


class SlackSocket:
    """Keeps a connection to Slack, and hears presses through it.

    Attributes:
        trouble: why no press can be heard at present, or None. The first lost connection in a row is none yet.
    """

    def __init__(self, api: SlackApi, press: Press, patience: Patience | None = None) -> None:
        """Nothing is opened before `run`.

        Args:
            api: with the app-level token, xapp-…; closed at the end of `run`.
            press: does what a press asks for, and returns when that is durable.
        """
        self.trouble: str | None = None
        self._api = api
        self._press = press
        self._patience = patience or Patience()
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected until cancelled. What was heard by then is still done and acknowledged."""
        async with aiohttp.ClientSession() as session:
            try:
                await self._stay_connected(session)
            finally:
                await _end(*self._leaving)
                await self._api.close()

    async def _stay_connected(self, session: aiohttp.ClientSession) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            begun = loop.time()
            lost = None
            try:
                await self._connect(session)
            except LostError as error:
                lost = error
            held = loop.time() - begun >= self._patience.held
            failures = 0 if held else failures + 1
            await asyncio.sleep(self._seconds(lost, failures))

    def _seconds(self, lost: LostError | None, failures: int) -> float:
        """How long to wait before the next connection; the log says why."""
        pauses = self._patience.pauses
        pause = pauses[min(max(failures, 1), len(pauses)) - 1]
        if lost is None:
            return pause if failures > 1 else 0.0
        mend = _MENDING.get(lost.error or "")
        if mend is not None:
            self.trouble = f"Slack lets no button presses come in: {lost}"
            _log.error("Slack lets no button presses come in", reason=str(lost), hint=mend)
            return self._patience.refused
        seconds = max(pause, lost.wait)
        if failures > 1:
            self.trouble = f"no connection for button presses: {lost}"
        _log.warning("the connection for button presses was lost", reason=str(lost), seconds=seconds)
        return seconds

    async def _connect(self, session: aiohttp.ClientSession) -> None:
        """Open a connection and hear it until Slack wants another one in its place; then it is heard for a little longer.

        Raises:
            LostError: it could not be opened, or has ended.
        """
        connection = await self._open(session)
        hearing = asyncio.create_task(connection.hear())
        renewing = asyncio.create_task(connection.renew.wait())
        try:
            await asyncio.wait({hearing, renewing}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(hearing, renewing)
            raise
        if not connection.renew.is_set():
            await _end(renewing)
            await hearing
        leaving = asyncio.create_task(_leave(hearing, self._patience.leaving))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _open(self, session: aiohttp.ClientSession) -> SlackConnection:
        patience = self._patience
        try:
            answer = await self._api.call("apps.connections.open", {})
        except SlackRefused as refused:
            raise LostError(str(refused), error=refused.error, wait=refused.retry_after or 0.0) from None
        except SlackSilent as silent:
            raise LostError(str(silent)) from None
        connection = await SlackConnection.open(
            session, str(answer.get("url")), self._press, opening=patience.opening, silence=patience.silence
        )
        if self.trouble is not None:
            _log.info("button presses come in again")
            self.trouble = None
        return connection


async def _leave(hearing: asyncio.Task[None], seconds: float) -> None:
    """Let a connection be heard for so long, or until Slack closes it."""
    try:
        await asyncio.wait({hearing}, timeout=seconds)
    finally:
        await _end(hearing)


async def _end(*tasks: asyncio.Task[None] | asyncio.Task[bool]) -> None:
    """Cancel them and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
