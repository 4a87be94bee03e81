"""A real mail server takes what we send, and what lies in the mailboxes is what we meant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from notifier.channels.base import DeliveryFailed
from notifier.channels.smtp import SmtpChannel
from notifier.channels.smtp_terms import Security
from notifier.domain.retry import Verdict
from tests.certificates import Certificates, make_certificates
from tests.outgoing import DATED, REPLY_TO, SENDER, outgoing
from tests.postfix import Postfix, running_postfix

PEOPLE = 20


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def postfix(certificates: Certificates) -> Iterator[Postfix]:
    addresses = [outgoing(number).address for number in range(1, PEOPLE + 1)]
    extra = f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {certificates.chain_file}"
    with running_postfix(["privacy@example.com", *addresses], extra=extra) as server:
        yield server


def channel_to(postfix: Postfix, certificates: Certificates, security: Security) -> SmtpChannel:
    return SmtpChannel(
        host="127.0.0.1",
        port=postfix.port,
        security=security,
        ca_file=certificates.ca_file,
        sender=SENDER,
        reply_to=REPLY_TO,
        helo="notifier.example.com",
        connections=3,
    )


async def until_delivered(postfix: Postfix, count: int) -> None:
    async with asyncio.timeout(30):
        while await asyncio.to_thread(lambda: postfix.count) < count:
            await asyncio.sleep(0.05)


def body_of(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n").rstrip("\n")


async def test_twenty_people_find_what_was_sent(postfix: Postfix, certificates: Certificates) -> None:
    """Over STARTTLS, with the envelope id accepted; each mailbox holds one mail, equal in content to what was handed over."""
    channel = channel_to(postfix, certificates, "starttls")
    sent = [outgoing(number, name=f"Zoé Müller-{number}, Dr.") for number in range(1, PEOPLE + 1)]
    receipts = await asyncio.gather(*(channel.send(each) for each in sent))
    await channel.close()
    assert all(receipt.reply.startswith("250 2.0.0 Ok: queued as ") for receipt in receipts)
    await until_delivered(postfix, PEOPLE)
    for each in sent:
        (raw,) = await asyncio.to_thread(postfix.mailbox, each.address)
        mail = message_from_bytes(raw, policy=policy.default)
        assert mail["Delivered-To"] == each.address
        assert [address.addr_spec for address in mail["To"].addresses] == [each.address]
        assert mail["To"].addresses[0].display_name == each.name
        assert (str(mail["From"]), mail["Message-ID"], mail["Date"].datetime) == (SENDER, f"<{each.message_id}>", DATED)
        assert mail["Subject"] == each.rendered.subject
        assert body_of(mail, "plain") == each.rendered.text.rstrip("\n")
        assert body_of(mail, "html") == each.rendered.html.rstrip("\n")
    assert postfix.log.count(" connect from ") <= 3


async def test_an_unknown_person_is_refused_for_good(postfix: Postfix, certificates: Certificates) -> None:
    channel = channel_to(postfix, certificates, "none")
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing(1, address="gone.person@example.com"))
    assert caught.value.verdict is Verdict.PERMANENT
    assert caught.value.reply.startswith("550 5.1.1 <…>: Recipient address rejected")
    assert "gone" not in caught.value.reply
    await channel.close()


async def test_a_person_elsewhere_is_refused_without_stopping_the_others(postfix: Postfix, certificates: Certificates) -> None:
    channel = channel_to(postfix, certificates, "none")
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing(1, address="person@elsewhere.example"))
    assert (caught.value.verdict, caught.value.pause_seconds) == (Verdict.PERMANENT, None)
    assert caught.value.reply == "554 5.7.1 <…>: Relay access denied"
    await channel.close()
