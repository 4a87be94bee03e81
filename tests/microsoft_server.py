"""Microsoft Entra ID and Microsoft Graph on loopback: strict, and misbehaving on plan.

    async with MicrosoftServer() as server:
        server.on("sendMail", Fail(429, "TooManyRequests", retry_after=30))        # the next one; then as usual again
        server.on("sendMail", Drop(done=True), times=None)                         # every time
        channel = GraphChannel(server.client(), mailbox="privacy@example.com", ...)

What Graph offers stands in a table of routes; `MicrosoftServer(routes=(*MAIL_ROUTES, *MORE))` has more. Whoever breaks a rule (a
limit, a header, a permission, a payload) gets the error that Graph gives, and the test fails when the server is closed.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from notifier.microsoft import Credential, GraphClient, TokenClient
from notifier.microsoft.credentials import ClientSecret
from tests.microsoft_authority import Authority
from tests.microsoft_calls import Action, Call, Drop, Fail, GraphError, Hang, Route, Taken
from tests.microsoft_mail import MAIL_ROUTES, Delivered, post_of

__all__ = [
    "MAILBOX",
    "MAIL_ROUTES",
    "NOW",
    "Action",
    "Call",
    "Drop",
    "Fail",
    "GraphError",
    "Hang",
    "MicrosoftServer",
    "Route",
    "Taken",
]

MAILBOX = "privacy@example.com"
NOW = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)


@dataclass
class MicrosoftServer:
    """See the head of this module.

    Attributes:
        now: the time by which limits are judged.
        roles: permissions that the app has for Graph.
        mailboxes: the ones there are.
        send_as: addresses that any mailbox may write in From besides its own.
        trouble: asked for each request after the plan; what to do in place of what Graph does.
        state: what routes keep, by their own keys.
        broken: rules that were broken.
        seen: names of the routes that were called, in order.
    """

    routes: Sequence[Route] = MAIL_ROUTES
    now: Callable[[], datetime] = lambda: NOW
    roles: frozenset[str] = frozenset({"Mail.Send"})
    mailboxes: Sequence[str] = (MAILBOX,)
    send_as: Sequence[str] = ()
    per_minute: int = 30
    per_day: int = 10_000
    at_once: int = 4
    trouble: Callable[[Call], Action | None] = lambda _: None
    state: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.authority = Authority()
        self._plan: dict[str, deque[tuple[Action, int | None]]] = defaultdict(deque)
        self._counted: dict[tuple[str, timedelta], deque[datetime]] = defaultdict(deque)
        self._under_way = 0
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Of Graph, as `microsoft.graph_url` has it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def delivered(self) -> list[Delivered]:
        """What Exchange took to deliver, in order."""
        return post_of(self).delivered

    def tokens(self, credential: Credential | None = None, **more: Any) -> TokenClient:
        """The app's login, with its right secret if nothing else is said."""
        arguments: dict[str, Any] = {"tenant": self.authority.tenant, "client_id": self.authority.client_id} | more
        return TokenClient(
            credential=credential or ClientSecret(self.authority.secret),
            authority=self.authority.host,
            http_client=self.authority.http_client(self.port),
            **arguments,
        )

    def client(self, tokens: TokenClient | None = None, *, timeout: float = 5) -> GraphClient:
        return GraphClient(tokens or self.tokens(), url=self.url, timeout=timeout)

    def on(self, route: str, action: Action, *, times: int | None = 1) -> None:
        """Plan an action; several for one route are used up in order. None: for ever."""
        self._plan[route].append((action, times))

    def behave(self) -> None:
        """Forget what is planned."""
        self._plan.clear()

    def count(self, call: Call, name: str, most: int, window: timedelta) -> None:
        """One more of what may come `most` times in any `window`."""
        times, now = self._counted[name, window], self.now()
        while times and times[0] <= now - window:
            times.popleft()
        times.append(now)
        if len(times) > most:
            self.broken.append(f"{call.route}: {len(times)} of {name} within {window}, where {most} are allowed")

    async def start(self) -> None:
        app = web.Application(client_max_size=5_000_000)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._closing.set()
            await runner.cleanup()
            self._closing.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
        if error is None:
            assert self.broken == [], f"rules of Microsoft that were broken: {self.broken[:5]}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/v1.0/"):
            return self.authority.answer(request.method, request.path, dict(await request.post()))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            if self._under_way > self.at_once:
                self.broken.append(f"{self._under_way} requests at once, where {self.at_once} are allowed")
            return await self._graph(request, await request.read())
        except GraphError as error:
            return _error(error.status, error.code, error.message)
        finally:
            self._under_way -= 1

    async def _graph(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        route, values = self._find(request)
        headers, query = dict(request.headers), dict(request.query)
        call = Call(self, route.name, values, query, headers, self._json(route, request, raw), len(raw))
        self.seen.append(route.name)
        self._let_in(call, route, request.headers.get("Authorization", ""))
        action = self._planned(call)
        if isinstance(action, Hang):
            await self._closing.wait()
        if action is None or isinstance(action, Taken) or (isinstance(action, Fail | Drop) and action.done):
            status, body = await route.handler(call)
        match action:
            case Fail():
                return _error(action.status, action.code, action.message, action.retry_after)
            case Drop() | Hang():
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case Taken():
                return _success(status, body, {"Retry-After": str(action.retry_after)})
            case None:
                return _success(status, body, {})

    def _find(self, request: web.Request) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            if (values := route.match(request.method, request.rel_url.raw_path)) is not None:
                return route, values
        self.broken.append(f"there is no {request.method} {request.path}")
        raise GraphError(404, "ResourceNotFound")

    def _json(self, route: Route, request: web.Request, raw: bytes) -> Any:
        if not raw:
            return None
        if request.content_type != "application/json":
            self.broken.append(f"{route.name}: the content type is {request.content_type}")
            raise GraphError(415, "UnsupportedMediaType")
        try:
            return json.loads(raw)
        except ValueError:
            self.broken.append(f"{route.name}: no JSON")
            raise GraphError(400, "RequestBodyRead") from None

    def _let_in(self, call: Call, route: Route, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        grant = self.authority.grants.get(token)
        if scheme != "Bearer" or grant is None:
            raise call.refuse(401, "InvalidAuthenticationToken", "no token of this authority")
        if grant.audience not in {self.url, "https://graph.microsoft.com"}:
            raise call.refuse(401, "InvalidAuthenticationToken", f"a token for {grant.audience}")
        if not grant.alive:
            raise GraphError(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        if not route.roles & self.roles:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")

    def _planned(self, call: Call) -> Action | None:
        queue = self._plan[call.route]
        if not queue:
            return self.trouble(call)
        action, times = queue[0]
        if times is not None:
            queue.popleft()
            if times > 1:
                queue.appendleft((action, times - 1))
        return action


def _success(status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> web.Response:
    more = {"request-id": "0f2c9a51-1111-4e0a-9d0f-3f2b1c0d9e8f", **headers}
    return web.Response(status=status, headers=more) if body is None else web.json_response(body, status=status, headers=more)


def _error(status: int, code: str, message: str, retry_after: int | None = None) -> web.Response:
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    if not code:
        return web.Response(status=status, text="<html>Bad Gateway</html>", content_type="text/html", headers=headers)
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)
