"""Asynchronous servers in a thread of their own, for tests that look at them from outside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def in_a_thread(served: AbstractAsyncContextManager[T], patience_seconds: float = 20) -> Iterator[T]:
    """Enter the asynchronous block in an event loop of its own, and leave it when this one ends. What it raises is raised here."""
    ready, stop = threading.Event(), threading.Event()
    found: list[T] = []
    failure: list[BaseException] = []

    async def run() -> None:
        async with served as one:
            found.append(one)
            ready.set()
            await asyncio.to_thread(stop.wait)

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=main)
    thread.start()
    ready.wait(timeout=patience_seconds)
    try:
        if found:
            yield found[0]
    finally:
        stop.set()
        thread.join(timeout=patience_seconds)
    if failure:
        raise failure[0]
