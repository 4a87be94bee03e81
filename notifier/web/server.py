"""The web server inside our own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from notifier.errors import NotPermittedError, TryLaterError

_GRACE_SECONDS = 10
_BACKLOG = 2048
_OBJECTS_BEFORE_COLLECTING = 5000


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens: `port` is the real one, also when 0 was asked for."""

    host: str
    port: int


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the daemon has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int) -> AsyncIterator[Listening]:
    """Answer requests while the block runs. Entered once connections are accepted; left once requests under way are answered.

    There is no access log, since links stand in paths. Forwarding headers are not believed.

    Raises:
        TryLaterError: the address is taken.
        NotPermittedError: this user may not listen there.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        interface="asgi3",
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        http="h11",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        if running.done():
            running.result()
        with _collecting_seldom():
            yield Listening(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await running
        listener.close()


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let Python look for garbage in cycles less often.

    A request that waits for the disk keeps some hundred objects alive. With many of them waiting, Python's own rule (a look with
    each 700 new objects) goes through the same objects again and again, which took a fifth of the time of an answer.
    """
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except PermissionError as error:
        listener.close()
        msg = f"web.listen: this user may not listen on {host}:{port}"
        raise NotPermittedError(msg, hint="choose a port above 1023 and put a reverse proxy before it") from error
    except OSError as error:
        listener.close()
        msg = f"web.listen: cannot listen on {host}:{port}: {error.strerror}"
        raise TryLaterError(msg, hint="another program may hold the port; end it or choose another one") from error
    return listener


def host_and_port(listen: str) -> tuple[str, int]:
    """Of an address as `web.listen` has it."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
