"""Encryption, login, the pool of connections, and what the server is told, against a server on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from notifier.channels.base import DeliveryFailed
from notifier.channels.smtp import SmtpChannel
from notifier.channels.smtp_terms import Security, TokenProvider
from notifier.domain.retry import Verdict
from notifier.errors import TryLaterError
from tests.certificates import Certificates, make_certificates
from tests.outgoing import REPLY_TO, SENDER, outgoing
from tests.smtp_actions import Close, Raw, Say
from tests.smtp_server import ScriptedServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate for another host."""
    return make_certificates(tmp_path_factory.mktemp("foreign"), host="mail.example.org")


def channel_to(
    server: ScriptedServer,
    *,
    security: Security = "none",
    ca_file: Path | None = None,
    username: str | None = None,
    password: str | None = None,
    token_provider: TokenProvider | None = None,
    connections: int = 1,
    idle_seconds: float = 30,
) -> SmtpChannel:
    return SmtpChannel(
        host="localhost" if security != "none" else "127.0.0.1",
        port=server.port,
        security=security,
        sender=SENDER,
        reply_to=REPLY_TO,
        helo="notifier.example.com",
        username=username,
        password=password,
        token_provider=token_provider,
        ca_file=ca_file,
        connections=connections,
        timeout=2,
        final_timeout=2,
        idle_seconds=idle_seconds,
    )


async def failure_of(channel: SmtpChannel) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing())
    await channel.close()
    return caught.value


@pytest.mark.parametrize(("security", "implicit"), [("starttls", False), ("tls", True)])
async def test_encrypted_and_logged_in_once(certificates: Certificates, security: Security, implicit: bool) -> None:
    async with ScriptedServer(tls=certificates.server, implicit=implicit, users={"notifier": "hunter2 é"}) as server:
        channel = channel_to(server, security=security, ca_file=certificates.ca_file, username="notifier", password="hunter2 é")
        for number in range(1, 4):
            await channel.send(outgoing(number))
        await channel.close()
        assert [(message.encrypted, message.login, message.session) for message in server.messages] == [(True, "notifier", 1)] * 3
        assert sum(command.startswith("AUTH") for command in server.commands) == 1
        assert server.commands[-1] == "QUIT"


async def test_nothing_leaves_in_the_clear_when_starttls_is_wanted() -> None:
    """A server, or someone in between, that hides STARTTLS gets neither password nor message."""
    async with ScriptedServer(users={"notifier": "hunter2"}) as server:
        failure = await failure_of(channel_to(server, security="starttls", username="notifier", password="hunter2"))
        assert failure.verdict is Verdict.SENDER
        assert "does not offer STARTTLS" in failure.reply
        assert server.commands == ["EHLO notifier.example.com"]


@pytest.mark.parametrize(
    "action",
    [Say("454 4.7.0 TLS not available"), Close(), Raw(b"220 ready\r\n250 injected\r\n")],
    ids=["454", "close", "injection"],
)
async def test_starttls_that_fails_sends_nothing(certificates: Certificates, action: Say | Close | Raw) -> None:
    async with ScriptedServer(tls=certificates.server) as server:
        server.on("STARTTLS", action)
        channel = channel_to(server, security="starttls", ca_file=certificates.ca_file)
        with pytest.raises(DeliveryFailed) as caught:
            await channel.send(outgoing(1))
        assert caught.value.verdict is Verdict.TEMPORARY
        assert not any(command.startswith("MAIL") for command in server.commands)
        await channel.send(outgoing(2))
        assert [message.encrypted for message in server.messages] == [True]
        await channel.close()


async def test_a_handshake_that_breaks_sends_nothing(certificates: Certificates) -> None:
    async with ScriptedServer(tls=certificates.server) as server:
        server.on("TLS", Raw(b"this is no handshake\r\n"))
        failure = await failure_of(channel_to(server, security="starttls", ca_file=certificates.ca_file))
        assert failure.verdict is Verdict.TEMPORARY
        assert "encryption failed" in failure.reply
        assert server.messages == []


@pytest.mark.parametrize(("security", "implicit"), [("starttls", False), ("tls", True)])
async def test_an_untrusted_certificate_stops_the_channel(certificates: Certificates, security: Security, implicit: bool) -> None:
    async with ScriptedServer(tls=certificates.server, implicit=implicit) as server:
        failure = await failure_of(channel_to(server, security=security))
        assert (failure.verdict, failure.pause_seconds) == (Verdict.SENDER, 900)
        assert "certificate is not trusted" in failure.reply
        assert server.messages == []


async def test_a_certificate_for_another_host_stops_the_channel(foreign: Certificates) -> None:
    async with ScriptedServer(tls=foreign.server) as server:
        failure = await failure_of(channel_to(server, security="starttls", ca_file=foreign.ca_file))
        assert failure.verdict is Verdict.SENDER
        assert "Hostname mismatch" in failure.reply


