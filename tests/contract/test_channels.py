"""What every channel promises: the same suite over each of them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.channels.base import Channel, DeliveryFailed, Outgoing
from notifier.channels.file import FileChannel
from notifier.channels.graph import GraphChannel
from notifier.channels.slack import SlackChannel
from notifier.channels.smtp import SmtpChannel
from notifier.channels.webhook import WebhookChannel
from notifier.clock import MovedClock
from notifier.content.mail import HEADERS
from notifier.domain.retry import Verdict
from tests.microsoft_server import MAILBOX, NOW, Fail, MicrosoftServer
from tests.outgoing import DATED, LINK, REPLY_TO, SENDER, outgoing
from tests.slack_messages import slack_outgoing
from tests.slack_server import TOKEN, Error, SlackServer
from tests.smtp_actions import Say
from tests.smtp_server import ScriptedServer
from tests.webhook_server import SECRET, WebhookServer, webhook_outgoing

GRAPH_HEADERS = (
    *("From", "Reply-To", "To", "Subject", "Date", "Message-ID", "References", "X-Auto-Response-Suppress"),
    *("MIME-Version", "Content-Type"),
)


@dataclass
class Rig:
    """A channel, what arrived through it, and a way to make its next message fail.

    Attributes:
        message: makes the message of a delivery, by its number.
        recipient: whom something that arrived was for.
        headers: those of every mail; Exchange writes its own.
        dated: the date of every mail.
    """

    channel: Channel
    arrived: Callable[[], list[bytes]]
    fail: Callable[[], None]
    mend: Callable[[], None]
    message: Callable[..., Outgoing] = outgoing
    recipient: Callable[[bytes], str] = lambda raw: str(read(raw)["To"].addresses[0].addr_spec)
    resends: bool = True
    headers: tuple[str, ...] = HEADERS
    dated: datetime = DATED


@pytest.fixture(params=["smtp", "graph", "graph-verified", "file", "slack", "webhook"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Every channel."""
    async for each in _rig(request.param, tmp_path):
        yield each
        await each.channel.close()


