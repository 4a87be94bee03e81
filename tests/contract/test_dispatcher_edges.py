"""The dispatcher when the fault is on our own side, over both databases: the store, the configuration, a text, the channel's code.

Nobody's message is lost, nobody gets more copies than there are senders, and nothing ends the service.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.channels.capture import CaptureChannel
from notifier.domain.retry import Verdict
from notifier.store import claims, holds, outcomes, quota
from notifier.store.database import Database
from tests.delivery_rig import CAMPAIGN, NOW, TEMPLATES, add_people, house, recipients, smtp_channel
from tests.smtp_server import SayAndClose, ScriptedServer
from tests.store_faults import commit_fails, store_fails


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


@pytest.mark.parametrize("word", ["reply=", "epoch="], ids=["recording", "claiming"])
async def test_a_store_that_fails_for_a_while_loses_nothing(database: Database, server: ScriptedServer, word: str) -> None:
    """Senders wait with what they know; nobody gets a second copy, and nothing ends the service."""
    add_people(database, 20)
    one = house(database, [smtp_channel(server, 3)])
    with store_fails(database, word, times=4) as failed:
        for _ in range(10):
            await one.pass_over(after=timedelta(seconds=5))
    await one.dispatcher.close()

    assert len(failed) == 4
    assert one.states() == {"accepted": 20}
    assert set(recipients(server.messages).values()) == {1}


async def test_senders_stop_while_an_outcome_cannot_be_recorded(database: Database, server: ScriptedServer) -> None:
    """No more messages leave than there are senders, however long the store is out of order."""
    add_people(database, 60)
    channel = smtp_channel(server, 1)
    one = house(database, [channel])
    with store_fails(database, "reply=", times=1_000_000):
        running = asyncio.create_task(one.pass_over())
        while one.clock.now() < NOW + timedelta(minutes=30):
            await asyncio.sleep(0.01)
        assert len(server.messages) <= channel.concurrency < 60
    await running
    await one.dispatcher.close()
    assert one.states() == {"accepted": 60}
    assert set(recipients(server.messages).values()) == {1}


async def test_a_claim_that_was_stored_without_our_knowing_is_not_forgotten(database: Database) -> None:
    """The commit went through, its confirmation did not: the rows are given back and sent, once."""
    add_people(database, 10)
    sent: list[str] = []
    one = house(database, [CaptureChannel("smtp", lambda outgoing: sent.append(outgoing.address))])
    one.planner.tick(NOW)
    with commit_fails(database, times=1):
        done = await one.dispatcher.run_due()
    assert (done.total, done.again_at, one.states()["claimed"]) == (0, NOW + timedelta(seconds=2), 8)

    await one.pass_over(after=timedelta(seconds=2))

    assert sorted(sent) == sorted(f"p{number}@example.com" for number in range(10))
    assert {(row["state"], row["attempts"]) for row in one.rows()} == {("accepted", 1)}


async def test_the_channel_pauses_also_while_the_store_fails(database: Database, server: ScriptedServer) -> None:
    add_people(database, 3)
    server.on("CONNECT", SayAndClose("421 4.3.2 too busy"), times=None)
    one = house(database, [smtp_channel(server, 2)])
    with store_fails(database, "INSERT INTO holds", times=2):
        await one.pass_over()
    with database.read() as connection:
        assert len(holds.active(connection, one.clock.now(), ("smtp",))) == 1
    assert one.states() == {"planned": 3}


async def test_what_cannot_be_given_back_yet_is_given_back_later(database: Database) -> None:
    """A claim of which nobody knows, and then the store is out of order: nothing is sent before that is settled."""
    add_people(database, 10)
    sent: list[str] = []
    one = house(database, [CaptureChannel("smtp", lambda outgoing: sent.append(outgoing.address))])
    one.planner.tick(NOW)
    with commit_fails(database, times=1):
        await one.dispatcher.run_due()
    assert one.states()["claimed"] == 8
    with store_fails(database, "CASE WHEN (deliveries.attempts", times=2) as failed:
        for _ in range(2):
            done = await one.pass_over(after=timedelta(seconds=2))
            assert (done.total, done.again_at) == (0, one.clock.now() + timedelta(seconds=2))
    assert len(failed) == 2
    assert sent == []

    await one.pass_over(after=timedelta(seconds=2))
    assert Counter(sent) == {f"p{number}@example.com": 1 for number in range(10)}


async def test_claims_that_somebody_took_over_are_let_go(database: Database) -> None:
    """Another daemon takes this one for dead in the middle of a wave. What was not begun is not sent by both."""
    add_people(database, 300)
    sent: list[Outgoing] = []

    def take(outgoing: Outgoing) -> None:
        sent.append(outgoing)
        if len(sent) == 40:
            with database.write() as connection:
                assert outcomes.release_dead(connection, owner="two", resend=("smtp",), now=NOW, alone=True)

    channel = CaptureChannel("smtp", take)
    one = house(database, [channel])

    done = await one.pass_over()
    assert done.again_at == NOW + timedelta(seconds=2)
    assert 40 <= len(sent) <= 40 + channel.concurrency
    assert one.states()["claimed"] == 0

    await one.pass_over(after=timedelta(seconds=2))
    copies = Counter(outgoing.message_id for outgoing in sent)
    assert len(copies) == 300
    assert 1 <= sum(count - 1 for count in copies.values()) <= channel.concurrency
    assert one.states() == {"accepted": 300}


async def test_a_campaign_out_of_the_configuration_is_cancelled_and_comes_back_with_it(database: Database) -> None:
    """Taken out by mistake and put back: nobody is forgotten, and nobody was written to meanwhile."""
    add_people(database, 3)
    sent: list[str] = []
    channel = CaptureChannel("smtp", lambda outgoing: sent.append(outgoing.address))
    house(database, [channel]).planner.tick(NOW)
    other = house(database, [channel], campaign=type(CAMPAIGN)("other", CAMPAIGN.deadline, ()))

    assert (await other.pass_over()).outcomes == {"cancelled": 3}
    assert sent == []
    assert {row["reason"] for row in other.rows()} == {"no longer in the configuration"}

    assert (await house(database, [channel]).pass_over()).outcomes == {"accepted": 3}


async def test_a_broken_text_stops_nobody_elses_message(database: Database, tmp_path: Path) -> None:
    """One language is broken: its people wait, with the reason in the row; mended, it goes out."""
    add_people(database, 9)
    texts = copytree(TEMPLATES / CAMPAIGN.id, tmp_path / CAMPAIGN.id)
    notice = texts / "notice.fr.md"
    good = notice.read_text("utf-8")
    notice.write_text(
        good.replace("+++\n\n", "+++\n\n{{ nonsense }} ", 1) if "+++\n\n" in good else good + "\n{{ nonsense }}\n", "utf-8"
    )
    folders = (tmp_path, TEMPLATES)
    one = house(database, [CaptureChannel("smtp")], folders=folders)

    assert (await one.pass_over()).outcomes == {"accepted": 6, "retry": 3}
    waiting = [row for row in one.rows() if row["state"] == "retry"]
    assert {row["next_at"] for row in waiting} == {NOW + timedelta(hours=1)}
    assert all("notice.fr.md" in row["reason"] and "nonsense" in row["reason"] for row in waiting)

    notice.write_text(good, "utf-8")
    mended = house(database, [CaptureChannel("smtp")], folders=folders, now=NOW + timedelta(hours=1))
    assert (await mended.pass_over()).outcomes == {"accepted": 3}


class UncertainChannel:
    """Never knows, on a channel where a second copy would be seen; asks for a pause when told to."""

    name = "smtp"
    concurrency = 1
    resend_when_uncertain = False

    def __init__(self, pause_seconds: float | None) -> None:
        self._pause_seconds = pause_seconds
        self.sent = 0

    async def send(self, _outgoing: Outgoing) -> Receipt:
        self.sent += 1
        raise DeliveryFailed(Verdict.UNCERTAIN, "503 who knows", pause_seconds=self._pause_seconds)

    async def close(self) -> None:
        """Nothing is kept open."""


@pytest.mark.parametrize("pause_seconds", [None, 60])
async def test_what_may_have_been_sent_is_not_sent_again(database: Database, pause_seconds: float | None) -> None:
    """Also where the provider asks for a pause with the same answer."""
    add_people(database, 2)
    channel = UncertainChannel(pause_seconds)
    one = house(database, [channel])
    for _ in range(5):
        await one.pass_over(after=timedelta(minutes=10))
    assert one.states() == {"unknown": 2}
    assert channel.sent == 2


class BrokenChannel:
    """Its code has a fault that one of the people brings to light."""

    name = "smtp"
    concurrency = 2

    def __init__(self, resend_when_uncertain: bool) -> None:
        self.resend_when_uncertain = resend_when_uncertain

    async def send(self, outgoing: Outgoing) -> Receipt:
        if outgoing.address == "p1@example.com":
            msg = "list index out of range"
            raise IndexError(msg)
        return Receipt("taken")

    async def close(self) -> None:
        """Nothing is kept open."""


@pytest.mark.parametrize(("resend", "state"), [(True, "retry"), (False, "unknown")])
async def test_a_fault_in_the_channels_code_concerns_one_message(database: Database, resend: bool, state: str) -> None:
    """How far it came nobody knows: it counts as uncertain, and the others go out."""
    add_people(database, 5)
    one = house(database, [BrokenChannel(resend)])

    assert (await one.pass_over()).outcomes == {"accepted": 4, state: 1}

    (row,) = [row for row in one.rows() if row["state"] == state]
    assert row["email"] == "p1@example.com"
    assert row["reason"].endswith("the channel failed in an unknown way")


async def test_an_interrupted_row_that_is_given_back_counts_as_tried(database: Database, server: ScriptedServer) -> None:
    """A dead process's row is tried again; when the channel pauses on it, the first try stays in the count."""
    add_people(database, 1)
    one = house(database, [smtp_channel(server, 1)])
    one.planner.tick(NOW)
    with database.write() as connection:
        claims.claim(
            connection, owner="dead", channel="smtp", limits=quota.Limits(), most=1, now=NOW, message_id_domain="example.com"
        )
    assert await one.dispatcher.release_dead(alone=True) == 1
    server.on("CONNECT", SayAndClose("421 4.3.2 too busy"))

    await one.pass_over()
    assert [(row["state"], row["attempts"]) for row in one.rows()] == [("retry", 1)]
    await one.pass_over(after=timedelta(minutes=1))
    await one.dispatcher.close()
    assert [(row["state"], row["attempts"]) for row in one.rows()] == [("accepted", 2)]


async def test_after_an_orderly_stop_nothing_is_taken_back(database: Database) -> None:
    add_people(database, 3)
    one = house(database, [CaptureChannel("smtp")])
    await one.pass_over()
    before = one.rows()
    assert await house(database, [CaptureChannel("smtp")], owner="two").dispatcher.release_dead(alone=True) == 0
    assert one.rows() == before
