"""A press in Slack is heard once, and the newest one wins, also where two processes hear of it at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from notifier.store import presses
from notifier.store.database import Database
from tests.ladder_rig import NOW
from tests.planning_rig import add_person

A_MICROSECOND = timedelta(microseconds=1)


def is_newest(database: Database, person: int, at: datetime, campaign: str = "one") -> bool:
    with database.write() as connection:
        return presses.is_newest(connection, campaign=campaign, employee_key=person, pressed_at=at)


def test_only_what_is_newer_is_heard(database: Database) -> None:
    first, second = add_person(database, 1), add_person(database, 2)
    assert is_newest(database, first, NOW)
    assert not is_newest(database, first, NOW)
    assert is_newest(database, first, NOW + A_MICROSECOND)
    assert not is_newest(database, first, NOW)
    assert is_newest(database, first, NOW, "two"), "each campaign by itself"
    assert is_newest(database, second, NOW), "and each person"


def test_of_many_who_hear_of_one_press_one_heeds_it(database: Database) -> None:
    person = add_person(database, 1)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: is_newest(database, person, NOW), range(8))) == 1
