"""The bytes of a mail, and a guard that looks at them once more before they leave.

The bytes depend on nothing but the `Mail`: the same mail is written the same way for ever, so that a repeat is a copy that the
receiving side can recognise. They are plain ASCII, with CRLF and no dot in front of a line, so that no server on the way has a
reason to change them. A mail with attachments is the same mail without them, as the first part of a `multipart/mixed`.

The mails of one campaign name the same root in `References`, and lie together in the mailbox. There is no `List-Id`: it is not
a list that one could leave. `Auto-Submitted` and `X-Auto-Response-Suppress` keep absence notes away, and let bounces through.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from html import unescape
from typing import NoReturn

from notifier.content.body import BEFORE_TEXT, BOUNDARY, body_of, is_body
from notifier.content.headers import UnsendableMailError, ascii_address, mailbox, mailbox_of, unstructured
from notifier.content.plain import addresses_in
from notifier.content.rendered import Attachment, Rendered
from notifier.content.woven import MOST_LETTERS, Letter, Woven

__all__ = ["HEADERS", "Mail", "UnsendableMailError", "guard", "to_bytes"]

HEADERS = (
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
)
"""Every header of every mail, in this order."""

_OUTER_BOUNDARY = "=_files"  # no text can hold such a line: see `body.BOUNDARY`; and none of the two begins another
_OUTER_EDGE = f"\r\n--{_OUTER_BOUNDARY}".encode("ascii")
_OUTER_END = _OUTER_EDGE + b"--\r\n"
_CONTENT_TYPE = b"\r\nContent-Type: "  # the last header
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_MOST_IN_HAND = 16  # what was written for the mail in hand is asked for again when it is looked at
_OWN = "\0"  # where a head that is the same for many people has a word of one of them; no header can hold it
_CAMPAIGN = re.compile(r"[a-z0-9][a-z0-9-]*")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*")
_VALUE = r"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*"
_HEAD = re.compile("\r\n".join(f"{name}: {_VALUE}" for name in HEADERS))
_TO = re.compile(rb"[^\r\n@]*(?:\r\n[ \t][^\r\n@]*)*<(?P<address>[^<>\s]+@[^<>\s@]+)>")


@dataclass(slots=True)
class Mail:
    """One mail for one person. Nobody changes it; it is not frozen, because each of many thousands would take twice as long.

    Attributes:
        sender: "Name <address>", as configured; `reply_to` likewise.
        recipient_name: may hold anything a roster can hold.
        message_id: without angle brackets.
        dated: the Date header, aware.
        campaign: its id.
    """

    sender: str
    reply_to: str
    recipient_name: str
    recipient_address: str
    message_id: str
    dated: datetime
    campaign: str
    rendered: Rendered


def to_bytes(mail: Mail) -> bytes:
    """The final bytes (RFC 5322, CRLF, ASCII): the same for the same mail.

    Raises:
        UnsendableMailError: an address, the message id or the campaign cannot stand in a header.
    """
    before_recipient, before_id, behind_id = _head_of(mail)
    recipient = _recipient(mail.recipient_name, mail.recipient_address)
    raw = b"".join((before_recipient, recipient, before_id, _id(mail.message_id), behind_id, *body_of(mail.rendered)))
    return _with_attachments(raw, mail) if mail.rendered.attachments else raw


def _with_attachments(raw: bytes, mail: Mail) -> bytes:
    """Put a finished mail into another one, with the files behind it."""
    start = raw.index(_CONTENT_TYPE)
    head = f'multipart/mixed; boundary="{_OUTER_BOUNDARY}"\r\n'.encode("ascii")
    files = [_OUTER_EDGE + _file_part(attachment) for attachment in mail.rendered.attachments]
    return b"".join((raw[:start], _CONTENT_TYPE, head, _OUTER_EDGE, raw[start:], *files, _OUTER_END))


def _file_part(attachment: Attachment) -> bytes:
    name = _fit(attachment.name, _FILE_NAME, "name of a file")
    media_type = _fit(attachment.media_type, _MEDIA_TYPE, "media type of a file")
    head = (
        f'\r\nContent-Type: {media_type}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode("ascii") + encodebytes(attachment.content).replace(b"\n", b"\r\n")


def _head_of(mail: Mail) -> tuple[bytes, bytes, bytes]:
    rendered, dated = mail.rendered, mail.dated
    domain = mail.message_id.rpartition("@")[2]
    return _shared_head(
        mail.sender, mail.reply_to, rendered.subject, dated, dated.utcoffset(), mail.campaign, domain, rendered.language
    )


@lru_cache(maxsize=_MOST_IN_HAND)
def _recipient(name: str, address: str) -> bytes:
    return mailbox(name, address).encode("ascii")


@lru_cache(maxsize=_MOST_IN_HAND)
def _id(message_id: str) -> bytes:
    return _fit(message_id, _MESSAGE_ID, "message id").encode("ascii")


@lru_cache(maxsize=256)
def _shared_head(
    sender: str,
    reply_to: str,
    subject: str,
    dated: datetime,
    offset: timedelta | None,  # noqa: ARG001 - the same instant is written in another way elsewhere
    campaign: str,
    domain: str,
    language: str,
) -> tuple[bytes, bytes, bytes]:
    """What of the head is the same for many people: up to the recipient, from there to the message id, and up to the text.

    Raises:
        UnsendableMailError: it would be another header than HEADERS.
    """
    values = (
        mailbox_of(sender),
        mailbox_of(reply_to),
        _OWN,
        unstructured(subject),
        format_datetime(dated),
        f"<{_OWN}>",
        f"<{_fit(campaign, _CAMPAIGN, 'name of the campaign')}.campaign@{domain}>",
        "auto-generated",
        "OOF, DR, RN, NRN, AutoReply",
        _fit(language, _LANGUAGE, "language"),
        "1.0",
        f'multipart/alternative; boundary="{BOUNDARY}"',
    )
    head = "\r\n".join(f"{name}: {value}" for name, value in zip(HEADERS, values, strict=True))
    before_recipient, before_id, behind_id = head.split(_OWN)
    if _HEAD.fullmatch(head) is None:
        _refuse("a header that was not planned")
    return before_recipient.encode("ascii"), before_id.encode("ascii"), (behind_id + BEFORE_TEXT).encode("ascii")


def guard(raw: bytes, mail: Mail) -> None:
    """Look at bytes that are about to leave.

    Raises:
        UnsendableMailError: they hold another header than HEADERS, another recipient than the mail's, other words than
            the rendered ones, or an address that neither belongs to the recipient or the sender nor stands in the text
            for everybody.
    """
    if mail.rendered.attachments:
        raw = _without_attachments(raw, mail)
    if not raw.isascii() or b"\0" in raw:
        _refuse("bytes that mail servers change on the way")
    address = ascii_address(mail.recipient_address)
    if not is_body(mail.rendered, raw, _end_of_head(raw, mail, address)):
        _refuse("other words than were rendered")
    _guard_addresses(mail, address)


def _end_of_head(raw: bytes, mail: Mail, address: str) -> int:
    """Where the head ends. What of it is the same for many people was looked at when it was made, and is only compared."""
    before_recipient, before_id, behind_id = _head_of(mail)
    recipient = _recipient(mail.recipient_name, mail.recipient_address)
    start = len(before_recipient)
    end = start + len(recipient)
    to = _TO.fullmatch(raw, start, end)
    if to is None or to["address"] != address.encode("ascii") or not raw.startswith(recipient, start):
        _refuse("another recipient")
    rest = before_id + _id(mail.message_id) + behind_id
    if not (raw.startswith(before_recipient) and raw.startswith(rest, end)):
        _refuse("a header that was not planned")
    return end + len(rest)


def _without_attachments(raw: bytes, mail: Mail) -> bytes:
    """The mail inside, where around it there are the mail's own files and nothing else."""
    start, begin = raw.find(_CONTENT_TYPE), raw.find(_OUTER_EDGE) + len(_OUTER_EDGE)
    end = raw.find(_OUTER_EDGE, begin)
    inside = raw[:start] + raw[begin:end]
    if -1 in {start, end} or raw != _with_attachments(inside, mail):
        _refuse("other files than were meant for it")
    return inside


