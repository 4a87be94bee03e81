"""The demonstration in a thread of its own, standing still after its first reminders went out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from notifier.demo.theatre import Theatre, theatre
from tests.thread_rig import in_a_thread

_PATIENCE_SECONDS = 60


@contextmanager
def standing_demo(folder: Path, people: int = 60) -> Iterator[Theatre]:
    """Its pages are served, its time stands."""
    with in_a_thread(_standing(folder, people), _PATIENCE_SECONDS) as play:
        yield play


@asynccontextmanager
async def _standing(folder: Path, people: int) -> AsyncIterator[Theatre]:
    async with theatre(folder, port=0, seed=7, people=people, pace=40) as play:
        play.stage.pause()
        play.stage.to_next_wave()
        playing = asyncio.create_task(play.stage.play())
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(play.mailbox) < 5:
                await asyncio.sleep(0.02)
        yield play
        play.stage.stop()
        await playing
