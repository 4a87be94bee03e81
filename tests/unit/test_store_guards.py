"""Holds, limits, the canary and the brake, each with a neighbour that must make no difference."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from notifier.store import holds, quota, waves
from notifier.store.candidates import Candidate
from notifier.store.database import Database
from notifier.store.quota import Grant, Limits
from notifier.store.tables import Kind
from notifier.store.tables import holds as holds_table
from tests.planning_rig import CAMPAIGN, add_person
from tests.rows_rig import HOUR, INSTANT, NOW, add_row, changes

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def add_hold(connection: Connection, scope: str = "smtp", **differs: Any) -> int:
    values = {"scope": scope, "since": NOW - HOUR, "until": None, "reason": "why", "actor": "admin"} | differs
    return connection.execute(insert(holds_table).values(values).returning(holds_table.c.id)).scalar_one()


def all_holds(connection: Connection) -> dict[int, dict[str, Any]]:
    return {row["id"]: dict(row) for row in connection.execute(holds_table.select()).mappings()}


def test_a_hold_is_in_force_until_it_is_lifted_or_over(sqlite_database: Database) -> None:
    """The oldest first. A pause that begins later than now was placed by a clock that ran ahead."""
    with sqlite_database.write() as connection:
        add_hold(connection, "smtp", since=NOW + HOUR, reason="3")
        add_hold(connection, "all", reason="1")
        add_hold(connection, "copy", since=NOW, until=NOW + INSTANT, reason="2")
        add_hold(connection, "smtp", until=NOW)
        add_hold(connection, "smtp", since=NOW + INSTANT, until=NOW + HOUR)
        add_hold(connection, "smtp", lifted_at=NOW - HOUR)
        found = holds.active(connection, NOW)
        assert [hold.reason for hold in found] == ["1", "2", "3"]
        assert found[1] == holds.Hold("copy", NOW, NOW + INSTANT, "2", "admin")
        assert [hold.reason for hold in holds.active(connection, NOW, ("all", "smtp"))] == ["1", "3"]


def test_a_new_pause_takes_the_place_of_the_one_before(sqlite_database: Database) -> None:
    """Of its own scope; what a person stopped stays stopped."""
    with sqlite_database.write() as connection:
        earlier = add_hold(connection, until=NOW + MINUTE)
        add_hold(connection)
        add_hold(connection, "graph", until=NOW + MINUTE)
        add_hold(connection, until=NOW, lifted_at=NOW - HOUR, lifted_by="admin")
        before = all_holds(connection)
        holds.place(connection, scope="smtp", reason="454", actor="notifier", now=NOW, until=NOW + HOUR)
        after = all_holds(connection)
    (placed,) = after.keys() - before.keys()
    new = after.pop(placed)
    assert (new["scope"], new["since"], new["until"], new["reason"], new["actor"]) == ("smtp", NOW, NOW + HOUR, "454", "notifier")
    assert changes(before, after) == {earlier: {"lifted_at": NOW, "lifted_by": "notifier"}}


def test_a_hold_without_end_replaces_no_pause(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        add_hold(connection, until=NOW + MINUTE)
        before = all_holds(connection)
        holds.place(connection, scope="smtp", reason="a wrong text", actor="admin", now=NOW)
        after = all_holds(connection)
        assert changes(before, {number: after[number] for number in before}) == {}


@pytest.mark.parametrize(("scope", "lifted"), [(None, {"all", "smtp", "pause"}), ("smtp", {"smtp", "pause"}), ("copy", {"copy"})])
def test_only_what_is_in_force_and_meant_is_lifted(sqlite_database: Database, scope: str | None, lifted: set[str]) -> None:
    """Lifting everything leaves the hold of a copied store: that needs to be named."""
    with sqlite_database.write() as connection:
        rows = {
            "all": add_hold(connection, "all"),
            "smtp": add_hold(connection),
            "pause": add_hold(connection, until=NOW + INSTANT),
            "over": add_hold(connection, until=NOW),
            "lifted": add_hold(connection, lifted_at=NOW - HOUR, lifted_by="admin"),
            "copy": add_hold(connection, "copy"),
        }
        before = all_holds(connection)
        assert holds.lift(connection, scope=scope, actor="zoe", now=NOW) == len(lifted)
        found = changes(before, all_holds(connection))
    assert found == {rows[name]: {"lifted_at": NOW, "lifted_by": "zoe"} for name in lifted}


def test_a_minute_is_dealt_out_evenly(sqlite_database: Database) -> None:
    """30 a minute: one each two seconds, and whoever asks too early is told when. 120: two at once, then one each interval."""
    with sqlite_database.write() as connection:
        assert quota.take(connection, "a", Limits(30), 5, NOW) == Grant(1, NOW + 2 * SECOND)
        assert quota.take(connection, "a", Limits(30), 5, NOW + SECOND) == Grant(0, NOW + 2 * SECOND)
        assert quota.take(connection, "a", Limits(30), 1, NOW + 2 * SECOND) == Grant(1, None)
        interval, burst = quota.pace(120)
        assert burst == 2
        assert quota.take(connection, "b", Limits(120), 3, NOW) == Grant(2, NOW + interval)
        assert quota.take(connection, "b", Limits(120), 3, NOW + interval) == Grant(1, NOW + 2 * interval)
        assert quota.take(connection, "b", Limits(120), 3, NOW + HOUR) == Grant(2, NOW + HOUR + interval)


def test_the_interval_fills_a_minute_exactly() -> None:
    assert [quota.pace(per_minute) for per_minute in (1, 60, 120, 600)] == [
        (MINUTE, 1),
        (SECOND, 1),
        (timedelta(microseconds=504_202), 2),  # 119 of them are a minute, rounded up
        (timedelta(microseconds=101_523), 10),
    ]


def test_a_row_from_a_clock_that_ran_ahead_is_brought_back(sqlite_database: Database) -> None:
    """Nothing may go for one interval, and then as ever: the row itself is put right, too."""
    with sqlite_database.write() as connection:
        quota.take(connection, "a", Limits(30), 1, NOW + DAY)
        assert quota.take(connection, "a", Limits(30), 1, NOW) == Grant(0, NOW + 2 * SECOND)
        assert quota.take(connection, "a", Limits(30), 1, NOW + 2 * SECOND) == Grant(1, None)


def test_a_day_is_counted_from_what_was_accepted_and_what_is_in_hand(sqlite_database: Database) -> None:
    """Of this channel, in the 24 hours before; what was refused, and what another channel took, costs nothing."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_row(connection, person, occasion=1, state="accepted", finished_at=NOW - DAY)
        add_row(connection, person, occasion=2, state="accepted", finished_at=NOW - DAY + INSTANT)
        add_row(connection, person, occasion=3, state="accepted", finished_at=NOW)
        add_row(connection, person, occasion=4, state="claimed")
        add_row(connection, person, occasion=5, state="refused", finished_at=NOW)
        add_row(connection, person, occasion=6, state="planned")
        add_row(connection, person, occasion=7, state="accepted", channel="graph", finished_at=NOW)
        add_row(connection, person, occasion=8, state="claimed", channel="graph")
        granted = {per_day: quota.take(connection, "smtp", Limits(per_day=per_day), 2, NOW) for per_day in (1, 3, 4, 5, 9)}
        assert granted == {
            1: Grant(0, NOW + INSTANT),
            3: Grant(0, NOW + INSTANT),
            4: Grant(1, None),
            5: Grant(2, None),
            9: Grant(2, None),
        }
        assert quota.take(connection, "push", Limits(per_day=0), 1, NOW) == Grant(0, NOW + DAY)
        assert quota.take(connection, "smtp", Limits(1, 3), 2, NOW) == Grant(0, NOW + INSTANT)
        assert quota.take(connection, "smtp", Limits(1, 9), 1, NOW) == Grant(1, None)


