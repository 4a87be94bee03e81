"""SMTP without a password: the app's token, by way of the settings, at a scripted mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notifier.channels.base import DeliveryFailed
from notifier.channels.smtp import SmtpChannel
from notifier.channels.smtp_terms import TokenProvider
from notifier.domain.retry import Verdict
from notifier.microsoft import EXCHANGE_SCOPES, ClientSecret, TokenClient
from tests.microsoft_server import MAILBOX, MicrosoftServer
from tests.outgoing import REPLY_TO, SENDER, outgoing
from tests.smtp_actions import SayAndClose
from tests.smtp_server import ScriptedServer

SCOPE = EXCHANGE_SCOPES["https://login.microsoftonline.com"]


@pytest.fixture
async def entra() -> AsyncIterator[MicrosoftServer]:
    async with MicrosoftServer() as running:
        yield running


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedServer]:
    """Knows no token yet."""
    async with ScriptedServer(users={MAILBOX: "no token"}, auth_methods=("LOGIN", "XOAUTH2")) as server:
        yield server


def provider(tokens: TokenClient) -> TokenProvider:
    async def token(refused: str | None) -> str:
        return await tokens.token(SCOPE, instead_of=refused)

    return token


def channel_to(exchange: ScriptedServer, tokens: TokenClient) -> SmtpChannel:
    return SmtpChannel(
        host="127.0.0.1",
        port=exchange.port,
        security="none",
        sender=SENDER,
        reply_to=REPLY_TO,
        username=MAILBOX,
        token_provider=provider(tokens),
        connections=1,
        timeout=5,
        helo="notifier.example.com",
    )


async def failure_of(channel: SmtpChannel) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing(1))
    await channel.close()
    return caught.value


async def test_a_token_for_exchange_logs_in(entra: MicrosoftServer, exchange: ScriptedServer) -> None:
    exchange.users[MAILBOX] = "token-1"
    channel = channel_to(exchange, entra.tokens())
    await channel.send(outgoing(1))
    await channel.close()
    assert [message.login for message in exchange.messages] == [MAILBOX]
    assert entra.authority.grants["token-1"].audience == "https://outlook.office365.com"


async def test_a_token_that_is_refused_is_exchanged_once(entra: MicrosoftServer, exchange: ScriptedServer) -> None:
    exchange.users[MAILBOX] = "token-2"
    channel = channel_to(exchange, entra.tokens())
    await channel.send(outgoing(1))
    await channel.close()
    assert entra.authority.asked == 2
    assert (len(exchange.messages), exchange.connections) == (1, 1)


async def test_a_mailbox_that_is_not_open_to_the_app_pauses_the_channel(entra: MicrosoftServer, exchange: ScriptedServer) -> None:
    failure = await failure_of(channel_to(exchange, entra.tokens()))
    assert (failure.verdict, failure.pause_seconds) == (Verdict.SENDER, 900)
    assert failure.reply.startswith("535 5.7.8")
    assert entra.authority.asked == 2
    assert not any(command.startswith("MAIL") for command in exchange.commands)


async def test_a_server_that_hangs_up_after_535_gets_the_new_token_next_time(
    entra: MicrosoftServer, exchange: ScriptedServer
) -> None:
    exchange.users[MAILBOX] = "token-2"
    exchange.on("AUTH", SayAndClose("535 5.7.3 Authentication unsuccessful"))
    channel = channel_to(exchange, entra.tokens())
    assert (await failure_of(channel)).verdict is Verdict.SENDER
    await channel.send(outgoing(1))
    await channel.close()
    assert len(exchange.messages) == 1


async def test_no_token_is_our_fault_in_words(entra: MicrosoftServer, exchange: ScriptedServer) -> None:
    failure = await failure_of(channel_to(exchange, entra.tokens(ClientSecret("correct~horse.staple"))))
    assert failure.verdict is Verdict.SENDER
    assert "the client secret is wrong (AADSTS7000215); put the Value of the secret" in failure.reply
