"""The embedded web server: it listens before anybody relies on it, and ends without cutting anybody off."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from notifier.errors import TryLaterError
from notifier.web.server import serve

SECRET_PATH = "/a/campaign/" + "T" * 44


async def get(port: int, path: str = SECRET_PATH) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_request_under_way_is_answered_before_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """And no path is logged: a path is a key."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        begun.set()
        await go_on.wait()
        return PlainTextResponse("whole")

    caplog.set_level(logging.DEBUG)
    async with serve(Starlette(routes=[Route("/a/{campaign}/{token}", slow)]), "127.0.0.1", 0) as listening:
        request = asyncio.create_task(get(listening.port))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
    assert (await request).endswith(b"whole")
    assert "TTTT" not in caplog.text


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TryLaterError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve(Starlette(), "127.0.0.1", port):
                pytest.fail("it must not start")


async def test_the_garbage_collector_is_given_back_as_it_was() -> None:
    before = gc.get_threshold()
    async with serve(Starlette(), "127.0.0.1", 0):
        assert gc.get_threshold() == (5000, *before[1:])
    assert gc.get_threshold() == before


async def test_signals_stay_with_whoever_had_them() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serve(Starlette(), "127.0.0.1", 0):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
