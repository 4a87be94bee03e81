"""The dispatcher at its turns: a canary elsewhere, a channel in doubt, a refusal that goes on, a brake with a group in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import insert

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.domain.ladder import Ladders
from notifier.domain.retry import Verdict
from notifier.store import claims
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import State, reach
from tests.delivery_rig import NOW, add_people, house
from tests.planning_rig import settle
from tests.rows_rig import HOUR, standing

REFUSED = DeliveryFailed(Verdict.PERMANENT, "no such user")


class Provider:
    """A channel that does with each message what it is told."""

    resend_when_uncertain = True

    def __init__(self, does: Callable[[Outgoing], None], *, name: str = "smtp", concurrency: int = 1) -> None:
        self.does = does
        self.name = name
        self.concurrency = concurrency
        self.taken: list[Outgoing] = []

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.does(outgoing)
        self.taken.append(outgoing)
        return Receipt("250 2.0.0 Ok")

    async def close(self) -> None:
        """Nothing is open."""


def say(error: DeliveryFailed) -> Callable[[Outgoing], None]:
    def no(_: Outgoing) -> None:
        raise error

    return no


async def test_a_canary_that_another_process_has_in_hand_is_not_waited_for(sqlite_database: Database) -> None:
    """What this process had on its way has arrived: the pass ends, and says when to look again."""
    add_people(sqlite_database, 7)
    provider = Provider(lambda _: None, concurrency=2)
    here = house(sqlite_database, [provider], canary=2, per_minute=6000)
    here.planner.tick(NOW)
    with sqlite_database.write() as connection:
        asked = {"channel": "smtp", "limits": Limits(), "most": 10, "now": NOW, "message_id_domain": "example.com"}
        assert len(claims.claim(connection, owner="another", canary=2, **asked).rows) == 2
        settle(connection, 7, NOW)  # whose receipt needs no canary, and goes first
    async with asyncio.timeout(30):
        done = await here.pass_over()
    assert (done.outcomes, done.again_at) == ({State.ACCEPTED: 1}, NOW)
    assert here.states() == {"claimed": 2, "planned": 4, "cancelled": 1, "accepted": 1}


async def test_a_channel_in_doubt_is_asked_with_one_message_and_holds_no_others(sqlite_database: Database) -> None:
    """What it would hold could not be held back from an answer or a hold, while the provider takes its time to say no."""
    add_people(sqlite_database, 6)
    claimed: list[int] = []

    def look(_: Outgoing) -> None:
        with sqlite_database.read() as connection:
            claimed.append(sum(row["state"] == "claimed" for row in standing(connection).values()))
        raise DeliveryFailed(Verdict.SENDER, "down")

    provider = Provider(look, concurrency=4)
    here = house(sqlite_database, [provider])
    await here.pass_over()
    first = len(claimed)
    await here.pass_over(after=HOUR)
    assert (claimed[0], claimed[first:]) == (4, [1])


@pytest.mark.parametrize(("verdict", "remembered"), [(Verdict.PERMANENT, 1), (Verdict.CONTENT, 0)])
async def test_what_slack_refuses_goes_by_mail_and_only_the_person_is_remembered(
    sqlite_database: Database, verdict: Verdict, remembered: int
) -> None:
    add_people(sqlite_database, 1)
    with sqlite_database.write() as connection:
        connection.execute(insert(reach).values(employee_key=1, channel="slack", address="U1"))
    slack, mail = Provider(say(DeliveryFailed(verdict, "no")), name="slack"), Provider(lambda _: None)
    here = house(sqlite_database, [slack, mail], ladders=Ladders.of(["slack", "email"], email="smtp"))
    await here.pass_over()
    await here.pass_over()
    assert [(row["channel"], row["state"]) for row in here.rows()] == [("slack", "refused"), ("smtp", "accepted")]
    assert [outgoing.address for outgoing in mail.taken] == ["p0@example.com"]
    with sqlite_database.read() as connection:
        known = connection.execute(reach.select()).mappings().all()
    assert [row["refused_at"] for row in known] == [NOW if remembered else None]


async def test_a_brake_holds_back_what_was_claimed_with_the_rest(sqlite_database: Database) -> None:
    """The sixth refusal stops the channel: of a group that is in hand nothing more leaves, and nothing of it is lost."""
    add_people(sqlite_database, 40)
    asked: list[int] = []

    def refuse(outgoing: Outgoing) -> None:
        asked.append(outgoing.delivery_id)
        raise REFUSED

    here = house(sqlite_database, [Provider(refuse)])
    await here.pass_over()
    assert len(asked) == 6
    assert here.states() == {"refused": 6, "planned": 34}
    assert {row["attempts"] for row in here.rows() if row["state"] == "planned"} == {0}
