"""R1, R2, R3, R5, R7, R8: the real daemon, killed, stopped, frozen, copied, kept waiting and doubled in the middle of a wave."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from random import Random

from notifier.store.database import Database
from tests.daemon_rig import Home, Running, daemon, free_port, get, make_home
from tests.delivery_rig import smtp_channel
from tests.faults.relay import Relay
from tests.faults.stores import copy_store, integrity, rows, states
from tests.faults.tried import Tried
from tests.smtp_actions import Drip

KILLS = "R1 R2 R3 kill -9 in a wave"
STOPS = "R2 SIGTERM in a wave"
POWER = "R5 power loss: copies of store and log"
LOCKED = "R7 a locked database"
DOUBLES = "R8 two daemons and a zombie"
_CONNECTIONS = 4
_LOG_HEAD, _FRAME = 32, 24 + 4096
_DISTURBED = (
    "nothing can be claimed; sending waits",
    "what happened cannot be recorded; sending waits",
    "failed; will be tried again",
)
_LATE = "an outcome came too late and was not recorded"


def store_of(home: Home) -> Path:
    return home.folder / "notifier.db"


def senders(relay: Relay) -> int:
    """How many messages one daemon may have in hand."""
    return smtp_channel(relay, _CONNECTIONS).concurrency


@asynccontextmanager
async def wave(folder: Path, people: int) -> AsyncIterator[tuple[Home, Relay]]:
    """A home in which a wave is due, and the relay it goes to."""
    folder.mkdir()
    async with Relay() as relay:
        yield make_home(folder, people=people, smtp_port=relay.port), relay


def close_books(tried: Tried, home: Home, relay: Relay, people: int) -> None:
    """What every wave must come to, whatever happened to it."""
    arrived = relay.recipients()
    tried.lost += sum(arrived[f"p{number}@example.com"] == 0 for number in range(1, people + 1))
    tried.repeated += relay.repeated()
    tried.demand(relay.unlike() == 0, f"{relay.unlike()} repeats are not the same bytes")
    tried.demand(states(store_of(home)) == {"accepted": people}, f"states at the end: {dict(states(store_of(home)))}")
    tried.demand(integrity(store_of(home)) == "ok", integrity(store_of(home)))


async def to_the_end(home: Home, people: int) -> None:
    """Run the daemon until everybody has their message, and end it in good order."""
    async with daemon(home) as running:
        await running.until(lambda: running.said("running"))
        await running.until(lambda: states(store_of(home)) == {"accepted": people})
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0


def unrecorded(home: Home, relay: Relay) -> set[str]:
    """Messages that the relay took and the store does not know as taken."""
    if not store_of(home).exists():
        return set()
    known = {row.message_id for row in rows(store_of(home)) if row.state == "accepted"}
    return set(relay.copies()) - known


async def _moment(running: Running, relay: Relay, chance: Random, people: int, share: float) -> None:
    """A random moment: mostly while messages leave, now and then while it starts."""
    if chance.random() < 0.2:
        await asyncio.sleep(chance.uniform(0, 2))
        return
    some = max(2, int((people - len(relay.messages)) * share))
    target = min(people, len(relay.messages) + chance.randint(1, some))
    await running.until(lambda: len(relay.messages) >= target)
    await asyncio.sleep(chance.uniform(0, 0.02))


async def kills(folder: Path, chance: Random, *, people: int, times: int) -> Tried:
    """Nobody is left out; each kill leaves no more in doubt than one daemon has in hand; a repeat is the same bytes."""
    tried = Tried(KILLS)
    async with wave(folder, people) as (home, relay):
        doubtful: set[str] = set()
        for left in range(times, 0, -1):
            async with daemon(home) as running:
                await _moment(running, relay, chance, people, 2 / (left + 1))
                running.signal(signal.SIGKILL)
                await running.ended()
            await relay.still()
            newly = unrecorded(home, relay) - doubtful
            doubtful |= newly
            tried.tries += 1
            tried.bound += senders(relay)
            tried.demand(len(newly) <= senders(relay), f"a kill left {len(newly)} in doubt")
        await to_the_end(home, people)
        close_books(tried, home, relay, people)
    return tried


async def stops(folder: Path, chance: Random, *, people: int, times: int) -> Tried:
    """SIGTERM: it ends with 0, nothing stays claimed, nothing goes out twice."""
    tried = Tried(STOPS)
    async with wave(folder, people) as (home, relay):
        for left in range(times, 0, -1):
            async with daemon(home) as running:
                await running.until(lambda running=running: running.said("running"))
                await _moment(running, relay, chance, people, 2 / (left + 1))
                running.signal(signal.SIGTERM)
                code = await running.ended()
            tried.tries += 1
            tried.demand(code == 0, f"SIGTERM ended it with {code}")
            claimed = states(store_of(home))["claimed"]
            tried.demand(claimed == 0, f"{claimed} rows stayed claimed after SIGTERM")
            tried.demand(not unrecorded(home, relay), "a message left without record at SIGTERM")
        await to_the_end(home, people)
        close_books(tried, home, relay, people)
    return tried


async def power_losses(folder: Path, chance: Random, *, people: int, times: int) -> Tried:
    """The files as they are at random instants, opened again: sound, and no mail on the wire whose claim is not in them.

    Every other copy is torn behind its last commit too, as by a disk that was writing: as good as whole. A copy has what the system
    knew, flushed or not; that each commit is flushed is asked of SQLite itself, and seen by `order.py`.
    """
    tried = Tried(POWER)
    async with wave(folder, people) as (home, relay):
        relay.on("DOT", Drip("250 2.0.0 Ok\r\n", every=0.001), times=None)
        async with daemon(home) as running:
            for number in range(times):
                target = 1 + number * people // times
                await running.until(lambda target=target: len(relay.messages) >= target or len(relay.messages) >= people)
                await asyncio.sleep(chance.uniform(0, 0.05))
                running.signal(signal.SIGSTOP)
                await frozen(running)
                await relay.still()
                begun, taken = relay.begun(), set(relay.copies())
                copy = copy_store(store_of(home), folder / f"copy-{number}.db")
                if number % 2:
                    _tear(Path(f"{copy}-wal"), chance)
                running.signal(signal.SIGCONT)
                tried.tries += 1
                await asyncio.to_thread(_judge_copy, tried, copy, begun, taken)
            await running.until(lambda: states(store_of(home)) == {"accepted": people})
        tried.demand(_flushes(store_of(home)), "not every commit is flushed to the disk")
        close_books(tried, home, relay, people)
    return tried


def _flushes(path: Path) -> bool:
    store = Database(f"sqlite:///{path}")
    with store.write() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    store.close()
    return settings == ["wal", 2]


def _judge_copy(tried: Tried, copy: Path, begun: set[str], taken: set[str]) -> None:
    tried.demand(integrity(copy) == "ok", f"a copy: {integrity(copy)}")
    found = rows(copy)
    unclaimed = begun - {row.email for row in found if row.attempts > 0}
    tried.demand(not unclaimed, f"{len(unclaimed)} messages on the wire without a durable claim")
    unknown = taken - {row.message_id for row in found}
    tried.demand(not unknown, f"{len(unknown)} Message-IDs on the wire that the copy does not know")


def _tear(log: Path, chance: Random) -> None:
    """Cut it off somewhere behind the last commit, with some nonsense there. What is before was flushed before it was built on."""
    if log.exists():
        content = log.read_bytes()
        kept = chance.randint(_last_commit(content), len(content))
        log.write_bytes(content[:kept] + chance.randbytes(chance.randrange(10_000)))


def _last_commit(log: bytes) -> int:
    """Where it ends in a write-ahead log: the format is SQLite's, "Write-Ahead Log", in its description of the file format."""
    at = end = min(_LOG_HEAD, len(log))
    while at + _FRAME <= len(log) and log[at + 8 : at + 16] == log[16:24]:  # the salts of this round
        at += _FRAME
        if log[at - _FRAME + 4 : at - _FRAME + 8] != bytes(4):  # a commit, with the size of the store behind it
            end = at
    return end


