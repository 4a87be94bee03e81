"""A Slack message: Block Kit blocks for the eye, and `text` that says the same for notifications and screen readers.

A message stands in one of five stages. `OPEN` is the text itself, with its button. The others are what an earlier message is
rewritten to when its reader has answered: the heading stays, what became of it stands below, then what can still be done. `REVOKED`
is for a receipt whose answer no longer counts: its heading says what is not so any more, and goes.

There are two ways to answer. With a *link*, one button leads to the page. With *buttons* there is one for each possible answer
(`domain/slack_buttons.py` says what it carries), and the link beside them.

Slack's limits hold whatever a roster or an author writes: long paragraphs go on in a further section, long headings and labels are
cut. `notifier check` complains about a text that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from notifier.content import mrkdwn
from notifier.content.mrkdwn import Piece
from notifier.domain import slack_buttons
from notifier.domain.campaign import Answer

Block: TypeAlias = Mapping[str, Any]

LONGEST_TEXT = 4000
LONGEST_SECTION = 3000
LONGEST_HEADER = 150
LONGEST_LABEL = 75
_CUT = "…"
_GAP = "\n\n"


class Stage(StrEnum):
    """Where the matter stands for the person."""

    OPEN = "open"
    SETTLED = "settled"
    HELP = "help"
    PROVISIONAL = "provisional"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SlackForm:
    """How a message lets people answer.

    Attributes:
        buttons: what the buttons of the message carry (`slack_buttons.Subject.value`); None for the link alone.
    """

    stage: Stage = Stage.OPEN
    buttons: str | None = None


@dataclass(frozen=True, slots=True)
class Actions:
    """The buttons of a message.

    Attributes:
        link: where the page is.
        link_label: the word on the button that leads there; None for no such button.
        answers: their labels, in the order of the buttons. Without `value` there are none.
        undo: the label of the button that takes an answer back, or None.
        value: what they carry.
    """

    link: str
    link_label: str | None
    answers: Mapping[Answer, str]
    undo: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message. `header`, `text` and `labels` (of its buttons) are as written, of any length; the blocks are within limits."""

    header: str
    text: str
    blocks: tuple[Block, ...]
    labels: tuple[str, ...]


def draw(pieces: Sequence[tuple[Piece, str]], actions: Actions) -> Drawn:
    """Blocks and text of a message.

    Args:
        pieces: what is said, in order. A BUTTON stands for `actions`.
    """
    header = next((mrkdwn.unescape(text) for kind, text in pieces if kind is Piece.HEADER), "")
    blocks: list[Block] = []
    for group in _grouped(pieces):
        blocks += _blocks(group, actions)
    said = (_said(kind, text, actions) for kind, text in pieces)
    labels = tuple(label for label in (*actions.answers.values(), actions.undo, actions.link_label) if label)
    return Drawn(header, _GAP.join(part for part in said if part), tuple(blocks), labels)


def fit_text(text: str, link: str) -> str:
    """The text within Slack's limit. Where it is too long it ends after a whole paragraph, and the link follows."""
    if len(text) <= LONGEST_TEXT:
        return text
    end = f"{_GAP}{_CUT} <{mrkdwn.escape(link)}>"
    kept = text[: LONGEST_TEXT - len(end)]
    return (kept.rpartition(_GAP)[0] or kept) + end


def _grouped(pieces: Iterable[tuple[Piece, str]]) -> Iterable[tuple[Piece, str]]:
    """The pieces, with paragraphs that follow one another in one section as long as it has room for them."""
    held: tuple[Piece, str] | None = None
    for kind, text in pieces:
        if held and kind is Piece.TEXT and held[0] in {Piece.TEXT, Piece.SECTION} and len(held[1] + text) < LONGEST_SECTION - 2:
            held = (Piece.SECTION, held[1] + _GAP + text)
            continue
        if held:
            yield held
        held = (kind, text)
    if held:
        yield held


def _blocks(group: tuple[Piece, str], actions: Actions) -> list[Block]:
    kind, text = group
    if kind is Piece.HEADER:
        return [{"type": "header", "text": _plain_text(mrkdwn.unescape(text), LONGEST_HEADER)}]
    if kind is Piece.RULE:
        return [{"type": "divider"}]
    if kind is Piece.BUTTON:
        buttons = list(_buttons(actions))
        return [{"type": "actions", "elements": buttons}] if buttons else []
    if kind is Piece.SMALL:
        return [{"type": "context", "elements": [_mrkdwn_text(part)]} for part in _portions(text)]
    return [{"type": "section", "text": _mrkdwn_text(part)} for part in _portions(text)]


def _buttons(actions: Actions) -> Iterable[Block]:
    if actions.value is not None:
        for answer, label in actions.answers.items():
            style = {"style": "primary"} if answer is Answer.DONE else {}
            yield _button(slack_buttons.action_for(answer), label, value=actions.value, **style)
        if actions.undo is not None:
            yield _button(slack_buttons.UNDO, actions.undo, value=actions.value)
    if actions.link_label is not None:
        alone = actions.value is None
        yield _button(slack_buttons.OPEN, actions.link_label, url=actions.link, **({"style": "primary"} if alone else {}))


def _button(action: str, label: str, **more: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain_text(label, LONGEST_LABEL), **more}


def _said(kind: Piece, text: str, actions: Actions) -> str:
    if kind is Piece.RULE:
        return ""
    if kind is not Piece.BUTTON:
        return text
    labels = [*actions.answers.values(), *([actions.undo] if actions.undo else [])] if actions.value is not None else []
    lines = [f"• {mrkdwn.escape(label)}" for label in labels]
    if actions.link_label is not None:
        lines.append(f"{mrkdwn.escape(actions.link_label)}\n<{mrkdwn.escape(actions.link)}>")
    return "\n".join(lines)


def _plain_text(text: str, longest: int) -> Block:
    """Text in which Slack reads no markup, and with `emoji` false no `:names:` of pictures."""
    return {"type": "plain_text", "text": text if len(text) <= longest else text[: longest - 1] + _CUT, "emoji": False}


def _mrkdwn_text(text: str) -> Block:
    """`verbatim` keeps Slack from making links and mentions out of plain words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _portions(text: str) -> Iterable[str]:
    """The text in portions that Slack takes, cut between lines, or words, where there are any."""
    while len(text) > LONGEST_SECTION:
        room = text[:LONGEST_SECTION]
        end = next((place for gap in ("\n", " ") if (place := room.rfind(gap)) > 0), LONGEST_SECTION)
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    if text:
        yield text
