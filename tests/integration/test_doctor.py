"""The doctor: what it says when all is well and when it is not, and that it sends nothing unless it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from notifier.channels.smtp import SmtpChannel
from notifier.cli.output import as_json
from notifier.doctor.checks import diagnose
from notifier.doctor.examination import Check, examine
from notifier.doctor.findings import Area, Finding, State, worst
from notifier.doctor.microsoft import look_at_credential
from notifier.doctor.trial import send_trial
from notifier.service import smtp_channel
from tests.daemon_rig import free_port
from tests.dns_server import NameServer
from tests.doctor_rig import (
    PASSWORD,
    PEOPLE_ROUTES,
    SECRETS,
    SIGNING_SECRET,
    microsoft_table,
    parts_at,
    settings_in,
    slack_channel,
    smtp_table,
    told,
)
from tests.microsoft_server import MAIL_ROUTES, MAILBOX, Fail, MicrosoftServer
from tests.slack_server import APP_TOKEN, TOKEN, Error, SlackServer, member
from tests.smtp_actions import Hang
from tests.smtp_server import ScriptedServer

NOTIFIER = "notifier"
DOMAIN = {
    ("example.com", "MX"): ["10 mx.example.com."],
    ("example.com", "TXT"): ['"v=spf1 mx -all"', '"another=one"'],
    ("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=quarantine; adkim=s"'],
}


async def test_everything_is_well(tmp_path: Path) -> None:
    roles = frozenset({"Mail.Send", "User.Read.All"})
    async with (
        ScriptedServer(users={NOTIFIER: PASSWORD}) as relay,
        MicrosoftServer(routes=(*MAIL_ROUTES, *PEOPLE_ROUTES), roles=roles) as microsoft,
        SlackServer() as slack,
        NameServer(DOMAIN) as names,
    ):
        microsoft.authority.roles = roles
        settings = settings_in(
            tmp_path,
            email=smtp_table(relay.port, username=NOTIFIER, password=PASSWORD),
            roster={"source": "entra"},
            microsoft=microsoft_table(microsoft),
            sending={"ladder": ["slack", "email"]},
            slack={"bot_token": TOKEN, "app_token": APP_TOKEN, "signing_secret": SIGNING_SECRET, "answers": "buttons"},
            web={"base_url": f"http://127.0.0.1:{free_port()}"},
        )
        seen: list[int] = []
        parts = parts_at(settings, slack=slack, microsoft=microsoft, name_server=names.address)
        found = await diagnose(settings, parts, done=seen.append)
        assert slack.posts == []
        assert microsoft.delivered == []
        assert relay.messages == []
    assert worst(found) is State.WARNING
    assert seen == list(range(1, len(seen) + 1))
    areas = ["Mail server", "Microsoft 365", "Sender's domain", "Slack", "Roster", "Web", "Store", "Machine"]
    assert list(dict.fromkeys(one.area for one in found)) == areas
    assert told(found, "Microsoft 365", "permissions") == ("ok", "Mail.Send, User.Read.All", None)
    assert told(found, "Microsoft 365", "credential")[1] == "a client secret; its end cannot be seen from here"
    assert told(found, "Slack", "bot token")[1] == "of the bot B0BOT in the workspace Example"
    assert told(found, "Slack", "scopes") == ("ok", "chat:write, im:write, users:read, users:read.email", None)
    assert told(found, "Slack", "app token")[1] == "may receive buttons (Socket Mode)"
    assert told(found, "Roster", "source")[1] == "Microsoft Entra ID shows people to the app"
    assert told(found, "Machine", "clock")[1] == "agrees with that of Microsoft Graph, Slack"
    printed = as_json(found)
    assert not [secret for secret in (*SECRETS, microsoft.authority.secret, *microsoft.authority.grants) if secret in printed]


async def test_everything_is_wrong_and_each_of_it_is_told(tmp_path: Path) -> None:
    async with MicrosoftServer() as microsoft, SlackServer() as slack, NameServer() as names:
        microsoft.authority.refuses = 7000222
        slack.on("auth.test", Error("invalid_auth"))
        slack.on("apps.connections.open", Error("missing_scope", more={"needed": "connections:write"}))
        settings = settings_in(
            tmp_path,
            email={
                "via": "graph",
                "from": "Privacy <privacy@example.com>",
                "graph": {"mailboxes": [MAILBOX]},
                "bounces": {"via": "maildir", "folder": tmp_path / "Maildir"},
            },
            roster={"path": tmp_path / "nowhere.csv"},
            microsoft=microsoft_table(microsoft),
            sending={"ladder": ["slack", "email"]},
            slack={"bot_token": TOKEN, "app_token": APP_TOKEN, "answers": "buttons"},
            storage={"url": f"sqlite:///{tmp_path}/nowhere/notifier.db"},
        )
        found = await diagnose(settings, parts_at(settings, slack=slack, microsoft=microsoft, name_server=names.address))
    assert worst(found) is State.PROBLEM
    state, words, advice = told(found, "Microsoft 365", "login")
    assert (state, words) == ("problem", "Microsoft Entra ID refuses the app: the client secret has expired (AADSTS7000222)")
    assert "make a new one" in str(advice)
    assert told(found, "Slack", "bot token")[:2] == ("problem", "Slack says invalid_auth")
    assert told(found, "Slack", "app token")[:2] == ("problem", "Slack says missing_scope (connections:write)")
    assert told(found, "Roster", "source")[:2] == ("problem", f"{tmp_path}/nowhere.csv cannot be read: No such file or directory")
    assert told(found, "Sender's domain", "MX")[1] == "there is no domain example.com"
    assert told(found, "Bounces", "mailbox")[1] == f"email.bounces.folder: {tmp_path}/Maildir is no Maildir; it is not there"
    assert told(found, "Machine", "disk")[0] == "problem"
    assert told(found, "Web", "links")[0] == "warning"


async def test_permissions_and_mailboxes_that_are_missing(tmp_path: Path) -> None:
    readers, senders = frozenset({"User.Read.All"}), frozenset({"Mail.Send", "Mail.ReadWrite"})
    async with MicrosoftServer(routes=(*MAIL_ROUTES, *PEOPLE_ROUTES)) as microsoft, NameServer(DOMAIN) as names:
        graph = {"mailboxes": [MAILBOX, "nobody@example.com"], "when_uncertain": "look"}
        email = {"via": "graph", "from": f"Privacy <{MAILBOX}>", "graph": graph}
        settings = settings_in(tmp_path, email=email, roster={"source": "entra"}, microsoft=microsoft_table(microsoft))
        parts = parts_at(settings, microsoft=microsoft, name_server=names.address)

        microsoft.roles = microsoft.authority.roles = readers
        found = await diagnose(settings, parts)
        lacking = [one for one in found if one.name == "permissions"]
        assert [(one.state.value, one.found.split(" ")[0]) for one in lacking] == [
            ("warning", "Mail.Send"),
            ("warning", "Mail.ReadWrite"),
        ]
        assert "RBAC for Applications" in str(lacking[0].advice)
        assert told(found, "Microsoft 365", f"mailbox {MAILBOX}")[:2] == ("ok", "is there")
        assert told(found, "Microsoft 365", "mailbox nobody@example.com")[:2] == ("problem", "there is no such mailbox")

        microsoft.on("user", Fail(503, "ServiceUnavailable"))
        found = await diagnose(settings, parts)
        assert told(found, "Microsoft 365", f"mailbox {MAILBOX}")[:2] == ("warning", "Graph says 503 ServiceUnavailable")

        microsoft.roles = microsoft.authority.roles = senders
        found = await diagnose(settings, parts)
    assert told(found, "Microsoft 365", "permissions")[1].startswith("User.Read.All is missing (the app has: Mail.ReadWrite")
    assert told(found, "Microsoft 365", f"mailbox {MAILBOX}")[1].startswith("cannot be seen")
    assert told(found, "Roster", "source")[:2] == ("problem", "Microsoft Graph does not let the app read people")


async def test_scopes_that_are_missing_are_named(tmp_path: Path) -> None:
    async with SlackServer(scopes=frozenset({"chat:write", "users:read"})) as slack:
        settings = settings_in(tmp_path, sending={"ladder": ["slack"]}, slack={"bot_token": TOKEN})
        found = await diagnose(settings, parts_at(settings, slack=slack))
    scopes = [one.found for one in found if one.name == "scopes"]
    assert scopes == ["im:write is not granted", "users:read.email is not granted"]


async def test_a_secret_that_is_missing_is_a_finding(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, sending={"ladder": ["slack"]}, slack={"answers": "buttons"})
    found = await diagnose(settings, parts_at(settings))
    assert told(found, "Slack", "bot token")[:2] == ("problem", "slack.bot_token: Slack is used, and there is no token")
    assert told(found, "Slack", "app token")[0] == "problem"


async def test_one_check_never_stops_the_others() -> None:
    area = Area("Somewhere")

    async def hangs() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def breaks() -> list[Finding]:
        raise ZeroDivisionError(PASSWORD)

    async def works() -> list[Finding]:
        return [area.ok("works", "well")]

    done: list[None] = []
    checks = [Check(area, "hangs", hangs), Check(area, "breaks", breaks), Check(area, "works", works)]
    found = await examine(checks, patience=0.05, done=lambda: done.append(None))
    assert [one.found for one in found] == [
        "no answer within 0.05 seconds",
        "it could not be found out: ZeroDivisionError",
        "well",
    ]
    assert len(done) == 3


async def test_a_mail_server_that_never_answers_is_left(tmp_path: Path) -> None:
    async with ScriptedServer() as relay, NameServer(silent=True) as names:
        relay.on("CONNECT", Hang())
        settings = settings_in(tmp_path, email=smtp_table(relay.port))
        found = await diagnose(settings, parts_at(settings, name_server=names.address), patience=0.3)
    assert told(found, "Mail server", "connection")[:2] == ("problem", "no answer within 0.3 seconds")


async def test_a_test_message_goes_out_on_every_channel_and_past_every_hold(tmp_path: Path) -> None:
    async with ScriptedServer() as relay, SlackServer(members=[member(7, "zoe@example.com")]) as slack:
        organisation = {"name": "Exemple SA", "contact": "Privacy <privacy@example.com>", "default_language": "fr"}
        settings = settings_in(
            tmp_path, organisation=organisation, email=smtp_table(relay.port), sending={"ladder": ["slack", "email"]}
        )
        mail: SmtpChannel = smtp_channel(settings)
        parts = parts_at(settings, slack=slack, channels=[slack_channel(slack), mail])
        found = await send_trial(settings, parts, "zoe@example.com")
        missing = await send_trial(settings, parts, "ben@example.com")
    assert [(one.name, one.state.value) for one in found] == [("Slack", "ok"), ("mail server", "ok")]
    assert found[1].found == "sent: 250 2.0.0 Ok: queued as 00000001"
    (post,) = slack.posts
    assert post.user == "U00000007"
    assert post.body["text"].startswith("[Test] Un message d’essai de notifier")
    first = relay.messages[0]
    assert first.recipients == ["zoe@example.com"]
    assert b"Content-Language: fr" in first.raw
    assert [name for name, _ in slack.calls] == ["users.lookupByEmail", "chat.postMessage", "users.lookupByEmail"]
    assert (missing[0].state.value, missing[0].found) == (
        "problem",
        "no member of the workspace has that e-mail address",
    )


def test_the_end_of_the_apps_certificate_is_told(tmp_path: Path, pem_until: Callable[[datetime], Path]) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    app = {"tenant": "example.com", "client_id": "1f6d9c2e-0a4b-4a58-8b53-6f1f0e9d7c22"}
    for days, state in ((200, "ok"), (20, "warning"), (-1, "problem")):
        microsoft = {**app, "certificate_file": pem_until(now + timedelta(days=days))}
        (one,) = look_at_credential(settings_in(tmp_path, microsoft=microsoft), now)
        assert (one.name, one.state.value) == ("credential", state)


@pytest.fixture(scope="module")
def pem_until(tmp_path_factory: pytest.TempPathFactory) -> Callable[[datetime], Path]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "notifier")])

    def make(ends: datetime) -> Path:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(ends - timedelta(days=365)).not_valid_after(ends)
        path = tmp_path_factory.mktemp("pem") / "app.pem"
        path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    return make
