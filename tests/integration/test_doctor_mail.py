"""What the doctor says of a mail server, and that it sends nothing through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.channels.smtp import SmtpChannel
from notifier.cli.output import as_json
from notifier.doctor import mail_server
from notifier.doctor.findings import Finding, State
from notifier.service import smtp_channel
from tests.certificates import Certificates, make_certificates
from tests.doctor_rig import (
    PASSWORD,
    settings_in,
    smtp_table,
    told,
)
from tests.smtp_actions import Say
from tests.smtp_server import ScriptedServer

NOTIFIER = "notifier"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def relay(certificates: Certificates) -> AsyncIterator[ScriptedServer]:
    extensions = ("SIZE 10000000", "8BITMIME", "DSN", "PIPELINING")
    async with ScriptedServer(extensions, tls=certificates.server, users={NOTIFIER: PASSWORD}) as server:
        yield server
        assert server.messages == []
        assert not [line for line in server.commands if line.startswith(("RCPT", "DATA"))]


async def looked(folder: Path, relay: ScriptedServer, ca_file: Path, now: datetime | None = None, **more: object) -> list[Finding]:
    keys = {"security": "starttls", "ca_file": ca_file, "username": NOTIFIER, "password": PASSWORD, **more}
    settings = settings_in(folder, email=smtp_table(relay.port, **keys))
    return await mail_server.look_at_server(smtp_channel(settings), settings, now or datetime.now(UTC))


async def test_a_mail_server_that_is_well(tmp_path: Path, relay: ScriptedServer, certificates: Certificates) -> None:
    earlier = datetime.now(UTC) - timedelta(days=20)
    found = await looked(tmp_path, relay, certificates.ca_file, earlier)
    assert [(one.name, one.state.value) for one in found] == [
        (name, "ok") for name in ("connection", "certificate", "login", "sender", "extensions")
    ]
    assert told(found, "Mail server", "connection")[1] == f"localhost:{relay.port} answers, encrypted by TLSv1.3"
    assert told(found, "Mail server", "certificate")[1].endswith(", 26 more days")
    assert told(found, "Mail server", "login")[1] == "as notifier, with a password"
    assert told(found, "Mail server", "extensions")[1] == "offers PIPELINING, DSN, 8BITMIME, SIZE, messages up to 10.0 MB"
    assert relay.commands[-3:] == ["MAIL FROM:<privacy@example.com>", "RSET", "QUIT"]
    assert PASSWORD not in as_json(found)


async def test_a_certificate_is_told_of_before_it_ends(tmp_path: Path, relay: ScriptedServer, certificates: Certificates) -> None:
    found = await looked(tmp_path, relay, certificates.ca_file)
    state, words, advice = told(found, "Mail server", "certificate")
    assert (state, words.endswith(", 6 more days"), advice) == (
        "warning",
        True,
        "have the server's certificate renewed: no mail leaves once it has ended",
    )


async def test_a_sender_is_refused_before_the_wave(tmp_path: Path, relay: ScriptedServer, certificates: Certificates) -> None:
    relay.on("MAIL", Say("550 5.7.60 Client does not have permissions to send as this sender"))
    state, words, advice = told(await looked(tmp_path, relay, certificates.ca_file), "Mail server", "sender")
    assert state == "problem"
    assert words.startswith("privacy@example.com is refused as sender: 550 5.7.60 Client does not have permissions")
    assert advice == "give this login the right to send as that address, or set email.from to an address of its own"


@pytest.mark.parametrize(
    ("moment", "reply", "name", "words", "advice"),
    [
        ("AUTH", "535 5.7.3 Authentication unsuccessful", "login", "535 5.7.3", "SMTP.SendAsApp"),
        ("AUTH", "535 5.7.139 SmtpClientAuthentication is disabled", "login", "5.7.139", '"Authenticated SMTP" on'),
        ("AUTH", "535 5.7.8 wrong", "login", "535 5.7.8 wrong", "email.smtp.password_file"),
        ("CONNECT", "554 5.7.1 not from there", "connection", "554 5.7.1", "ask its administrators"),
    ],
)
async def test_a_mail_server_that_says_no(
    tmp_path: Path, relay: ScriptedServer, certificates: Certificates, moment: str, reply: str, name: str, words: str, advice: str
) -> None:
    relay.on(moment, Say(reply))
    (one,) = await looked(tmp_path, relay, certificates.ca_file)
    assert (one.name, one.state, words in one.found, advice in str(one.advice)) == (name, State.PROBLEM, True, True), one


async def test_encryption_that_is_not_there_or_not_trusted(
    tmp_path: Path, relay: ScriptedServer, certificates: Certificates
) -> None:
    other = make_certificates(tmp_path / "other")
    (one,) = await looked(tmp_path, relay, other.ca_file)
    assert (one.state, "certificate is not trusted" in one.found) == (State.PROBLEM, True)
    relay.tls = None
    (one,) = await looked(tmp_path, relay, certificates.ca_file)
    assert (one.state, "does not offer STARTTLS" in one.found) == (State.PROBLEM, True)
    relay.tls = certificates.server


async def test_a_login_with_a_token(tmp_path: Path) -> None:
    async def token(_refused: str | None) -> str:
        return "a token"

    async with ScriptedServer(users={"privacy@example.com": "a token"}, auth_methods=("XOAUTH2",)) as server:
        app = {"tenant": "example.com", "client_id": "1f6d9c2e-0a4b-4a58-8b53-6f1f0e9d7c22", "client_secret": "x"}
        email = smtp_table(server.port, username="privacy@example.com", login="xoauth2")
        settings = settings_in(tmp_path, email=email, microsoft=app)
        channel = SmtpChannel(
            host="127.0.0.1",
            port=server.port,
            security="none",
            sender="Privacy <privacy@example.com>",
            reply_to="privacy@example.com",
            username="privacy@example.com",
            token_provider=token,
        )
        found = await mail_server.look_at_server(channel, settings, datetime.now(UTC))
    assert told(found, "Mail server", "login")[1] == "as privacy@example.com, with a token"
    assert told(found, "Mail server", "extensions")[2] is not None  # no PIPELINING


def test_the_limits_of_exchange_are_compared(tmp_path: Path) -> None:
    table = smtp_table(587)
    table["smtp"] |= {"host": "smtp.office365.com", "security": "starttls"}
    (one,) = mail_server.look_at_limits(settings_in(tmp_path, email=table))
    assert one.state is State.WARNING
    assert one.found.startswith("email.smtp.connections is 4, Exchange Online takes 3; email.smtp.per_minute")
