"""Promise S4: no name and no subject can add a header, a recipient or a part to a mail.

The bytes are read back by the standard library's parsers, which know nothing of how they were written. See CVE-2024-6923 and
CVE-2026-1299 for what happens where that library writes them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.base import DeliveryFailed, Outgoing
from notifier.channels.mail_bytes import mail_bytes
from notifier.channels.smtp import SmtpChannel
from notifier.content.mail import HEADERS
from notifier.content.plain import one_line
from notifier.content.rendered import Rendered
from tests.attacks.effort import tries
from tests.outgoing import DATED, REPLY_TO, SENDER
from tests.smtp_server import ScriptedServer

PORTIONS = 2  # so that two processes share the work
OVER_THE_WIRE = 500
EVE = "eve@evil.example"
_HEADS = BytesHeaderParser(policy=policy.compat32)
# What has ever ended a header early, begun another one, or made a second address out of a name.
PIECES = (
    *(
        "\r\n",
        "\n",
        "\r",
        "\n\r",
        "\r\n ",
        "\r\n\t",
        "\r\n\r\n",
        "\0",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1d",
        "\x1e",
        "\x1f",
        "\x7f",
        "\x85",
    ),
    *(
        "\u2028",
        "\u2029",
        "\u200b",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\u00a0",
        "\u3000",
        "\ud800",
        "\udfff",
        "\U0001f469\u200d\U0001f4bb",
    ),
    *(f"\r\nBcc: {EVE}", f"\nBcc:{EVE}", f"\rCc: {EVE}", f"\u2028To: {EVE}", f"\x85Bcc: {EVE}", f"\r\n\r\n<p>{EVE}"),
    "\n.\nQUIT\n",
    *(
        "=?utf-8?q?=0D=0ABcc=3A_eve=40evil=2Eexample?=",
        "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
        "=?",
        "?=",
        "=?utf-8?b?",
        "?q?",
    ),
    *(f"<{EVE}>", f", {EVE}", f"; {EVE}", f'" <{EVE}>, "', f'\\" <{EVE}>', f"({EVE})", f":{EVE};", f"@evil.example,:{EVE}", EVE),
    *('"', "\\", ",", ";", ":", "<", ">", "(", ")", "[", "]", "@", ".", "=", "_", "?", " ", "\t", "%0D%0A", "\\r\\n", "&#13;&#10;"),
    *(
        "Zoé",
        "Müller",
        "O'Neil",
        "李",
        "नमस्ते",
        "Ωμέγα",
        "a",
        "Ann",
        "x" * 80,
        "é" * 60,
        "日" * 90,
        "y" * 1200,
        "Content-Type: text/html",
    ),
    *("--=_", "\r\n--", "MIME-Version: 2.0", "{{ 7*7 }}", "%s", "$(id)", "`id`"),
)


def hostile(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Names and subjects: pieces of the list, and characters from the whole of Unicode."""
    generator = random.Random(seed)

    def text() -> str:
        parts = generator.choices(PIECES, k=generator.randint(0, 6))
        if generator.random() < 0.3:
            parts.append(
                "".join(chr(generator.choice((generator.randrange(0x300), generator.randrange(0x110000)))) for _ in range(8))
            )
        generator.shuffle(parts)
        return "".join(parts)

    for _ in range(count):
        yield text(), text()


def attacked(number: int, name: str, subject: str) -> Outgoing:
    return Outgoing(
        delivery_id=number,
        employee_key=number,
        campaign="linkedin-ai-training",
        address=f"person{number}@example.com",
        name=name,
        message_id=f"{number:08x}.4f1c@notifier.example.com",
        dated=DATED,
        rendered=Rendered(subject=subject, html="<!doctype html><p>Grüezi</p>", text="Grüezi\n", language="de"),
    )


def unfolded(value: str) -> str:
    return value.replace("\r\n", "")


def wrong_head(raw: bytes, outgoing: Outgoing) -> list[str]:
    """What any reader of these bytes would see in the headers that was not planned."""
    head = raw.partition(b"\r\n\r\n")[0]
    message = _HEADS.parsebytes(head + b"\r\n\r\n")
    found = []
    if tuple(message.keys()) != HEADERS:
        found.append(f"headers {message.keys()}")
    if [address for _, address in getaddresses([unfolded(message["To"])])] != [outgoing.address]:
        found.append(f"recipients {message['To']!r}")
    if [(message["From"]), message["Reply-To"], message["Message-ID"]] != [SENDER, REPLY_TO, f"<{outgoing.message_id}>"]:
        found.append("sender or id")
    if not raw.isascii() or b"\0" in raw or not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        found.append("bytes that servers change")
    if any(len(line) > 998 or not line.strip() for line in head.split(b"\r\n")):
        found.append("a line that no header may have")
    subject = one_line(outgoing.rendered.subject)
    if len(subject) <= 250 and str(make_header(decode_header(unfolded(message["Subject"])))) != subject:
        found.append(f"subject {message['Subject']!r}")
    return found