def candidate(number: int, **differs: Any) -> Candidate:
    values = {"id": number, "campaign": CAMPAIGN.id, "kind": Kind.REMINDER, "occasion": 30, "due_at": NOW - HOUR}
    return Candidate(**dict.fromkeys(Candidate._fields) | values | differs)


def test_the_first_of_each_wave_go_alone(sqlite_database: Database) -> None:
    """Each campaign and step is a wave of its own; a receipt belongs to none."""
    rows = [candidate(1), candidate(2), candidate(3, occasion=7), candidate(4), candidate(5, campaign="another"), candidate(6)]
    rows += [candidate(7, kind=Kind.RECEIPT), candidate(8, occasion=7), candidate(9, occasion=7)]
    with sqlite_database.write() as connection:
        let_go = {canary: [row.id for row in waves.behind_canary(connection, "smtp", rows, canary)] for canary in (0, 1, 2)}
    assert let_go == {0: [1, 2, 3, 4, 5, 6, 7, 8, 9], 1: [1, 3, 5, 7], 2: [1, 2, 3, 5, 7, 8]}


@pytest.mark.parametrize(
    ("differs", "gone"),
    [
        ({"state": "accepted", "finished_at": NOW - HOUR}, 3),
        ({"state": "accepted", "finished_at": NOW}, 3),
        ({"state": "accepted", "finished_at": NOW - HOUR - INSTANT}, 2),  # before this wave opened
        ({"state": "claimed"}, 1),
        ({"state": "refused", "finished_at": NOW}, 2),
        ({"state": "accepted", "finished_at": NOW, "channel": "graph"}, 2),
        ({"state": "claimed", "channel": "graph"}, 2),
        ({"state": "accepted", "finished_at": NOW, "kind": "receipt"}, 2),
        ({"state": "accepted", "finished_at": NOW, "campaign": "another"}, 2),
        ({"state": "accepted", "finished_at": NOW, "occasion": 7}, 2),
        ({"state": "claimed", "occasion": 7}, 2),
    ],
)
def test_what_counts_as_a_canary(sqlite_database: Database, differs: dict[str, Any], gone: int) -> None:
    """Two are needed, and one has gone before: accepted since the wave opened it counts, in hand it takes a place."""
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        add_row(connection, person, **differs)
        if gone == 3:
            add_row(connection, other, **differs)
        rows = [candidate(number) for number in (1, 2, 3)]
        assert waves.behind_canary(connection, "smtp", rows, 2) == rows[:gone]


