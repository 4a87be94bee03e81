"""Which text a person gets, in which language, and what it says to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from notifier.content import lint, mrkdwn
from notifier.content.compile import Layout, Message, Page, compile_message, compile_page, render
from notifier.content.facts import Facts, Sender, context, link_site, personal, unbroken
from notifier.content.plain import addresses_in, one_line
from notifier.content.problems import TextError, TextProblem
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import Drawn, SlackForm, fit_text
from notifier.content.slack_compile import SlackText, compile_slack, slack_values
from notifier.content.slack_message import draw_message
from notifier.content.source import find, read_message, read_page, read_plain, read_text
from notifier.content.typography import plain_spaces
from notifier.content.words import words
from notifier.content.woven import MOST_LETTERS, Letter, Woven, mark
from notifier.domain.campaign import OFFERED, RECEIPT, Answer
from notifier.domain.employee import LANGUAGES

__all__ = ["Catalogue", "Facts", "PageText", "Sender", "TextError", "TextProblem"]

_ALL_BUTTONS = SlackForm(buttons="-")
EXEMPT = "Nothing is asked of you here."


@dataclass(frozen=True, slots=True)
class PageText:
    """The words of the page behind a person's link.

    Attributes:
        title, button, answers: plain text; to be escaped where they stand in HTML.
        body_html: safe HTML, without a heading of the first level.
    """

    title: str
    body_html: str
    answers: Mapping[Answer, str]
    button: str


class Catalogue:
    """The texts of all campaigns. Each is read and compiled when it is first needed, and then kept."""

    def __init__(self, folders: Sequence[Path], sender: Sender) -> None:
        """Read nothing yet.

        Args:
            folders: looked through in this order, file by file; the texts that came with the program stand last.
        """
        self._folders = tuple(folders)
        self._sender = sender
        self._messages: dict[tuple[str, str, str], Message] = {}
        self._slack: dict[tuple[str, str, str], SlackText] = {}
        self._pages: dict[tuple[str, str], Page] = {}
        self._layouts: dict[str, Layout] = {}
        self._letters: dict[tuple[object, ...], Letter] = {}
        self._sender_addresses = frozenset(addresses_in(" ".join(astuple(sender))))

    def render(self, campaign: str, message: str, facts: Facts, language: str) -> Rendered:
        """A mail for one person.

        Raises:
            TextError: the text is missing or wrong.
        """
        own = personal(facts)
        given = tuple([name for name, word in own.items() if word])
        shared = (campaign, message, language, facts.today, facts.deadline, facts.first_notice, facts.answer)
        key = (shared, given, link_site(facts.link))
        if (letter := self._letters.get(key)) is not None and facts.answered_at is None:
            return Woven(letter, own)
        compiled = self._message(campaign, message, language)
        if not compiled.weavable or facts.answered_at is not None:
            return self._render_mail(campaign, compiled, facts, language, own)
        marks = {name: mark(name) for name in given}
        if len(self._letters) == MOST_LETTERS:
            self._letters.clear()
        letter = self._letters[key] = Letter(self._render_mail(campaign, compiled, facts, language, own | marks))
        return Woven(letter, own)

    def _render_mail(self, campaign: str, compiled: Message, facts: Facts, language: str, own: Mapping[str, str]) -> Rendered:
        values = {**context(self._sender, facts, language, self._answer(campaign, facts, language)), **own}
        return Rendered(
            subject=one_line(render(compiled.subject, compiled.source, values)),
            html=render(compiled.html, compiled.source, unbroken(values)),
            text=_without_gaps(plain_spaces(render(compiled.text, compiled.source, values))),
            language=language,
            addresses=compiled.addresses | self._sender_addresses,
        )

    def slack(self, campaign: str, message: str, facts: Facts, language: str, form: SlackForm) -> Rendered:
        """The same message for Slack; with another stage than OPEN what it is rewritten to. Raises as `render` does.

        Args:
            facts: with `answer` and `answered_at` unless the stage is OPEN.
        """
        compiled = self._slack_text(campaign, message, language)
        drawn = self._draw_slack(campaign, compiled, facts, language, form)
        return Rendered(
            subject=drawn.header,
            html="",
            text=fit_text(drawn.text, facts.link),
            language=language,
            addresses=compiled.addresses | self._sender_addresses,
            blocks=drawn.blocks,
        )

    def _draw_slack(self, campaign: str, compiled: SlackText, facts: Facts, language: str, form: SlackForm) -> Drawn:
        answer = self._answer(campaign, facts, language)
        values = slack_values(context(self._sender, facts, language, answer))
        page = self._page(campaign, language)
        return draw_message(
            mrkdwn.cut(render(compiled.pieces, compiled.source, values)),
            mrkdwn.cut(render(compiled.trust, compiled.source, values)),
            form=form,
            button=None if compiled.button is None else render(compiled.button, compiled.source, values),
            answers={answer: render(page.answers[answer.value], page.source, values) for answer in OFFERED},
            answered=answer,
            facts=facts,
            sender=self._sender,
            language=language,
        )

    def page(self, campaign: str, facts: Facts, language: str) -> PageText:
        """The words of a campaign's page for one person. Raises as `render` does."""
        page = self._page(campaign, language)
        values = context(self._sender, facts, language, self._answer(campaign, facts, language))
        return PageText(
            title=render(page.title, page.source, values),
            body_html=render(page.body, page.source, unbroken(values)),
            answers={answer: render(page.answers[answer.value], page.source, values) for answer in OFFERED},
            button=render(page.button, page.source, values),
        )

    def source_of(self, campaign: str, name: str, language: str) -> str:
        """The file of a message or a page ("page"), as it is on the disk. Raises as `render` does."""
        return read_text(find(self._folders, f"{campaign}/{name}.{language}.md"))

    def check(self, campaign: str, messages: Collection[str]) -> list[TextProblem]:
        """Everything that is wrong with the texts of a campaign, in every language: for `notifier check`.

        Args:
            messages: the names that the campaign's steps use; the receipt and the page are checked too.
        """
        problems = []
        for language in LANGUAGES:
            for message in sorted({*messages, RECEIPT}):
                problems += self._check_message(campaign, message, language)
            problems += self._check_page(campaign, language)
        return sorted(set(problems), key=lambda problem: (str(problem.path), problem.line, problem.wrong))

    def _check_message(self, campaign: str, message: str, language: str) -> list[TextProblem]:
        every_facts = tuple(lint.samples(receipt=message == RECEIPT))
        try:
            source = self._message(campaign, message, language).source
            problems = lint.source_problems(source, language)
            for facts in every_facts:
                problems += lint.mail_problems(source.path, self.render(campaign, message, facts, language), facts)
        except TextError as error:
            return [error.problem]
        try:  # its buttons come from the page, which may be the one with a fault
            slack = self._slack_text(campaign, message, language)
            for facts in every_facts:
                problems += lint.slack_problems(source.path, self._draw_slack(campaign, slack, facts, language, _ALL_BUTTONS))
        except TextError as error:
            problems.append(error.problem)
        return problems

    def _check_page(self, campaign: str, language: str) -> list[TextProblem]:
        try:
            source = self._page(campaign, language).source
            for facts in lint.samples(receipt=False):
                self.page(campaign, facts, language)
        except TextError as error:
            return [error.problem]
        return lint.source_problems(source, language)

    def _answer(self, campaign: str, facts: Facts, language: str) -> str:
        """The answer in the words of the page on which it was given; "" where there is none."""
        if facts.answer is None:
            return ""
        if facts.answer is Answer.EXEMPT:
            return words(language, "pages")(EXEMPT)
        page = self._page(campaign, language)
        values = context(self._sender, facts, language, "")
        return render(page.answers[facts.answer.value], page.source, values)

    def _message(self, campaign: str, message: str, language: str) -> Message:
        key = (campaign, message, language)
        if key not in self._messages:
            source = read_message(find(self._folders, f"{campaign}/{message}.{language}.md"))
            self._messages[key] = compile_message(source, self._layout(language), language)
        return self._messages[key]

    def _slack_text(self, campaign: str, message: str, language: str) -> SlackText:
        key = (campaign, message, language)
        if key not in self._slack:
            source = self._message(campaign, message, language).source
            self._slack[key] = compile_slack(source, self._layout(language), language)
        return self._slack[key]

    def _page(self, campaign: str, language: str) -> Page:
        key = (campaign, language)
        if key not in self._pages:
            self._pages[key] = compile_page(read_page(find(self._folders, f"{campaign}/page.{language}.md")), language)
        return self._pages[key]

    def _layout(self, language: str) -> Layout:
        if language not in self._layouts:
            self._layouts[language] = Layout(
                email=read_plain(find(self._folders, "layout/email.html")),
                button=read_plain(find(self._folders, "layout/button.html")),
                trust=read_plain(find(self._folders, f"layout/trust.{language}.md")),
            )
        return self._layouts[language]


def _without_gaps(text: str) -> str:
    """The text with at most one empty line in a row: where a condition leaves out a paragraph, two would remain."""
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text
