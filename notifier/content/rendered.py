"""A message rendered for one person, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail.

    Attributes:
        name: letters, digits, ".", "_" and "-" of ASCII.
        media_type: "type/subtype".
    """

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person reads.

    Attributes:
        subject: one line; on Slack the heading.
        html: the complete HTML document of a mail; "" for Slack.
        text: its plain-text twin, the same in content; for Slack in Slack's markup.
        language: "en", "fr" or "de".
        addresses: mail addresses that the text names for everybody, like that of the contact. Any other address in it,
            but for the recipient's own, got there by mistake.
        blocks: of a Slack message, as Block Kit has them; none for a mail.
        attachments: of a mail, in this order. Nobody looks into them for addresses before they leave.
    """

    subject: str
    html: str
    text: str
    language: str
    addresses: frozenset[str] = frozenset()
    blocks: tuple[Mapping[str, Any], ...] = ()
    attachments: tuple[Attachment, ...] = ()
