"""Slack's side of Socket Mode: tickets, WebSockets, envelopes, and what goes wrong with them.

Each ticket opens one connection, which is greeted. An envelope goes to the newest one, and has to be acknowledged on the same
one within three seconds, once. What breaks one of these rules is noted in `broken`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

ACKNOWLEDGE_WITHIN = 3.0


@dataclass
class Sockets:
    """See the head of this module.

    Attributes:
        greets: new connections are sent `hello`.
        silent: new connections answer no ping.
        opened: how many there were.
        living: those that are open now, the newest last.
    """

    broken: list[str]
    greets: bool = True
    silent: bool = False
    opened: int = 0
    living: list[web.WebSocketResponse] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tickets: set[str] = set()
        self._numbers = iter(range(1, 1_000_000))
        self._awaited: dict[str, tuple[web.WebSocketResponse, asyncio.Future[None]]] = {}
        self._changed = asyncio.Condition()

    def ticket(self) -> str:
        """One for a further connection."""
        ticket = f"t{next(self._numbers)}"
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.broken.append("a WebSocket without a ticket, or with one that was used")
            return web.Response(status=401)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(autoping=not self.silent)
        await socket.prepare(request)
        if self.greets:
            await socket.send_json({"type": "hello", "num_connections": len(self.living) + 1, "connection_info": {"app_id": "A0"}})
        await self._note(socket, there=True)
        if len(self.living) > 10:
            self.broken.append("more than 10 connections")
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(socket, json.loads(message.data))
        finally:
            await self._note(socket, there=False)
        return socket

    async def connections(self, opened: int, living: int) -> None:
        """Wait until so many have been opened, and so many are open."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: (self.opened, len(self.living)) == (opened, living))

    async def tell(self, payload: Mapping[str, Any], *, kind: str = "interactive", through: int = -1) -> str:
        """Send an envelope and wait for its acknowledgement. Returns its id."""
        number = f"e{next(self._numbers)}"
        socket = self.living[through]
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited[number] = (socket, acknowledged)
        await socket.send_json({"envelope_id": number, "type": kind, "accepts_response_payload": True, "payload": payload})
        async with asyncio.timeout(ACKNOWLEDGE_WITHIN):
            await acknowledged
        return number

    async def say(self, message: Mapping[str, Any] | str) -> None:
        """Send something else to the newest connection."""
        await self.living[-1].send_str(message if isinstance(message, str) else json.dumps(message))

    async def disconnect(self, reason: str) -> None:
        """Say that the newest connection ends soon."""
        await self.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}})

    async def close(self, which: int = 0) -> None:
        """Close a connection in good order."""
        await self.living[which].close()

    def drop(self) -> None:
        """Cut every connection."""
        for socket in self.living:
            transport = socket._req.transport if socket._req else None
            if transport is not None:
                transport.abort()

    def _acknowledged(self, socket: web.WebSocketResponse, said: Mapping[str, Any]) -> None:
        awaited = self._awaited.pop(str(said.get("envelope_id")), None)
        if awaited is None or awaited[0] is not socket or said.keys() != {"envelope_id"}:
            self.broken.append(f"no acknowledgement, or of nothing, or on another connection: {sorted(said)}")
        elif not awaited[1].done():
            awaited[1].set_result(None)

    async def _note(self, socket: web.WebSocketResponse, *, there: bool) -> None:
        async with self._changed:
            self.opened += there
            self.living = [one for one in self.living if one is not socket] + [socket] * there
            self._changed.notify_all()
