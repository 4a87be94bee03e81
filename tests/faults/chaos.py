"""`make chaos`: everything that can go wrong goes wrong, again and again, and one table says what came of it.

    python -m tests.faults.chaos --seed 7 --minutes 10 --json chaos.json

The same seed makes the same choices; what the machine does with them differs each time. Ends with 1 where a promise was not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TextIO

import structlog

from tests.faults import calendars, calls, disks, files, order, people, postgresql, processes, relays
from tests.faults.tried import Tried, table, together
from tests.postgresql_rig import empty_database, server

Go = Callable[[Path, Random], Awaitable[Tried | list[Tried]]]
_AN_HOUR = 60  # minutes: from then on it is the long form


@dataclass(frozen=True)
class Attack:
    """One thing that goes wrong.

    Attributes:
        name: what `--only` calls it.
        go: makes it once, in a folder that is not there yet.
        hourly: how often it is made in the long form, at least; else once.
        again: another time it makes other choices: it is gone on with as long as there is time.
    """

    name: str
    go: Go
    hourly: int = 1
    again: bool = True

    def least(self, minutes: float) -> int:
        return self.hourly if minutes >= _AN_HOUR else 1


async def _migrations(folder: Path, _chance: Random) -> Tried:
    return await asyncio.to_thread(disks.migrations, folder)


async def _rosters(_folder: Path, chance: Random) -> Tried:
    return await asyncio.to_thread(files.any_files, chance, times=20_000)


ATTACKS = (
    Attack("kills", lambda folder, chance: processes.kills(folder, chance, people=10_000, times=50), hourly=10),
    Attack("store-calls", calls.store_calls, again=False),
    Attack("relay-moments", calls.relay_moments, again=False),
    Attack("storm", lambda folder, _: relays.storm(folder, people=20), again=False),
    Attack("long-lock", lambda folder, chance: processes.locks(folder, chance, people=1500, seconds=60), again=False),
    Attack("migrations", _migrations, again=False),
    Attack("rosters", _rosters),
    Attack("stops", lambda folder, chance: processes.stops(folder, chance, people=2000, times=10)),
    Attack("wire-bytes", lambda folder, chance: calls.wire_bytes(folder, chance, times=100)),
    Attack("power", lambda folder, chance: processes.power_losses(folder, chance, people=1000, times=100), hourly=10),
    Attack("full-disk", lambda folder, chance: disks.full_disk(folder, chance, people=1500)),
    Attack("no-pages", lambda folder, chance: disks.no_pages(folder, chance, people=100, times=10)),
    Attack("lock", lambda folder, chance: processes.locks(folder, chance, people=1500, seconds=5)),
    Attack("locked-too-long", lambda folder, chance: disks.locked_too_long(folder, chance, people=100, times=5)),
    Attack("doubles", lambda folder, chance: processes.doubles(folder, chance, people=300)),
    Attack("misbehaviour", lambda folder, chance: relays.misbehaviour(folder, chance, people=300)),
    Attack("greylisting", lambda folder, _: relays.greylisting(folder, people=500)),
    Attack("slow-answers", lambda folder, _: relays.slow_answers(folder, people=4)),
    Attack("clocks", lambda folder, chance: calendars.clock_jumps(folder, chance, times=3)),
    Attack("answers", lambda folder, chance: people.answers_and_backups(folder, chance, people=2000)),
    Attack("damaged-rosters", lambda folder, chance: people.damaged_rosters(folder, chance, people=1000)),
)


def with_strace() -> tuple[Attack, ...]:
    """What can be seen only in the calls to the system."""
    if not order.can_be_watched():
        return ()
    return (Attack("order", lambda folder, chance: order.flushed_before_sent(folder, chance, people=2000), again=False),)


def on_postgresql(server_url: str | None) -> tuple[Attack, ...]:
    """The same on the other database, each in an empty one."""
    if server_url is None:
        return ()

    def there(go: Callable[[Path, Random, str], Awaitable[Tried]]) -> Go:
        async def go_there(folder: Path, chance: Random) -> Tried:
            with empty_database(server_url) as url:
                return await go(folder, chance, url)

        return go_there

    return (
        Attack("pg-calls", there(lambda folder, chance, url: calls.store_calls(folder, chance, url=url)), again=False),
        Attack("pg-sessions", there(lambda *where: postgresql.sessions_ended(*where, people=1500, times=20))),
        Attack("pg-held", there(lambda _, chance, url: postgresql.held(chance, url, people=100))),
        Attack("pg-doubles", there(lambda *where: postgresql.doubles(*where, people=300))),
    )


def in_turn(attacks: Sequence[Attack], minutes: float) -> Iterator[tuple[Attack, bool]]:
    """Each once, then what has to be made more often, then for ever what makes other choices. True: it has to be made."""
    most = max(attack.least(minutes) for attack in attacks)
    for number in range(most):
        yield from ((attack, True) for attack in attacks if number < attack.least(minutes))
    while True:
        again = [(attack, False) for attack in attacks if attack.again]
        if not again:
            return
        yield from again


async def run(attacks: Sequence[Attack], chance: Random, minutes: float, say: Callable[[str], None]) -> list[Tried]:
    """Attack for about so long; the attack under way is finished. What has to be made is made, however long that takes."""
    began, done = time.monotonic(), list[Tried]()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for number, (attack, needed) in enumerate(in_turn(attacks, minutes)):
            if not needed and time.monotonic() - began > minutes * 60:
                break
            place = Path(folder) / str(number)
            try:
                came = await attack.go(place, chance)
            except Exception as error:  # noqa: BLE001 - the table has to say it, and the others go on
                traceback.print_exc()
                came = Tried(attack.name, wrong=[f"{type(error).__name__}: {error}"])
            shutil.rmtree(place, ignore_errors=True)
            for one in came if isinstance(came, list) else [came]:
                say(f"{time.monotonic() - began:6.0f} s  {'kept  ' if one.kept else 'BROKEN'}  {one.promise}: {one.tries} tries")
                done.append(one)
    return sorted(together(done), key=lambda one: int(one.promise.split()[0].removeprefix("R")) if one.promise[0] == "R" else 99)


def _say(where: TextIO, line: str) -> None:
    where.write(f"{line}\n")
    where.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=None, help="the same choices again")
    parser.add_argument("--minutes", type=float, default=10, help="about how long (default 10)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these attacks, by the names in this file")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the table there too, for machines")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else Random().getrandbits(32)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    began = datetime.now(UTC)
    about = f"{began:%-d %B %Y}, seed {seed}, {os.cpu_count()} cores, Python {platform.python_version()}"
    with server() as server_url:
        attacks = [
            one for one in (*ATTACKS, *with_strace(), *on_postgresql(server_url)) if one.name in (arguments.only or [one.name])
        ]
        lines = asyncio.run(run(attacks, Random(seed), arguments.minutes, lambda line: _say(sys.stderr, line)))
        for missing, program in ((not with_strace(), "strace"), (server_url is None, "PostgreSQL")):
            if missing:
                _say(sys.stdout, f"{program} is not here: what needs it was not tried.")
    _say(sys.stdout, f"\n{about}\n\n{table(lines)}")
    if arguments.json is not None:
        facts = {"date": f"{began:%F}", "seed": seed, "cores": os.cpu_count(), "python": platform.python_version()}
        kept = [vars(one) | {"kept": one.kept} for one in lines]
        arguments.json.write_text(json.dumps(facts | {"promises": kept}, indent=2) + "\n", "utf-8")
    return 0 if all(one.kept for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
