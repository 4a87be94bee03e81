"""The short form of `make chaos` on PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.faults import calls, postgresql
from tests.faults.test_processes import SEED, hold

pytestmark = pytest.mark.postgresql


async def test_the_nth_call_fails(tmp_path: Path, postgresql_database: str) -> None:
    """R4: every fourteenth of them here, every one in the long form."""
    hold(await calls.store_calls(tmp_path / "x", Random(SEED), every=14, url=postgresql_database))


async def test_sessions_that_are_ended(tmp_path: Path, postgresql_database: str) -> None:
    """R4: what was in hand is recorded on another session."""
    hold(await postgresql.sessions_ended(tmp_path / "home", Random(SEED), postgresql_database, people=120, times=3))


async def test_rows_and_tables_that_others_hold(postgresql_database: str) -> None:
    """R7."""
    hold(await postgresql.held(Random(SEED), postgresql_database, people=20))


async def test_two_daemons_and_a_zombie(tmp_path: Path, postgresql_database: str) -> None:
    """R8: whoever has lost the lock ends, says why, and writes nothing any more."""
    hold(await postgresql.doubles(tmp_path / "home", Random(SEED), postgresql_database, people=120))
