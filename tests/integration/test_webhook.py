"""Answers are told to a program: planned once, signed, in any case at least once, and without a name."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from notifier.channels.base import DeliveryFailed
from notifier.channels.webhook import WebhookChannel
from notifier.clock import MovedClock
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
from tests.delivery_rig import shipped_texts
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
    async with _rig(database) as one:
        yield one


@pytest.fixture
async def calls(sqlite_database: Database) -> AsyncIterator[Rig]:
    """The same where it is about the calls and not about the store."""
    async with _rig(sqlite_database) as one:
        yield one


@asynccontextmanager
async def _rig(database: Database) -> AsyncIterator[Rig]:
    clock = MovedClock(NOW)
    async with WebhookServer(NOW) as server:
        composer = Composer(
            campaigns={CAMPAIGN.id: CAMPAIGN},
            catalogue=shipped_texts(),
            keys=LinkKeys({1: b"k" * 32}, 1),
            base_url="https://notifier.example.com",
            default_language="en",
            writers={Kind.WEBHOOK: WebhookWriter()},
        )
        channel = WebhookChannel(server.url, secrets=[SECRET], clock=clock)
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
    assert [rig.plan(NOW + timedelta(minutes=1)), rig.plan(NOW + timedelta(minutes=1))] == [0, 0]
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


async def test_an_answer_with_the_id_of_one_that_was_purged_is_told(rig: Rig) -> None:
    """SQLite gives an id again when the newest row has been deleted."""
    people = [add_person(rig.database, number) for number in (1, 2)]
    rig.answer(people[0], Answer.DONE)
    assert rig.plan() == 1
    with rig.database.write() as connection:
        connection.execute(answers.delete())
    rig.answer(people[1], Answer.DONE, NOW + timedelta(minutes=1))
    assert [rig.plan(NOW + timedelta(minutes=2)) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_call_that_is_not_taken_is_made_again_with_the_same_id_and_body(calls: Rig, status: int) -> None:
    calls.answer(add_person(calls.database, 1), Answer.DONE)
    calls.plan()
    calls.server.status = status
    assert await calls.send() == []
    calls.server.status = 200
    again = NOW + timedelta(minutes=6)
    assert len(await calls.send(again)) == 1
    first, second = calls.server.tries
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) == int(again.timestamp())
    assert calls.states() == [("accepted", 2)]


async def test_one_call_that_is_refused_stops_no_other(calls: Rig) -> None:
    calls.answer(add_person(calls.database, 1), Answer.DONE)
    calls.plan()
    calls.server.status = 422
    await calls.send()
    calls.server.status = 200
    calls.answer(add_person(calls.database, 2), Answer.DONE)
    calls.plan()
    assert len(await calls.send()) == 1
    assert [state for state, _ in calls.states()] == ["refused", "accepted"]


@pytest.mark.parametrize("status", [301, 307, 401, 404, 410])
async def test_what_is_ours_to_mend_makes_the_calls_wait(calls: Rig, status: int) -> None:
    calls.server.headers = {"Location": calls.server.url}
    calls.server.status = status
    calls.answer(add_person(calls.database, 1), Answer.DONE)
    calls.plan()
    await calls.send()
    assert len(calls.server.tries) == 1  # not led anywhere
    assert calls.states() == [("planned", 0)]
    calls.server.status = 200
    assert len(await calls.send(NOW + timedelta(minutes=6))) == 1


async def test_the_signature_is_that_of_the_specification() -> None:
    """Standard Webhooks' own example of id, time, body, secret and signature."""
    second = datetime.fromtimestamp(1614265330, UTC)
    message = replace(webhook_outgoing(text='{"test": 2432232314}'), message_id="p5jXN8AQM9LWM0D4loKWxJek@example.com")
    async with WebhookServer(second) as server:
        channel = WebhookChannel(server.url, secrets=[SECRET], clock=MovedClock(second))
        await channel.send(message)
        await channel.send(webhook_outgoing(7))  # its Message-ID has a dot, which an id of a webhook must not have
        await channel.close()
    first, second_call = (call.headers for call in server.calls)
    assert first["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert first["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert "." not in second_call["webhook-id"]


async def test_while_a_secret_is_changed_either_of_the_two_fits() -> None:
    """The specification: signatures stand beside each other, with a space between, and one that fits is enough."""
    second = datetime.fromtimestamp(1614265330, UTC)
    new = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
    async with WebhookServer(second) as server:
        for secrets in ([new, SECRET], [SECRET, new], [new]):
            channel = WebhookChannel(server.url, secrets=secrets, clock=MovedClock(second))
            with suppress(DeliveryFailed):
                await channel.send(webhook_outgoing())
            await channel.close()
        assert (len(server.calls), len(server.tries)) == (2, 3)
        assert [len(one.headers["webhook-signature"].split(" ")) for one in server.tries] == [2, 2, 1]


@pytest.mark.parametrize(
    ("status", "asked", "verdict", "pause", "said"),
    [
        (201, None, None, None, "HTTP 201 Created"),
        (301, None, Verdict.SENDER, 60, "HTTP 301 Moved Permanently: it leads elsewhere; write the new address"),
        (401, None, Verdict.SENDER, 60, "HTTP 401 Unauthorized: check webhook.url and the secret"),
        (410, None, Verdict.SENDER, 60, "HTTP 410 Gone: check webhook.url and the secret"),
        (400, "30", Verdict.CONTENT, None, "HTTP 400 Bad Request"),
        (422, None, Verdict.CONTENT, None, "HTTP 422 Unprocessable Entity"),
        (429, "30", Verdict.TEMPORARY, 30, "HTTP 429 Too Many Requests"),
        (408, "7200", Verdict.TEMPORARY, 3600, "HTTP 408 Request Timeout"),
        (425, "9" * 30, Verdict.TEMPORARY, 3600, "HTTP 425 Too Early"),
        (500, None, Verdict.TEMPORARY, None, "HTTP 500 Internal Server Error"),
        (503, "Wed, 21 Oct 2025 07:28:00 GMT", Verdict.TEMPORARY, None, "HTTP 503 Service Unavailable"),
    ],
)
async def test_each_answer_is_judged(
    status: int, asked: str | None, verdict: Verdict | None, pause: float | None, said: str
) -> None:
    async with WebhookServer(NOW) as server:
        server.status, server.headers = status, {"Location": server.url} | ({"Retry-After": asked} if asked else {})
        channel = WebhookChannel(server.url, secrets=[SECRET], clock=MovedClock(NOW))
        try:
            if verdict is None:
                assert (await channel.send(webhook_outgoing())).reply == said
                return
            with pytest.raises(DeliveryFailed) as caught:
                await channel.send(webhook_outgoing())
            assert (caught.value.verdict, caught.value.pause_seconds, caught.value.reply) == (verdict, pause, said)
            assert await channel.reach() == said.partition(":")[0]
            assert len(server.tries) == 2  # it was led nowhere, neither by the call nor by the question
        finally:
            await channel.close()


async def test_where_no_answer_comes_nobody_knows() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        channel = WebhookChannel(url, secrets=[SECRET], clock=MovedClock(NOW))
        with pytest.raises(DeliveryFailed) as caught:
            await channel.send(webhook_outgoing())
        await channel.close()
    assert (caught.value.verdict, caught.value.pause_seconds) == (Verdict.UNCERTAIN, 60)


async def test_a_program_that_is_not_there_pauses_the_channel() -> None:
    async with WebhookServer(NOW) as server:
        url = server.url
    channel = WebhookChannel(url, secrets=[SECRET], clock=MovedClock(NOW))
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(webhook_outgoing(1))
    await channel.close()
    assert (caught.value.verdict, caught.value.pause_seconds) == (Verdict.TEMPORARY, 60)
    assert "127.0.0.1" not in caught.value.reply
