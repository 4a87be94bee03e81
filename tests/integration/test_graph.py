"""Mail through Microsoft Graph, against a strict Graph on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from notifier.channels.base import DeliveryFailed
from notifier.channels.graph import GraphChannel
from notifier.domain.retry import Verdict
from notifier.microsoft import ClientSecret, GraphClient
from tests.microsoft_mail import post_of
from tests.microsoft_server import MAILBOX, Action, Drop, Fail, Hang, MicrosoftServer, Taken
from tests.outgoing import REPLY_TO, SENDER, outgoing

SECOND = "privacy-2@example.com"
BOTH = frozenset({"Mail.Send", "Mail.ReadWrite"})


@pytest.fixture
async def server() -> AsyncIterator[MicrosoftServer]:
    async with MicrosoftServer(roles=BOTH) as running:
        yield running


def channel_to(server: MicrosoftServer, client: GraphClient | None = None, **more: Any) -> GraphChannel:
    return GraphChannel(
        client or server.client(), mailbox=MAILBOX, sender=SENDER, reply_to=REPLY_TO, **{"looks": (0, 0, 0), **more}
    )


async def failure_of(channel: GraphChannel, number: int = 1) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing(number))
    return caught.value


async def test_what_graph_is_asked(server: MicrosoftServer) -> None:
    """Nothing stays in the mailbox; one header, which is allowed; our Message-ID and the root of the campaign."""
    channel = channel_to(server)
    receipt = await channel.send(outgoing(1, name="Élodie Müller"))
    await channel.close()
    (delivered,) = server.delivered
    message = delivered.message
    assert message["toRecipients"] == [{"emailAddress": {"address": "person1@example.com", "name": "Élodie Müller"}}]
    assert message["from"] == {"emailAddress": {"address": "privacy@example.com", "name": "Privacy Office"}}
    assert message["replyTo"] == [{"emailAddress": {"address": "help@example.com", "name": "Help Desk"}}]
    assert message["internetMessageId"] == f"<{outgoing(1).message_id}>"
    assert message["internetMessageHeaders"] == [{"name": "X-Auto-Response-Suppress", "value": "OOF, DR, RN, NRN, AutoReply"}]
    assert message["singleValueExtendedProperties"] == [
        {"id": "String 0x1039", "value": "<linkedin-ai-training.campaign@notifier.example.com>"}
    ]
    assert message["body"] == {"contentType": "html", "content": outgoing(1).rendered.html}
    assert server.seen == ["sendMail"]
    assert receipt.reply.startswith("202 accepted, request-id ")
    assert receipt.reference is None


@pytest.mark.parametrize(
    ("action", "verdict", "pause", "outlet_only"),
    [
        (Fail(429, "TooManyRequests", retry_after=150), Verdict.UNCERTAIN, 150, False),
        (Fail(429, "ApplicationThrottled", done=True), Verdict.UNCERTAIN, 60, False),
        (Fail(503, "ServiceUnavailable", retry_after=90), Verdict.UNCERTAIN, 90, False),
        (Fail(502), Verdict.UNCERTAIN, 60, False),
        (Fail(500, "UnknownError", done=True), Verdict.UNCERTAIN, 60, False),
        (Drop(), Verdict.UNCERTAIN, 60, False),
        (Drop(done=True), Verdict.UNCERTAIN, 60, False),
        (Fail(503, "ErrorServerBusy", retry_after=90), Verdict.TEMPORARY, 90, False),
        (Fail(400, "ErrorInvalidRecipients"), Verdict.PERMANENT, None, False),
        (Fail(400, "ErrorInvalidRequest"), Verdict.CONTENT, None, False),
        (Fail(403, "ErrorAccessDenied"), Verdict.SENDER, 900, False),
        (Fail(400, "ErrorExceededMessageLimit"), Verdict.SENDER, 86400, True),
        (Fail(507, "ErrorQuotaExceeded"), Verdict.SENDER, 86400, True),
    ],
    ids=str,
)
async def test_each_failure_is_what_it_is_and_the_next_goes_through(
    server: MicrosoftServer, action: Action, verdict: Verdict, pause: float | None, outlet_only: bool
) -> None:
    channel = channel_to(server)
    await channel.send(outgoing(3))  # so that the connection is a kept one
    server.on("sendMail", action)
    failure = await failure_of(channel)
    assert (failure.verdict, failure.pause_seconds, failure.outlet_only) == (verdict, pause, outlet_only)
    assert "person1" not in failure.reply
    await channel.send(outgoing(2))
    await channel.close()
    assert server.seen == ["sendMail"] * 3  # no request is repeated by the channel, nor by aiohttp
    assert [each.recipient for each in server.delivered][-1] == "person2@example.com"


async def test_no_answer_in_time_is_uncertain(server: MicrosoftServer) -> None:
    server.on("sendMail", Hang())
    channel = channel_to(server, server.client(timeout=0.2))
    failure = await failure_of(channel)
    await channel.close()
    assert (failure.verdict, failure.reply) == (Verdict.UNCERTAIN, "no answer in time")


async def test_where_nothing_can_have_left_it_is_not_sent(server: MicrosoftServer) -> None:
    """No connection, no token: it may be tried again without a second copy."""
    channel = channel_to(server)
    await channel.send(outgoing(1))
    await channel.close()
    await server.stop()
    failure = await failure_of(channel, 2)
    assert (failure.verdict, failure.pause_seconds) == (Verdict.TEMPORARY, 300)
    assert "cannot be reached" in failure.reply
    without_token = await failure_of(channel_to(server), 3)
    assert (without_token.verdict, without_token.pause_seconds) == (Verdict.TEMPORARY, 300)
    await channel.close()


async def test_a_login_that_is_refused_pauses_the_channel_and_says_what_to_do(server: MicrosoftServer) -> None:
    tokens = server.tokens(ClientSecret("correct~horse.staple"))
    failure = await failure_of(channel_to(server, server.client(tokens)))
    assert (failure.verdict, failure.pause_seconds, failure.outlet_only) == (Verdict.SENDER, 900, False)
    assert "AADSTS7000215" in failure.reply
    assert "Secret ID" in failure.reply
    assert server.seen == []


async def test_a_token_that_ended_is_renewed_once(server: MicrosoftServer) -> None:
    channel = channel_to(server)
    await channel.send(outgoing(1))
    server.authority.expire()
    await asyncio.gather(*(channel.send(outgoing(number)) for number in range(2, 6)))
    assert server.authority.asked == 2
    server.on("sendMail", Fail(401, "InvalidAuthenticationToken"), times=2)
    failure = await failure_of(channel, 6)
    await channel.close()
    assert (failure.verdict, failure.pause_seconds) == (Verdict.SENDER, 900)
    assert len(server.delivered) == 5


async def test_without_the_permission_the_channel_pauses(server: MicrosoftServer) -> None:
    server.roles = frozenset({"User.Read.All"})
    channel = channel_to(server)
    failure = await failure_of(channel)
    await channel.close()
    assert (failure.verdict, failure.outlet_only) == (Verdict.SENDER, False)
    assert "Mail.Send" in failure.reply


async def test_taken_with_retry_after_is_not_repeated_and_pauses_the_mailbox(server: MicrosoftServer) -> None:
    """msgraph-sdk-java #1487: who takes it for a failure sends twice."""
    server.on("sendMail", Taken(retry_after=45))
    channel = channel_to(server)
    await channel.send(outgoing(1))
    failure = await failure_of(channel, 2)
    assert (failure.verdict, failure.pause_seconds, failure.outlet_only) == (Verdict.TEMPORARY, 45, True)
    await channel.send(outgoing(2))
    await channel.close()
    assert [each.recipient for each in server.delivered] == ["person1@example.com", "person2@example.com"]