def add_ended(connection: Connection, person: int, first: int, count: int, state: str, **differs: Any) -> None:
    """Rows that ended one second after the other, the first of them `first` seconds after NOW."""
    for number in range(first, first + count):
        add_row(connection, person, **({"occasion": number, "state": state, "finished_at": NOW + number * SECOND} | differs))


@pytest.mark.parametrize(
    ("refused", "accepted", "said"),
    [
        (5, 10, None),
        (6, 10, "6 of the last 16 messages were refused for good; look at `notifier queue list --state refused`"),
        (7, 94, "6 of the last 100 messages were refused for good; look at `notifier queue list --state refused`"),
        (6, 95, None),  # the first refusal is the 101st from the end
    ],
)
def test_the_sixth_refusal_of_the_last_hundred_stops_the_channel(
    sqlite_database: Database, refused: int, accepted: int, said: str | None
) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_ended(connection, person, 1, refused, "refused")
        add_ended(connection, person, 1 + refused, accepted, "accepted")
        later = NOW + HOUR
        assert waves.brake(connection, "smtp", later) == said
        found = holds.active(connection, later)
        assert found == ([] if said is None else [holds.Hold("smtp", later, None, said, "notifier")])
        assert waves.brake(connection, "smtp", later) is None  # there is one in force, or nothing to stop


@pytest.mark.parametrize(
    ("hold", "stops"),
    [
        ({"scope": "smtp", "lifted_at": NOW + 6 * SECOND}, False),
        ({"scope": "all", "lifted_at": NOW + 6 * SECOND}, False),
        ({"scope": "smtp", "lifted_at": NOW}, True),  # before the first of them
        ({"scope": "smtp", "lifted_at": NOW + SECOND}, False),  # with the first of them: five are left
        ({"scope": "graph", "lifted_at": NOW + 6 * SECOND}, True),
        ({"scope": "smtp", "lifted_at": NOW + 6 * SECOND, "until": NOW}, True),  # a pause that ended looked at nothing
        ({"scope": "smtp"}, False),  # in force
        ({"scope": "all"}, False),
        ({"scope": "graph"}, True),
    ],
)
def test_refusals_from_before_the_last_look_do_not_count_again(
    sqlite_database: Database, hold: dict[str, Any], stops: bool
) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_hold(connection, **hold)
        add_ended(connection, person, 1, 6, "refused")
        add_ended(connection, person, 20, 6, "refused", channel="graph")
        assert (waves.brake(connection, "smtp", NOW + HOUR) is not None) is stops
