"""A message on Slack for one person: the text itself, or what an earlier message is rewritten to."""

from __future__ import annotations

from collections.abc import Mapping

from notifier.content import mrkdwn
from notifier.content.facts import Facts, Sender, moment
from notifier.content.mrkdwn import Piece
from notifier.content.slack_blocks import Actions, Drawn, SlackForm, Stage, draw
from notifier.content.words import words
from notifier.domain.campaign import Answer

# What is said at each stage but the first: an earlier message is rewritten to it.
STAGES: Mapping[Stage, tuple[str, ...]] = {
    Stage.SETTLED: (
        "*Settled on %(when)s: %(answer)s*",
        "You get no more reminders about this. If you have changed your mind, or this was not you, you can take the answer back.",
    ),
    Stage.HELP: (
        "*You asked for help on %(when)s.*",
        "%(contact)s will help you: %(email)s. Until you give another answer, reminders may still reach you.",
    ),
    Stage.PROVISIONAL: (
        "*Please confirm your answer: %(answer)s*",
        "It came within moments of our message, on %(when)s. Some filters press buttons by themselves: it does not count yet.",
        "If it was you, please answer once more.",
    ),
    Stage.REVOKED: (
        "*This answer no longer counts.*",
        "It was taken back, or another one has taken its place. Your page says where the matter stands.",
    ),
}
UNDO = "Undo"
CHANGE = "Change my answer"
UNDO_OR_CHANGE = "Undo or change my answer"
OPEN_PAGE = "Open my page"


def draw_message(
    pieces: list[tuple[Piece, str]],
    trust: list[tuple[Piece, str]],
    *,
    form: SlackForm,
    button: str | None,
    answers: Mapping[Answer, str],
    answered: str,
    facts: Facts,
    sender: Sender,
    language: str,
) -> Drawn:
    """The message in the stage that the form names.

    Args:
        pieces, trust: the rendered text, and what stands below it.
        button: the word on the button that leads to the page; None where the text has none.
        answers: their words, as on the page.
        answered: the words of the answer that was given.
        facts: with `answer` and `answered_at` unless the stage is OPEN or REVOKED.
    """
    say = words(language, "slack")
    actions = Actions(facts.link, button, answers, value=form.buttons)
    if form.stage is Stage.OPEN:
        return draw([*pieces, *trust], actions)
    if form.stage is Stage.SETTLED:
        label = say(UNDO_OR_CHANGE if form.buttons is None else CHANGE)
        actions = Actions(facts.link, label, {}, undo=say(UNDO), value=form.buttons)
    elif form.stage is Stage.REVOKED:
        actions = Actions(facts.link, say(OPEN_PAGE), {})
    elif button is None:
        actions = Actions(facts.link, say(CHANGE), answers, value=form.buttons)
    values = {
        "when": moment(facts.answered_at, language, "long") if facts.answered_at else "",
        "answer": mrkdwn.escape(answered),
        "contact": mrkdwn.escape(sender.contact_name),
        "email": f"<mailto:{mrkdwn.escape(sender.contact_email)}|{mrkdwn.escape(sender.contact_email)}>",
    }
    heading = [piece for piece in pieces if piece[0] is Piece.HEADER and form.stage is not Stage.REVOKED]
    said = [(Piece.TEXT, say(sentence) % values) for sentence in STAGES[form.stage]]
    return draw([*heading, *said, (Piece.BUTTON, ""), *trust], actions)
