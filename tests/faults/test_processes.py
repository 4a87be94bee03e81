"""The short form of `make chaos`: the daemon, killed, stopped, copied, kept waiting and doubled in the middle of a wave."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.faults import processes
from tests.faults.tried import Tried, table

SEED = 20251103


def hold(*runs: Tried) -> None:
    """Every promise is kept, and the table says which is not."""
    assert all(run.kept for run in runs), "\n" + table(runs)


async def test_kills(tmp_path: Path) -> None:
    """R1, R2, R3: kill -9 loses nothing, repeats no more than was in hand, and the same bytes."""
    hold(await processes.kills(tmp_path / "home", Random(SEED), people=1000, times=5))


async def test_stops(tmp_path: Path) -> None:
    """R2: SIGTERM repeats nothing."""
    hold(await processes.stops(tmp_path / "home", Random(SEED), people=300, times=2))


async def test_power_losses(tmp_path: Path) -> None:
    """R5: what is on the wire has a durable claim, in any copy of the files."""
    hold(await processes.power_losses(tmp_path / "home", Random(SEED), people=200, times=20))


async def test_a_lock_of_five_seconds(tmp_path: Path) -> None:
    """R7: nobody notices."""
    hold(await processes.locks(tmp_path / "home", Random(SEED), people=400, seconds=5))


async def test_two_daemons_and_a_zombie(tmp_path: Path) -> None:
    """R8: the second is told who runs; whoever wakes up late writes nothing any more, and sends what it had in hand at most."""
    hold(await processes.doubles(tmp_path / "home", Random(SEED), people=200))
