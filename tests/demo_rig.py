"""The demonstration in a thread of its own, standing still after its first reminders went out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.demo.theatre import Theatre, theatre

_PATIENCE_SECONDS = 60


@contextmanager
def standing_demo(folder: Path, people: int = 60) -> Iterator[Theatre]:
    """Its pages are served, its time stands."""
    ready, stop = threading.Event(), threading.Event()
    found: list[Theatre] = []
    failure: list[BaseException] = []

    async def run() -> None:
        async with theatre(folder, port=0, seed=7, people=people, pace=40) as play:
            play.stage.pause()
            play.stage.to_next_wave()
            playing = asyncio.create_task(play.stage.play())
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while len(play.mailbox) < 5:  # noqa: ASYNC110 - the mailbox tells in no other way
                    await asyncio.sleep(0.02)
            found.append(play)
            ready.set()
            await asyncio.to_thread(stop.wait)
            play.stage.stop()
            await playing

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=main)
    thread.start()
    ready.wait(timeout=_PATIENCE_SECONDS)
    try:
        if found:
            yield found[0]
    finally:
        stop.set()
        thread.join(timeout=_PATIENCE_SECONDS)
    if failure:
        raise failure[0]