async def test_a_message_leaves_from_its_outlet(server: MicrosoftServer) -> None:
    """All with the one sender that people know; a mailbox that may not write in that name is told apart from the others."""
    server.mailboxes = (MAILBOX, SECOND)
    channel = channel_to(server)
    failure = await _from_second(channel)
    assert (failure.verdict, failure.outlet_only) == (Verdict.SENDER, True)
    assert "Send As" in failure.reply
    server.send_as = (MAILBOX,)
    await channel.send(replace(outgoing(1), outlet=SECOND))
    await channel.send(replace(outgoing(2), outlet=MAILBOX))
    await channel.close()
    assert [(each.mailbox, each.message["from"]["emailAddress"]["address"]) for each in server.delivered] == [
        (SECOND, MAILBOX),
        (MAILBOX, MAILBOX),
    ]


async def _from_second(channel: GraphChannel) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(replace(outgoing(1), outlet=SECOND))
    return caught.value


async def test_never_more_than_four_requests_at_once(server: MicrosoftServer) -> None:
    server.per_minute = 100
    channel = channel_to(server)
    await asyncio.gather(*(channel.send(outgoing(number)) for number in range(1, 41)))
    await channel.close()
    assert channel.concurrency == 4
    assert server.most_at_once <= 4
    assert len({each.recipient for each in server.delivered}) == 40


