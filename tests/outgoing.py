"""Messages to send, where a test is about sending and not about texts."""

from __future__ import annotations

from datetime import UTC, datetime

from notifier.channels.base import Outgoing
from notifier.content.rendered import Rendered

SENDER = "Privacy Office <privacy@example.com>"
REPLY_TO = "Help Desk <help@example.com>"
DATED = datetime(2025, 10, 3, 7, 0, tzinfo=UTC)
LINK = "https://notifier.example.com/a/1.4f1c"


def outgoing(
    number: int = 1,
    *,
    address: str | None = None,
    name: str = "Zoé Exemple",
    subject: str = "Noch 31 Tage: Ihre Daten auf LinkedIn",
    text: str | None = None,
) -> Outgoing:
    """The message of the delivery `number`; the same number gives the same message."""
    body = text or f"Guten Tag {number}\n\n.eine Zeile mit einem Punkt am Anfang\n.\n{LINK}\n"
    return Outgoing(
        delivery_id=number,
        employee_key=number,
        campaign="linkedin-ai-training",
        address=f"person{number}@example.com" if address is None else address,
        name=name,
        message_id=f"{number:08x}.4f1c@notifier.example.com",
        dated=DATED,
        rendered=Rendered(subject=subject, html=f"<!doctype html><p>{body}</p>", text=body, language="de"),
    )
