"""R6, R7, R19: a disk that is full, a store that somebody else holds for too long, and a migration that is killed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event, inspect

from notifier.errors import StoreError
from notifier.store import schema
from notifier.store.database import Database
from tests.daemon_rig import daemon
from tests.delivery_rig import House, house, smtp_channel
from tests.faults.processes import close_books, senders, store_of, unrecorded, wave
from tests.faults.relay import Relay
from tests.faults.stores import integrity, make_store, states
from tests.faults.tried import Tried

FULL = "R6 a full disk under the daemon"
NO_PAGES = "R6 a store that may not grow"
TOO_LONG = "R7 locked for longer than is waited"
MIGRATIONS = "R19 a migration killed at each statement"
_ACCEPTED = "SELECT count(*) FROM deliveries WHERE state = 'accepted'"
_WAITING = ("nothing can be claimed; sending waits", "what happened cannot be recorded; sending waits")


async def full_disk(folder: Path, chance: Random, *, people: int) -> Tried:
    """No file of the daemon may grow, in the middle of a wave; then it may again. What cannot be recorded is not sent."""
    tried = Tried(FULL)
    async with wave(folder, people) as (home, relay):
        async with daemon(home) as running:
            target = chance.randint(1, people // 2)
            await running.until(lambda: len(relay.messages) >= target)
            _, most = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (32_768, most))
            await running.until(lambda: any(running.said(event) for event in _WAITING))
            at_rest = len(relay.messages)
            await asyncio.sleep(1)
            further = len(relay.messages) - at_rest
            in_doubt = unrecorded(home, relay)
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (most, most))
            tried.tries += 1
            tried.demand(further <= senders(relay), f"{further} messages left while the disk was full")
            tried.demand(len(in_doubt) <= senders(relay), f"{len(in_doubt)} messages were sent and could not be recorded")
            await running.until(lambda: states(store_of(home)) == {"accepted": people})
            running.signal(signal.SIGTERM)
            await running.ended()
        close_books(tried, home, relay, people)
    return tried


@contextmanager
def _every_connection(database: Database, *pragmas: str) -> Iterator[None]:
    def connected(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(database.engine, "connect", connected)
    database.engine.dispose()
    try:
        yield
    finally:
        event.remove(database.engine, "connect", connected)
        database.engine.dispose()


async def no_pages(folder: Path, chance: Random, *, people: int, times: int) -> Tried:
    """A store of so many pages and not one more, at another place each time; then it may grow."""
    tried = Tried(NO_PAGES)
    folder.mkdir()
    for number in range(times):
        path = folder / f"{number}.db"
        make_store(path, people)
        pages = path.stat().st_size // 4096
        database = Database(f"sqlite:///{path}")
        async with Relay() as relay:
            one = house(database, [smtp_channel(relay, 2)])
            with _every_connection(database, f"max_page_count = {pages + chance.randint(1, 12)}"):
                full = asyncio.create_task(_passes(one, 3))
                await asyncio.wait([full], timeout=0.5)
                sent = len(relay.messages)
                recorded = one.states()["accepted"]
                tried.demand(sent - recorded <= smtp_channel(relay, 2).concurrency, f"{sent} sent, {recorded} recorded")
            with _every_connection(database, "max_page_count = 1073741823"):
                await full
                await _passes(one, 4)
            await one.dispatcher.close()
            tried.tries += 1
            tried.lost += people - len(relay.recipients())
            tried.repeated += relay.repeated()
            tried.demand(one.states() == {"accepted": people}, f"states at the end: {dict(one.states())}")
        database.close()
        tried.demand(integrity(path) == "ok", integrity(path))
    return tried


async def _passes(one: House, times: int) -> None:
    """As the daemon's loops: what fails is tried again a little later."""
    for _ in range(times):
        with suppress(StoreError):
            await one.pass_over(after=timedelta(seconds=5))


async def locked_too_long(folder: Path, chance: Random, *, people: int, times: int) -> Tried:
    """Somebody holds the store for longer than is waited (here 0.1 seconds, by default 30): what was in hand is recorded later."""
    tried = Tried(TOO_LONG)
    folder.mkdir()
    for number in range(times):
        path = folder / f"{number}.db"
        make_store(path, people)
        database = Database(f"sqlite:///{path}")
        async with Relay() as relay:
            one = house(database, [smtp_channel(relay, 2)])
            with _every_connection(database, "busy_timeout = 100"), closing(sqlite3.connect(path, isolation_level=None)) as foreign:
                running = asyncio.create_task(_passes(one, 60))
                target = chance.randint(1, people // 2)
                while len(relay.messages) < target:
                    await asyncio.sleep(0.001)
                foreign.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(0.5)
                in_doubt = len(relay.messages) - foreign.execute(_ACCEPTED).fetchone()[0]
                foreign.execute("ROLLBACK")
                await running
            await one.dispatcher.close()
            tried.tries += 1
            tried.demand(in_doubt <= smtp_channel(relay, 2).concurrency, f"{in_doubt} messages sent and not recorded")
            tried.lost += people - len(relay.recipients())
            tried.repeated += relay.repeated()
            tried.demand(one.states() == {"accepted": people}, f"states at the end: {dict(one.states())}")
        database.close()
    return tried


def migrations(folder: Path, *, every: int = 1) -> Tried:
    """Whoever migrates an empty store is killed at their Nth statement, for every N: the next start finds or makes the whole."""
    tried = Tried(MIGRATIONS)
    folder.mkdir()
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    number, killed = 1, True
    while killed:
        path = folder / f"{number}.db"
        process = context.Process(target=_migrate_and_die, args=(path, number))
        process.start()
        process.join(60)
        killed = process.exitcode == -signal.SIGKILL
        tried.demand(process.exitcode in {0, -signal.SIGKILL}, f"the migration ended with {process.exitcode}")
        database = Database(f"sqlite:///{path}")
        with database.read() as connection:
            tables = inspect(connection).get_table_names()
        tried.demand(not tables or schema.current(database) == schema.head(), f"killed at {number}: {len(tables)} tables are left")
        schema.create_if_empty(database)
        schema.require_current(database)
        database.close()
        tried.demand(integrity(path) == "ok", integrity(path))
        tried.tries += killed
        number += every
    return tried


def _migrate_and_die(path: Path, number: int) -> None:
    database = Database(f"sqlite:///{path}")
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", count)
    event.listen(database.engine, "commit", count)
    schema.migrate(database)
    database.close()
