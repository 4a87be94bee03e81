"""A test message: what `doctor --send-test` sends, as mail and on Slack."""

from __future__ import annotations

from markupsafe import escape

from notifier.content import mrkdwn
from notifier.content.mrkdwn import Piece
from notifier.content.plain import addresses_in, one_line
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import Actions, draw
from notifier.content.words import words

SENTENCES = (
    "[Test] A test message of notifier",
    "This is a test message: %(organisation)s is trying out whether its reminders arrive. Nothing is asked of you.",
    "If you did not expect it, you can delete it.",
)
"""The subject, and what is said."""

_NO_BUTTON = Actions("", None, {})
_PAGE = """<!DOCTYPE html>
<html lang="{language}" dir="ltr">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{subject}</title></head>
<body lang="{language}" dir="ltr" style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; line-height: 1.5">
<h1 style="font-size: 24px">{subject}</h1>
{paragraphs}
</body>
</html>
"""


def trial_mail(organisation: str, language: str) -> Rendered:
    """The mail.

    Args:
        language: "en", "fr" or "de".
    """
    subject, *said = _sentences(organisation, language)
    paragraphs = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in said)
    return Rendered(
        subject=subject,
        html=_PAGE.format(language=language, subject=escape(subject), paragraphs=paragraphs),
        text="\n\n".join(said) + "\n",
        language=language,
        addresses=frozenset(addresses_in(organisation)),
    )


def trial_slack(organisation: str, language: str) -> Rendered:
    """The same for Slack."""
    subject, *said = (mrkdwn.escape(sentence) for sentence in _sentences(organisation, language))
    drawn = draw([(Piece.HEADER, subject), *((Piece.TEXT, sentence) for sentence in said)], _NO_BUTTON)
    return Rendered(
        subject=drawn.header,
        html="",
        text=drawn.text,
        language=language,
        addresses=frozenset(addresses_in(organisation)),
        blocks=drawn.blocks,
    )


def _sentences(organisation: str, language: str) -> list[str]:
    say = words(language, "trial")
    return [say(SENTENCES[0]), *(say(sentence) % {"organisation": one_line(organisation)} for sentence in SENTENCES[1:])]
