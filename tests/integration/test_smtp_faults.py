"""R10: a relay that misbehaves heals. Every fault has its verdict, and the next message goes through on a working connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from functools import partial

import pytest

from notifier.channels.base import DeliveryFailed, Receipt
from notifier.channels.smtp import SmtpChannel
from notifier.domain.retry import Verdict
from tests.outgoing import REPLY_TO, SENDER, outgoing
from tests.smtp_actions import Action, Close, Drip, Hang, Raw, Say, SayAndClose, SayTwice
from tests.smtp_rig import channel_to as channel_with
from tests.smtp_server import ScriptedServer

PERMANENT, TEMPORARY, UNCERTAIN, SENDERS = Verdict.PERMANENT, Verdict.TEMPORARY, Verdict.UNCERTAIN, Verdict.SENDER
CONTENT = Verdict.CONTENT


EXTENSIONS = ("SIZE 10000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
channel_to = partial(channel_with, timeout=0.3, final_timeout=0.3)


@pytest.fixture(params=[(), ("PIPELINING",)], ids=["one command at a time", "pipelining"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(extensions=(*EXTENSIONS, *request.param)) as scripted:
        yield scripted


@pytest.fixture
async def channel(server: ScriptedServer) -> AsyncIterator[SmtpChannel]:
    smtp = channel_to(server)
    yield smtp
    await smtp.close()


async def failure_of(channel: SmtpChannel, number: int = 1) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing(number))
    return caught.value


BEFORE_THE_MESSAGE = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA")


@pytest.mark.parametrize("moment", BEFORE_THE_MESSAGE)
@pytest.mark.parametrize(
    "action",
    [
        Say("451 4.3.0 try later"),
        SayAndClose("421 4.3.2 shutting down"),
        Hang(),
        Close(),
        Raw(b"hello, this is no SMTP\r\n"),
        Raw(b"\xff\xfe\x00\r\n"),
        Raw(b"x" * 40_000),
        Drip("2" * 200, every=0.01),
    ],
    ids=["4xx", "421", "hang", "close", "garbage", "bytes", "flood", "drip"],
)
async def test_trouble_before_the_message_is_temporary(
    server: ScriptedServer, channel: SmtpChannel, moment: str, action: Action
) -> None:
    """Nothing was sent, so a later try cannot be a repeat."""
    server.on(moment, action)
    assert (await failure_of(channel)).verdict is TEMPORARY
    await channel.send(outgoing(2))
    assert [message.recipients for message in server.messages] == [["person2@example.com"]]


@pytest.mark.parametrize(
    ("moment", "action", "verdict"),
    [
        ("CONNECT", SayAndClose("554 5.7.1 no service for you"), SENDERS),
        ("MAIL", Say("550 5.1.8 sender address rejected"), SENDERS),
        ("MAIL", Say("530 5.7.57 client not authenticated"), SENDERS),
        ("RCPT", Say("550 5.1.1 no such user"), PERMANENT),
        ("RCPT", Say("550-5.1.1 no such user\r\n550-5.1.1 really\r\n550 5.1.1 not here"), PERMANENT),
        ("RCPT", Say("552 5.2.2 mailbox full"), TEMPORARY),
        ("RCPT", Say("432 4.3.2 concurrent connections limit exceeded"), TEMPORARY),
        ("RCPT", Say("452 4.5.3 too many recipients"), TEMPORARY),
        ("DATA", Say("554 5.5.1 no valid recipients"), PERMANENT),
        ("DATA", Say("250 2.0.0 what message?"), TEMPORARY),
        ("BODY", SayAndClose("451 4.3.0 disk trouble"), TEMPORARY),
        ("BODY", SayAndClose("552 5.3.4 too big"), CONTENT),
        ("BODY", Close(), UNCERTAIN),
        ("BODY", Hang(), UNCERTAIN),
        ("DOT", Say("451 4.3.0 try later"), TEMPORARY),
        ("DOT", Say("452 4.3.1 out of space"), TEMPORARY),
        ("DOT", SayAndClose("421 4.3.2 shutting down"), TEMPORARY),
        ("DOT", Say("550 5.1.1 no such user after all"), PERMANENT),
        ("DOT", Say("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"), SENDERS),
        ("DOT", Close(), UNCERTAIN),
        ("DOT", Close(keep=True), UNCERTAIN),
        ("DOT", Hang(), UNCERTAIN),
        ("DOT", Raw(b"ok, thank you\r\n"), UNCERTAIN),
        ("DOT", Drip("250 2.0.0 never ends" * 10, every=0.01), UNCERTAIN),
    ],
)
async def test_verdicts_later_in_the_session(
    server: ScriptedServer, channel: SmtpChannel, moment: str, action: Action, verdict: Verdict
) -> None:
    server.on(moment, action)
    assert (await failure_of(channel)).verdict is verdict
    await channel.send(outgoing(2))
    assert server.messages[-1].recipients == ["person2@example.com"]


async def test_what_a_server_takes_slowly_is_taken(server: ScriptedServer) -> None:
    channel = channel_to(server, timeout=2)
    server.on("MAIL", Drip("250 2.1.0 slow but sure\r\n", every=0.002))
    receipt = await channel.send(outgoing())
    await channel.close()
    assert receipt.reply.startswith("250 2.0.0 Ok: queued as")


async def test_nobody_listens() -> None:
    server = ScriptedServer()
    await server.start()
    await server.stop()
    channel = channel_to(server)
    failure = await failure_of(channel)
    assert (failure.verdict, failure.pause_seconds) == (TEMPORARY, 300)
    assert failure.reply == "cannot connect: Connection refused (while connecting)"
    await server.start(server.port)
    await channel.send(outgoing(2))
    await channel.close()
    await server.stop()
    assert len(server.messages) == 1


async def test_the_final_answer_is_waited_for_longer_than_any_other(server: ScriptedServer) -> None:
    """R12: the timeout of commands does not cut short the wait for the answer to the final dot."""
    channel = channel_to(server, timeout=0.1, final_timeout=5)
    server.on("DOT", Drip("250 2.0.0 at last\r\n", every=0.03))
    assert (await channel.send(outgoing())).reply == "250 2.0.0 at last"
    await channel.close()


def test_the_final_answer_is_waited_for_600_seconds() -> None:
    """RFC 5321, 4.5.3.2.6, whatever the timeout of commands is."""
    channel = SmtpChannel(host="127.0.0.1", port=25, security="none", sender=SENDER, reply_to=REPLY_TO, timeout=1)
    assert channel._server.final_timeout == 600


async def test_greylisting_delays_and_no_more(server: ScriptedServer, channel: SmtpChannel) -> None:
    """R11: every recipient is put off once; the second try goes through, on the same connection."""
    server.greylisting = True
    for number in range(1, 6):
        failure = await failure_of(channel, number)
        assert (failure.verdict, failure.pause_seconds) == (TEMPORARY, None)
        assert failure.reply == "451 4.7.1 <…>: greylisted, try again in a minute"
    for number in range(1, 6):
        await channel.send(outgoing(number))
    assert len(server.messages) == 5
    assert server.connections == 1


async def test_a_relay_that_ends_each_connection_after_some_messages(server: ScriptedServer, channel: SmtpChannel) -> None:
    """The 421 comes before anything of the message was sent: the channel just connects again."""
    server.limit = 10
    for number in range(1, 36):
        await channel.send(outgoing(number))
    assert [message.session for message in server.messages] == [1] * 10 + [2] * 10 + [3] * 10 + [4] * 5


@pytest.mark.parametrize("action", [Hang(), Close(), SayAndClose("421 4.4.2 idle")], ids=["hang", "close", "421"])
async def test_a_connection_that_died_while_idle_costs_nothing(
    server: ScriptedServer, channel: SmtpChannel, action: Action
) -> None:
    await channel.send(outgoing(1))
    server.on("MAIL", action)
    await channel.send(outgoing(2))
    assert [message.session for message in server.messages] == [1, 2]


async def test_a_relay_restarts(server: ScriptedServer) -> None:
    """Every connection is reset while idle; the next wave goes through whole."""
    channel = channel_to(server, connections=4)
    await asyncio.gather(*(channel.send(outgoing(number)) for number in range(1, 9)))
    server.drop_all()
    await asyncio.gather(*(channel.send(outgoing(number)) for number in range(9, 17)))
    await channel.close()
    assert len({message.recipients[0] for message in server.messages}) == len(server.messages) == 16


async def test_who_waits_is_not_forgotten_when_the_only_connection_ends(server: ScriptedServer, channel: SmtpChannel) -> None:
    """Its place is taken by a new one, opened for a message that waits."""
    server.on("DOT", Close())
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*(channel.send(outgoing(number)) for number in range(1, 6)), return_exceptions=True)
    assert [type(one) for one in outcomes] == [DeliveryFailed, *[Receipt] * 4]


async def test_a_second_answer_is_never_taken_for_the_next_one(server: ScriptedServer, channel: SmtpChannel) -> None:
    """A server out of step must not make a refused message look taken."""
    server.on("RCPT", SayTwice("550 5.1.1 no such user", "250 2.0.0 Ok: queued as 1"))
    assert (await failure_of(channel)).verdict is PERMANENT
    server.on("RCPT", Say("550 5.1.1 no such user"))
    assert (await failure_of(channel, 2)).verdict in {PERMANENT, TEMPORARY}
    await channel.send(outgoing(3))
    assert [message.recipients for message in server.messages] == [["person3@example.com"]]


async def test_an_answer_before_the_final_dot_is_not_mixed_up_with_the_one_after(
    server: ScriptedServer, channel: SmtpChannel
) -> None:
    server.on("BODY", Say("451 4.3.0 in the middle"))
    assert (await failure_of(channel)).verdict is TEMPORARY
    server.behave()
    server.on("RCPT", Say("550 5.1.1 no such user"))
    assert (await failure_of(channel, 2)).reply == "550 5.1.1 no such user"


async def test_a_repeat_after_uncertainty_is_the_same_bytes(server: ScriptedServer, channel: SmtpChannel) -> None:
    """R3: the server kept the message and the answer was lost; the second copy equals the first."""
    server.on("DOT", Close(keep=True))
    assert (await failure_of(channel)).verdict is UNCERTAIN
    await channel.send(outgoing())
    first, second = server.messages
    assert first.raw == second.raw


@pytest.mark.parametrize("moment", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT", "RSET"])
async def test_a_cancelled_send_leaves_no_broken_connection(server: ScriptedServer, moment: str) -> None:
    channel = channel_to(server, timeout=5, final_timeout=5)
    server.on(moment, Hang())
    if moment == "RSET":
        server.on("RCPT", Say("450 not now"))
    task = asyncio.create_task(channel.send(outgoing(1)))
    await server.reached(moment)
    for _ in range(20):  # let the client come to rest
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await channel.send(outgoing(2))
    await channel.close()
    assert server.messages[-1].recipients == ["person2@example.com"]
    assert server.connections == 2


async def test_cancelled_at_any_moment(server: ScriptedServer) -> None:
    """Whenever a cancellation comes, what follows is either it or a true receipt, and the next message goes through."""
    channel = channel_to(server, timeout=5, final_timeout=5)
    cancelled = 0
    for ticks in range(1000):
        await channel.send(outgoing(1))
        if ticks % 2:
            await channel.close()  # every other round begins with a new connection
        before = len(server.messages)
        task = asyncio.create_task(channel.send(outgoing(2)))
        for _ in range(ticks // 2):
            await asyncio.sleep(0)
        finished = task.done()
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(outcome, asyncio.CancelledError):
            cancelled += 1
        else:
            assert isinstance(outcome, Receipt)
            assert len(server.messages) == before + 1
        if finished and ticks % 2:
            break
    await channel.close()
    assert cancelled > 20


async def test_no_cancellation_is_lost_on_the_way_to_the_final_dot(server: ScriptedServer) -> None:
    """A drain must not hang for 600 s because a cancellation met an answer, which asyncio.wait_for loses in Python 3.11."""
    server.on("DOT", Hang(), times=None)
    channel = channel_to(server, timeout=30, final_timeout=30)
    for ticks in range(120):
        task = asyncio.create_task(channel.send(outgoing()))
        await server.reached("EHLO")
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(5):
            assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
        reached_the_end = "DATA" in server.commands
        server.commands.clear()
    assert reached_the_end


async def test_words_of_the_server_without_the_person(server: ScriptedServer, channel: SmtpChannel) -> None:
    server.on("RCPT", Say("550-5.1.1 <person1@example.com>: Recipient address rejected:\r\n550 5.1.1 person1 is not known here"))
    assert (await failure_of(channel)).reply == "550 5.1.1 <…>: Recipient address rejected: 5.1.1 <…> is not known here"


async def test_the_message_survives_leading_dots(server: ScriptedServer, channel: SmtpChannel) -> None:
    """Lines that begin with a dot arrive as they were written (RFC 5321, 4.5.2)."""
    text = "\n".join([".", "..", ".one", "two", ". ", ""])
    await channel.send(outgoing(text=text))
    parsed = message_from_bytes(server.messages[0].raw, policy=policy.default)
    body = parsed.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == text
