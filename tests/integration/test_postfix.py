"""A real mail server takes what we send, and what lies in the mailboxes is what we meant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from notifier.bounces.hearing import BounceReader, Hearing
from notifier.bounces.maildir import Maildir
from notifier.channels.base import DeliveryFailed
from notifier.channels.smtp import SmtpChannel
from notifier.channels.smtp_terms import Security
from notifier.domain.ladder import Ladders
from notifier.domain.retry import Verdict
from notifier.store.database import Database
from notifier.store.tables import State
from tests.certificates import Certificates, make_certificates
from tests.ladder_rig import NOW, claim, end, find_on_slack, rows
from tests.outgoing import DATED, REPLY_TO, SENDER, outgoing
from tests.planning_rig import add_person, planner
from tests.postfix import Postfix, running_postfix

PEOPLE = 20
MOVED = "moved.away@example.com"  # is taken, and then there is nobody by the name that it stands for


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def postfix(certificates: Certificates) -> Iterator[Postfix]:
    addresses = [outgoing(number).address for number in range(1, PEOPLE + 1)]
    extra = f"""\
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificates.chain_file}
virtual_alias_maps = inline:{{ {{ {MOVED} = nobody.there@example.com }} }}"""
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


async def test_what_cannot_be_delivered_comes_back_and_goes_on_to_slack(
    postfix: Postfix, certificates: Certificates, sqlite_database: Database
) -> None:
    """A real mail, a real report, and the person gets the message on the next channel."""
    ladders = Ladders.of(["email", "slack"], email="smtp")
    find_on_slack(sqlite_database, [add_person(sqlite_database, 1, email=MOVED)])
    planner(sqlite_database, ladders=ladders).tick(NOW)
    (claimed,) = claim(sqlite_database, "smtp")
    channel = channel_to(postfix, certificates, "none")
    await channel.send(replace(outgoing(claimed.id, address=MOVED), message_id=claimed.message_id))
    await channel.close()
    end(sqlite_database, claimed, State.ACCEPTED, ladders=ladders)
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(postfix.mailbox, "privacy@example.com"):
            await asyncio.sleep(0.05)
    folder = postfix.folder / "mail" / "privacy@example.com"
    assert await BounceReader(Maildir(folder), sqlite_database, ladders).read(NOW) == Hearing(refused=1, known=0, is_all=True)
    assert len(list((folder / ".processed" / "cur").iterdir())) == 1
    refused, following = rows(sqlite_database)
    assert (refused["state"], refused["reason"]) == ("refused", 'bounced: 5.1.1 unknown user: "<…>"')
    assert (following["channel"], following["state"]) == ("slack", "planned")