def wrong_mail(raw: bytes, outgoing: Outgoing) -> list[str]:
    """The whole mail, its parts too, and to the parser that decodes names before it looks for addresses."""
    found = wrong_head(raw, outgoing)
    parts = [part for part in message_from_bytes(raw, policy=policy.compat32).walk() if not part.is_multipart()]
    if [(part.get_content_type(), part.get_payload(decode=True)) for part in parts] != [
        ("text/plain", "Grüezi\r\n".encode()),
        ("text/html", "<!doctype html><p>Grüezi</p>\r\n".encode()),
    ]:
        found.append("parts")
    message = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    if tuple(message.keys()) != HEADERS:
        found.append(f"headers {message.keys()}")
    if [address.addr_spec for address in message["To"].addresses] != [outgoing.address]:
        found.append(f"recipients {message['To']!r}")
    return found


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_headers_are_the_planned_ones_whatever_a_name_or_subject_holds(portion: int) -> None:
    """Fifty thousand of them, each read back from its final bytes; every twentieth as a whole, by a second parser too.

    They differ in name and subject alone, so everything behind the headers has to be the same bytes.
    """
    share = tries(50_000, 1_000_000) // PORTIONS
    body = mail_bytes(attacked(1, "Zoé", "x"), sender=SENDER, reply_to=REPLY_TO).partition(b"\r\n\r\n")[2]
    wrong: list[str] = []
    for number, (name, subject) in enumerate(hostile(portion, share)):
        outgoing = attacked(1, name, "" if EVE in subject else subject)
        raw = mail_bytes(outgoing, sender=SENDER, reply_to=REPLY_TO)
        found = wrong_mail(raw, outgoing) if number % 20 == 0 else wrong_head(raw, outgoing)
        if raw.partition(b"\r\n\r\n")[2] != body:
            found.append("another body")
        wrong += [f"{name!r} {subject!r}: {one}" for one in found]
    assert wrong[:5] == []


@settings(max_examples=300, deadline=None)
@given(name=st.text(max_size=80), subject=st.text(max_size=80))
def test_what_nobody_thought_of_changes_no_header_either(name: str, subject: str) -> None:
    """Hypothesis finds the shortest name, should one ever get through."""
    outgoing = attacked(1, name, subject if "@" not in subject else "")
    raw = mail_bytes(outgoing, sender=SENDER, reply_to=REPLY_TO)
    assert wrong_mail(raw, outgoing) == []


async def test_over_the_wire_each_mail_has_one_recipient_and_the_planned_headers() -> None:
    """Five hundred through the real channel: what the server took, in its envelopes and in its content."""
    planned = {}
    for number, (name, subject) in enumerate(hostile(99, OVER_THE_WIRE)):
        planned[f"person{number}@example.com"] = attacked(number, name, "" if EVE in subject else subject)
    async with ScriptedServer(extensions=("PIPELINING", "SIZE 10000000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")) as server:
        channel = SmtpChannel(
            host="127.0.0.1",
            port=server.port,
            security="none",
            sender=SENDER,
            reply_to=REPLY_TO,
            connections=4,
            timeout=10,
            helo="client.example.com",
        )
        for outgoing in planned.values():
            assert (await channel.send(outgoing)).reply.startswith("250")
        await channel.close()
    assert len(server.messages) == OVER_THE_WIRE
    for taken in server.messages:
        assert taken.sender == "privacy@example.com"
        (recipient,) = taken.recipients
        outgoing = planned.pop(recipient)
        assert taken.raw == mail_bytes(outgoing, sender=SENDER, reply_to=REPLY_TO)
        assert wrong_mail(taken.raw, outgoing) == []
    assert planned == {}
    verbs = {command.partition(" ")[0] for command in server.commands}
    assert verbs <= {"EHLO", "MAIL", "RCPT", "DATA", "RSET", "QUIT"}, "no line of a mail became a command"


@pytest.mark.parametrize("piece", PIECES)
def test_an_address_holds_nothing_that_begins_another_one(piece: str) -> None:
    """The address itself comes from the roster too: whatever is no plain address is refused before anything is sent."""
    for address in (
        f"person{piece}@example.com",
        f"person@exa{piece}mple.com",
        f"{piece}person@example.com",
        f"person@example.com{piece}",
    ):
        outgoing = replace(attacked(1, "Zoé", "x"), address=address)
        try:
            raw = mail_bytes(outgoing, sender=SENDER, reply_to=REPLY_TO)
        except DeliveryFailed:
            continue
        to = message_from_bytes(raw, policy=policy.compat32)["To"]
        assert [one for _, one in getaddresses([to])] == [to.partition("<")[2].rstrip(">")]
        assert "evil" not in to.rpartition("@")[2]