async def test_verified_looks_until_it_is_sent(server: MicrosoftServer) -> None:
    post_of(server).transit = 2
    channel = channel_to(server, verified=True)
    receipt = await channel.send(outgoing(1))
    await channel.close()
    # Each look is by id, and by Message-ID where that finds nothing.
    assert server.seen == ["listMessages", "createMessage", "send", *["getMessage", "listMessages"] * 2]
    assert receipt.reference in post_of(server).items
    assert len(server.delivered) == 1
    assert channel.resend_when_uncertain


@pytest.mark.parametrize(
    ("route", "action", "first"),
    [
        ("listMessages", Fail(503, "ServiceUnavailable", retry_after=90), Verdict.TEMPORARY),
        ("createMessage", Fail(429, "TooManyRequests", retry_after=90), Verdict.TEMPORARY),
        ("createMessage", Drop(done=True), Verdict.TEMPORARY),
        ("createMessage", Fail(500, "UnknownError", done=True), Verdict.TEMPORARY),
        ("send", Fail(429, "TooManyRequests", retry_after=90), Verdict.TEMPORARY),
        ("send", Drop(), Verdict.TEMPORARY),
        ("send", Fail(429, "ApplicationThrottled", done=True), None),
        ("send", Fail(500, "UnknownError", done=True), None),
        ("send", Drop(done=True), None),
        ("getMessage", Fail(503, "ServiceUnavailable"), Verdict.UNCERTAIN),
        ("getMessage", Drop(), None),
    ],
    ids=str,
)
async def test_verified_knows_what_became_of_it(server: MicrosoftServer, route: str, action: Action, first: Verdict | None) -> None:
    """Whatever goes wrong, the next try does not send a second copy: here that of another process, which knows nothing."""
    server.on(route, action)
    channel = channel_to(server, verified=True)
    if first is None:
        await channel.send(outgoing(1))
    else:
        failure = await failure_of(channel)
        assert failure.verdict is first
        await channel.close()
        channel = channel_to(server, verified=True)
        await channel.send(outgoing(1))
    await channel.close()
    assert [each.recipient for each in server.delivered] == ["person1@example.com"]


async def test_verified_waits_for_what_is_not_to_be_seen(server: MicrosoftServer) -> None:
    """Sent, and for longer than it looks neither a draft nor sent: only that, and no second draft."""
    post_of(server).transit = 5
    channel = channel_to(server, verified=True)
    for _ in range(2):
        assert (await failure_of(channel)).verdict is Verdict.UNCERTAIN
    await channel.send(outgoing(1))
    await channel.close()
    assert len(server.delivered) == len(post_of(server).items) == 1


async def test_verified_needs_one_more_permission(server: MicrosoftServer) -> None:
    server.roles = frozenset({"Mail.Send"})
    channel = channel_to(server, verified=True)
    failure = await failure_of(channel)
    await channel.close()
    assert failure.verdict is Verdict.SENDER
    assert "Mail.ReadWrite" in failure.reply
