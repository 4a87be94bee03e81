"""The bytes of a mail, read back by the standard library's parser, which knows nothing of how they were written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.content.headers import UnsendableMailError
from notifier.content.mail import HEADERS, Mail, guard, to_bytes
from notifier.content.plain import addresses_in, one_line
from notifier.content.rendered import Rendered

RENDERED = Rendered("Vérifiez un réglage", '<!DOCTYPE html>\n<p lang="fr">Bonjour Zoé</p>\n', "Bonjour Zoé,\n\n.\n=20 \n", "fr")
MAIL = Mail(
    sender="Datenschutz & Co., Zürich <privacy@example.com>",
    reply_to="privacy@example.com",
    recipient_name="Zoé Exemple",
    recipient_address="zoe@example.com",
    message_id="4f2a.7@notifier.example.com",
    dated=datetime(2025, 10, 14, 8, 30, tzinfo=UTC),
    campaign="linkedin-ai-training",
    rendered=RENDERED,
)

HOSTILE = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            [
                "\r\nBcc: eve@evil.example",
                "\n\n",
                "\r",
                "\0",
                "\u2028",
                "\u2029",
                "\x85",
                "\x0b",
                "\x1c",
                "\u202eevil",
                "=?utf-8?q?eve=40evil=2Eexample?=",
                "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
                '"',
                "\\",
                ",",
                ";",
                "<eve@evil.example>",
                "(",
                ")",
                ":",
                "eve@evil.example,",
                "é" * 90,
                "x" * 5000,
                "日本語",
                "👩‍💻",
                "\ud800",
                " ",
                "\t",
                "Zoé",
                ".",
            ]
        ),
        max_size=8,
    ).map("".join),
)


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


@settings(max_examples=600, deadline=None)
@given(name=HOSTILE, subject=HOSTILE)
def test_whatever_a_name_or_subject_holds_there_are_the_planned_headers_and_one_recipient(name: str, subject: str) -> None:
    mail = replace(MAIL, recipient_name=name, rendered=replace(RENDERED, subject=subject))
    raw = to_bytes(mail)
    message = parsed(raw)
    assert tuple(message.keys()) == HEADERS
    assert [address.addr_spec for address in message["To"].addresses] == ["zoe@example.com"]
    assert [address.addr_spec for address in message["From"].addresses] == ["privacy@example.com"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert content(message, "plain") == RENDERED.text
    assert content(message, "html") == RENDERED.html
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


@settings(max_examples=300, deadline=None)
@given(HOSTILE.filter(lambda text: len(one_line(text)) <= 250))
def test_a_subject_is_read_as_it_was_meant(subject: str) -> None:
    message = parsed(to_bytes(replace(MAIL, rendered=replace(RENDERED, subject=subject))))
    assert message["Subject"] == one_line(subject)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=100).filter(lambda name: "@" not in name and len(one_line(name)) <= 100))
def test_a_name_is_read_as_it_was_meant(name: str) -> None:
    """Read by the older parser: the newer one of Python 3.11 leaves the space between two encoded words of a name."""
    message = message_from_bytes(to_bytes(replace(MAIL, recipient_name=name)), policy=policy.compat32)
    written, _ = parseaddr(message["To"].replace("\r\n", ""))
    assert str(make_header(decode_header(written))).split() == one_line(name).split()


@settings(max_examples=300, deadline=None)
@given(text=st.text(), html=st.text())
def test_every_text_arrives_letter_for_letter(text: str, html: str) -> None:
    """But for its line ends: a mail has only one kind of them, and its last line is ended."""
    rendered = replace(RENDERED, text=text, html=html)
    raw = to_bytes(replace(MAIL, rendered=rendered))
    message = parsed(raw)
    for kind, written in (("plain", text), ("html", html)):
        part = message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        lines = written.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        read = part.get_payload(decode=True)
        assert isinstance(read, bytes)
        assert read.decode().replace("\r\n", "\n") == lines + "\n"
    body = raw.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 78 for line in body.split(b"\r\n"))
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")


@pytest.mark.parametrize("text", [".", ".card { }", f"{'x' * 75}{'.' * 200}", f"é.{'.é' * 80}", f"{'.' * 80}\r\n..\n."])
def test_no_line_begins_with_a_dot(text: str) -> None:
    """SMTP would double it (RFC 5321, 4.5.2); =2E says the same (RFC 2045, 6.7), in lines of at most 76."""
    raw = to_bytes(replace(MAIL, rendered=replace(RENDERED, text=text, html=text)))
    lines = raw.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert [line for line in lines if line.startswith(b".") or len(line) > 76] == []


def test_the_headers_say_what_they_should() -> None:
    message = parsed(to_bytes(MAIL))
    assert {name: str(value) for name, value in message.items() if name != "Content-Type"} == {
        "From": '"Datenschutz & Co., Zürich" <privacy@example.com>',
        "Reply-To": "privacy@example.com",
        "To": "Zoé Exemple <zoe@example.com>",
        "Subject": "Vérifiez un réglage",
        "Date": "Tue, 14 Oct 2025 08:30:00 +0000",
        "Message-ID": "<4f2a.7@notifier.example.com>",
        "References": "<linkedin-ai-training.campaign@notifier.example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, DR, RN, NRN, AutoReply",
        "Content-Language": "fr",
        "MIME-Version": "1.0",
    }


def test_the_same_mail_is_the_same_bytes_for_ever() -> None:
    first = to_bytes(MAIL)
    elsewhere = to_bytes(replace(MAIL, dated=MAIL.dated.astimezone(timezone(timedelta(hours=2)))))
    assert parsed(elsewhere)["Date"] == "Tue, 14 Oct 2025 10:30:00 +0200"
    assert to_bytes(replace(MAIL)) == first
    assert to_bytes(replace(MAIL, message_id="other@notifier.example.com")) != first


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
        ("o'neil+hr@mail.example.com", "o'neil+hr@mail.example.com"),
        ("a@b", "a@b"),
    ],
)
def test_addresses_are_written_in_ascii(address: str, written: str) -> None:
    mail = replace(MAIL, recipient_address=address)
    raw = to_bytes(mail)
    assert [found.addr_spec for found in parsed(raw)["To"].addresses] == [written]
    guard(raw, mail)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "zoe",
        "@example.com",
        "zoe@",
        "zoe@example.com, eve@evil.example",
        "zoe@example.com\r\nBcc: eve@evil.example",
        "zoe@example.com\n",
        "zoë@example.com",
        "zoe @example.com",
        '"zoe, eve"@example.com',
        "=?utf-8?q?eve=40evil.example=2C?=@example.com",
        "zoe@-example.com",
        "zoe@exa_mple.com>",
        "zoe@" + "ü" * 300 + ".example",
        "x" * 400 + "@example.com",
    ],
)
def test_an_address_that_no_server_understands_is_refused_in_words(address: str) -> None:
    with pytest.raises(UnsendableMailError, match="a mail address has a form"):
        to_bytes(replace(MAIL, recipient_address=address))


@pytest.mark.parametrize(
    "mail",
    [
        replace(MAIL, message_id="a@b>\r\nBcc: e@f"),
        replace(MAIL, message_id="a"),
        replace(MAIL, message_id="a@b\n"),
        replace(MAIL, campaign="a b"),
        replace(MAIL, campaign="x" * 300),
        replace(MAIL, rendered=replace(RENDERED, language="fr\r\nBcc: e@f")),
        replace(MAIL, sender="A <a@b.example>\r\nBcc: e@f"),
    ],
)
def test_what_cannot_stand_in_a_header_is_refused(mail: Mail) -> None:
    with pytest.raises(UnsendableMailError):
        to_bytes(mail)


@settings(max_examples=300, deadline=None)
@given(name=HOSTILE, subject=HOSTILE, text=st.text())
def test_the_guard_lets_every_honest_mail_pass(name: str, subject: str, text: str) -> None:
    addresses = frozenset(addresses_in(subject) + addresses_in(text))
    rendered = replace(RENDERED, subject=subject, text=text, addresses=addresses)
    mail = replace(MAIL, recipient_name=name, rendered=rendered)
    guard(to_bytes(mail), mail)


def _with(old: bytes, new: bytes) -> bytes:
    raw = to_bytes(MAIL)
    assert old in raw
    return raw.replace(old, new, 1)


TAMPERED = {
    "a blind copy": _with(b"Subject: ", b"Bcc: eve@evil.example\r\nSubject: "),
    "a second recipient": _with(b"<zoe@example.com>", b"<eve@evil.example>, <zoe@example.com>"),
    "a second recipient behind": _with(b"<zoe@example.com>", b"<zoe@example.com>, eve@evil.example"),
    "another recipient": _with(b"<zoe@example.com>", b"<eve@evil.example>"),
    "a header twice": _with(b"Subject: ", b"Subject: x\r\nSubject: "),
    "a header less": _with(b"Auto-Submitted: auto-generated\r\n", b""),
    "headers ended early": _with(b"Subject: ", b"\r\nSubject: "),
    "a header without a name": _with(b"Subject: ", b"Nonsense\r\nSubject: "),
    "other words": _with(b"Bonjour", b"Bonsoir"),
    "a third part": _with(b"--\r\n", b"\r\nContent-Type: text/plain\r\n\r\nx\r\n--x--\r\n"),
    "something behind the end": to_bytes(MAIL) + b"x",
    "a bare line feed": _with(b"Bonjour", b"\nBonjour"),
    "a dot in front of a line": _with(b"\r\n=2E\r\n", b"\r\n.\r\n"),
    "a byte that is not ASCII": _with(b"Bonjour", "é".encode()),
    "nothing": b"",
}


@pytest.mark.parametrize("raw", TAMPERED.values(), ids=TAMPERED.keys())
def test_the_guard_stops_what_was_not_meant(raw: bytes) -> None:
    with pytest.raises(UnsendableMailError, match="it was not sent"):
        guard(raw, MAIL)


@pytest.mark.parametrize("text", ["Ask max.muster@example.com", "x,max.muster@example.com>", "MAX.MUSTER@EXAMPLE.COM"])
def test_the_guard_stops_the_address_of_somebody_else(text: str) -> None:
    """Let's Encrypt once sent thousands of its subscribers the addresses of the others."""
    for rendered in (replace(RENDERED, text=text), replace(RENDERED, html=f"<p>{text}</p>"), replace(RENDERED, subject=text)):
        mail = replace(MAIL, rendered=rendered)
        with pytest.raises(UnsendableMailError, match="somebody else"):
            guard(to_bytes(mail), mail)
    named = replace(MAIL, rendered=replace(RENDERED, text=text, addresses=frozenset({"max.muster@example.com"})))
    guard(to_bytes(named), named)
