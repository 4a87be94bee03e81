"""Answers are told to a program: planned once, signed, in any case at least once, and without a name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from notifier.channels.base import DeliveryFailed
from notifier.channels.webhook import WebhookChannel
from notifier.clock import MovedClock
from notifier.content.catalogue import Catalogue
from notifier.delivery.compose import Composer
from notifier.delivery.dispatcher import Dispatcher
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.links import LinkKeys
from notifier.domain.retry import Verdict
from notifier.service.webhook import WebhookWriter
from notifier.store import acknowledgements, webhooks
from notifier.store.database import Database
from notifier.store.tables import Kind, deliveries
from notifier.store.tables import acknowledgements as answers
from tests.planning_rig import CAMPAIGN, add_person, utc
from tests.webhook_server import SECRET, WebhookServer, webhook_outgoing

NOW = utc("2025-10-03T10:00")


@dataclass
class Rig:
    """A store whose answers are told to a program."""

    database: Database
    server: WebhookServer
    clock: MovedClock
    dispatcher: Dispatcher

    def plan(self, now: datetime = NOW, *, tell_answer: bool = False) -> int:
        with self.database.write() as connection:
            return webhooks.plan(connection, tell_answer=tell_answer, now=now)

    def answer(self, person: int, answer: Answer, now: datetime = NOW) -> None:
        with self.database.write() as connection:
            given = {"campaign": CAMPAIGN.id, "employee_key": person, "answer": answer, "assurance": Assurance.LINK}
            acknowledgements.record(connection, **given, channel="page", receipt_channel="smtp", now=now)

    def undo(self, person: int, now: datetime) -> None:
        with self.database.write() as connection:
            acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=now)

    async def send(self, now: datetime = NOW) -> list[dict[str, Any]]:
        """A pass of the dispatcher; returns the calls it made that were taken."""
        self.clock.move_to(now)
        self.server.now = now
        before = len(self.server.calls)
        await self.dispatcher.run_due()
        return [json.loads(call.body) for call in self.server.calls[before:]]

    def states(self) -> list[tuple[str, int]]:
        with self.database.read() as connection:
            statement = select(deliveries.c.state, deliveries.c.attempts).where(deliveries.c.kind == Kind.WEBHOOK)
            return [tuple(row) for row in connection.execute(statement.order_by(deliveries.c.id))]


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[Rig]:
    clock = MovedClock(NOW)
    async with WebhookServer(NOW) as server:
        composer = Composer(
            campaigns={CAMPAIGN.id: CAMPAIGN},
            catalogue=Catalogue([], None),  # type: ignore[arg-type] - no text is rendered
            keys=LinkKeys({1: b"k" * 32}, 1),
            base_url="https://notifier.example.com",
            default_language="en",
            writers={Kind.WEBHOOK: WebhookWriter()},
        )
        channel = WebhookChannel(server.url, secret=SECRET, clock=clock)
        parts = {"composer": composer, "channels": [channel], "limits": {}, "owner": "test"}
        dispatcher = Dispatcher(database=database, clock=clock, message_id_domain="example.com", **parts)
        one = Rig(database, server, clock, dispatcher)
        one.plan()  # from here on
        yield one
        await dispatcher.close()


async def test_each_answer_is_told_once_in_the_order_in_which_it_was_given(rig: Rig) -> None:
    zoe, ben = add_person(rig.database, 1), add_person(rig.database, 2)
    later = NOW + timedelta(minutes=1)
    rig.answer(zoe, Answer.DONE)
    rig.answer(ben, Answer.HELP)
    assert [rig.plan(), rig.plan()] == [2, 0]
    first = await rig.send()
    rig.answer(zoe, Answer.ALREADY_OFF, later)  # in place of the other: nobody is open in between
    rig.undo(zoe, later + timedelta(minutes=1))
    assert [rig.plan(later + timedelta(minutes=2)), rig.plan(later + timedelta(hours=9))] == [2, 0]
    then = await rig.send(later + timedelta(minutes=2))

    def said(person: int, *, settled: bool) -> dict[str, Any]:
        return {"campaign": CAMPAIGN.id, "employee_id": f"e{person}", "settled": settled}

    at = "2025-10-03T08:00:00Z"
    by_person = sorted(first, key=lambda call: str(call["data"]["employee_id"]))
    assert by_person == [
        {"type": "person.settled", "timestamp": at, "data": said(1, settled=True)},
        {"type": "person.answered", "timestamp": at, "data": said(2, settled=False)},
    ]
    assert sorted((call["type"], call["timestamp"]) for call in then) == [
        ("person.reopened", "2025-10-03T08:02:00Z"),
        ("person.settled", "2025-10-03T08:01:00Z"),
    ]
    assert {state for state, _ in rig.states()} == {"accepted"}


async def test_nobody_is_named_and_the_answer_only_where_it_is_wanted(rig: Rig) -> None:
    rig.answer(add_person(rig.database, 1), Answer.DONE)
    rig.plan(tell_answer=True)
    (call,) = await rig.send()
    assert call["data"]["answer"] == "done"
    everything = rig.server.calls[0].body.decode() + str(rig.server.calls[0].headers)
    assert not any(word in everything for word in ("Zoé", "Example", "e1@example.com"))


async def test_what_was_answered_before_is_told_to_nobody(rig: Rig) -> None:
    old = add_person(rig.database, 1)
    with rig.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM meta WHERE key = 'webhook_mark'")
    rig.answer(old, Answer.DONE)
    assert rig.plan(NOW + timedelta(minutes=1)) == 0
    rig.undo(old, NOW + timedelta(minutes=2))
    assert rig.plan(NOW + timedelta(minutes=3)) == 1


async def test_an_answer_that_is_committed_late_is_told_too(rig: Rig) -> None:
    """Its id was given out before another one's that has been seen already."""
    people = [add_person(rig.database, number) for number in (1, 2)]
    for person in people:
        rig.answer(person, Answer.DONE)
    with rig.database.write() as connection:
        (late,) = connection.execute(select(answers).where(answers.c.employee_key == people[0])).mappings()
        connection.execute(answers.delete().where(answers.c.id == late["id"]))
    assert rig.plan() == 1
    with rig.database.write() as connection:
        connection.execute(answers.insert().values(dict(late)))
    assert [rig.plan(), rig.plan()] == [1, 0]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_call_that_is_not_taken_is_made_again_with_the_same_id_and_body(rig: Rig, status: int) -> None:
    rig.answer(add_person(rig.database, 1), Answer.DONE)
    rig.plan()
    rig.server.status = status
    assert await rig.send() == []
    rig.server.status = 200
    again = NOW + timedelta(minutes=6)
    assert len(await rig.send(again)) == 1
    first, second = rig.server.tries
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) == int(again.timestamp())
    assert rig.states() == [("accepted", 2)]


