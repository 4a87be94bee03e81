"""Channels with several mailboxes, and with a limit on what is on its way at once: kept by all processes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from notifier.domain.ladder import Ladders
from notifier.store import claims, holds, outcomes
from notifier.store.claims import LEASE, Claim, Claimed
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.quota import Limits
from notifier.store.tables import State, deliveries, quotas
from tests.delivery_rig import add_people
from tests.ladder_rig import NOW
from tests.planning_rig import add_person, planner, settle

MINUTE = timedelta(minutes=1)
A, B, C = "a@example.com", "b@example.com", "c@example.com"
BY_GRAPH = Ladders.of(["email"], email="graph")


def plan(database: Database, people: int) -> None:
    add_people(database, people)
    planner(database, ladders=BY_GRAPH).tick(NOW)


def mailboxes(*names: str, at_once: int | None = None, per_minute: int | None = None, per_day: int | None = None) -> Limits:
    return Limits(at_once=at_once, outlets={name: Limits(per_minute, per_day) for name in names})


def claim(database: Database, limits: Limits, *, most: int = 100, now: datetime = NOW, owner: str = "one") -> Claim:
    with database.write() as connection:
        return claims.claim(
            connection, owner=owner, channel="graph", limits=limits, most=most, now=now, message_id_domain="example.com"
        )


def end(database: Database, rows: Sequence[Claimed], state: State, *, now: datetime = NOW, counts: bool = True) -> None:
    ended = [Outcome(row.id, row.epoch, state, next_at=now, counts=counts) for row in rows]
    with database.write() as connection:
        outcomes.record_all(connection, owner="one", outcomes=ended, now=now)


def spread(rows: Sequence[Claimed]) -> Counter[str]:
    return Counter(row.outlet for row in rows)


def test_rows_are_dealt_out_evenly(database: Database) -> None:
    """In one claim, and over many claims of one row each, where no limit tells the outlets apart."""
    plan(database, 90)
    many = claim(database, mailboxes(A, B, C), most=60).rows
    assert spread(many) == {A: 20, B: 20, C: 20}
    singles = [row for _ in range(30) for row in claim(database, mailboxes(A, B, C), most=1).rows]
    assert spread(singles) == {A: 10, B: 10, C: 10}
    with database.read() as connection:
        stored = connection.execute(select(deliveries.c.id, deliveries.c.outlet)).all()
    assert {row.id: row.outlet for row in stored} == {row.id: row.outlet for row in (*many, *singles)}


def test_each_outlet_keeps_its_own_minute(database: Database) -> None:
    """Two mailboxes at 30 a minute carry 60, and no minute of either holds more than 30, however greedily it is asked."""
    plan(database, 90)
    limits = mailboxes(A, B, per_minute=30)
    taken: dict[str, list[datetime]] = {A: [], B: []}
    now = NOW
    while now < NOW + 1.3 * MINUTE:
        claimed = claim(database, limits, now=now)
        for row in claimed.rows:
            taken[row.outlet].append(now)
        assert claimed.rows or (claimed.again_at is not None and claimed.again_at > now)
        now = claimed.again_at if claimed.again_at and not claimed.rows else now + timedelta(milliseconds=1)
    for instants in taken.values():
        assert max(sum(start <= one < start + MINUTE for one in instants) for start in instants) == 30


def test_a_clock_set_back_does_not_stop_an_outlet(database: Database) -> None:
    plan(database, 3)
    limits = mailboxes(A, per_minute=30)
    with database.write() as connection:
        connection.execute(insert(quotas).values(name=f"graph/{A}/minute", full_at=NOW + timedelta(days=3)))
    again_at = claim(database, limits).again_at
    assert again_at is not None
    assert again_at <= NOW + timedelta(seconds=3)
    assert len(claim(database, limits, now=again_at).rows) == 1


def test_a_day_is_counted_for_each_outlet_from_what_it_carried(database: Database) -> None:
    plan(database, 12)
    limits = mailboxes(A, B, per_day=2)
    first = claim(database, limits).rows
    assert spread(first) == {A: 2, B: 2}
    assert claim(database, limits).rows == ()  # they may all be taken
    end(database, [row for row in first if row.outlet == A], State.ACCEPTED)
    end(database, [row for row in first if row.outlet == B], State.REFUSED)
    later = NOW + timedelta(hours=1)
    second = claim(database, limits, now=later)
    assert spread(second.rows) == {B: 2}
    end(database, second.rows, State.ACCEPTED, now=later)
    full = claim(database, limits, now=later)
    assert (full.rows, full.again_at) == ((), NOW + timedelta(days=1))


@pytest.mark.parametrize("by", ["mailbox", "channel"])
def test_what_may_have_gone_out_counts_for_the_day(database: Database, by: str) -> None:
    """A message of which nobody knows whether it was sent has used the provider's limit as far as anybody can tell."""
    plan(database, 6)
    limits = mailboxes(A, per_day=2) if by == "mailbox" else Limits(per_day=2)
    first, second = claim(database, limits).rows
    end(database, [first], State.UNKNOWN)
    later = NOW + timedelta(hours=1)
    end(database, [second], State.ACCEPTED, now=later)
    full = claim(database, limits, now=later)
    assert (full.rows, full.again_at) == ((), NOW + timedelta(days=1))
    with database.write() as connection:
        connection.execute(update(deliveries).values(closes_at=NOW + timedelta(days=2)))
    assert len(claim(database, limits, now=NOW + timedelta(days=1)).rows) == 1