async def frozen(running: Running) -> None:
    """Wait until a stop signal has stopped it."""
    status = Path(f"/proc/{running.pid}/stat")
    await running.until(lambda: status.read_text("ascii").rpartition(")")[2].split()[0] == "T")


async def _freeze_between_writes(running: Running, store: Path) -> None:
    """Stop it at a moment at which it does not hold the store: while it does nobody else can write, and nobody can inherit."""
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as probe:
        while True:
            running.signal(signal.SIGSTOP)
            await frozen(running)
            with suppress(sqlite3.OperationalError):
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
                return
            running.signal(signal.SIGCONT)
            await asyncio.sleep(0.005)


def listen_elsewhere(home: Home) -> None:
    """The zombie still has the port. The links stay the same, as behind a proxy."""
    before, home.port = home.port, free_port()
    configuration = home.config.read_text("utf-8")
    home.config.write_text(configuration.replace(f'listen = "127.0.0.1:{before}"', f'listen = "127.0.0.1:{home.port}"'), "utf-8")


async def locks(folder: Path, chance: Random, *, people: int, seconds: float) -> Tried:
    """Another program holds the store for a while. Up to 30 seconds nobody notices; longer is said, and waited for.

    `/readyz` says it too: not before 20 seconds, and within the minute.
    """
    tried = Tried(LOCKED)
    async with wave(folder, people) as (home, relay):
        async with daemon(home) as running:
            target = chance.randint(1, people // 2)
            await running.until(lambda: len(relay.messages) >= target)
            held = asyncio.create_task(asyncio.to_thread(_hold, store_of(home), seconds))
            unwell = await _first_unwell(home, held)
            tried.tries += 1
            tried.demand(
                unwell is None if seconds < 20 else unwell is not None and 20 <= unwell <= 60,
                f"locked for {seconds:g} s, /readyz was red after: {unwell}",
            )
            await running.until(lambda: states(store_of(home)) == {"accepted": people})
            said = [event for event in _DISTURBED if running.said(event)]
            tried.demand(bool(said) == (seconds > 30), f"locked for {seconds:g} s, said: {said}")
            running.signal(signal.SIGTERM)
            await running.ended()
        close_books(tried, home, relay, people)
    return tried


async def _first_unwell(home: Home, held: asyncio.Task[None]) -> float | None:
    """After how many seconds `/readyz` was red for the first time, or None. Returns when nobody holds the store any more."""
    began, unwell = time.monotonic(), None
    while not held.done():
        await asyncio.wait([held], timeout=0.5)
        status, _ = await asyncio.to_thread(get, home, "/readyz")
        if status != 200 and unwell is None:
            unwell = time.monotonic() - began
    await held
    return unwell


def _hold(path: Path, seconds: float) -> None:
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        foreign.execute("SELECT count(*) FROM deliveries").fetchone()
        time.sleep(seconds)
        foreign.execute("ROLLBACK")


async def doubles(folder: Path, chance: Random, *, people: int) -> Tried:
    """A second daemon ends with 75. A frozen one whose lock somebody took away wakes up late and changes nothing any more."""
    tried = Tried(DOUBLES)
    async with wave(folder, people) as (home, relay):
        relay.on("DOT", Drip("250 2.0.0 Ok\r\n", every=0.004), times=None)
        async with daemon(home) as zombie:
            target = chance.randint(people // 10, people // 3)
            await zombie.until(lambda: len(relay.messages) >= target)
            async with daemon(home) as second:
                code = await second.ended()
                named = f"process {zombie.pid} " in second.log.read_text("utf-8")
            tried.demand((code, named) == (75, True), f"a second daemon ended with {code}, the first named: {named}")
            await _freeze_between_writes(zombie, store_of(home))
            (home.folder / "notifier.db.lock").unlink()
            listen_elsewhere(home)
            async with daemon(home) as heir:
                await heir.until(lambda: states(store_of(home)) == {"accepted": people})
                before = rows(store_of(home))
                zombie.signal(signal.SIGCONT)
                code = await zombie.ended()
                tried.demand(code == 75, f"the zombie ended with {code}")
                tried.demand(zombie.said(_LATE), "the zombie had nothing in hand")
                tried.demand(rows(store_of(home)) == before, "the zombie changed what its heir had recorded")
                heir.signal(signal.SIGTERM)
                await heir.ended()
        tried.tries += 1
        tried.bound += senders(relay)
        close_books(tried, home, relay, people)
    return tried
