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
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import TextIO

import structlog

from tests.faults import calendars, calls, disks, people, processes, relays
from tests.faults.tried import Tried, table, together

Attack = Callable[[Path, Random], Awaitable[Tried | list[Tried]]]


async def _migrations(folder: Path, _chance: Random) -> Tried:
    return await asyncio.to_thread(disks.migrations, folder)


async def _rosters(_folder: Path, chance: Random) -> Tried:
    return await asyncio.to_thread(people.any_roster_bytes, chance, times=5_000)


def kills(folder: Path, chance: Random) -> Awaitable[Tried]:
    """A wave of 10,000 and twenty kills: the longest of all, and what most of the time goes to."""
    return processes.kills(folder, chance, people=10_000, times=20)


ONCE: tuple[Attack, ...] = (
    calls.store_calls,
    calls.relay_moments,
    lambda folder, _: relays.storm(folder, people=20),
    lambda folder, chance: processes.locks(folder, chance, people=1500, seconds=33),
    _migrations,
)
"""What is complete, or long enough, after one time."""

AGAIN: tuple[Attack, ...] = (
    _rosters,
    lambda folder, chance: processes.stops(folder, chance, people=2000, times=10),
    lambda folder, chance: calls.wire_bytes(folder, chance, times=100),
    lambda folder, chance: processes.power_losses(folder, chance, people=1000, times=100),
    lambda folder, chance: disks.full_disk(folder, chance, people=1500),
    lambda folder, chance: disks.no_pages(folder, chance, people=100, times=10),
    lambda folder, chance: processes.locks(folder, chance, people=1500, seconds=5),
    lambda folder, chance: disks.locked_too_long(folder, chance, people=100, times=5),
    lambda folder, chance: processes.doubles(folder, chance, people=300),
    lambda folder, chance: relays.misbehaviour(folder, chance, people=300),
    lambda folder, _: relays.greylisting(folder, people=500),
    lambda folder, _: relays.slow_answers(folder, people=4),
    lambda folder, chance: calendars.clock_jumps(folder, chance, times=3),
    lambda folder, chance: people.answers_and_backups(folder, chance, people=2000),
    lambda folder, chance: people.damaged_rosters(folder, chance, people=1000),
)
"""What is another one each time."""


def attacks() -> Iterator[Attack]:
    """Each once, and then for ever kills, with one of the others in between."""
    yield kills
    yield from ONCE
    yield from AGAIN
    while True:
        for attack in AGAIN:
            yield kills
            yield attack


async def run(chance: Random, minutes: float, say: Callable[[str], None]) -> list[Tried]:
    """Attack for about so long; the attack under way is finished. All of them are made once, however long that takes."""
    began, done = time.monotonic(), list[Tried]()
    at_least = len(ONCE) + len(AGAIN) + 1
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for number, attack in zip(count(), attacks(), strict=False):
            if number >= at_least and time.monotonic() - began > minutes * 60:
                break
            try:
                came = await attack(Path(folder) / str(number), chance)
            except Exception as error:  # noqa: BLE001 - the table has to say it, and the others go on
                traceback.print_exc()
                came = Tried(f"attack {number}", wrong=[f"{type(error).__name__}: {error}"])
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
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the table there too, for machines")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else Random().getrandbits(32)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    began = datetime.now(UTC)
    about = f"{began:%-d %B %Y}, seed {seed}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = asyncio.run(run(Random(seed), arguments.minutes, lambda line: _say(sys.stderr, line)))
    _say(sys.stdout, f"\n{about}\n\n{table(lines)}")
    if arguments.json is not None:
        facts = {"date": f"{began:%F}", "seed": seed, "cores": os.cpu_count(), "python": platform.python_version()}
        kept = [vars(one) | {"kept": one.kept} for one in lines]
        arguments.json.write_text(json.dumps(facts | {"promises": kept}, indent=2) + "\n", "utf-8")
    return 0 if all(one.kept for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
