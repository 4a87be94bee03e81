"""RFC 2920: what travels together, and what happens to a message whose envelope lies behind the content of another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import pytest

from notifier.channels.base import DeliveryFailed, Receipt
from notifier.channels.smtp import SmtpChannel
from notifier.domain.retry import Verdict
from tests.outgoing import REPLY_TO, SENDER, outgoing
from tests.smtp_actions import Close, Hang, Say, SayAndClose
from tests.smtp_rig import channel_to as channel_with
from tests.smtp_server import ScriptedServer

EXTENSIONS = ("SIZE 10000000", "DSN", "PIPELINING")
channel_to = partial(channel_with, timeout=2, final_timeout=2)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(extensions=EXTENSIONS) as scripted:
        yield scripted


async def send(channel: SmtpChannel, count: int) -> list[Receipt | BaseException]:
    return await asyncio.gather(*(channel.send(outgoing(number)) for number in range(1, count + 1)), return_exceptions=True)


def verdicts(outcomes: list[Receipt | BaseException]) -> Counter[str]:
    return Counter(one.verdict.name if isinstance(one, DeliveryFailed) else type(one).__name__ for one in outcomes)


async def test_the_next_envelope_travels_behind_the_content() -> None:
    """Its three commands have come before the server says anything about the message before; nothing of its content has.

    A third envelope waits for the content of the second, and comes with it.
    """
    came = bytearray()
    complete = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 raw\r\n")
        await reader.readline()
        writer.write(b"250-raw\r\n250 PIPELINING\r\n")
        envelope = b"250 ok\r\n250 ok\r\n354 go on\r\n"
        for answers in (envelope, b"250 taken\r\n" + envelope, b""):
            while not came.endswith(b"DATA\r\n"):
                came.extend(await reader.read(65_536))
            if answers.startswith(b"250 taken"):
                sending.append(asyncio.create_task(channel.send(outgoing(3))))
            writer.write(answers)
            came.extend(b"|")
        complete.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel = SmtpChannel(host="127.0.0.1", port=port, security="none", sender=SENDER, reply_to=REPLY_TO, connections=1)
    sending = [asyncio.create_task(channel.send(outgoing(number))) for number in (1, 2)]
    async with asyncio.timeout(5):
        await complete.wait()
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    await channel.close()
    server.close()
    await server.wait_closed()
    first, second, third, _ = bytes(came).split(b"|")
    sender = b"MAIL FROM:<privacy@example.com>\r\n"
    assert first == sender + b"RCPT TO:<person1@example.com>\r\nDATA\r\n"
    for number, content in ((2, second), (3, third)):
        assert content.endswith(b"\r\n.\r\n" + sender + b"RCPT TO:<person%d@example.com>\r\nDATA\r\n" % number)
        assert content.count(b"\r\n.\r\n") == 1


@pytest.mark.parametrize("action", [Close(), SayAndClose("421 4.3.2 shutting down"), Say("451 4.3.0 try later"), Hang()])
async def test_trouble_with_one_message_costs_the_one_behind_it_nothing(
    server: ScriptedServer, action: Close | SayAndClose | Say | Hang
) -> None:
    """The server never had its content: it goes out on another connection, once."""
    server.on("DOT", action)
    channel = channel_to(server)
    outcomes = await send(channel, 4)
    await channel.close()
    assert sum(isinstance(one, Receipt) for one in outcomes) == 3
    assert verdicts(outcomes)["UNCERTAIN"] + verdicts(outcomes)["TEMPORARY"] == 1
    assert set(Counter(message.recipients[0] for message in server.messages).values()) == {1}
    assert len(server.messages) == 3


async def test_a_refused_recipient_is_the_only_one_refused(server: ScriptedServer) -> None:
    """The answers to MAIL, RCPT and DATA of the others are theirs, on the same connection."""
    server.on("RCPT", Say("250 2.1.5 ok"))
    server.on("RCPT", Say("550 5.1.1 no such user"))
    channel = channel_to(server)
    outcomes = await send(channel, 6)
    await channel.close()
    assert verdicts(outcomes) == {"Receipt": 5, "PERMANENT": 1}
    assert (len(server.messages), server.connections) == (5, 1)


async def test_no_content_for_a_refused_recipient(server: ScriptedServer) -> None:
    """A server that asks for the message all the same gets none: it would be one for nobody."""
    server.on("RCPT", Say("550 5.1.1 no such user"))
    server.on("MAIL", Say("250 2.1.0 ok"))
    channel = channel_to(server)
    (outcome,) = await send(channel, 1)
    assert isinstance(outcome, DeliveryFailed)
    assert outcome.verdict is Verdict.PERMANENT
    assert server.messages == []
    assert server.commands[-1] == "RSET"
    await channel.close()


async def test_a_cancelled_message_leaves_the_one_before_it_alone(server: ScriptedServer) -> None:
    """Giving up on a message whose envelope has gone must not make another one uncertain."""
    channel = channel_to(server)
    first = asyncio.create_task(channel.send(outgoing(1)))
    second = asyncio.create_task(channel.send(outgoing(2)))
    await server.reached("RCPT")
    second.cancel()
    assert isinstance(await first, Receipt)
    with pytest.raises(asyncio.CancelledError):
        await second
    await channel.send(outgoing(3))
    await channel.close()
    assert [message.recipients[0] for message in server.messages] == ["person1@example.com", "person3@example.com"]


async def test_a_refused_login_is_tried_once_for_each_connection() -> None:
    """Messages that wait for a connection do not each try the password: the account would be locked."""
    async with ScriptedServer(users={"notifier": "right"}, extensions=EXTENSIONS) as server:
        channel = channel_to(server, connections=2, username="notifier", password="wrong")
        outcomes = await send(channel, channel.concurrency)
        await channel.close()
        assert verdicts(outcomes) == {"SENDER": channel.concurrency}
        assert sum(command.startswith("AUTH") for command in server.commands) <= 2


@pytest.mark.parametrize(("connections", "at_once"), [(1, 6), (4, 24), (10, 60), (50, 64), (200, 200)])
def test_how_many_messages_may_be_in_hand(connections: int, at_once: int) -> None:
    """R2: the repeats after a crash are bounded by this."""
    channel = SmtpChannel(host="127.0.0.1", port=25, security="none", sender=SENDER, reply_to=REPLY_TO, connections=connections)
    assert channel.concurrency == at_once


async def test_a_thousand_over_few_connections_each_to_its_own(server: ScriptedServer) -> None:
    channel = channel_to(server, connections=3)
    outcomes = await send(channel, 1000)
    await channel.close()
    assert verdicts(outcomes) == {"Receipt": 1000}
    assert (len({message.recipients[0] for message in server.messages}), len(server.messages)) == (1000, 1000)
    assert server.most_at_once == 3
