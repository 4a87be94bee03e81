"""R8, R22: the lock of the only daemon, lost or not, and what `/readyz` asks of a daemon, on both databases."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.clock import MovedClock
from notifier.errors import TryLaterError
from notifier.store import holds, outcomes, processes
from notifier.store.database import SQLITE, Database
from notifier.store.outcomes import Outcome
from notifier.store.processes import Process
from notifier.store.tables import State
from notifier.web.readiness import Heard, daemon_checks
from tests.contract.test_identity import claim
from tests.planning_rig import add_person, planner, utc
from tests.postgresql_rig import THE_LOCK, end_sessions

NOW = utc("2025-10-03T10:00")
LOST = "no longer the only daemon on this store"
TAKEN = "a daemon is already running on this store: "
HERE = f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def another(database: Database) -> Iterator[Database]:
    """The store, as a second process opens it."""
    other = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        yield other
    finally:
        other.close()


def take_away(database: Database) -> None:
    """The lock, while its holder lives: the file is deleted, or the server ends the session."""
    if database.dialect == SQLITE:
        Path(f"{database.path}.lock").unlink()
    else:
        assert end_sessions(database.engine, THE_LOCK) == 1


def test_a_second_daemon_is_refused_and_the_first_stays_alone(database: Database) -> None:
    with processes.only_daemon(database) as require_alone, another(database) as second:
        with database.write() as connection:
            processes.register(connection, "first", NOW)
        with pytest.raises(TryLaterError, match=re.escape(TAKEN + HERE)) as caught, processes.only_daemon(second):
            pass
        assert caught.value.hint == "stop it first; it hands over within a minute"
        require_alone()
    with another(database) as later, processes.only_daemon(later) as require_alone:
        require_alone()


def test_the_next_daemon_may_begin_at_once(database: Database) -> None:
    """PostgreSQL drops the lock of a session that was cut only some time after: a connection that is open already shows it."""
    with another(database) as heir:
        for _ in range(20):
            with heir.engine.connect():
                pass  # opened before the lock is given back, and kept in the pool
            with processes.only_daemon(database):
                pass
            with processes.only_daemon(heir) as require_alone:
                require_alone()


def test_a_lock_that_is_lost_is_noticed_and_stays_lost(database: Database) -> None:
    """Also after somebody else has it, and where the connection has come back by itself."""
    with processes.only_daemon(database) as require_alone:
        take_away(database)
        for _ in range(2):
            with pytest.raises(TryLaterError, match=LOST) as caught:
                require_alone()
            assert (caught.value.hint or "").endswith("; the service can be started again at once")
        with another(database) as heir, processes.only_daemon(heir) as heir_alone:
            with pytest.raises(TryLaterError, match=LOST):
                require_alone()
            heir_alone()


def test_who_has_lost_the_lock_does_not_end_the_heirs(database: Database) -> None:
    """The loser ends, and the heir holds the lock as before."""
    with another(database) as heir, ExitStack() as stack:
        with processes.only_daemon(database):
            take_away(database)
            heir_alone = stack.enter_context(processes.only_daemon(heir))
        heir_alone()
        with another(database) as third, pytest.raises(TryLaterError), processes.only_daemon(third):
            pass


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "{}", '{"pid": 1}'])
def test_a_holder_whose_name_cannot_be_read_is_another_process(sqlite_database: Database, content: str) -> None:
    with processes.only_daemon(sqlite_database), another(sqlite_database) as second:
        Path(f"{sqlite_database.path}.lock").write_text(content, "utf-8")
        with pytest.raises(TryLaterError, match=f"{TAKEN}another process$"), processes.only_daemon(second):
            pass


def test_what_a_daemon_says_of_itself_is_told_of_it_alone(database: Database) -> None:
    here = (socket.gethostname(), os.getpid())
    later, at_last = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    with database.write() as connection:
        assert processes.latest(connection) is None
        for owner in ("one", "other"):
            processes.register(connection, owner, NOW)
        processes.beat(connection, "one", later)
        assert processes.latest(connection) == Process("one", *here, NOW, later, None)
        processes.unregister(connection, "other", at_last)
        of_other, of_one = processes.all_seen(connection, most=5)
        assert of_other == Process("other", *here, NOW, at_last, at_last)
        assert of_one == Process("one", *here, NOW, later, None)
        assert processes.all_seen(connection, most=1) == [of_other]


async def test_each_part_is_missed_within_a_minute(database: Database) -> None:
    """The planner, the writer, a message in hand: silence is said, and a word ends it."""
    add_person(database, 1)
    planner(database).tick(NOW)
    clock = MovedClock(NOW)
    heard = Heard(planner=NOW, writer=NOW)
    checks = daemon_checks(database, clock, "a", heard)

    async def wrong() -> dict[str, str]:
        return {name: said for name, check in checks.items() if (said := await check())}

    (row,) = claim(database, NOW).rows
    clock.move_to(NOW + timedelta(seconds=29))
    assert await wrong() == {}
    clock.move_to(NOW + timedelta(seconds=31))
    assert await wrong() == {"writing": "nothing could be written for 31 seconds"}
    clock.move_to(NOW + timedelta(seconds=45))
    assert "sending" not in await wrong()
    clock.move_to(NOW + timedelta(seconds=46))
    assert await wrong() == {
        "planner": "no tick for 46 seconds",
        "writing": "nothing could be written for 46 seconds",
        "sending": "1 in hand for more than 45 seconds",
    }

    heard.planner = heard.writer = clock.now()
    with database.write() as connection:
        assert outcomes.record(connection, owner="a", outcome=Outcome(row.id, row.epoch, State.ACCEPTED), now=clock.now())
    assert await wrong() == {}


async def test_what_another_daemon_has_in_hand_is_not_ours(database: Database) -> None:
    """And a hold is said before anything else."""
    add_person(database, 1)
    planner(database).tick(NOW)
    claim(database, NOW)
    clock = MovedClock(NOW + timedelta(minutes=2))
    sending = daemon_checks(database, clock, "b", Heard(clock.now(), clock.now()))["sending"]
    assert await sending() is None
    with database.write() as connection:
        holds.place(connection, scope=holds.EVERYTHING, reason="a look first", actor="admin", now=NOW)
    assert await sending() == f"on hold ({holds.EVERYTHING})"
