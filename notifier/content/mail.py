"""The bytes of a mail, and a guard that looks at them once more before they leave.

The bytes depend on nothing but the `Mail`: the same mail is written the same way for ever, so that a repeat is a copy that the
receiving side can recognise. They are plain ASCII, with CRLF, so that no server on the way has a reason to change them. A mail with
attachments is the same mail without them, as the first part of a `multipart/mixed`.

The mails of one campaign name the same root in `References`, and lie together in the mailbox. There is no `List-Id`: it is not
a list that one could leave. `Auto-Submitted` and `X-Auto-Response-Suppress` keep absence notes away, and let bounces through.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from html import unescape
from typing import NoReturn

from notifier.content.headers import UnsendableMailError, ascii_address, mailbox, mailbox_of, unstructured
from notifier.content.plain import addresses_in
from notifier.content.quoted_printable import encoded, end_of
from notifier.content.rendered import Attachment, Rendered
from notifier.content.woven import MOST_PATTERNS, Pattern, Woven

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

_PLAIN_PART = b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_HTML_PART = b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_END = b"--\r\n"
_CONTENT_TYPE = b"\r\nContent-Type: "  # the last header
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_EDGES = 3
_OWN = "\0"  # where a head that is the same for many people has a word of one of them; no header can hold it
_CAMPAIGN = re.compile(r"[a-z0-9][a-z0-9-]*")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*")
_VALUE = r"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*"
_HEAD = re.compile("\r\n".join(rf"{name}:[ \t](?P<{name.lower().replace('-', '_')}>{_VALUE})" for name in HEADERS).encode())
_LAST_ANGLE = re.compile(rb"<([^<>\s]+)>\Z")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail for one person.

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
    boundary = _boundary(mail.message_id)
    rendered, domain = mail.rendered, mail.message_id.rpartition("@")[2]
    dated = _date(mail.dated.replace(tzinfo=None), mail.dated.utcoffset() or timedelta())
    before_recipient, before_id, before_boundary = _shared_head(
        mail.sender, mail.reply_to, rendered.subject, dated, mail.campaign, domain, rendered.language
    )
    head = (
        f"{before_recipient}{mailbox(mail.recipient_name, mail.recipient_address)}"
        f"{before_id}{_fit(mail.message_id, _MESSAGE_ID, 'message id')}"
        f'{before_boundary}{boundary}"\r\n'
    )
    edge = f"\r\n--{boundary}".encode("ascii")
    raw = b"".join(
        (
            head.encode("ascii"),
            edge,
            _PLAIN_PART,
            *encoded(rendered.text),
            edge,
            _HTML_PART,
            *encoded(rendered.html),
            edge,
            _END,
        )
    )
    return _with_attachments(raw, mail) if rendered.attachments else raw


def _with_attachments(raw: bytes, mail: Mail) -> bytes:
    """Put a finished mail into another one, with the files behind it."""
    start = raw.index(_CONTENT_TYPE)
    boundary = _boundary(mail.message_id, "mixed")
    edge = f"\r\n--{boundary}".encode("ascii")
    head = f'multipart/mixed; boundary="{boundary}"\r\n'.encode("ascii")
    files = [edge + _file_part(attachment) for attachment in mail.rendered.attachments]
    return b"".join((raw[:start], _CONTENT_TYPE, head, edge, raw[start:], *files, edge, _END))


def _file_part(attachment: Attachment) -> bytes:
    name = _fit(attachment.name, _FILE_NAME, "name of a file")
    media_type = _fit(attachment.media_type, _MEDIA_TYPE, "media type of a file")
    head = (
        f'\r\nContent-Type: {media_type}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode("ascii") + encodebytes(attachment.content).replace(b"\n", b"\r\n")


@lru_cache(maxsize=256)
def _shared_head(
    sender: str, reply_to: str, subject: str, dated: str, campaign: str, domain: str, language: str
) -> tuple[str, str, str]:
    """What of the head is the same for many people: up to the recipient, from there to the message id, and to the boundary."""
    values = (
        mailbox_of(sender),
        mailbox_of(reply_to),
        _OWN,
        unstructured(subject),
        dated,
        f"<{_OWN}>",
        f"<{_fit(campaign, _CAMPAIGN, 'name of the campaign')}.campaign@{domain}>",
        "auto-generated",
        "OOF, DR, RN, NRN, AutoReply",
        _fit(language, _LANGUAGE, "language"),
        "1.0",
        f'multipart/alternative; boundary="{_OWN}',
    )
    head = "\r\n".join(f"{name}: {value}" for name, value in zip(HEADERS, values, strict=True))
    before_recipient, before_id, before_boundary, _ = head.split(_OWN)
    return before_recipient, before_id, before_boundary


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
    end_of_head = raw.find(b"\r\n\r\n")
    headers = _HEAD.fullmatch(raw, 0, max(end_of_head, 0))
    if headers is None:
        _refuse("a header that was not planned")
    recipient = ascii_address(mail.recipient_address)
    to = headers["to"]
    found = _LAST_ANGLE.search(to)
    if found is None or found.group(1).decode("ascii") != recipient or to.count(b"@") != 1:
        _refuse("another recipient")
    _guard_body(raw, end_of_head + 2, mail)
    _guard_addresses(mail, recipient)


def _without_attachments(raw: bytes, mail: Mail) -> bytes:
    """The mail inside, where around it there are the mail's own files and nothing else."""
    edge = f"\r\n--{_boundary(mail.message_id, 'mixed')}".encode("ascii")
    start, begin = raw.find(_CONTENT_TYPE), raw.find(edge) + len(edge)
    end = raw.find(edge, begin)
    inside = raw[:start] + raw[begin:end]
    if -1 in {start, end} or raw != _with_attachments(inside, mail):
        _refuse("other files than were meant for it")
    return inside


