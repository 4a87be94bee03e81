"""A message rendered for one person, in one language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person reads.

    Attributes:
        subject: one line.
        html: the complete HTML document of a mail.
        text: its plain-text twin, the same in content.
        language: "en", "fr" or "de".
        addresses: mail addresses that the text names for everybody, like that of the contact. Any other address in it,
            but for the recipient's own, got there by mistake.
    """

    subject: str
    html: str
    text: str
    language: str
    addresses: frozenset[str] = frozenset()