def test_what_was_tried_leaves_from_where_it_was_tried(database: Database) -> None:
    """A repeat is the same bytes; and a row whose own outlet is busy hides nobody behind it."""
    plan(database, 2)
    first, second = claim(database, mailboxes(A, B)).rows
    end(database, [first, second], State.RETRY)
    with database.write() as connection:
        holds.place(connection, scope=f"graph/{first.outlet}", reason="no", actor="x", now=NOW, until=NOW + MINUTE)
    (again,) = claim(database, mailboxes(A, B), most=1).rows
    assert (again.id, again.outlet) == (second.id, second.outlet)
    (late,) = claim(database, mailboxes(A, B), now=NOW + MINUTE).rows
    assert (late.id, late.outlet) == (first.id, first.outlet)


@pytest.mark.parametrize("how", ["never begun", "given back"])
def test_what_was_not_tried_may_leave_from_anywhere(database: Database, how: str) -> None:
    plan(database, 1)
    (row,) = claim(database, mailboxes(A)).rows
    if how == "never begun":
        end(database, [row], State.PLANNED, counts=False)
    else:
        with database.write() as connection:
            outcomes.give_back(connection, owner="one", channel="graph", now=NOW)
    assert [row.outlet for row in claim(database, mailboxes(B)).rows] == [B]


def test_a_mailbox_that_is_no_longer_configured_strands_nobody(database: Database) -> None:
    plan(database, 1)
    end(database, claim(database, mailboxes(A)).rows, State.RETRY)
    assert [row.outlet for row in claim(database, mailboxes(B)).rows] == [B]


@pytest.mark.parametrize(("scope", "left"), [("graph", {}), ("graph/" + A, {B: 6}), ("slack", {A: 3, B: 3}), ("all", {})])
def test_a_hold_stops_the_channel_or_one_outlet(database: Database, scope: str, left: dict[str, int]) -> None:
    """A pause that a provider asked for is in the store, so every process obeys it; it ends by itself."""
    plan(database, 6)
    until = NOW + MINUTE
    with database.write() as connection:
        holds.place(connection, scope=scope, reason="Retry-After", actor=holds.SERVICE, now=NOW, until=until)
    found = claim(database, mailboxes(A, B))
    assert spread(found.rows) == left
    assert left or found.again_at == until
    assert len(claim(database, mailboxes(A, B), now=until).rows) == 6 - len(found.rows)


def test_no_more_are_on_their_way_than_the_channel_may_have(database: Database) -> None:
    """Counted over all processes; a row whose sender has been silent for longer than its lease is in nobody's hands."""
    plan(database, 12)
    limits = mailboxes(A, B, at_once=4)
    first = claim(database, limits, owner="one").rows
    assert len(first) == 4
    full = claim(database, limits, owner="two")
    assert (full.rows, full.hands_full) == ((), True)
    assert full.again_at is not None
    end(database, first[:1], State.ACCEPTED)
    assert len(claim(database, limits, owner="two").rows) == 1
    assert len(claim(database, limits, owner="two", now=NOW + LEASE).rows) == 4


def test_processes_that_ask_at_once_stay_within_the_limit(database: Database) -> None:
    """Six threads, each claiming one after the other: never more than four in hand, and no row twice."""
    plan(database, 40)
    limits = mailboxes(A, B, at_once=4, per_minute=6_000)

    def ask(owner: str) -> list[int]:
        return [row.id for _ in range(5) for row in claim(database, limits, owner=owner, most=2).rows]

    with ThreadPoolExecutor(6) as pool:
        found = [row for rows in pool.map(ask, "abcdef") for row in rows]
    assert len(found) == len(set(found)) == 4


def test_a_receipt_overtakes_a_slow_wave(database: Database) -> None:
    """At 30 a minute a wave of 10,000 takes hours; whoever has answered does not wait for it."""
    plan(database, 20)
    person = add_person(database, 99)
    with database.write() as connection:
        settle(connection, person, NOW + MINUTE)
        connection.execute(update(deliveries).where(deliveries.c.kind == "receipt").values(channel="graph"))
    later = NOW + MINUTE
    assert [row.kind for row in claim(database, mailboxes(A, per_minute=30), now=later, most=1).rows] == ["receipt"]
    assert [row.kind for row in claim(database, Limits(per_minute=30), now=later, most=1).rows] == ["reminder"]


def test_a_channel_without_all_that_asks_for_none_of_it(database: Database) -> None:
    """Mail by SMTP is claimed with as few statements as before: the quota is not touched, and no outlet written."""
    add_people(database, 3)
    planner(database).tick(NOW)
    with database.write() as connection:
        found = claims.claim(
            connection, owner="one", channel="smtp", limits=Limits(), most=9, now=NOW, message_id_domain="example.com"
        )
        assert connection.execute(select(quotas)).all() == []
        assert list(connection.scalars(select(deliveries.c.outlet))) == [None] * 3
    assert [row.outlet for row in found.rows] == ["", "", ""]
