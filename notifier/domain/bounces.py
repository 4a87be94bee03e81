"""What a returned mail says: which message came back, to whom it could not be brought, and whether another try would help.

Read are the reports of RFC 3464 (Postfix, Exim, Exchange, Google) and those of qmail, whose form is as old and its own. All else is
no bounce: answers of people, notices of absence, warnings that a message is late, reports of success, and whatever is too broken to
be understood. Nothing that comes in raises an error, since anybody may write to a mailbox.

A report says which message it means in up to three ways: by the envelope id that SMTP gave along, by the headers that it brings
back, and by answering to the message. The first of them is what the sending server was told by us; all three are only claims here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string, policy
from email.message import Message
from email.utils import parseaddr
from itertools import islice

from notifier.domain.retry import Verdict
from notifier.domain.smtp_replies import Stage, enhanced_code, judge_reply, one_line

LARGEST = 256 * 1024
"""So many bytes of a mail are looked at. What a report says stands before the message that it returns."""

_MOST_PARTS = 50
_LONGEST_FIELD = 2000
_OUR_ID = re.compile(r"\b[0-9a-f]{32}\.\d{1,18}\b")
_MOST_IDS = 10
_STATUS = re.compile(r"\b([45]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"\s*([45]\d\d)(?=[ -]|$)")
_KIND = re.compile(r"^[\w.-]+ ?; ?")
_VAGUE = re.compile(r"[45]\.0\.0")
_QMAIL = re.compile(r"\s*Hi\. This is the ")
_QMAIL_PERSON = re.compile(r"<([^<>\s]+)>:\s*\n(.+)", re.DOTALL)
_QMAIL_COPY = re.compile(r"\n\n-[^\n]*\n+")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A message that came back.

    Attributes:
        message_ids: what it may have been, each the left half of a Message-ID of ours ("0c…9f.4711"), the likeliest first.
        recipients: the address it was for and the one where it failed, in small letters; the same one where nobody forwarded it.
        permanent: another try at the address would fail as well. False: a full mailbox, a block, a server that was away too long.
        status: the enhanced code of RFC 3463, "5.1.1".
        reason: the report's words on one line, with the code, without addresses.
    """

    message_ids: tuple[str, ...]
    recipients: tuple[str, ...]
    permanent: bool
    status: str
    reason: str


def read_bounce(raw: bytes) -> Bounce | None:
    """What a mail says as a bounce; None if it is none, or says too little."""
    try:
        mail = message_from_bytes(raw[:LARGEST], policy=policy.compat32)
        return _read_report(mail) if mail.get_content_type() == "multipart/report" else _read_qmail(mail)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError):
        return None  # the parser of the standard library, on a mail that nobody sends who means well


def _read_report(mail: Message) -> Bounce | None:
    groups = [group for part in _parts(mail, "message/delivery-status") for group in _groups(part)]
    failed = next((group for group in groups if _text(group, "Action").lower() == "failed"), None)
    if failed is None:
        return None
    found = (_address(_text(failed, name)) for name in ("Original-Recipient", "Final-Recipient"))
    recipients = tuple(dict.fromkeys(address for address in found if address))
    envelope_ids = [_text(group, "Original-Envelope-Id") for group in groups]
    message_ids = _our_ids([*envelope_ids, *_returned_ids(mail), *_answered_ids(mail)])
    words = _KIND.sub("", _text(failed, "Diagnostic-Code"))
    return _bounce(message_ids, recipients, _text(failed, "Status"), words)


def _read_qmail(mail: Message) -> Bounce | None:
    """QSBMF: a paragraph that greets, one for each recipient, and the message behind a line of dashes."""
    if mail.is_multipart() or mail.get_content_type() != "text/plain":
        return None
    content = mail.get_payload(decode=True)
    text = content.decode("utf-8", "replace").replace("\r\n", "\n") if isinstance(content, bytes) else ""
    if not _QMAIL.match(text):
        return None
    report, *copies = _QMAIL_COPY.split(text, maxsplit=1)
    returned = [_text(message_from_string(copy, policy=policy.compat32), "Message-ID") for copy in copies]
    for paragraph in report.split("\n\n"):
        if person := _QMAIL_PERSON.match(paragraph.strip()):
            message_ids = _our_ids([*returned, *_answered_ids(mail)])
            return _bounce(message_ids, (person[1].lower(),), "", person[2][:_LONGEST_FIELD])
    return None


def _bounce(message_ids: tuple[str, ...], recipients: tuple[str, ...], status: str, words: str) -> Bounce | None:
    found, words = _STATUS.search(status), " ".join(words.split())
    better = _STATUS.search(words)
    if better and (found is None or _VAGUE.fullmatch(found[1])):
        found = better
    if not message_ids or not recipients:
        return None
    code = found[1] if found else "5.0.0"
    reason = words if code in words else f"{code} {words}"
    for address in recipients:
        reason = one_line(reason, address)
    return Bounce(message_ids, recipients, _is_permanent(code, words), code, reason.strip())


def _is_permanent(status: str, words: str) -> bool:
    """By the same rules as a refusal by SMTP; a code of four at the end of all tries says that the server was away too long."""
    found = _CODE.match(words)
    text = words[found.end() :].lstrip(" -") if found else words
    code = int(found[1]) if found else int(status[0]) * 100 + 50
    if not status.startswith("5") or code < 500:
        return False
    said = text if enhanced_code(text) == status else f"{status} {text}"
    return judge_reply(Stage.FINAL, code, said).verdict is Verdict.PERMANENT


def _parts(mail: Message, kind: str) -> Iterator[Message]:
    for count, part in enumerate(mail.walk()):
        if count == _MOST_PARTS:
            return
        if part.get_content_type() == kind:
            yield part


def _groups(status: Message) -> list[Message]:
    """A delivery status is read as a list of messages that are headers only: of the report, and of each recipient."""
    payload = status.get_payload()
    return [group for group in payload if isinstance(group, Message)][:_MOST_PARTS] if isinstance(payload, list) else []


def _text(headers: Message, name: str) -> str:
    return " ".join(str(headers.get(name, ""))[:_LONGEST_FIELD].split())


def _address(field: str) -> str | None:
    """Of a field like "rfc822; p1@example.com"."""
    written = field.partition(";")[2] or field
    address = parseaddr(written.strip())[1].lower()
    return address if "@" in address else None


def _returned_ids(mail: Message) -> Iterator[str]:
    """The Message-ID of what the report brings back: the message, or its headers."""
    for part in _parts(mail, "message/rfc822"):
        yield from (_text(returned, "Message-ID") for returned in islice(part.walk(), 1, 2))
    for part in _parts(mail, "text/rfc822-headers"):
        content = part.get_payload(decode=True)
        headers = content if isinstance(content, bytes) else b""
        yield _text(message_from_bytes(headers, policy=policy.compat32), "Message-ID")


def _answered_ids(mail: Message) -> Iterator[str]:
    """What the report answers to, as Exchange and Google write it."""
    yield from (_text(mail, "In-Reply-To"), _text(mail, "References"))


def _our_ids(texts: list[str]) -> tuple[str, ...]:
    found = (each for text in texts for each in _OUR_ID.findall(text))
    return tuple(dict.fromkeys(found))[:_MOST_IDS]
