"""Limits a minute: how many messages any minute can hold, whatever the asking looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from notifier.store.database import Database
from notifier.store.quota import Grant, Limits, pace, take

START = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def most_in_a_minute(taken: list[datetime]) -> int:
    """The fullest half-open minute that begins with one of them."""
    return max(sum(start <= one < start + MINUTE for one in taken) for start in taken)


@pytest.mark.parametrize("per_minute", [1, 2, 30, 59, 60, 61, 119, 120, 600, 10_000])
def test_a_burst_and_the_steady_rate_together_keep_the_limit(per_minute: int) -> None:
    interval, burst = pace(per_minute)
    within = burst + -(-MINUTE // interval) - 1  # the burst, then one each interval, before the minute is over
    assert within <= per_minute
    assert within >= per_minute - 1
    assert burst >= 1


@pytest.mark.parametrize("per_minute", [1, 30, 90, 600])
def test_no_minute_holds_more_however_it_is_asked(sqlite_database: Database, per_minute: int) -> None:
    """Greedy, in bursts, at random: the limit is kept, and used where there is always something to send."""
    random = Random(per_minute)
    taken: list[datetime] = []
    now = START
    with sqlite_database.write() as connection:
        while now < START + 4 * MINUTE:
            grant = take(connection, "smtp", Limits(per_minute), random.choice((1, 3, 50, 500)), now)
            taken += [now] * grant.allowed
            pause = timedelta(seconds=random.choice((0.01, 0.2, 3))) if random.random() < 0.5 else MINUTE / per_minute
            now = max(now + pause, grant.again_at) if grant.again_at and random.random() < 0.7 else now + pause
    assert most_in_a_minute(taken) <= per_minute


def test_the_limit_is_used_by_who_asks_when_told_to(sqlite_database: Database) -> None:
    taken: list[datetime] = []
    now = START
    with sqlite_database.write() as connection:
        while now < START + 10 * MINUTE:
            grant = take(connection, "smtp", Limits(30), 5, now)
            taken += [now] * grant.allowed
            assert grant.again_at is not None
            assert grant.again_at > now
            now = grant.again_at
    assert most_in_a_minute(taken) == 30
    assert len(taken) >= 10 * 30 - 1


def test_a_clock_set_back_does_not_stop_sending(sqlite_database: Database) -> None:
    """The limit's row is from three days ahead: sending goes on after one interval, not after three days."""
    with sqlite_database.write() as connection:
        take(connection, "smtp", Limits(30), 30, START + timedelta(days=3))
        first = take(connection, "smtp", Limits(30), 1, START)
        later = take(connection, "smtp", Limits(30), 1, START + timedelta(seconds=3))
    assert first.allowed + later.allowed >= 1


def test_channels_do_not_share_a_limit(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        assert take(connection, "smtp", Limits(1), 1, START) == Grant(1, None)
        assert take(connection, "smtp", Limits(1), 1, START).allowed == 0
        assert take(connection, "graph", Limits(1), 1, START).allowed == 1


def test_without_a_limit_everything_may_go(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        assert take(connection, "smtp", Limits(), 12_345, START) == Grant(12_345, None)
