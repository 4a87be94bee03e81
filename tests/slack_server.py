"""Slack's Web API on loopback: strict about everything the documentation asks, and misbehaving on plan.

    async with SlackServer() as slack:
        slack.on("chat.postMessage", Error("user_not_found"))       # the next call; then as usual again
        slack.on("chat.postMessage", Limited(30), times=None)        # every time

`posts` and `updates` hold what it took, also what it took without saying so (`Drop(taken=True)`). A call that breaks a rule of
`slack_rules.py`, or that is sent the wrong way, is noted in `broken`; one that exceeds a limit is answered with 429 as Slack does
and noted in `exceeded`. Leaving the block with any of `broken` fails the test.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.slack_rules import broken_by_post, broken_by_update
from tests.slack_sockets import Sockets

TOKEN = "xoxb-1-2-bot"
APP_TOKEN = "xapp-1-2-app"
TEAM = "T0TEAM"
_SCOPES = {
    "apps.connections.open": (),
    "auth.test": (),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
}
_HTML = "<html><body><h1>503 Service Unavailable</h1></body></html>"


@dataclass(frozen=True)
class Error:
    """Slack's own "no"."""

    name: str
    status: int = 200
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limited:
    """429 with Retry-After."""

    seconds: int


@dataclass(frozen=True)
class Page:
    """HTML of something in between."""

    status: int = 503
    taken: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection is cut in place of an answer; `taken`: after the message was posted."""

    taken: bool = False


@dataclass(frozen=True)
class Hang:
    """No answer at all."""


Action = Error | Limited | Page | Drop | Hang


@dataclass(frozen=True)
class Post:
    """A message that was taken, or what one was rewritten to."""

    user: str
    channel: str
    ts: str
    body: Mapping[str, Any]
    at: float


@dataclass
class SlackServer:
    """See the head of this module.

    Attributes:
        members: as `users.list` tells them. Where there are none, every user id is somebody's.
        per_minute: what the workspace takes in a minute.
        clock: seconds; the limits are counted by it.
        plan: asked for each call before what `on` planned: method and body to an action, or None.
    """

    members: list[dict[str, Any]] = field(default_factory=list)
    scopes: frozenset[str] = frozenset({"chat:write", "im:write", "users:read", "users:read.email"})
    per_minute: int = 200
    clock: Callable[[], float] = time.monotonic
    wants_team: bool = False
    plan: Callable[[str, Mapping[str, Any]], Action | None] = lambda _method, _body: None

    posts: list[Post] = field(default_factory=list)
    updates: list[Post] = field(default_factory=list)
    calls: list[tuple[str, float]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    exceeded: list[str] = field(default_factory=list)
    base_url: str = ""

    def __post_init__(self) -> None:
        self._planned: dict[str, deque[tuple[Action, int | None]]] = defaultdict(deque)
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._standing: dict[tuple[str, str], Post] = {}
        self._hanging = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.sockets = Sockets(self.broken)

    def on(self, method: str, action: Action, *, times: int | None = 1) -> None:
        """Plan an action; several for one method are used up in order. None: for ever."""
        self._planned[method].append((action, times))

    def behave(self) -> None:
        """Forget what is planned."""
        self._planned.clear()

    def standing(self) -> dict[tuple[str, str], Post]:
        """What each message says now, by conversation and timestamp."""
        return dict(self._standing)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_get("/link/", self.sockets.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/api/"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
        if kind is None:
            assert self.broken == []

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._hanging.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append((method, self.clock()))
        if (refused := self._refuse(request, method)) is not None:
            return refused
        body = dict(request.query) if request.method == "GET" else await request.json()
        action = self.plan(method, body) or self._next(method)
        if isinstance(action, Error):
            return web.json_response({"ok": False, "error": action.name, **action.more}, status=action.status)
        if isinstance(action, Limited):
            return _limited(action.seconds)
        if action is None or (isinstance(action, (Page, Drop)) and action.taken):
            answer = self._do(method, body)
            if action is None or isinstance(answer, web.Response):
                headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
                return answer if isinstance(answer, web.Response) else web.json_response({"ok": True, **answer}, headers=headers)
        return await self._misbehave(request, action)

    async def _misbehave(self, request: web.Request, action: Action) -> web.StreamResponse:
        if isinstance(action, Page):
            return web.Response(text=_HTML, status=action.status, content_type="text/html")
        if isinstance(action, Hang):
            await self._hanging.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _next(self, method: str) -> Action | None:
        queue = self._planned[method]
        if not queue:
            return None
        action, times = queue[0]
        if times is not None:
            queue.popleft()
            if times > 1:
                queue.appendleft((action, times - 1))
        return action

    def _refuse(self, request: web.Request, method: str) -> web.Response | None:
        """What Slack refuses before it looks at the arguments."""
        token = request.headers.get("Authorization", "")
        if method not in _SCOPES:
            return _no("unknown_method")
        if not token:
            return _no("not_authed")
        if token not in {f"Bearer {TOKEN}", f"Bearer {APP_TOKEN}"}:
            return _no("invalid_auth")
        if (token == f"Bearer {APP_TOKEN}") is not (method == "apps.connections.open"):
            return _no("not_allowed_token_type")
        if missing := [scope for scope in _SCOPES[method] if scope not in self.scopes]:
            return _no("missing_scope", needed=missing[0], provided=",".join(sorted(self.scopes)))
        if method.startswith("chat."):
            kind = request.headers.get("Content-Type", "").replace(" ", "").lower()
            if request.method != "POST" or kind != "application/json;charset=utf-8":
                self.broken.append(f"{method} sent by {request.method} as {kind}")
        return None

    def _do(self, method: str, body: Mapping[str, Any]) -> Mapping[str, Any] | web.Response:
        if method == "auth.test":
            return {"url": "https://example.slack.com/", "team": "Example", "team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT"}
        if method == "apps.connections.open":
            return {"url": f"{self.base_url.replace('http', 'ws', 1).removesuffix('/api/')}/link/?ticket={self.sockets.ticket()}"}
        if method == "users.lookupByEmail":
            found = [one for one in self.members if one["profile"].get("email") == body.get("email")]
            return {"user": found[0]} if found else _no("users_not_found")
        if self.wants_team and not body.get("team_id"):
            return _no("missing_argument")
        if method == "users.list":
            return self._list(body)
        return self._post(body) if method == "chat.postMessage" else self._update(body)

    def _post(self, body: Mapping[str, Any]) -> Mapping[str, Any] | web.Response:
        user = str(body.get("channel"))
        if not self._known(user):
            return _no("channel_not_found")
        if (held := self._over(f"conversation {user}", 1, 1.0) or self._over("workspace", self.per_minute, 60.0)) is not None:
            return held
        if self._note(broken_by_post(body)):
            return _no("invalid_arguments")
        at = self.clock()
        post = Post(user, f"D{user[1:]}", f"{int(at) + 1_700_000_000}.{len(self.posts):06}", body, at)
        self.posts.append(post)
        self._standing[post.channel, post.ts] = post
        return {"channel": post.channel, "ts": post.ts, "message": {"type": "message", "text": body["text"], "ts": post.ts}}

    def _update(self, body: Mapping[str, Any]) -> Mapping[str, Any] | web.Response:
        key = (str(body.get("channel")), str(body.get("ts")))
        if (held := self._over("chat.update", 50, 60.0)) is not None:
            return held
        if key not in self._standing:
            return _no("message_not_found")
        if self._note(broken_by_update(body)):
            return _no("invalid_arguments")
        before = self._standing[key]
        self._standing[key] = Post(before.user, *key, body, self.clock())
        self.updates.append(self._standing[key])
        return {"channel": key[0], "ts": key[1], "text": body["text"]}

    def _list(self, body: Mapping[str, Any]) -> Mapping[str, Any] | web.Response:
        if (held := self._over("users.list", 20, 60.0)) is not None:
            return held
        limit = int(body.get("limit") or 0)
        if not 0 < limit <= 200:
            self.broken.append(f"users.list with the limit {limit}: at most 200 are recommended")
        start = int(str(body.get("cursor") or "").removeprefix("dXNlcjo") or 0)
        page = self.members[start : start + limit]
        if "users:read.email" not in self.scopes:
            page = [{**one, "profile": {**one["profile"], "email": None}} for one in page]
        more = f"dXNlcjo{start + limit}" if start + limit < len(self.members) else ""
        return {"members": page, "response_metadata": {"next_cursor": more}}

    def _known(self, user: str) -> bool:
        return user[:1] in {"U", "W"} and (not self.members or any(one["id"] == user for one in self.members))

    def _over(self, name: str, most: int, seconds: float) -> web.Response | None:
        """429 where `most` calls in the last `seconds` have been let through; else this one is counted."""
        now, recent = self.clock(), self._recent[name]
        while recent and recent[0] <= now - seconds:
            recent.popleft()
        if len(recent) >= most:
            self.exceeded.append(name)
            return _limited(max(1, int(recent[0] + seconds - now + 0.999)))
        recent.append(now)
        return None

    def _note(self, broken: Iterable[str]) -> bool:
        found: list[str] = list(broken)
        self.broken += found
        return bool(found)


def member(number: int, email: str | None = None, **more: Any) -> dict[str, Any]:
    """Somebody as `users.list` tells them."""
    profile = {"real_name": f"Person {number}", **({"email": email} if email else {})}
    return {
        "id": f"U{number:08}",
        "team_id": TEAM,
        "name": f"p{number}",
        "deleted": False,
        "is_bot": False,
        "profile": profile,
        **more,
    }


def buttons(post: Post) -> Iterator[Mapping[str, Any]]:
    """Every button of a message."""
    for block in post.body["blocks"]:
        if block["type"] == "actions":
            yield from block["elements"]


def _limited(seconds: int) -> web.Response:
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(seconds)})


def _no(error: str, **more: Any) -> web.Response:
    return web.json_response({"ok": False, "error": error, **more})
