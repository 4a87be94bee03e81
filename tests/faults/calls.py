"""R4: the Nth call to the database, to the server and over the wire fails, for every N of a small wave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import OperationalError

from notifier.channels.capture import CaptureChannel
from notifier.channels.smtp import SmtpChannel
from notifier.errors import StoreError
from notifier.store.database import Database
from tests.delivery_rig import CAMPAIGN, TEMPLATES, House, house
from tests.faults.relay import Relay, cut_wire
from tests.faults.stores import copy_store, emptied, integrity, make_store
from tests.faults.tried import Tried
from tests.postgresql_rig import end_sessions
from tests.smtp_actions import Close, Hang, Say, SayAndClose

STORE = "R4 the Nth call to the store fails"
ON_POSTGRESQL = "R4 the Nth call to PostgreSQL fails"
MOMENTS = "R4 the Nth answer of the relay fails"
BYTES = "R4 the wire is cut at the Nth byte"
_PEOPLE = 6
_FAULTS = ("refused", "undone", "done but not confirmed")
_FAULTS_OF_A_SERVER = ("cut off", "done but not confirmed")
_SOON, _LATER = timedelta(seconds=5), timedelta(minutes=4)


@dataclass
class _Counter:
    calls: int = 0
    failed: int = 0


@contextmanager
def nth_call_fails(database: Database, number: int, fault: str) -> Iterator[_Counter]:
    """The Nth statement or commit fails.

    Args:
        fault: "refused": before it is done; "undone": after, and the transaction with it; "done but not confirmed": a commit is
            done and reported as failed; "cut off": the server ends the session before it is done.
    """
    seen = _Counter()
    admin = create_engine(database.engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def strike(*_: Any) -> None:
        seen.calls += 1
        if seen.calls == number:
            seen.failed += 1
            statement = "any"
            raise OperationalError(statement, None, Exception("disk I/O error"))

    def done_and_strike(connection: Any) -> None:
        if seen.calls + 1 == number:
            connection.connection.commit()
        strike()

    def cut(connection: Any, *_: Any) -> None:
        seen.calls += 1
        if seen.calls == number:
            seen.failed += end_sessions(admin, f"pid = {connection.connection.dbapi_connection.info.backend_pid}")

    listeners = {
        "cut off": (("before_cursor_execute", cut), ("commit", cut)),
        "refused": (("before_cursor_execute", strike), ("commit", strike)),
        "undone": (("after_cursor_execute", strike), ("commit", strike)),
        "done but not confirmed": (("commit", done_and_strike),),
    }[fault]
    for name, listener in listeners:
        event.listen(database.engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners:
            event.remove(database.engine, name, listener)


async def store_calls(folder: Path, chance: Random, *, every: int = 1, url: str | None = None) -> Tried:
    """For every N, in each of several ways: all are written to exactly once, and the store is sound.

    Args:
        url: of an empty PostgreSQL database, to do it there.
    """
    tried = Tried(STORE if url is None else ON_POSTGRESQL)
    _prepare(folder, _PEOPLE)
    for fault in _FAULTS if url is None else _FAULTS_OF_A_SERVER:
        number = chance.randint(1, every)
        while await _one_call(tried, folder, number, fault, url):
            number += every
    return tried


def _prepare(folder: Path, people: int) -> None:
    """A store to copy for each wave, and texts so short that making them ready costs nothing."""
    texts = folder / CAMPAIGN.id
    texts.mkdir(parents=True)
    for language in ("en", "fr", "de"):
        head = '+++\nsubject = "LinkedIn"\npreheader = "A setting"\nbutton = "Answer"\n+++\n'
        (texts / f"notice.{language}.md").write_text(head + "# A setting\n\n{{ days_text }}\n\n{{ button }}\n", "utf-8")
    make_store(folder / "empty.db", people)


async def _one_call(tried: Tried, folder: Path, number: int, fault: str, url: str | None) -> bool:
    database = _copied(folder) if url is None else emptied(url, _PEOPLE)
    sent: Counter[str] = Counter()
    one = house(database, [CaptureChannel("smtp", lambda outgoing: sent.update([outgoing.address]))], folders=(folder, TEMPLATES))
    try:
        with nth_call_fails(database, number, fault) as seen:
            for _ in range(4):
                await _as_a_daemon(one, _SOON)
        if seen.failed:
            tried.tries += 1
            tried.lost += _PEOPLE - len(sent)
            tried.repeated += sum(sent.values()) - len(sent)
            _judge_rows(tried, one, f"call {number} {fault}")
    finally:
        database.close()
    return bool(seen.failed)


def _copied(folder: Path) -> Database:
    """A store of its own for one wave."""
    for end in ("", "-wal", "-shm"):
        Path(f"{folder / 'store.db'}{end}").unlink(missing_ok=True)
    return Database(f"sqlite:///{copy_store(folder / 'empty.db', folder / 'store.db')}")


async def _as_a_daemon(one: House, after: timedelta) -> None:
    """One tick and one pass, each tried again later where the store fails, as the daemon's loops do."""
    one.clock.move_to(one.clock.now() + after)
    for work in (lambda: one.dispatcher.release_dead(alone=False), one.pass_over):
        try:
            await work()
        except StoreError:
            continue


