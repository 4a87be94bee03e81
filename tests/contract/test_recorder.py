"""Outcomes recorded together, on both databases: each is durable or its sender hears why not."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from sqlalchemy import event, select, update

from notifier.channels.capture import CaptureChannel
from notifier.clock import MovedClock
from notifier.delivery.recorder import Recorder
from notifier.store import claims, outcomes, quota
from notifier.store.claims import Claimed
from notifier.store.database import Database
from notifier.store.outcomes import LostClaimError, Outcome
from notifier.store.tables import State, deliveries
from tests.delivery_rig import NOW, add_people, house


def claimed(database: Database, people: int) -> tuple[Claimed, ...]:
    """So many rows, claimed by "one"."""
    add_people(database, people)
    house(database, [CaptureChannel("smtp")]).planner.tick(NOW)
    with database.write() as connection:
        limits = quota.Limits()
        return claims.claim(
            connection, owner="one", channel="smtp", limits=limits, most=500, now=NOW, message_id_domain="example.com"
        ).rows


def states(database: Database) -> Counter[str]:
    with database.read() as connection:
        return Counter(connection.scalars(select(deliveries.c.state)))


def accepted(row: Claimed) -> Outcome:
    return Outcome(row.id, row.epoch, State.ACCEPTED, reply="250 ok", language="en", subject="S")


async def test_many_outcomes_need_few_commits(database: Database) -> None:
    rows = claimed(database, 100)
    commits: list[object] = []
    count = commits.append
    event.listen(database.engine, "commit", count)
    recorder = Recorder(database, MovedClock(NOW), "one")
    assert await asyncio.gather(*(recorder.record(accepted(row)) for row in rows)) == [True] * 100
    event.remove(database.engine, "commit", count)
    assert states(database) == {"accepted": 100}
    assert len(commits) <= 3


async def test_recorded_means_durable(database: Database) -> None:
    """Nobody hears of it before the commit."""
    (row,) = claimed(database, 1)
    seen = []
    recorder = Recorder(database, MovedClock(NOW), "one")
    await recorder.record(accepted(row))
    seen.append(states(database))
    assert seen == [{"accepted": 1}]


async def test_a_lost_claim_among_others_changes_nothing_and_hinders_nobody(database: Database) -> None:
    """R5: a sender that comes too late is refused by its epoch, the others are recorded."""
    rows = claimed(database, 10)
    with database.write() as connection:
        connection.execute(update(deliveries).where(deliveries.c.id == rows[4].id).values(epoch=7, owner="two"))
    recorder = Recorder(database, MovedClock(NOW), "one")
    answers = await asyncio.gather(*(recorder.record(accepted(row)) for row in rows))
    assert answers == [number != 4 for number in range(10)]
    assert states(database) == {"accepted": 9, "claimed": 1}


def test_all_of_a_group_or_none(database: Database) -> None:
    rows = claimed(database, 5)
    with database.write() as connection:
        outcomes.record_all(connection, owner="one", outcomes=[accepted(row) for row in rows[:3]], now=NOW)
    with suppress(LostClaimError), database.write() as connection:
        outcomes.record_all(connection, owner="one", outcomes=[accepted(row) for row in rows[2:]], now=NOW)
        pytest.fail("the third row was recorded twice")
    assert states(database) == {"accepted": 3, "claimed": 2}


async def test_what_one_outcome_cannot_be_hinders_no_other(database: Database) -> None:
    """A fault in one row's values is its sender's alone."""
    rows = claimed(database, 3)
    broken = accepted(rows[1])
    broken.subject = object()  # type: ignore[assignment]
    recorder = Recorder(database, MovedClock(NOW), "one")
    outcomes = [accepted(rows[0]), broken, accepted(rows[2])]
    answers = await asyncio.gather(*(recorder.record(outcome) for outcome in outcomes), return_exceptions=True)
    assert (answers[0], answers[2]) == (True, True)
    assert isinstance(answers[1], Exception)
    assert states(database) == {"accepted": 2, "claimed": 1}


async def test_a_sender_that_goes_away_takes_nobodys_outcome_along(database: Database) -> None:
    """Its own is recorded too: what was sent was sent."""
    rows = claimed(database, 3)
    recorder = Recorder(database, MovedClock(NOW), "one")
    senders = [recorder.record(accepted(row)) for row in rows]
    await asyncio.sleep(0)
    senders[1].cancel()
    answers = await asyncio.gather(*senders, return_exceptions=True)
    assert (answers[0], answers[2]) == (True, True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert states(database) == {"accepted": 3}


async def test_a_recorder_that_is_ended_in_the_middle_of_a_commit_leaves_nobody_waiting(database: Database) -> None:
    """As when the event loop is shut down: no sender hangs, none hears "recorded", and the next outcome is written."""
    rows = claimed(database, 3)
    recorder = Recorder(database, MovedClock(NOW), "one")
    with database.write():  # somebody else is writing: the commit waits for its turn
        senders = [recorder.record(accepted(row)) for row in rows[:2]]
        while not (writing := [task for task in asyncio.all_tasks() if task.get_name() == "recorder"]):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        writing[0].cancel()
        answers = await asyncio.wait_for(asyncio.gather(*senders, return_exceptions=True), 5)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)
    assert await recorder.record(accepted(rows[2]))
