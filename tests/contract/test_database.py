"""The store's transactions, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from notifier.store.database import Database
from notifier.store.tables import meta


def put(key: str, connection: Connection) -> str:
    connection.execute(insert(meta).values(key=key, value="x"))
    return key


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(meta)) or 0


async def test_a_group_commits_every_piece_and_answers_each_caller(database: Database) -> None:
    """Each caller gets the result of its own piece, and all of them are stored."""
    keys = [f"k{number}" for number in range(300)]
    results = await asyncio.gather(*(database.write_async(lambda connection, key=key: put(key, connection)) for key in keys))

    assert results == keys
    assert await database.read_async(count) == 300


async def test_a_piece_that_raises_is_undone_alone(database: Database) -> None:
    """The others of its group are not touched, and its caller gets the exception."""

    def fail(connection: Connection) -> None:
        put("gone", connection)
        raise LookupError

    first, failed, last = await asyncio.gather(
        database.write_async(lambda connection: put("first", connection)),
        database.write_async(fail),
        database.write_async(lambda connection: put("last", connection)),
        return_exceptions=True,
    )

    assert (first, last) == ("first", "last")
    assert isinstance(failed, LookupError)
    with database.read() as connection:
        assert connection.scalars(select(meta.c.key).order_by(meta.c.key)).all() == ["first", "last"]


async def test_items_of_the_same_work_are_done_together_and_in_order(database: Database) -> None:
    """Each caller gets what became of its own item; work in between comes in its turn."""
    groups: list[list[str]] = []

    def put_all(connection: Connection, keys: Sequence[str]) -> list[str]:
        groups.append(list(keys))
        return [put(key, connection).upper() for key in keys]

    asked = [database.write_each(put_all, "a"), database.write_each(put_all, "b")]
    between = database.write_async(lambda connection: put("c", connection))
    results = await asyncio.gather(*asked, between, database.write_each(put_all, "d"))

    assert results == ["A", "B", "c", "D"]
    assert groups == [["a", "b"], ["d"]]
    assert await database.read_async(count) == 4


async def test_what_comes_in_turns_that_follow_each_other_is_done_together(database: Database) -> None:
    """Until two turns bring nothing more, or there are 256: nobody waits for ever."""
    groups: list[list[int]] = []

    def take_all(_connection: Connection, numbers: Sequence[int]) -> Sequence[int]:
        groups.append(list(numbers))
        return numbers

    async def come(number: int) -> int:
        for _ in range(2 * number):
            await asyncio.sleep(0)
        return await database.write_each(take_all, number)

    numbers = list(range(260))
    assert await asyncio.gather(*map(come, numbers)) == numbers
    assert groups == [numbers[:256], numbers[256:]]


async def test_what_came_while_the_writer_was_busy_is_written_together(database: Database) -> None:
    """Handed over at different times: none is lost, and there is one transaction for all."""
    begun, go_on = threading.Event(), threading.Event()
    groups: list[list[int]] = []

    def hold(_connection: Connection) -> None:
        begun.set()
        assert go_on.wait(10)

    def take_all(_connection: Connection, numbers: Sequence[int]) -> Sequence[int]:
        groups.append(list(numbers))
        return numbers

    busy = asyncio.ensure_future(database.write_async(hold))
    await asyncio.to_thread(begun.wait, 10)
    asked = []
    for number in range(3):
        asked.append(asyncio.ensure_future(database.write_each(take_all, number)))
        for _ in range(5):  # one to ask in, those that bring no more, one to hand over
            await asyncio.sleep(0)
    go_on.set()
    await busy
    assert (await asyncio.gather(*asked), groups) == ([0, 1, 2], [[0, 1, 2]])


async def test_a_piece_by_itself_is_not_held_up_by_those_that_come_together(database: Database) -> None:
    """It is done though the loop has no further turn until it is."""
    done = threading.Event()
    asked = asyncio.gather(database.write_each(lambda _connection, items: items, 1), database.write_async(lambda _: done.set()))
    for _ in range(2):  # one to ask in, one at whose end they are handed over
        await asyncio.sleep(0)
    assert done.wait(10)
    first, _ = await asked
    assert first == 1


async def test_an_item_that_raises_is_undone_alone(database: Database) -> None:
    """Whether the work finds fault with it or the database does, which on PostgreSQL spoils the transaction up to there."""

    def put_all(connection: Connection, keys: Sequence[str]) -> list[str]:
        done = [put(key, connection) for key in keys]
        if "bad" in keys:
            raise LookupError
        return done

    keys = ["a", "bad", "b", "a", "c"]
    results = await asyncio.gather(*(database.write_each(put_all, key) for key in keys), return_exceptions=True)

    assert [one for one in results if isinstance(one, str)] == ["a", "b", "c"]
    assert [type(one) for one in (results[1], results[3])] == [LookupError, IntegrityError]
    with database.read() as connection:
        assert connection.scalars(select(meta.c.key).order_by(meta.c.key)).all() == ["a", "b", "c"]


def test_write_undoes_everything_on_an_exception(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            put("gone", connection)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    with database.read() as connection:
        assert count(connection) == 0


def test_sqlite_keeps_its_promises_about_the_disk(sqlite_database: Database) -> None:
    """WAL with synchronous=FULL (2): a commit that returned survives a power cut."""
    with sqlite_database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
