"""R7, R22: a daemon that has fallen silent says so within a minute, and its service manager hears nothing more."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.clock import MovedClock
from notifier.daemon import Daemon
from notifier.settings.loading import load
from notifier.store import schema
from notifier.store.processes import only_daemon
from tests.daemon_rig import PATIENCE, Home, get, make_home


@asynccontextmanager
async def started(home: Home, clock: MovedClock) -> AsyncIterator[None]:
    """The daemon on a clock of ours, in this process, and its end in good order."""
    task = asyncio.create_task(Daemon(lambda: load(home.config, environment={}), clock).run())
    sent = home.folder / "outgoing"
    async with asyncio.timeout(PATIENCE):
        while not (sent.exists() and list(sent.glob("*.eml"))):
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, PATIENCE)


async def test_a_store_that_cannot_be_written_is_said_within_a_minute(tmp_path: Path) -> None:
    """Another program holds it: the planner waits, the heartbeat waits, reading goes on."""
    home = make_home(tmp_path, people=1)
    clock = MovedClock(datetime.now(UTC))
    async with started(home, clock):
        status, _ = await asyncio.to_thread(get, home, "/readyz")
        assert status == 200
        with closing(sqlite3.connect(tmp_path / "notifier.db", isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            for _ in range(2):  # what had just been written when the lock came may be heard of at the first
                clock.move_to(clock.now() + timedelta(seconds=60))
                status, body = await asyncio.to_thread(get, home, "/readyz")
            foreign.execute("ROLLBACK")
    assert status == 503
    assert "no tick for" in body
    assert "nothing could be written for" in body


async def test_a_planner_that_is_stuck_is_not_called_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog is told at each heartbeat as long as the planner ticks; the store itself can be written all the while."""
    home = make_home(tmp_path, people=1)
    clock = MovedClock(datetime.now(UTC))
    daemon = Daemon(lambda: load(home.config, environment={}), clock)
    database = daemon._service.database
    schema.create_if_empty(database)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with only_daemon(database) as daemon._require_alone:
            await daemon._heartbeat()
            assert listener.recv(100) == b"WATCHDOG=1"
            clock.move_to(clock.now() + timedelta(seconds=46))
            await daemon._heartbeat()
            with pytest.raises(BlockingIOError):
                listener.recv(100)
            await daemon._plan_due()
            await daemon._heartbeat()
            assert listener.recv(100) == b"WATCHDOG=1"
    database.close()
