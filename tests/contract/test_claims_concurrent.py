"""Several at once: two dispatchers on one store, and many callers of one writer."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select

from notifier.channels.base import Outgoing
from notifier.channels.capture import CaptureChannel
from notifier.errors import StoreError
from notifier.store import marks
from notifier.store.database import Database
from notifier.store.tables import meta
from tests.delivery_rig import add_people, house
from tests.store_faults import commit_undone


def put(key: str, connection: Connection) -> str:
    connection.execute(insert(meta).values(key=key, value="x"))
    return key


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(meta)) or 0


async def test_two_dispatchers_on_one_store_send_nothing_twice(database: Database) -> None:
    """2,000 rows, two processes' worth of connections: each row is claimed by one of them, and both get work."""
    add_people(database, 2000)
    sent: list[tuple[str, str]] = []

    def take(name: str) -> CaptureChannel:
        def captured(outgoing: Outgoing) -> None:
            sent.append((name, outgoing.address))

        return CaptureChannel("smtp", captured)

    other_database = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        one = house(database, [take("one")], owner="one")
        two = house(other_database, [take("two")], owner="two")
        one.planner.tick(one.clock.now())
        await asyncio.gather(one.dispatcher.run_due(), two.dispatcher.run_due())
    finally:
        other_database.close()

    assert Counter(address for _, address in sent) == Counter({f"p{number}@example.com": 1 for number in range(2000)})
    assert min(Counter(name for name, _ in sent).values()) > 100
    assert one.states() == {"accepted": 2000}


def test_two_planners_at_once_plan_each_step_once(database: Database) -> None:
    add_people(database, 50)
    other_database = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        one = house(database, [CaptureChannel("smtp")])
        two = house(other_database, [CaptureChannel("smtp")])
        for hours in range(3):
            now = one.clock.now() + timedelta(hours=hours)
            two.planner.tick(now)
            one.planner.tick(now)
    finally:
        other_database.close()
    assert one.states() == {"planned": 50}


async def test_a_commit_that_fails_is_heard_by_every_caller(database: Database) -> None:
    """Nobody is told "done" for what is not stored, and the next piece of work finds the writer at its place."""
    with commit_undone(database, times=1):
        results = await asyncio.gather(
            *(database.write_async(lambda connection, key=key: put(key, connection)) for key in "abcdef"), return_exceptions=True
        )
    done = [result for result in results if isinstance(result, str)]
    failed = [result for result in results if isinstance(result, StoreError)]
    assert failed
    assert len(done) + len(failed) == 6
    assert count(database) == len(done)

    assert await database.write_async(lambda connection: put("later", connection)) == "later"
    assert count(database) == len(done) + 1


async def test_a_caller_who_goes_away_takes_nobody_along(database: Database) -> None:
    """Half of the callers are cancelled while they wait; the writer goes on, and the others get their answers."""
    for wave in range(20):
        tasks = [
            asyncio.create_task(database.write_async(lambda connection, key=f"{wave}/{number}": put(key, connection)))
            for number in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if isinstance(result, str)] == [f"{wave}/{number}" for number in range(1, 20, 2)]
    assert count(database) >= 200


async def test_a_cancelled_caller_and_a_failing_commit_together_leave_the_writer_alive(database: Database) -> None:
    with commit_undone(database, times=5):
        for wave in range(5):
            tasks = [
                asyncio.create_task(database.write_async(lambda connection, key=f"{wave}/{number}": put(key, connection)))
                for number in range(10)
            ]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.wait_for(database.write_async(lambda connection: put("later", connection)), 5) == "later"


def test_a_reader_sees_one_state_of_the_store(database: Database) -> None:
    """What is committed while somebody reads is not half seen: the planner relies on it."""
    other_database = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        with database.read() as connection:
            before = connection.scalar(select(func.count()).select_from(meta))
            with other_database.write() as other:
                put("meanwhile", other)
            assert connection.scalar(select(func.count()).select_from(meta)) == before
    finally:
        other_database.close()
    assert count(database) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_each_call_to_look_again_is_seen(database: Database, times: int) -> None:
    for _ in range(times):
        with database.write() as connection:
            marks.look_again(connection)
    with database.read() as connection:
        assert marks.roster_version(connection) == times
