"""Messages for Slack, where a test is about sending and not about texts."""

from __future__ import annotations

from dataclasses import replace

from notifier.channels.base import Outgoing
from notifier.content.mrkdwn import Piece
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import Actions, draw
from tests.outgoing import LINK, outgoing


def slack_outgoing(number: int = 1, *, text: str | None = None) -> Outgoing:
    """The message of the delivery `number` to the user U and that number; the same number gives the same message."""
    said = text or f"Guten Tag {number}"
    drawn = draw([(Piece.HEADER, "Noch 31 Tage"), (Piece.TEXT, said), (Piece.BUTTON, "")], Actions(LINK, "Antworten", {}))
    rendered = Rendered(subject=drawn.header, html="", text=text or drawn.text, language="de", blocks=drawn.blocks)
    return replace(outgoing(number), address=f"U{number:08}", rendered=rendered)