def _guard_addresses(mail: Mail, recipient: str) -> None:
    rendered = mail.rendered
    found = {*addresses_in(rendered.subject), *_addresses_in(rendered.text), *_addresses_in(rendered.html, html=True)}
    found -= rendered.addresses
    if not found:
        return
    own = {mail.recipient_address, recipient, *_sender_addresses(mail.sender), *_sender_addresses(mail.reply_to)}
    if not {one.casefold() for one in found} <= {one.casefold() for one in (*own, *rendered.addresses)}:
        _refuse("the address of somebody else")


def _addresses_in(text: str, *, html: bool = False) -> Iterable[str]:
    if isinstance(text, Woven) and "@" not in "".join(text.words.values()):
        return _addresses_around(text.pattern, html=html)
    return addresses_in(unescape(text) if html else text)


@lru_cache(maxsize=MOST_PATTERNS)
def _addresses_around(pattern: Pattern, *, html: bool) -> frozenset[str]:
    """The addresses in a pattern whose words hold none. Half an address beside a word counts as one, and nobody's."""
    text = "word.word".join(pattern.pieces[::2])
    return frozenset(addresses_in(unescape(text) if html else text))


def _guard_body(raw: bytes, start: int, mail: Mail) -> None:
    edge = f"\r\n--{_boundary(mail.message_id)}".encode("ascii")
    if raw.count(edge) != _EDGES:
        _refuse("another number of parts")
    at = start
    for part_head, text in ((edge + _PLAIN_PART, mail.rendered.text), (edge + _HTML_PART, mail.rendered.html)):
        begin = at + len(part_head)
        end = end_of(text, raw, begin, edge) if raw.startswith(part_head, at) else None
        if end is None:
            _refuse("other words than were rendered")
        at = end
    if raw[at:] != edge + _END:
        _refuse("another number of parts")


def _refuse(what: str) -> NoReturn:
    msg = f"a finished mail holds {what}; it was not sent"
    raise UnsendableMailError(msg, hint="look at the person's row in the roster and at the text, then report this as a fault")


def _fit(value: str, pattern: re.Pattern[str], what: str) -> str:
    if pattern.fullmatch(value) is None or len(value) > 250:
        msg = f"the {what} of a mail holds characters that a header cannot hold"
        raise UnsendableMailError(msg)
    return value


def _boundary(message_id: str, part: str = "") -> str:
    """A line that no quoted-printable or base64 text can hold, since `=_` is no code of either."""
    return f"=_{sha256((message_id + part).encode('utf-8', 'replace')).hexdigest()[:32]}"


@lru_cache(maxsize=16)
def _date(dated: datetime, offset: timedelta) -> str:
    return format_datetime(dated.replace(tzinfo=timezone(offset)))


@lru_cache(maxsize=64)
def _sender_addresses(text: str) -> tuple[str, ...]:
    return tuple(addresses_in(text))
