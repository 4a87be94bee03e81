"""R9, R15, R16, R20: answers, backups and damaged rosters while the real daemon sends."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy import select

from notifier.domain.campaign import Answer, Assurance
from notifier.errors import BadDataError
from notifier.service import refresh_roster
from notifier.settings.loading import load
from notifier.store import acknowledgements, holds, identity
from notifier.store.backup import backup
from notifier.store.database import Connection, Database
from notifier.store.tables import acknowledgements as table
from notifier.store.tables import deliveries, employees
from tests.daemon_rig import daemon, smtp
from tests.faults.processes import close_books, store_of, wave
from tests.faults.relay import Relay
from tests.faults.stores import count, integrity, rows, states
from tests.faults.tried import Tried

ANSWERS = "R15 answers in a running wave"
BACKUPS = "R20 R9 backups in a running wave, restored"
DAMAGED = "R16 damaged rosters against a running daemon"
_CAMPAIGN = "linkedin-ai-training"
_FAILED = "failed; will be tried again"
_UNTOUCHED = {"planned", "retry"}


async def answers_and_backups(folder: Path, chance: Random, *, people: int, seconds: int = 8) -> list[Tried]:
    """Somebody answers every few milliseconds, and a backup is taken every half second, while the wave goes out."""
    answered, backed_up = Tried(ANSWERS), Tried(BACKUPS)
    async with wave(folder, people) as (home, relay):
        # Slow enough that there is a wave to answer into.
        home.write_configuration(smtp(relay.port) + f"\nper_minute = {people * 60 // seconds}")
        async with daemon(home) as running:
            await running.until(lambda: len(relay.messages) >= 10)
            given: dict[str, str] = {}
            enough = threading.Event()
            answering = asyncio.create_task(
                asyncio.to_thread(_answer_at_random, store_of(home), chance, given, people // 2, enough)
            )
            copying = asyncio.create_task(asyncio.to_thread(_back_up, folder, backed_up, given, enough))
            await running.until(lambda: not _UNTOUCHED & set(states(store_of(home))))
            enough.set()
            await answering
            await copying
            await running.until(lambda: not {*_UNTOUCHED, "claimed"} & set(states(store_of(home))))
            running.signal(signal.SIGTERM)
            await running.ended()
        _judge_answers(answered, store_of(home), relay, given, people)
    return [answered, backed_up]


def _answer_at_random(store: Path, chance: Random, given: dict[str, str], most: int, enough: threading.Event) -> None:
    """Notes for each person the state that their reminder was in when the answer was committed."""
    database = Database(f"sqlite:///{store}")
    while len(given) < most and not enough.wait(chance.uniform(0, 0.03)):
        with database.write() as connection:
            person, email, state = _somebody(connection, chance)
            acknowledgements.record(
                connection,
                campaign=_CAMPAIGN,
                employee_key=person,
                answer=Answer.DONE,
                assurance=Assurance.LINK,
                channel="page",
                receipt_channel="smtp",
                now=datetime.now(UTC),
            )
        given[email] = state
    database.close()


def _somebody(connection: Connection, chance: Random) -> tuple[int, str, str]:
    """Anybody who has not answered, with the state of their reminder."""
    answered = select(table.c.employee_key)
    reminders = select(deliveries.c.employee_key, employees.c.email, deliveries.c.state).join_from(deliveries, employees)
    open_ = reminders.where(deliveries.c.kind == "reminder", deliveries.c.employee_key.not_in(answered))
    person, email, state = chance.choice(connection.execute(open_).all())
    return person, email, state


def _back_up(folder: Path, tried: Tried, given: dict[str, str], enough: threading.Event) -> None:
    store = Database(f"sqlite:///{folder / 'notifier.db'}")
    number = 0
    while not enough.wait(0.5):
        number += 1
        target = folder / f"backup-{number}.db"
        before = len(given)
        backup(store, target)
        tried.tries += 1
        tried.lost += max(0, before - count(target, "acknowledgements"))
        tried.demand(integrity(target) == "ok", integrity(target))
        restored = Database(f"sqlite:///{target}")
        tried.demand(not identity.guard(restored, datetime.now(UTC)), "a restored backup would send")
        with restored.read() as connection:
            stopped = holds.active(connection, datetime.now(UTC), (holds.COPY,))
        tried.demand("a backup of" in "".join(hold.reason for hold in stopped), "a restored backup does not know what it is")
        restored.close()
    store.close()


def _judge_answers(tried: Tried, store: Path, relay: Relay, given: dict[str, str], people: int) -> None:
    """Whose reminder waited when the answer was committed gets the receipt and nothing else."""
    arrived = relay.recipients()
    tried.tries += len(given)
    tried.lost += len(given) - count(store, "acknowledgements")
    tried.lost += sum(arrived[f"p{number}@example.com"] == 0 for number in range(1, people + 1))
    tried.repeated += relay.repeated()
    waited = [email for email, state in given.items() if state in _UNTOUCHED]
    late = [email for email in waited if arrived[email] != 1]
    tried.demand(not late, f"{len(late)} of {len(waited)} were reminded after their answer")
    begun = [email for email, state in given.items() if state not in _UNTOUCHED]
    tried.demand(all(1 <= arrived[email] <= 2 for email in begun), "more than a reminder and a receipt for one person")
    receipts = sum(row.kind == "receipt" and row.state == "accepted" for row in rows(store))
    tried.demand(receipts == len(given), f"{receipts} receipts for {len(given)} answers")


async def damaged_rosters(folder: Path, chance: Random, *, people: int) -> Tried:
    """Each damage is refused, in words, while the wave goes on and at the next start: nobody leaves, nobody changes."""
    tried = Tried(DAMAGED)
    async with wave(folder, people) as (home, relay):
        home.roster.write_bytes(_with_managers(home.roster.read_bytes()))
        configured = load(home.config, environment={})
        database = Database(f"sqlite:///{store_of(home)}")
        async with daemon(home) as running:
            await running.until(lambda: len(relay.messages) >= 1)
            before = _everybody(store_of(home))
            good = home.roster.read_bytes()
            for name, damage in _DAMAGES.items():
                home.roster.write_bytes(damage(good, chance))
                tried.tries += 1
                try:
                    outcome = await asyncio.to_thread(refresh_roster, configured, database, datetime.now(UTC))
                    tried.demand(outcome.refused or not outcome.diff.size, f"{name}: applied")
                except BadDataError:
                    pass
                tried.demand(_everybody(store_of(home)) == before, f"{name}: it changed the people")
            await running.until(lambda: states(store_of(home)) == {"accepted": people})
            running.signal(signal.SIGTERM)
            await running.ended()
        database.close()
        async with daemon(home) as again:
            await again.until(lambda: again.said("the roster was not applied; the one before goes on") or again.said(_FAILED))
            again.signal(signal.SIGTERM)
            await again.ended()
        tried.demand(_everybody(store_of(home)) == before, "the restart changed the people")
        close_books(tried, home, relay, people)
    return tried


def _everybody(store: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(store, timeout=60)) as connection:
        return connection.execute(
            "SELECT id, email, given_name, family_name, active, manager_id FROM employees ORDER BY key"
        ).fetchall()


def _rows(good: bytes) -> list[list[str]]:
    return [line.split(",") for line in good.decode().splitlines()]


def _file(lines: Sequence[Sequence[str]]) -> bytes:
    return ("\n".join(",".join(line) for line in lines) + "\n").encode()


def _halved(good: bytes, chance: Random) -> bytes:
    head, *lines = _rows(good)
    return _file([head, *chance.sample(lines, len(lines) // 2)])


def _with_managers(good: bytes) -> bytes:
    """Ten of them, each with as many people, as an export names them: by their number."""
    head, *lines = _rows(good)
    return _file([[*head, "manager id"], *([*line, str(number % 10 + 1)] for number, line in enumerate(lines))])


def _with_columns(good: bytes, *order: int) -> bytes:
    """The columns below the header in another order."""
    head, *lines = _rows(good)
    return _file([head, *([line[place] for place in order] for line in lines)])


_DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "halved": _halved,
    "cut off in the middle": lambda good, _: good[: len(good) // 2],
    "emptied": lambda _good, _chance: b"",
    "only a header": lambda good, _: good.splitlines()[0],
    "without its header": lambda good, _: good.partition(b"\n")[2],
    "shifted by a column": lambda good, _: _file([_rows(good)[0], *(["", *line[:-1]] for line in _rows(good)[1:])]),
    "names swapped with addresses": lambda good, _: _with_columns(good, 0, 2, 1, 3, 4, 5, 6),
    "given names swapped with family names": lambda good, _: _with_columns(good, 0, 1, 3, 2, 4, 5, 6),
    "numbers swapped with managers": lambda good, _: _with_columns(good, 6, 1, 2, 3, 4, 5, 0),
    "one manager for all": lambda good, _: _file([_rows(good)[0], *([*line[:-1], "7"] for line in _rows(good)[1:])]),
    "as UTF-16 without its mark": lambda good, _: good.decode().encode("utf-16-le"),
    "zeroed by a disk": lambda good, _: bytes(len(good)),
    "read as Latin-1 and written again": lambda good, _: good.decode("latin-1").encode(),
}
