"""The short form of `make chaos`: store, disk, relay, clock, answers and rosters that fail on plan."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.attacks.effort import tries
from tests.faults import calendars, calls, disks, files, people, relays
from tests.faults.test_processes import SEED, hold


async def test_the_nth_call_to_the_store_fails(tmp_path: Path) -> None:
    """R4: every ninth of them here, every one in the long form."""
    hold(await calls.store_calls(tmp_path / "x", Random(SEED), every=9))


async def test_the_nth_answer_of_the_relay_fails(tmp_path: Path) -> None:
    """R4."""
    hold(await calls.relay_moments(tmp_path / "x", Random(SEED), every=4))


async def test_the_wire_is_cut_at_the_nth_byte(tmp_path: Path) -> None:
    """R4."""
    hold(await calls.wire_bytes(tmp_path / "x", Random(SEED), times=20))


async def test_a_full_disk(tmp_path: Path) -> None:
    """R6: nothing is sent that could not be recorded."""
    hold(
        await disks.full_disk(tmp_path / "home", Random(SEED), people=600),
        await disks.no_pages(tmp_path / "x", Random(SEED), people=60, times=3),
    )


async def test_a_lock_for_longer_than_is_waited(tmp_path: Path) -> None:
    """R7."""
    hold(await disks.locked_too_long(tmp_path / "x", Random(SEED), people=60, times=2))


async def test_every_misbehaviour_of_a_relay(tmp_path: Path) -> None:
    """R10: nobody is lost, repeats only after "taken and not said", a refusal is final."""
    hold(await relays.misbehaviour(tmp_path / "x", Random(SEED), people=150))


async def test_relays_that_put_off(tmp_path: Path) -> None:
    """R11: a delay, and soon no more than one connection in five minutes."""
    hold(await relays.greylisting(tmp_path / "grey", people=30), await relays.storm(tmp_path / "storm", people=8))


async def test_a_late_answer_to_the_final_dot(tmp_path: Path) -> None:
    """R12: one copy."""
    hold(await relays.slow_answers(tmp_path / "x", people=2))


async def test_clock_jumps(tmp_path: Path) -> None:
    """R13, R14: each step once, in working hours, with the true number of days."""
    hold(await calendars.clock_jumps(tmp_path / "x", Random(SEED), times=1))


async def test_answers_and_backups_in_a_running_wave(tmp_path: Path) -> None:
    """R15, R20, R9: after an answer no reminder; every backup is complete, and waits where it is restored."""
    hold(*await people.answers_and_backups(tmp_path / "home", Random(SEED), people=240, seconds=3))


async def test_damaged_rosters(tmp_path: Path) -> None:
    """R16: they change nothing."""
    hold(await people.damaged_rosters(tmp_path / "home", Random(SEED), people=100))


def test_any_roster_file() -> None:
    """R17: a million of them with NOTIFIER_TEST_LONG."""
    hold(files.any_files(Random(SEED), times=tries(1_000, 1_000_000)))


def test_a_migration_that_is_killed(tmp_path: Path) -> None:
    """R19: at every sixth statement here, at every one in the long form."""
    hold(disks.migrations(tmp_path / "x", every=6))