async def test_a_ca_file_that_is_missing_or_none_is_named(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        missing = await failure_of(channel_to(server, security="tls", ca_file=tmp_path / "ca.pem"))
        assert missing.reply == f"email.smtp.ca_file: cannot use the certificates in {tmp_path}/ca.pem: No such file or directory"
        (tmp_path / "ca.pem").write_text("not a certificate")
        broken = await failure_of(channel_to(server, security="tls", ca_file=tmp_path / "ca.pem"))
        assert (broken.verdict, server.connections) == (Verdict.SENDER, 0)


async def test_a_wrong_password_is_tried_once_and_pauses() -> None:
    """The account must not be locked by one message trying three methods."""
    async with ScriptedServer(users={"notifier": "right"}) as server:
        failure = await failure_of(channel_to(server, username="notifier", password="wrong"))
        assert (failure.verdict, failure.pause_seconds) == (Verdict.SENDER, 900)
        assert failure.reply == "535 5.7.8 authentication credentials invalid"
        assert sum(command.startswith("AUTH") for command in server.commands) == 1


async def test_login_where_plain_is_not_offered() -> None:
    async with ScriptedServer(users={"notifier": "hunter2"}, auth_methods=("LOGIN",)) as server:
        channel = channel_to(server, username="notifier", password="hunter2")
        await channel.send(outgoing())
        await channel.close()
        assert server.messages[0].login == "notifier"


async def test_no_login_in_common_is_told() -> None:
    async with ScriptedServer(users={"notifier": "hunter2"}, auth_methods=("NTLM",)) as server:
        failure = await failure_of(channel_to(server, username="notifier", password="hunter2"))
        assert failure.verdict is Verdict.SENDER
        assert "it offers: ntlm" in failure.reply


async def test_xoauth2_with_a_token_for_each_connection() -> None:
    async def token(_refused: str | None) -> str:
        return "a-token"

    async with ScriptedServer(users={"privacy@example.com": "a-token"}, auth_methods=("XOAUTH2",)) as server:
        channel = channel_to(server, username="privacy@example.com", token_provider=token)
        await channel.send(outgoing())
        await channel.close()
        assert server.messages[0].login == "privacy@example.com"


async def test_a_token_that_cannot_be_had_pauses_the_channel() -> None:
    async def token(_refused: str | None) -> str:
        msg = "the sign-in service does not answer"
        raise TryLaterError(msg)

    async with ScriptedServer(users={"privacy@example.com": "a-token"}, auth_methods=("XOAUTH2",)) as server:
        failure = await failure_of(channel_to(server, username="privacy@example.com", token_provider=token))
        assert (failure.verdict, failure.reply) == (Verdict.SENDER, "the sign-in service does not answer")


async def test_never_more_connections_than_set_and_all_are_reused() -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server, connections=3)
        await asyncio.gather(*(channel.send(outgoing(number)) for number in range(1, 61)))
        assert (server.connections, server.most_at_once, len(server.messages)) == (3, 3, 60)
        await channel.close()
        assert server.commands[-3:] == ["QUIT"] * 3


async def test_an_idle_connection_is_closed_with_a_goodbye() -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server, idle_seconds=0)
        await channel.send(outgoing(1))
        async with asyncio.timeout(2):
            await server.reached("QUIT")
        await channel.send(outgoing(2))
        assert [message.session for message in server.messages] == [1, 2]
        await channel.close()


async def test_closing_while_a_message_is_under_way() -> None:
    """The message is finished; its connection is not kept."""
    async with ScriptedServer() as server:
        channel = channel_to(server)
        sending = asyncio.create_task(channel.send(outgoing(1)))
        await server.reached("EHLO")
        await channel.close()
        await sending
        await channel.send(outgoing(2))
        assert [message.session for message in server.messages] == [1, 2]
        await channel.close()


async def test_what_the_server_is_told() -> None:
    """RFC 3461: our number comes back in a bounce, with the headers only; failures are reported, delays are not."""
    async with ScriptedServer() as server:
        channel = channel_to(server)
        await channel.send(outgoing(42))
        await channel.close()
        message = server.messages[0]
        assert (message.sender, message.recipients) == ("privacy@example.com", ["person42@example.com"])
        assert message.mail_options == [f"SIZE={len(message.raw)}", "RET=HDRS", "ENVID=42"]
        assert message.rcpt_options == ["NOTIFY=FAILURE"]


async def test_a_server_without_extensions_is_asked_for_none() -> None:
    async with ScriptedServer(extensions=()) as server:
        server.on("EHLO", Say("502 5.5.1 what?"), times=None)
        channel = channel_to(server)
        await channel.send(outgoing())
        await channel.close()
        assert (server.messages[0].mail_options, server.messages[0].rcpt_options) == ([], [])


async def test_an_international_domain_is_written_in_ascii() -> None:
    """RFC 5891: no server on the way needs SMTPUTF8."""
    async with ScriptedServer() as server:
        channel = channel_to(server)
        await channel.send(outgoing(address="zoe@bücher.example"))
        await channel.close()
        assert server.messages[0].recipients == ["zoe@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "nobody",
        "zoé@example.com",
        "a@example.com, b@example.com",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "A <a@example.com>",
        "a b@example.com",
    ],
)
async def test_what_is_no_single_address_is_refused_before_connecting(address: str) -> None:
    """S3: exactly one recipient."""
    async with ScriptedServer() as server:
        channel = channel_to(server)
        with pytest.raises(DeliveryFailed, match="permanent"):
            await channel.send(outgoing(address=address))
        assert server.connections == 0
