"""A mail as Microsoft Graph takes it: as JSON.

Graph takes whole MIME messages too, and those would carry the plain-text twin. But such a message always leaves a copy in Sent
Items, and a full mailbox cannot send; `Auto-Submitted` is removed from it, and other headers come and go. With JSON it is certain
what arrives: the HTML, from which Exchange makes the text for readers without HTML; our Message-ID, so that bounces find their
delivery; `References`, so that a campaign lies together in the mailbox; and `X-Auto-Response-Suppress`, which keeps absence notes
away and lets bounces through. Other headers than `X-…` cannot be set, and at most five of those. Exchange sets the Date.
"""

from __future__ import annotations

from base64 import b64encode
from email import message_from_string
from email.policy import default
from functools import lru_cache
from typing import Any

from notifier.channels.base import Outgoing
from notifier.channels.mail_bytes import mail_bytes
from notifier.content.headers import ascii_address, mailbox_of
from notifier.content.plain import one_line
from notifier.content.rendered import Attachment

_LONGEST_NAME = 120
_LONGEST_SUBJECT = 250
_REFERENCES = "String 0x1039"  # PidTagInternetReferences


def graph_message(outgoing: Outgoing, *, sender: str, reply_to: str) -> dict[str, Any]:
    """The `message` resource; the same for the same arguments.

    The mail is written as for SMTP first and guarded as there, and what stands in its headers stands here.

    Args:
        sender, reply_to: "Name <address>".

    Raises:
        DeliveryFailed: as `mail_bytes`.
    """
    raw = mail_bytes(outgoing, sender=sender, reply_to=reply_to)
    message: dict[str, Any] = {
        "subject": _words(outgoing.rendered.subject, _LONGEST_SUBJECT),
        "body": {"contentType": "html", "content": outgoing.rendered.html},
        "from": _configured(sender),
        "replyTo": [_configured(reply_to)],
        "toRecipients": [_recipient(outgoing.name, outgoing.address)],
        "internetMessageId": _header(raw, "Message-ID"),
        "internetMessageHeaders": [
            {"name": "X-Auto-Response-Suppress", "value": _header(raw, "X-Auto-Response-Suppress")},
        ],
        "singleValueExtendedProperties": [{"id": _REFERENCES, "value": _header(raw, "References")}],
    }
    if outgoing.rendered.attachments:
        message["attachments"] = [_file(attachment) for attachment in outgoing.rendered.attachments]
    return message


def _file(attachment: Attachment) -> dict[str, Any]:
    """In the message itself, which Graph takes up to 3 MB."""
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": attachment.name,
        "contentType": attachment.media_type,
        "contentBytes": b64encode(attachment.content).decode("ascii"),
    }


def _recipient(name: str, address: str) -> dict[str, Any]:
    """A name that holds an address is left out, since it would be read as one."""
    words = _words(name, _LONGEST_NAME)
    named = {"name": words} if words and "@" not in words else {}
    return {"emailAddress": {"address": ascii_address(address), **named}}


def _words(text: str, longest: int) -> str:
    """On one line, and not to be read as an encoded word (RFC 2047) when Exchange writes the header."""
    return one_line(text)[:longest].replace("=?", "= ?")


@lru_cache(maxsize=16)
def _configured(text: str) -> dict[str, Any]:
    address = message_from_string(f"From: {mailbox_of(text)}", policy=default)["From"].addresses[0]
    return _recipient(address.display_name, address.addr_spec)


def _header(raw: bytes, name: str) -> str:
    """A header that stands on one line of the mail."""
    _, _, rest = raw.partition(f"\r\n{name}: ".encode("ascii"))
    return rest.partition(b"\r\n")[0].decode("ascii")