def _guard_addresses(mail: Mail, address: str) -> None:
    rendered = mail.rendered
    if isinstance(rendered, Woven) and "@" not in "".join(rendered.words.values()):
        found = _addresses_around(rendered.letter)
    else:
        found = _addresses_in(rendered.subject, rendered.text, rendered.html) - rendered.addresses
    if not found:
        return
    own = {mail.recipient_address, address, *_sender_addresses(mail.sender), *_sender_addresses(mail.reply_to)}
    if not {one.casefold() for one in found} <= {one.casefold() for one in (*own, *rendered.addresses)}:
        _refuse("the address of somebody else")


@lru_cache(maxsize=MOST_LETTERS)
def _addresses_around(letter: Letter) -> frozenset[str]:
    """The addresses in a letter whose words hold none. Half an address beside a word counts as one, and nobody's."""
    subject, text, html = ("word.word".join(pattern.pieces) for pattern in (letter.subject, letter.text, letter.html))
    return _addresses_in(subject, text, html) - letter.addresses


def _addresses_in(subject: str, text: str, html: str) -> frozenset[str]:
    return frozenset((*addresses_in(subject), *addresses_in(text), *addresses_in(unescape(html))))


def _refuse(what: str) -> NoReturn:
    msg = f"a finished mail holds {what}; it was not sent"
    raise UnsendableMailError(msg, hint="look at the person's row in the roster and at the text, then report this as a fault")


def _fit(value: str, pattern: re.Pattern[str], what: str) -> str:
    if pattern.fullmatch(value) is None or len(value) > 250:
        msg = f"the {what} of a mail holds characters that a header cannot hold"
        raise UnsendableMailError(msg)
    return value


@lru_cache(maxsize=64)
def _sender_addresses(text: str) -> tuple[str, ...]:
    return tuple(addresses_in(text))
