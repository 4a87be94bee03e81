"""What every channel promises: the same suite over each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.channels.base import Channel, DeliveryFailed
from notifier.channels.file import FileChannel
from notifier.channels.smtp import SmtpChannel
from notifier.content.mail import HEADERS
from notifier.domain.retry import Verdict
from tests.outgoing import DATED, LINK, REPLY_TO, SENDER, outgoing
from tests.smtp_actions import Say
from tests.smtp_server import ScriptedServer


@dataclass
class Rig:
    """A channel, what arrived through it, and a way to make its next message fail."""

    channel: Channel
    arrived: Callable[[], list[bytes]]
    fail: Callable[[], None]
    mend: Callable[[], None]


@pytest.fixture(params=["smtp", "file"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made = _smtp_rig() if request.param == "smtp" else _file_rig(tmp_path)
    async for each in made:
        yield each
        await each.channel.close()


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
    """S3: exactly one To and no other recipient; the words, the sender and the date are those that were handed over."""
    sent = outgoing(7)
    receipt = await rig.channel.send(sent)
    assert receipt.reply
    assert sent.address not in receipt.reply
    (raw,) = rig.arrived()
    mail = read(raw)
    assert [str(address.addr_spec) for address in mail["To"].addresses] == [sent.address]
    assert mail["To"].addresses[0].display_name == sent.name
    assert (mail["Cc"], mail["Bcc"]) == (None, None)
    assert str(mail["From"]) == SENDER
    assert str(mail["Reply-To"]) == REPLY_TO
    assert mail["Date"].datetime == DATED
    assert mail["Message-ID"] == f"<{sent.message_id}>"
    assert mail["Subject"] == sent.rendered.subject
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert LINK in body.get_content()


async def test_a_repeat_is_the_same_bytes(rig: Rig) -> None:
    """R3"""
    await rig.channel.send(outgoing(7))
    (first,) = rig.arrived()
    await rig.channel.send(outgoing(7))
    assert set(rig.arrived()) == {first}


async def test_many_at_once_each_to_its_own(rig: Rig) -> None:
    await asyncio.gather(*(rig.channel.send(outgoing(number)) for number in range(1, 41)))
    arrived = sorted(str(read(raw)["To"].addresses[0].addr_spec) for raw in rig.arrived())
    assert arrived == sorted(f"person{number}@example.com" for number in range(1, 41))


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
async def test_a_hostile_name_adds_neither_header_nor_recipient(rig: Rig, name: str) -> None:
    """S4: whatever the roster holds, the headers are the planned ones."""
    await rig.channel.send(outgoing(1, name=name))
    _check_planned(rig.arrived()[-1], outgoing(1).address)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=80), subject=st.text(max_size=200).filter(lambda text: "@" not in text))
def test_any_name_and_subject_leave_the_headers_as_planned(tmp_path: Path, name: str, subject: str) -> None:
    """S4, through the channel that writes what SMTP would send."""
    channel = FileChannel(tmp_path, sender=SENDER, reply_to=REPLY_TO)
    asyncio.run(channel.send(outgoing(1, name=name, subject=subject)))
    (path,) = tmp_path.glob("*.eml")
    _check_planned(path.read_bytes(), outgoing(1).address)


def _check_planned(raw: bytes, address: str) -> None:
    mail = read(raw)
    assert tuple(mail.keys()) == HEADERS
    assert [str(each.addr_spec) for each in mail["To"].addresses] == [address]


async def test_somebody_elses_address_in_the_text_is_stopped(rig: Rig) -> None:
    """S3: the guard looks at the final bytes, and a mail that names another person does not leave."""
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(outgoing(1, text="Hello\nsomebody.else@example.org\n"))
    assert caught.value.verdict is Verdict.PERMANENT
    assert "somebody.else" not in caught.value.reply
    assert rig.arrived() == []


async def test_what_is_not_taken_is_a_failure_in_words_and_the_next_goes_through(rig: Rig) -> None:
    await rig.channel.send(outgoing(1))
    rig.fail()
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(outgoing(2))
    assert caught.value.verdict is Verdict.SENDER
    assert caught.value.pause_seconds
    assert caught.value.reply.isprintable()
    assert "person2" not in caught.value.reply
    rig.mend()
    await rig.channel.send(outgoing(3))
    assert [str(read(raw)["To"].addresses[0].addr_spec) for raw in rig.arrived()] == ["person1@example.com", "person3@example.com"]


async def test_closed_and_used_again(rig: Rig) -> None:
    await rig.channel.close()
    await rig.channel.send(outgoing(1))
    await rig.channel.close()
    await rig.channel.close()
    await rig.channel.send(outgoing(2))
    assert len(rig.arrived()) == 2


async def test_it_says_what_it_is(rig: Rig) -> None:
    assert rig.channel.name in {"smtp", "file"}
    assert rig.channel.concurrency >= 1
    assert rig.channel.resend_when_uncertain is True
