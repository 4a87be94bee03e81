"""Texts around figures: what an author wrote, with what was counted in the middle.

A text is a file like those of a campaign, in the folder `summary` (`manager.en.md`), with another one below it that says why one
gets it (`manager-why.en.md`). Three names in it stand for what the program says: `{{ subject }}`, which belongs into the front
matter, `{{ preheader }}`, one sentence, and `{{ body }}`, a paragraph of its own, for the figures. All other names are those of
every text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from notifier.content import lint, mrkdwn
from notifier.content.catalogue import Catalogue
from notifier.content.compile import Layout, Message, compile_message, render
from notifier.content.facts import Facts, Sender, Value, context, unbroken
from notifier.content.mrkdwn import Piece
from notifier.content.plain import addresses_in, one_line
from notifier.content.problems import TextError, TextProblem
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import Actions, draw, fit_text
from notifier.content.slack_compile import SlackText, compile_slack, slack_values
from notifier.content.source import find, read_message, read_plain
from notifier.content.typography import plain_spaces
from notifier.domain.campaign import Campaign

FOLDER = "summary"
_PLACE = "q9figures9q"  # where the figures stand while a text is rendered: nothing that Markdown, HTML or Slack would change
_PARAGRAPH = re.compile(rf"<p[^>]*>\s*{_PLACE}\s*</p>")

_ALONE = "write {{ body }} once, as a paragraph of its own"
_GAPS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Said:
    """What the program says in a text.

    Attributes:
        subject, preheader: plain text on one line.
        html, text, slack: the figures, in each form. What stands in `slack` is escaped.
        facts: of the reader; the deadline is that of the nearest campaign.
    """

    subject: str
    preheader: str
    html: Markup
    text: str
    slack: tuple[tuple[Piece, str], ...]
    facts: Facts


class Texts:
    """The texts of the folder `summary`, each read and compiled when it is first needed.

    Args:
        folders: looked through in this order, file by file; the texts that came with the program stand last.
    """

    def __init__(self, folders: Sequence[Path], sender: Sender) -> None:
        self._folders = tuple(folders)
        self._sender = sender
        self._mails: dict[tuple[str, str], Message] = {}
        self._slack: dict[tuple[str, str], SlackText] = {}
        self._own = frozenset(addresses_in(f"{sender.organisation} {sender.contact_name} {sender.contact_email}"))

    def mail(self, name: str, said: Said, language: str) -> Rendered:
        """The mail.

        Raises:
            TextError: the text is missing or wrong.
        """
        message = self._mail(name, language)
        values = self._values(said, language)
        html = render(message.html, message.source, unbroken(values))
        text = render(message.text, message.source, values)
        return Rendered(
            subject=one_line(render(message.subject, message.source, values)),
            html=_PARAGRAPH.sub(lambda _: said.html, html),
            text=_GAPS.sub("\n\n", plain_spaces(text.replace(_PLACE, said.text.strip()))),
            language=language,
            addresses=message.addresses | self._own,
        )

    def slack(self, name: str, said: Said, language: str) -> Rendered:
        """The same for Slack. Raises as `mail` does."""
        compiled = self._on_slack(name, language)
        values = slack_values(self._values(said, language))
        pieces: list[tuple[Piece, str]] = []
        for kind, text in mrkdwn.cut(render(compiled.pieces, compiled.source, values)):
            pieces += said.slack if text == _PLACE else [(kind, text)]
        trust = mrkdwn.cut(render(compiled.trust, compiled.source, values))
        button = None if compiled.button is None else render(compiled.button, compiled.source, values)
        drawn = draw([*pieces, *trust], Actions(said.facts.link, button, {}))
        return Rendered(
            subject=drawn.header,
            html="",
            text=fit_text(drawn.text, said.facts.link),
            language=language,
            addresses=compiled.addresses | self._own,
            blocks=drawn.blocks,
        )

    def check(self, name: str, said: Said, language: str) -> list[TextProblem]:
        """Everything that is wrong with a text, tried on an example."""
        try:
            source = self._mail(name, language).source
            rendered, on_slack = self.mail(name, said, language), self.slack(name, said, language)
            problems = lint.source_problems(source, language)
            problems += lint.mail_problems(source.path, rendered, said.facts)
            if said.html not in rendered.html or _PLACE in on_slack.text:
                problems.append(TextProblem(source.path, 0, "the figures do not stand where they can", _ALONE))
        except TextError as error:
            return [error.problem]
        return problems

    def _values(self, said: Said, language: str) -> dict[str, Value]:
        values = context(self._sender, said.facts, language, "")
        return {**values, "subject": said.subject, "preheader": said.preheader, "body": _PLACE}

    def _mail(self, name: str, language: str) -> Message:
        key = (name, language)
        if key not in self._mails:
            self._mails[key] = compile_message(
                read_message(find(self._folders, f"{FOLDER}/{name}.{language}.md")), *self._around(*key)
            )
        return self._mails[key]

    def _on_slack(self, name: str, language: str) -> SlackText:
        key = (name, language)
        if key not in self._slack:
            self._slack[key] = compile_slack(self._mail(name, language).source, *self._around(*key))
        return self._slack[key]

    def _around(self, name: str, language: str) -> tuple[Layout, str]:
        layout = Layout(
            email=read_plain(find(self._folders, "layout/email.html")),
            button=read_plain(find(self._folders, "layout/button.html")),
            trust=read_plain(find(self._folders, f"{FOLDER}/{name}-why.{language}.md")),
        )
        return layout, language


def campaign_title(catalogue: Catalogue, campaign: Campaign, language: str) -> str:
    """What a campaign is called where several are told of: the title of its page, up to a colon.

    Raises:
        TextError: the text of the page is missing or wrong.
    """
    nobody = Facts("", "", "", campaign.deadline, campaign.deadline, first_notice=False)
    return catalogue.page(campaign.id, nobody, language).title.partition(":")[0].strip()
