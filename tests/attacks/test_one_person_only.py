"""Promise S3: a mail carries one person only. In 2016 a mailer gave each recipient the addresses of all before them.

Everything that is kept between two mails is kept here on purpose: the compiled texts, the composer, the caches behind the bytes.
"""

from __future__ import annotations

import random
import re
from binascii import a2b_qp
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from html import unescape
from pathlib import Path

import pytest

from notifier.channels.base import Outgoing
from notifier.channels.mail_bytes import mail_bytes
from notifier.content.catalogue import Catalogue, Sender
from notifier.content.plain import addresses_in
from notifier.delivery.compose import Composer
from notifier.domain.campaign import Answer, Campaign, Step
from notifier.domain.links import LinkKeys, Purpose
from notifier.store.claims import Claimed
from notifier.store.tables import Kind
from tests.attacks.effort import tries
from tests.attacks.marked import Marked, people_in

TEMPLATES = Path(__file__).parents[2] / "templates"
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"),))
CONTACT = "privacy@example.com"
FROM = f"Privacy Office <{CONTACT}>"
KEYS = LinkKeys({number: random.Random(number).randbytes(32) for number in (3, 4)}, 4)
MESSAGES = ("notice", "reminder", "last-call", "overdue", "receipt")
PORTIONS = 2  # so that two processes share the work
TOKEN = re.compile(r"/a/[^/\s\"'<>]+/([\w-]+)")


def row(person: Marked, message: str) -> Claimed:
    now = datetime(2025, 10, 14, 8, tzinfo=UTC) + timedelta(seconds=person.number)
    answered = message == "receipt"
    return Claimed(
        id=person.number,
        epoch=1,
        campaign=CAMPAIGN.id,
        kind=Kind.RECEIPT if answered else Kind.REMINDER,
        occasion=30,
        message=message,
        attempts=1,
        message_id=f"{person.number:08x}@example.com",
        dated=now,
        expires_at=now + timedelta(days=1),
        today=now.date(),
        first_notice=person.number % 2 == 0,
        employee_key=person.number,
        address=person.email,
        email=person.email,
        given_name=person.given_name,
        family_name=person.family_name,
        roster_language=person.language,
        language_choice=None,
        country="CH",
        time_zone="Europe/Zurich",
        public_id=person.public_id,
        link_version=1 + person.number % 2,
        answer=tuple(Answer)[person.number % 5] if answered else None,
        answered_at=now if answered else None,
    )


def token_of(person: Marked) -> str:
    return KEYS.sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, person.public_id, 1 + person.number % 2)


def a_composer() -> Composer:
    return Composer(
        campaigns={CAMPAIGN.id: CAMPAIGN},
        catalogue=Catalogue([TEMPLATES], Sender("Example SA", "Privacy Office", CONTACT, "+41 22 000 00 00")),
        keys=KEYS,
        base_url="https://notifier.example.com",
        default_language="en",
    )


def mails(first: int, count: int) -> Iterator[tuple[Marked, Outgoing, bytes]]:
    """So many mails, one after the other, as a sender makes them; kinds and languages mixed."""
    composer = a_composer()
    for number in range(first, first + count):
        person = Marked(number)
        outgoing = composer.compose(row(person, MESSAGES[number // 3 % len(MESSAGES)]))
        yield person, outgoing, mail_bytes(outgoing, sender=FROM, reply_to=FROM)


def foreign_in(person: Marked, text: str) -> list[str]:
    """What stands in a text and belongs to somebody else, or to nobody."""
    found = [f"person {number}" for number in people_in(text) if number != person.number]
    found += [f"token {token}" for token in TOKEN.findall(text) if token != token_of(person)]
    return found + [f"address {one}" for one in addresses_in(text) if one.casefold() not in {person.email, CONTACT}]


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_no_mail_holds_anything_of_anybody_else(portion: int) -> None:
    """Ten thousand mails, each searched as it stands on the wire, for every other person's name, address and link."""
    share = tries(10_000, 1_000_000) // PORTIONS
    wrong: list[str] = []
    for person, _, raw in mails(portion * share, share):
        head, _, body = raw.partition(b"\r\n\r\n")
        text = unescape(a2b_qp(body).decode())
        wrong += [f"{person.number}: {one}" for one in foreign_in(person, text)]
        assert text.count(token_of(person)) >= 2, "the search does see the person's own"
        headers = message_from_bytes(head + b"\r\n\r\n", policy=policy.compat32)
        names = [name.lower() for name in headers]
        assert [names.count(name) for name in ("to", "cc", "bcc", "resent-to", "from")] == [1, 0, 0, 0, 1]
        assert [address for _, address in getaddresses([headers["To"].replace("\r\n", "")])] == [person.email]
        for name in ("To", "Subject"):
            words = str(make_header(decode_header(headers[name].replace("\r\n", ""))))
            wrong += [f"{person.number}: {one} in {name}" for one in foreign_in(person, words)]
    assert wrong == []


def test_a_mail_reads_the_same_whoever_was_written_to_before() -> None:
    """The same rows in three orders, through the same objects and through new ones: byte for byte the same."""
    first = {person.number: raw for person, _, raw in mails(70_000, 120)}
    numbers = list(first)
    random.Random(3).shuffle(numbers)
    composer = a_composer()
    for number in numbers:
        outgoing = composer.compose(row(Marked(number), MESSAGES[number // 3 % len(MESSAGES)]))
        assert mail_bytes(outgoing, sender=FROM, reply_to=FROM) == first[number]
    assert {number: next(mails(number, 1))[2] for number in numbers[:15]} == {number: first[number] for number in numbers[:15]}


def test_the_standard_parser_sees_the_same_person_everywhere() -> None:
    """A reader that knows nothing of how the bytes were made; the name, too, is the person's own."""
    for person, outgoing, raw in mails(80_000, 150):
        message = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
        assert [address.addr_spec for address in message["To"].addresses] == [person.email] == [outgoing.address]
        assert [part.get_content_type() for part in message.walk() if not part.is_multipart()] == ["text/plain", "text/html"]
        for kind in ("plain", "html"):
            part = message.get_body((kind,))
            assert isinstance(part, EmailMessage)
            assert foreign_in(person, unescape(part.get_content())) == []
            assert person.number in people_in(part.get_content()) or outgoing.rendered.html.count(person.given_name) == 0
