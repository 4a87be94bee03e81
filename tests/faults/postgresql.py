"""R4, R7, R8 on PostgreSQL: sessions that are ended, rows and tables that others hold, two daemons and a zombie."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

from sqlalchemy import Connection, text

from notifier.channels.capture import CaptureChannel
from notifier.store.database import Database
from tests.daemon_rig import Home, Running, daemon, make_home, named_apart
from tests.delivery_rig import house, rows_of
from tests.faults.processes import frozen, listen_elsewhere, senders
from tests.faults.relay import Relay
from tests.faults.stores import emptied
from tests.faults.tried import Tried
from tests.postgresql_rig import THE_LOCK, end_sessions
from tests.smtp_actions import Drip

ENDED = "R4 PostgreSQL ends the daemon's sessions in a wave"
HELD = "R7 PostgreSQL: somebody else holds a row, or all of them"
DOUBLES = "R8 two daemons and a zombie on PostgreSQL"
_AT_WORK = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"


@asynccontextmanager
async def _wave(folder: Path, url: str, people: int) -> AsyncIterator[tuple[Home, dict[str, str], Relay, Database]]:
    """A home in which a wave is due, its environment, the relay it goes to, and our own way to the store."""
    folder.mkdir()
    storage, environment = named_apart(url)
    ours = Database(url)
    try:
        async with Relay() as relay:
            # Slow enough that there is something to disturb.
            relay.on("DOT", Drip("250 2.0.0 Ok\r\n", every=0.004), times=None)
            yield make_home(folder, people=people, smtp_port=relay.port, storage=storage), environment, relay, ours
    finally:
        ours.close()


def _close_books(tried: Tried, ours: Database, relay: Relay, people: int) -> None:
    arrived = relay.recipients()
    tried.lost += sum(arrived[f"p{number}@example.com"] == 0 for number in range(1, people + 1))
    tried.repeated += relay.repeated()
    tried.demand(relay.unlike() == 0, f"{relay.unlike()} repeats are not the same bytes")
    tried.demand(_states(ours) == {"accepted": people}, f"states at the end: {dict(_states(ours))}")


def _states(ours: Database) -> Counter[str]:
    return Counter(row["state"] for row in rows_of(ours))


async def sessions_ended(folder: Path, chance: Random, url: str, *, people: int, times: int) -> Tried:
    """All its sessions but the one with the lock, again and again: what was in hand is recorded on other ones."""
    tried = Tried(ENDED)
    async with _wave(folder, url, people) as (home, environment, relay, ours):
        async with daemon(home, environment) as running:
            for number in range(times):
                target = chance.randint(1, people // (times + 1)) + number * people // (times + 1)
                await running.until(lambda target=target: len(relay.messages) >= target)
                tried.tries += bool(end_sessions(ours.engine, f"NOT ({THE_LOCK})"))
            await running.until(lambda: len(relay.recipients()) == people and _states(ours) == {"accepted": people})
            running.signal(signal.SIGTERM)
            tried.demand(await running.ended() == 0, "it did not end in good order")
        _close_books(tried, ours, relay, people)
    return tried


async def _ends_without_lock(tried: Tried, running: Running) -> None:
    code = await running.ended()
    said = "no longer the only daemon on this store: the database session that held its lock was ended"
    tried.demand(code == 75, f"without its lock it ended with {code}")
    tried.demand(said in running.log.read_text("utf-8"), "it did not say why it ended")


async def doubles(folder: Path, chance: Random, url: str, *, people: int) -> Tried:
    """A second daemon ends with 75. A frozen one whose session was ended wakes up late, changes nothing any more, and ends."""
    tried = Tried(DOUBLES, tries=1)
    async with _wave(folder, url, people) as (home, environment, relay, ours):
        async with daemon(home, environment) as zombie:
            target = chance.randint(people // 10, people // 3)
            await zombie.until(lambda: len(relay.messages) >= target)
            async with daemon(home, environment) as second:
                code = await second.ended()
                named = f"process {zombie.pid} " in second.log.read_text("utf-8")
            tried.demand((code, named) == (75, True), f"a second daemon ended with {code}, the first named: {named}")
            await _freeze_between_writes(zombie, ours)
            tried.demand(end_sessions(ours.engine, THE_LOCK) == 1, "nobody held the lock")
            listen_elsewhere(home)
            async with daemon(home, environment) as heir:
                await heir.until(lambda: _states(ours) == {"accepted": people})
                before = rows_of(ours)
                zombie.signal(signal.SIGCONT)
                await _ends_without_lock(tried, zombie)
                tried.demand(rows_of(ours) == before, "the zombie changed what its heir had recorded")
                heir.signal(signal.SIGTERM)
                tried.demand(await heir.ended() == 0, "the heir did not end in good order")
        tried.bound += senders(relay)
        _close_books(tried, ours, relay, people)
    return tried


async def _freeze_between_writes(running: Running, ours: Database) -> None:
    """Stop it at a moment at which no session of it is at work: an heir would wait for the rows that it holds."""
    while True:
        running.signal(signal.SIGSTOP)
        await frozen(running)
        with ours.read() as connection:
            if not connection.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {_AT_WORK}")):
                return
        running.signal(signal.SIGCONT)
        await asyncio.sleep(0.005)


@contextmanager
def _foreign(ours: Database, statement: str) -> Iterator[Connection]:
    with ours.engine.connect() as connection, connection.begin():
        connection.execute(text(statement))
        yield connection


async def held(_chance: Random, url: str, *, people: int) -> Tried:
    """A row that somebody holds waits, and nothing else does. A table that somebody holds is waited for."""
    tried = Tried(HELD)
    database = emptied(url, people)
    sent: Counter[str] = Counter()
    one = house(database, [CaptureChannel("smtp", lambda outgoing: sent.update([outgoing.address]))])
    one.planner.tick(one.clock.now())
    async with asyncio.timeout(30):
        with _foreign(database, "SELECT id FROM deliveries ORDER BY id LIMIT 1 FOR UPDATE"):
            await one.dispatcher.run_due()
            tried.demand(one.states() == {"accepted": people - 1, "planned": 1}, f"beside a held row: {dict(one.states())}")
        with _foreign(database, "LOCK TABLE deliveries IN EXCLUSIVE MODE"):
            waiting = asyncio.create_task(one.dispatcher.run_due())
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            tried.demand(not done and len(sent) == people - 1, "it did not wait for the table")
        await waiting
    tried.tries += 2
    tried.lost += people - len(sent)
    tried.repeated += sum(sent.values()) - len(sent)
    tried.demand(one.states() == {"accepted": people}, f"states at the end: {dict(one.states())}")
    database.close()
    return tried
