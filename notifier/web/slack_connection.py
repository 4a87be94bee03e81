"""One WebSocket of Slack's Socket Mode, from its greeting to its end.

Each envelope is acknowledged once what it asks for is durable, which is within Slack's three seconds; what could not be stored is
not acknowledged, and Slack tells the person so. A connection of which nothing is heard is asked for a sign (a ping), and given up
where none comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog

from notifier.errors import NotifierError
from notifier.web.slack_presses import Pressed

_log = structlog.get_logger(__name__)

Press = Callable[[object], Awaitable[Pressed]]

LINK_DISABLED = "link_disabled"
_LARGEST = 1024 * 1024
_TO_FINISH_SECONDS = 3.0  # Slack waits no longer for an acknowledgement
_CLOSING = aiohttp.ClientWSTimeout(ws_close=1.0)
_ENDS = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED}


class LostError(Exception):
    """A connection could not be had, or has ended.

    Attributes:
        error: Slack's name for the reason, where it said one.
        wait: seconds, where Slack asked for a pause.
    """

    def __init__(self, reason: str, *, error: str | None = None, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.error = error
        self.wait = wait


class SlackConnection:
    """A connection that greeted.

    Attributes:
        renew: Slack will end this one soon, and another one should take its place.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, press: Press) -> None:
        self.renew = asyncio.Event()
        self._socket = socket
        self._press = press
        self._acknowledging: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls, session: aiohttp.ClientSession, url: str, press: Press, *, opening: float, silence: float
    ) -> SlackConnection:
        """Connect, and wait for the greeting.

        Args:
            press: does what a press asks for, and returns when that is durable.
            opening: seconds to wait for all of it.
            silence: seconds without a sign before a ping is sent; half as long is waited for its answer.

        Raises:
            LostError: Slack does not answer, or not as it should. The address holds a ticket and is not told.
        """
        connection = None
        try:
            async with asyncio.timeout(opening):
                socket = await session.ws_connect(url, heartbeat=silence, max_msg_size=_LARGEST, timeout=_CLOSING)
                connection = cls(socket, press)
                await connection._greeted()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LostError) as error:
            if connection is not None:
                await connection._close()
            said = str(error) if isinstance(error, LostError) else f"Slack's WebSocket cannot be opened ({type(error).__name__})"
            raise LostError(said) from None
        return connection

    async def hear(self) -> None:
        """Do what the connection tells, until it ends or this is cancelled; what was heard is finished and acknowledged.

        Raises:
            LostError: it has ended, though Slack had not said that it would.
        """
        try:
            while True:
                self._heed(await self._receive())
        except LostError:
            if not self.renew.is_set():
                raise
        finally:
            if self._acknowledging:
                _, late = await asyncio.wait(self._acknowledging, timeout=_TO_FINISH_SECONDS)
                for task in late:
                    task.cancel()
            await self._close()

    async def _greeted(self) -> None:
        if (await self._receive()).get("type") != "hello":
            msg = "Slack's WebSocket does not greet"
            raise LostError(msg)

    async def _close(self) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._socket.close()

    def _heed(self, said: Mapping[str, Any]) -> None:
        if said.get("type") == "disconnect":
            if said.get("reason") == LINK_DISABLED:
                raise LostError(LINK_DISABLED, error=LINK_DISABLED)
            self.renew.set()
        elif isinstance(said.get("envelope_id"), str):
            task = asyncio.create_task(self._acknowledge(said))
            self._acknowledging.add(task)
            task.add_done_callback(self._acknowledging.discard)

    async def _acknowledge(self, envelope: Mapping[str, Any]) -> None:
        try:
            if envelope.get("type") == "interactive":
                await self._press(envelope.get("payload"))
        except NotifierError as error:
            _log.error("a press in Slack could not be recorded", error=str(error), hint=error.hint)
            return
        with contextlib.suppress(aiohttp.ClientError, OSError):  # it is recorded; told again, it changes nothing
            await self._socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))

    async def _receive(self) -> Mapping[str, Any]:
        """The next message; what cannot be read is nothing.

        Raises:
            LostError: none comes any more.
        """
        message = await self._socket.receive()
        if message.type in _ENDS:
            msg = "Slack closed its WebSocket"
            raise LostError(msg)
        if message.type is aiohttp.WSMsgType.ERROR:
            msg = f"Slack's WebSocket broke off ({type(message.data).__name__})"
            raise LostError(msg)
        try:
            said = json.loads(message.data)
        except (ValueError, TypeError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}