@pytest.fixture(params=["smtp", "graph", "file"])
async def mail(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Every channel that brings a mail."""
    async for each in _rig(request.param, tmp_path):
        yield each
        await each.channel.close()


def _rig(name: str, folder: Path) -> AsyncIterator[Rig]:
    if name.startswith("graph"):
        return _graph_rig(verified=name == "graph-verified")
    return {"smtp": _smtp_rig, "slack": _slack_rig, "webhook": _webhook_rig}[name]() if name != "file" else _file_rig(folder)


async def _graph_rig(*, verified: bool) -> AsyncIterator[Rig]:
    async with MicrosoftServer(roles=frozenset({"Mail.Send", "Mail.ReadWrite"}), per_minute=100) as server:
        yield Rig(
            channel=GraphChannel(
                server.client(), mailbox=MAILBOX, sender=SENDER, reply_to=REPLY_TO, verified=verified, looks=(0, 0)
            ),
            arrived=lambda: [delivered.raw for delivered in server.delivered],
            fail=lambda: server.on("send" if verified else "sendMail", Fail(403, "ErrorSendAsDenied"), times=None),
            mend=server.behave,
            resends=verified,
            headers=GRAPH_HEADERS,
            dated=NOW,
        )


async def _slack_rig() -> AsyncIterator[Rig]:
    hours = itertools.count(step=3600)  # between two calls, so that no limit is met
    async with SlackServer(clock=lambda: next(hours)) as server:
        yield Rig(
            channel=SlackChannel(token=TOKEN, base_url=server.base_url),
            arrived=lambda: [json.dumps(post.body).encode() for post in server.posts],
            fail=lambda: server.on("chat.postMessage", Error("invalid_auth")),
            mend=server.behave,
            message=slack_outgoing,
            recipient=lambda raw: str(json.loads(raw)["channel"]),
            resends=False,
        )


async def _webhook_rig() -> AsyncIterator[Rig]:
    async with WebhookServer(DATED) as server:
        yield Rig(
            channel=WebhookChannel(server.url, secrets=[SECRET], clock=MovedClock(DATED)),
            arrived=lambda: [call.body for call in server.calls],
            fail=lambda: setattr(server, "status", 401),
            mend=lambda: setattr(server, "status", 200),
            message=webhook_outgoing,
            recipient=lambda raw: str(json.loads(raw)["data"]["employee_id"]),
        )


async def _smtp_rig() -> AsyncIterator[Rig]:
    async with ScriptedServer() as server:
        channel = SmtpChannel(
            host="127.0.0.1",
            port=server.port,
            security="none",
            sender=SENDER,
            reply_to=REPLY_TO,
            helo="notifier.example.com",
            connections=2,
        )
        yield Rig(
            channel=channel,
            arrived=lambda: [message.raw for message in server.messages],
            fail=lambda: server.on("MAIL", Say("550 5.1.8 sender address rejected")),
            mend=server.behave,
        )


async def _file_rig(folder: Path) -> AsyncIterator[Rig]:
    out = folder / "outgoing"

    def fail() -> None:
        out.rename(folder / "aside")
        out.write_text("in the way")

    def mend() -> None:
        out.unlink()
        (folder / "aside").rename(out)

    out.mkdir()
    channel = FileChannel(out, sender=SENDER, reply_to=REPLY_TO)
    yield Rig(
        channel=channel,
        arrived=lambda: [path.read_bytes() for path in sorted(out.glob("*.eml"))],
        fail=fail,
        mend=mend,
    )


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


async def test_one_message_reaches_one_person(rig: Rig) -> None:
    sent = rig.message(7)
    receipt = await rig.channel.send(sent)
    assert receipt.reply
    assert sent.address not in receipt.reply
    (raw,) = rig.arrived()
    assert rig.recipient(raw) == sent.address
    assert LINK.encode() in raw.replace(b"=\r\n", b"")


async def test_one_mail_names_one_person(mail: Rig) -> None:
    """S3: exactly one To and no other recipient; the words, the sender and the date are those that were handed over."""
    sent = outgoing(7)
    await mail.channel.send(sent)
    (raw,) = mail.arrived()
    read_back = read(raw)
    assert [str(address.addr_spec) for address in read_back["To"].addresses] == [sent.address]
    assert read_back["To"].addresses[0].display_name == sent.name
    assert (read_back["Cc"], read_back["Bcc"]) == (None, None)
    assert str(read_back["From"]) == SENDER
    assert str(read_back["Reply-To"]) == REPLY_TO
    assert read_back["Date"].datetime == mail.dated
    assert read_back["Message-ID"] == f"<{sent.message_id}>"
    assert read_back["Subject"] == sent.rendered.subject
    for kind in ("plain", "html"):
        body = read_back.get_body((kind,))
        assert body is not None
        assert LINK in body.get_content()


async def test_a_repeat_is_the_same_bytes(rig: Rig) -> None:
    """R3"""
    await rig.channel.send(rig.message(7))
    (first,) = rig.arrived()
    await rig.channel.send(rig.message(7))
    assert set(rig.arrived()) == {first}


async def test_many_at_once_each_to_its_own(rig: Rig) -> None:
    await asyncio.gather(*(rig.channel.send(rig.message(number)) for number in range(1, 41)))
    arrived = sorted(rig.recipient(raw) for raw in rig.arrived())
    assert arrived == sorted(rig.message(number).address for number in range(1, 41))


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: victim@example.org",
        "Eve\nSubject: other",
        "Eve\x00\x0b\x0c\x85\u2028\u2029X-Header: 1",
        'Eve" <victim@example.org>, "',
        "victim@example.org",
        "=?utf-8?b?QmNjOiB2aWN0aW1AZXhhbXBsZS5vcmc=?=",
        "=?utf-8?q?Eve=0D=0ABcc:_victim@example.org?=",
        "Müller-Lüdenscheidt, Dr. med. " * 20,
        "Иван 王伟 عمر 😀",
        "",
        " ",
        "\\",
        "Group: a, b;",
    ],
)
async def test_a_hostile_name_adds_neither_header_nor_recipient(mail: Rig, name: str) -> None:
    """S4: whatever the roster holds, the headers are the planned ones."""
    await mail.channel.send(outgoing(1, name=name))
    _check_planned(mail.arrived()[-1], outgoing(1).address, mail.headers)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=80), subject=st.text(max_size=200).filter(lambda text: "@" not in text))
def test_any_name_and_subject_leave_the_headers_as_planned(tmp_path: Path, name: str, subject: str) -> None:
    """S4, through the channel that writes what SMTP would send."""
    channel = FileChannel(tmp_path, sender=SENDER, reply_to=REPLY_TO)
    asyncio.run(channel.send(outgoing(1, name=name, subject=subject)))
    (path,) = tmp_path.glob("*.eml")
    _check_planned(path.read_bytes(), outgoing(1).address)


def _check_planned(raw: bytes, address: str, headers: tuple[str, ...] = HEADERS) -> None:
    mail = read(raw)
    assert tuple(mail.keys()) == headers
    assert [str(each.addr_spec) for each in mail["To"].addresses] == [address]


async def test_somebody_elses_address_in_the_text_is_stopped(rig: Rig) -> None:
    """S3: the guard looks at the final bytes, and a mail that names another person does not leave."""
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(rig.message(1, text="Hello\nsomebody.else@example.org\n"))
    assert caught.value.verdict is Verdict.CONTENT
    assert "somebody.else" not in caught.value.reply
    assert rig.arrived() == []


async def test_what_is_not_taken_is_a_failure_in_words_and_the_next_goes_through(rig: Rig) -> None:
    await rig.channel.send(rig.message(1))
    rig.fail()
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(rig.message(2))
    assert caught.value.verdict is Verdict.SENDER
    assert caught.value.pause_seconds
    assert caught.value.reply.isprintable()
    assert rig.message(2).address.partition("@")[0] not in caught.value.reply
    rig.mend()
    await rig.channel.send(rig.message(3))
    assert [rig.recipient(raw) for raw in rig.arrived()] == [rig.message(1).address, rig.message(3).address]


async def test_closed_and_used_again(rig: Rig) -> None:
    await rig.channel.close()
    await rig.channel.send(rig.message(1))
    await rig.channel.close()
    await rig.channel.close()
    await rig.channel.send(rig.message(2))
    assert len(rig.arrived()) == 2


async def test_it_says_what_it_is(rig: Rig) -> None:
    assert rig.channel.name in {"smtp", "graph", "file", "slack", "webhook"}
    assert rig.channel.concurrency >= 1
    assert rig.channel.resend_when_uncertain is rig.resends