def _judge_rows(tried: Tried, one: House, when: str) -> None:
    astray = [row["state"] for row in one.rows() if (row["state"], row["owner"]) != ("accepted", None)]
    tried.demand(not astray, f"{when}: {len(astray)} rows are {sorted(set(astray))}")
    if one.database.path is not None:
        found = integrity(Path(one.database.path))
        tried.demand(found == "ok", f"{when}: {found}")


async def relay_moments(folder: Path, chance: Random, *, every: int = 1) -> Tried:
    """For every N: closed, put off, out of service, silent, or taken and closed. Only the last may repeat, and one message."""
    tried = Tried(MOMENTS)
    _prepare(folder, 3)
    for action in (Close(), Close(keep=True), Say("451 4.3.0 not now"), SayAndClose("421 4.3.2 closing"), Hang()):
        number = chance.randint(1, every)
        while True:
            calls = _Counter()

            def mischief(moment: str, number: int = number, calls: _Counter = calls, action: Any = action) -> Any:
                calls.calls += moment not in {"RSET", "QUIT"}
                if calls.calls != number or calls.failed:
                    return None
                calls.failed = 1
                return action

            async with Relay(mischief=mischief) as relay:
                await _one_wave(tried, folder, relay, relay.port, lambda calls=calls: bool(calls.failed), f"{action} at {number}")
            if not calls.failed:
                break
            tried.bound += action == Close(keep=True)
            number += every
    return tried


async def wire_bytes(folder: Path, chance: Random, *, times: int) -> Tried:
    """Cut anywhere, either way: lost nowhere, repeated at most the one whose answer was on its way."""
    tried = Tried(BYTES)
    _prepare(folder, 3)
    for number in range(times):
        to_server = number % 2 == 0
        after = chance.randrange(25_000 if to_server else 900)
        async with Relay() as relay, cut_wire(relay.port, after=after, to_server=to_server) as port:
            await _one_wave(tried, folder, relay, port, lambda: True, f"cut after {after} bytes, to server: {to_server}")
        tried.bound += 1
    return tried


async def _one_wave(tried: Tried, folder: Path, relay: Relay, port: int, struck: Callable[[], bool], when: str) -> None:
    database = _copied(folder)
    one = house(database, [_impatient_channel(port)], folders=(folder, TEMPLATES))
    for _ in range(5):
        await _as_a_daemon(one, _LATER)
    await one.dispatcher.close()
    if struck():
        tried.tries += 1
        tried.lost += 3 - len(relay.recipients())
        tried.repeated += relay.repeated()
        tried.demand(relay.unlike() == 0, f"{when}: a repeat is not the same bytes")
        _judge_rows(tried, one, when)
    database.close()


def _impatient_channel(port: int) -> SmtpChannel:
    return SmtpChannel(
        host="127.0.0.1",
        port=port,
        security="none",
        sender="Privacy Office <privacy@example.com>",
        reply_to="help@example.com",
        connections=1,
        timeout=0.3,
        final_timeout=0.4,
        helo="client.example.com",
    )
