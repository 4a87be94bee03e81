"""Several at once: two dispatchers on one store, and many callers of one writer."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select

from notifier.channels.base import Outgoing, Receipt
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


class MeetingChannel(CaptureChannel):
    """Its first message waits until the other side has one in hand too: so both are at work at the same time, whoever is faster."""

    def __init__(self, name: str, sent: list[tuple[str, str]], arrived: dict[str, asyncio.Event]) -> None:
        super().__init__("smtp", lambda outgoing: sent.append((name, outgoing.address)))
        self._own, self._all = arrived[name], arrived.values()

    async def send(self, outgoing: Outgoing) -> Receipt:
        self._own.set()
        for arrived in self._all:
            await arrived.wait()
        return await super().send(outgoing)


async def test_two_dispatchers_on_one_store_send_nothing_twice(database: Database) -> None:
    """2,000 rows, two processes' worth of connections, both with rows in hand at once: each row is sent by one of them."""
    add_people(database, 2000)
    sent: list[tuple[str, str]] = []
    arrived = {name: asyncio.Event() for name in ("one", "two")}
    other_database = Database(database.engine.url.render_as_string(hide_password=False))
    try:
        one = house(database, [MeetingChannel("one", sent, arrived)], owner="one")
        two = house(other_database, [MeetingChannel("two", sent, arrived)], owner="two")
        one.planner.tick(one.clock.now())
        async with asyncio.timeout(60):
            await asyncio.gather(one.dispatcher.run_due(), two.dispatcher.run_due())
    finally:
        other_database.close()

    assert Counter(address for _, address in sent) == Counter({f"p{number}@example.com": 1 for number in range(2000)})
    assert {name for name, _ in sent} == {"one", "two"}
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
