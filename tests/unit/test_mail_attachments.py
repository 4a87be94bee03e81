"""Mails with files, read back by the standard library's parser; and the same as Microsoft Graph takes them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.graph_message import graph_message
from notifier.content.headers import UnsendableMailError
from notifier.content.mail import HEADERS, guard, to_bytes
from notifier.content.rendered import Attachment
from tests.outgoing import outgoing
from tests.unit.test_mail_bytes import MAIL, RENDERED

SHEET = Attachment(
    "figures-2025-W42.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bytes(range(256)) * 9
)
NOTE = Attachment("note.txt", "text/plain", b".\r\n--=_x\r\nzoe@example.com")
WITH_FILES = replace(MAIL, rendered=replace(RENDERED, attachments=(SHEET, NOTE)))


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_a_file_arrives_as_it_was(content: bytes) -> None:
    file = replace(SHEET, content=content)
    mail = replace(MAIL, rendered=replace(RENDERED, attachments=(file,)))
    raw = to_bytes(mail)
    guard(raw, mail)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    (attached,) = parsed(raw).iter_attachments()
    assert attached.get_payload(decode=True) == content


def test_the_mail_inside_is_the_mail_without_files() -> None:
    message, plain = parsed(to_bytes(WITH_FILES)), parsed(to_bytes(MAIL))
    assert message.get_content_type() == "multipart/mixed"
    assert tuple(message.keys()) == HEADERS
    assert {name: message[name] for name in HEADERS[:-1]} == {name: plain[name] for name in HEADERS[:-1]}
    for kind in ("plain", "html"):
        inside, alone = message.get_body((kind,)), plain.get_body((kind,))
        assert inside is not None
        assert alone is not None
        assert inside.get_content() == alone.get_content()
    names = [(part.get_filename(), part.get_content_type()) for part in message.iter_attachments()]
    assert names == [(SHEET.name, SHEET.media_type), (NOTE.name, NOTE.media_type)]
    assert to_bytes(WITH_FILES) == to_bytes(WITH_FILES)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"note.txt", b"nope.txt"),
        lambda raw: raw.replace(b"multipart/mixed", b"multipart/mixes"),
        lambda _: to_bytes(replace(MAIL, rendered=replace(RENDERED, attachments=(SHEET,)))),
        lambda _: to_bytes(MAIL),
        lambda raw: raw + b"x",
        lambda raw: raw.replace(b"Auto-Submitted", b"Bcc: eve@evil.example\r\nAuto-Submitted"),
        lambda raw: raw.replace(b"Bonjour", b"Bonsoir", 1),
    ],
)
def test_the_guard_sees_whatever_was_changed(change: object) -> None:
    raw = to_bytes(WITH_FILES)
    guard(raw, WITH_FILES)
    assert callable(change)
    with pytest.raises(UnsendableMailError):
        guard(change(raw), WITH_FILES)


@pytest.mark.parametrize("name", ["", "a\r\nBcc: eve@evil.example", 'a"; x="b', "é.xlsx", ".hidden", "a/b.xlsx", "x" * 300])
def test_a_name_that_no_header_can_hold_is_refused(name: str) -> None:
    with pytest.raises(UnsendableMailError):
        to_bytes(replace(MAIL, rendered=replace(RENDERED, attachments=(replace(SHEET, name=name),))))


def test_graph_gets_the_files_beside_the_mail() -> None:
    plain = outgoing()
    with_file = replace(plain, rendered=replace(plain.rendered, attachments=(SHEET,)))
    sender = {"sender": "Privacy <privacy@example.com>", "reply_to": "privacy@example.com"}
    message = graph_message(with_file, **sender)
    (attached,) = message.pop("attachments")
    assert b64decode(attached.pop("contentBytes")) == SHEET.content
    assert attached == {"@odata.type": "#microsoft.graph.fileAttachment", "name": SHEET.name, "contentType": SHEET.media_type}
    assert message == graph_message(plain, **sender)  # and nothing else is different