async def test_one_call_that_is_refused_stops_no_other(rig: Rig) -> None:
    rig.answer(add_person(rig.database, 1), Answer.DONE)
    rig.plan()
    rig.server.status = 422
    await rig.send()
    rig.server.status = 200
    rig.answer(add_person(rig.database, 2), Answer.DONE)
    rig.plan()
    assert len(await rig.send()) == 1
    assert [state for state, _ in rig.states()] == ["refused", "accepted"]


@pytest.mark.parametrize("status", [301, 307, 401, 404, 410])
async def test_what_is_ours_to_mend_makes_the_calls_wait(rig: Rig, status: int) -> None:
    rig.server.headers = {"Location": rig.server.url}
    rig.server.status = status
    rig.answer(add_person(rig.database, 1), Answer.DONE)
    rig.plan()
    await rig.send()
    assert len(rig.server.tries) == 1  # not led anywhere
    assert rig.states() == [("planned", 0)]
    rig.server.status = 200
    assert len(await rig.send(NOW + timedelta(minutes=6))) == 1


async def test_the_signature_is_that_of_the_specification() -> None:
    """Its own example: https://www.standardwebhooks.com, and the libraries that check it."""
    async with WebhookServer(NOW) as server:
        channel = WebhookChannel(server.url, secret=SECRET, clock=MovedClock(NOW))
        await channel.send(webhook_outgoing(7))
        await channel.close()
        (call,) = server.calls
        assert call.headers["webhook-id"].startswith("msg_")
        assert "." not in call.headers["webhook-id"]
        call.body += b" "
        assert not server.signed(call)


async def test_a_program_that_is_not_there_pauses_the_channel() -> None:
    async with WebhookServer(NOW) as server:
        url = server.url
    channel = WebhookChannel(url, secret=SECRET, clock=MovedClock(NOW))
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(webhook_outgoing(1))
    await channel.close()
    assert (caught.value.verdict, caught.value.pause_seconds) == (Verdict.TEMPORARY, 60)
    assert "127.0.0.1" not in caught.value.reply
