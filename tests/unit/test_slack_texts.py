"""The texts on Slack: within its limits, safe whatever a roster holds, the same in content as the mail, in three languages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

import notifier
from notifier import shipped
from notifier.content import mrkdwn
from notifier.content.catalogue import Catalogue, Facts, Sender
from notifier.content.mrkdwn import Piece
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import Actions, SlackForm, Stage, draw, fit_text
from notifier.content.slack_message import CHANGE, OPEN_PAGE, STAGES, UNDO, UNDO_OR_CHANGE
from notifier.content.words import words
from notifier.domain.campaign import OFFERED, Answer
from notifier.domain.slack_buttons import OPEN, Subject, action_for, answer_in, subject_in
from notifier.domain.slack_buttons import UNDO as UNDO_ACTION
from tests.slack_rules import broken_by_message

CAMPAIGN = "linkedin-ai-training"
MESSAGES = ("notice", "reminder", "last-call", "overdue", "receipt")
LANGUAGES = ("en", "fr", "de")
DEADLINE = date(2025, 11, 3)
LINK = "https://notifier.example.com/a/linkedin-ai-training/AQk3pQ7vT2mXw9_rB0aZc_8fG1hJ4kN6sP00"
SENDER = Sender(
    "Example SA & Co", "Privacy Office", "privacy@example.com", "+41 22 555 01 23", "https://example.com/privacy?a=1&b=2"
)
CATALOGUE = Catalogue([shipped.templates()], SENDER)
SUBJECT = Subject(CAMPAIGN, "A" * 22)
ANSWERED = datetime(2025, 10, 12, 10, 14)  # noqa: DTZ001 - the person's own clock
HOSTILE = (
    "<!channel>", "<!here|everybody>", "<@U0123>", "<https://evil.example|Zoé>", "*Zoé*", "_Zoé_", "~Zoé~", "`Zoé`", "```",
    ":tada:", "> quoted", ">>> all", "&lt;!channel&gt;", "&amp;lt;", "Zoé\n*x*", "\ue010hHeading", "\u202eéoZ", "{{ link }}", "a|b",
)  # fmt: skip


def facts(given: str = "Zoé", *, answer: Answer | None = None, days: int = 19, first: bool = False) -> Facts:
    answered = ANSWERED if answer else None
    return Facts(given, given and f"{given} Exemple", LINK, DEADLINE - timedelta(days=days), DEADLINE, first, answer, answered)


@cache
def slack(
    message: str, language: str, stage: Stage = Stage.OPEN, *, buttons: bool = False, answer: Answer | None = None
) -> Rendered:
    form = SlackForm(stage, SUBJECT.value if buttons else None)
    if message == "receipt":
        answer = answer or Answer.DONE
    return CATALOGUE.slack(CAMPAIGN, message, facts(answer=answer), language, form)


def blocks(rendered: Rendered, kind: str) -> list[dict[str, Any]]:
    return [dict(block) for block in rendered.blocks if block["type"] == kind]


def buttons_of(rendered: Rendered) -> list[dict[str, Any]]:
    return [element for block in blocks(rendered, "actions") for element in block["elements"]]


def broken(rendered: Rendered) -> list[str]:
    """Slack's rules that the message breaks, as the fake server checks them."""
    body = {"text": rendered.text, "blocks": list(rendered.blocks), "parse": "none", "link_names": False}
    return list(broken_by_message(json.loads(json.dumps(body))))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", MESSAGES)
def test_every_text_is_within_slacks_limits(message: str, language: str) -> None:
    for days in (60, 2, 1, 0, -1, -30):
        for form in (SlackForm(), SlackForm(buttons=SUBJECT.value)):
            answer = Answer.DONE if message == "receipt" else None
            rendered = CATALOGUE.slack(CAMPAIGN, message, facts(days=days, answer=answer), language, form)
            assert broken(rendered) == []
            assert rendered.language == language
            assert "…" not in rendered.text[-200:], "nothing had to be cut"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", MESSAGES[:4])
def test_text_says_all_that_the_blocks_and_the_mail_say(message: str, language: str) -> None:
    """A screen reader reads only `text`."""
    rendered = slack(message, language, buttons=True)
    shown = [block["text"]["text"] for block in blocks(rendered, "section")]
    shown += [element["text"] for block in blocks(rendered, "context") for element in block["elements"]]
    assert all(part in rendered.text for part in shown)
    assert all(mrkdwn.escape(button["text"]["text"]) in rendered.text for button in buttons_of(rendered))
    assert rendered.text.startswith(rendered.subject)
    assert f"<{LINK}>" in rendered.text
    assert _words(CATALOGUE.render(CAMPAIGN, message, facts(), language).text) == _words(slack(message, language).text)


def _words(text: str) -> list[str]:
    """The words of a text in order, without markup, addresses and the sentence that only a mail has."""
    text = re.sub(r"<(?:https?|mailto)[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<?https?://[^\s>]*>?", "", mrkdwn.unescape(text))
    return re.findall(r"[\w’]+", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_link_form_has_one_primary_button_that_opens_the_page(language: str) -> None:
    (button,) = buttons_of(slack("reminder", language))
    assert (button["action_id"], button["url"], button["style"]) == (OPEN, LINK, "primary")
    assert "value" not in button


@pytest.mark.parametrize("language", LANGUAGES)
def test_button_form_has_one_for_each_answer_in_the_words_of_the_page(language: str) -> None:
    *answers, page = buttons_of(slack("reminder", language, buttons=True))
    labels = CATALOGUE.page(CAMPAIGN, facts(), language).answers
    assert {answer_in(button["action_id"]): button["text"]["text"] for button in answers} == dict(labels)
    assert {button["value"] for button in answers} == {SUBJECT.value}
    assert [button["action_id"] for button in answers if button.get("style")] == [action_for(Answer.DONE)]
    assert (page["url"], page.get("style")) == (LINK, None)


def test_what_a_button_carries_is_opaque_and_read_back() -> None:
    assert subject_in(SUBJECT.value) == SUBJECT
    assert len(Subject("x" * 63, "A" * 22).value) <= 2000
    for other in (None, 7, "", "1:x", "2" + SUBJECT.value[1:], SUBJECT.value + ":", SUBJECT.value + "\n", "1::" + "A" * 22):
        assert subject_in(other) is None
    assert [answer_in(action) for action in ("answer:done", "answer:", "answer:nonsense", "undo", "open", None, 3)] == [
        Answer.DONE, *[None] * 6,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "settled", "undo"),
    [
        ("en", "*Settled on 12 October 2025 at 10:14: I have switched it off*", "Undo"),
        ("fr", "*Réponse enregistrée le 12 octobre 2025 à 10:14\u00a0: Je l’ai désactivé*", "Annuler ma réponse"),
        ("de", "*Beantwortet am 12. Oktober 2025 um 10:14 Uhr: Ich habe sie ausgeschaltet*", "Rückgängig machen"),
    ],
)
def test_settled_message_says_when_and_what_and_can_be_undone(language: str, settled: str, undo: str) -> None:
    answer = CATALOGUE.page(CAMPAIGN, facts(), language).answers[Answer.DONE]
    settled = re.sub(r"(: ).*\*$", lambda found: f"{found[1]}{answer}*", settled)
    for with_buttons in (False, True):
        rendered = slack("reminder", language, Stage.SETTLED, buttons=with_buttons, answer=Answer.DONE)
        assert settled in rendered.text
        assert broken(rendered) == []
        assert rendered.subject == slack("reminder", language).subject, "the heading stays, so that people know it again"
        actions = {button["action_id"]: button["text"]["text"] for button in buttons_of(rendered)}
        assert actions.keys() == ({UNDO_ACTION, OPEN} if with_buttons else {OPEN})
        assert not with_buttons or actions[UNDO_ACTION] == undo


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_for_an_answer_that_no_longer_counts_says_nothing_else(language: str) -> None:
    """Its heading and its text said that the matter was settled; there is nothing to press but the way to the page."""
    before = slack("receipt", language)
    rendered = CATALOGUE.slack(CAMPAIGN, "receipt", facts(), language, SlackForm(Stage.REVOKED, SUBJECT.value))
    assert broken(rendered) == []
    assert blocks(before, "header")
    assert not blocks(rendered, "header")
    said = [words(language, "slack")(sentence) for sentence in STAGES[Stage.REVOKED]]
    assert rendered.text.startswith("\n\n".join(said))
    assert [(button["action_id"], button["url"]) for button in buttons_of(rendered)] == [(OPEN, LINK)]
    assert blocks(rendered, "context") == blocks(before, "context"), "who asks, and why"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("stage", "answer"), [(Stage.HELP, Answer.HELP), (Stage.PROVISIONAL, Answer.DONE)])
def test_while_nothing_is_settled_all_answers_stay(language: str, stage: Stage, answer: Answer) -> None:
    rendered = slack("reminder", language, stage, buttons=True, answer=answer)
    assert broken(rendered) == []
    assert [answer_in(button["action_id"]) for button in buttons_of(rendered)] == [*OFFERED, None]
    assert SENDER.contact_email in rendered.text


def test_undo_brings_the_buttons_back_byte_for_byte() -> None:
    before = json.dumps(slack("notice", "fr", buttons=True).blocks)
    again = CATALOGUE.slack(CAMPAIGN, "notice", facts(), "fr", SlackForm(buttons=SUBJECT.value))
    assert json.dumps(again.blocks) == before


def visible(text: str) -> str:
    """What Slack shows of mrkdwn: links as their words, styles gone, entities read."""
    text = re.sub(r"<(?:https?:|mailto:)[^|>]*\|([^>]*)>", r"\1", text)
    return mrkdwn.unescape(re.sub(r"[*_~`]", "", text))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_neither_rings_nor_links_nor_formats(name: str) -> None:
    for stage, answer in ((Stage.OPEN, None), (Stage.SETTLED, Answer.DONE)):
        rendered = CATALOGUE.slack(CAMPAIGN, "reminder", facts(name, answer=answer), "en", SlackForm(stage, SUBJECT.value))
        plain = CATALOGUE.slack(CAMPAIGN, "reminder", facts("Nobody", answer=answer), "en", SlackForm(stage, SUBJECT.value))
        assert broken(rendered) == []
        for sign in "*_~`<>:|":
            assert rendered.text.count(sign) == plain.text.count(sign), sign
        assert [block["type"] for block in rendered.blocks] == [block["type"] for block in plain.blocks]


@settings(max_examples=150, deadline=None)
@given(name=st.text(max_size=255))
def test_any_name_leaves_the_message_sound(name: str) -> None:
    rendered = CATALOGUE.slack(CAMPAIGN, "notice", facts(name), "fr", SlackForm(buttons=SUBJECT.value))
    assert broken(rendered) == []
    assert len(rendered.blocks) == len(slack("notice", "fr", buttons=True).blocks)


def test_a_name_is_shown_as_it_is_written() -> None:
    """To the eye: a sign that formats is replaced by one that looks the same."""
    rendered = CATALOGUE.slack(CAMPAIGN, "reminder", facts("D’Arcy <b> & Söhne"), "en", SlackForm())
    assert "Hello D’Arcy <b> & Söhne," in visible(rendered.text)
    assert mrkdwn.harmless("*a* _b_ `c`") == "∗a∗ ˍbˍ ˋcˋ"


def text_of(markdown: str, tmp_path: Path) -> Rendered:
    folder = tmp_path / CAMPAIGN
    folder.mkdir(exist_ok=True)
    (folder / "notice.en.md").write_text(f'+++\nsubject = "s"\npreheader = "p"\nbutton = "Go"\n+++\n{markdown}\n')
    return Catalogue([tmp_path, shipped.templates()], replace(SENDER, privacy_notice="")).slack(
        CAMPAIGN, "notice", facts(), "en", SlackForm()
    )


def test_markdown_becomes_slacks_markup(tmp_path: Path) -> None:
    rendered = text_of(
        "# A *title* & more\n\nSome **bold**, *slanted*, `code <x>`, [a link](https://e.example/?a=1&b=2|3) & <https://e.example/>."
        "\n\n- one\n- two\n  1. first\n  2. second\n\n> quoted\n> on\n\n---\n\n    code & block\n\n"
        "## Next\n\nline\\\nline\n\n{{ button }}",
        tmp_path,
    )
    (header,) = blocks(rendered, "header")
    assert header["text"]["text"] == "A title & more"
    said = "\n\n".join(block["text"]["text"] for block in blocks(rendered, "section"))
    assert said == (
        "Some *bold*, _slanted_, `code &lt;x&gt;`, <https://e.example/?a=1&amp;b=2%7C3|a link> &amp; <https://e.example/|https://e.example/>."
        "\n\n• one\n• two\n    1. first\n    2. second\n\n>quoted on\n\n```\ncode &amp; block\n```\n\n*Next*\n\nline\nline"
    )
    assert [block["type"] for block in rendered.blocks][:5] == ["header", "section", "divider", "section", "section"]
    assert broken(rendered) == []


def test_conditions_in_a_text_compare_values_as_they_are(tmp_path: Path) -> None:
    """`prefer_not_to_say` and `a & b` are what a condition sees; escaped is only what is printed."""
    rendered = text_of(
        "# T\n\n{% if organisation == 'Example SA & Co' %}\nyes {{ organisation }}\n{% else %}\nno\n{% endif %}\n\n{{ button }}",
        tmp_path,
    )
    assert "yes Example SA &amp; Co" in rendered.text


def test_long_texts_are_fitted_and_nothing_of_the_blocks_is_lost(tmp_path: Path) -> None:
    paragraph = "word " * 900
    rendered = text_of(f"# {'long ' * 60}\n\n{paragraph}\n\n{{{{ button }}}}\n\n{'x' * 3500}", tmp_path)
    assert broken(rendered) == []
    sections = [block["text"]["text"] for block in blocks(rendered, "section")]
    assert sum(part.count("word") for part in sections) == 900
    assert sum(part.count("x") for part in sections) >= 3500
    assert rendered.text.endswith(f"<{LINK}>")


def test_check_complains_about_what_would_have_to_be_cut(tmp_path: Path) -> None:
    text_of(f"# {'long ' * 60}\n\n{'word ' * 900}\n\n{{{{ button }}}}", tmp_path)
    page = (shipped.templates() / CAMPAIGN / "page.en.md").read_text().replace("I need help", "I need help " * 9)
    (tmp_path / CAMPAIGN / "page.en.md").write_text(page)
    problems = Catalogue([tmp_path, shipped.templates()], SENDER).check(CAMPAIGN, ["notice"])
    found = sorted({problem.wrong.split(" has ")[0] for problem in problems if problem.wrong.startswith("on Slack")})
    assert found == ["on Slack the heading", "on Slack the longest button", "on Slack the message"]
    assert not [problem for problem in CATALOGUE.check(CAMPAIGN, MESSAGES[:4]) if "Slack" in problem.wrong]


def test_fitted_text_ends_after_a_whole_paragraph() -> None:
    text = "\n\n".join(f"{number} " + "a" * 90 for number in range(60))
    fitted = fit_text(text, LINK)
    assert len(fitted) <= 4000
    assert re.search(rf"a\n\n… <{re.escape(LINK)}>$", fitted)
    assert fit_text("short", LINK) == "short"


def test_a_text_without_a_button_has_no_actions() -> None:
    drawn = draw([(Piece.HEADER, "T"), (Piece.TEXT, "x"), (Piece.BUTTON, "")], Actions(LINK, None, {}))
    assert [block["type"] for block in drawn.blocks] == ["header", "section"]


def catalogue(language: str) -> dict[str, str]:
    with (Path(notifier.__file__).parent / "locale" / language / "slack.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, abort_invalid=True) if message.id}


@pytest.mark.parametrize("language", ["fr", "de"])
def test_the_words_are_translated_with_their_gaps(language: str) -> None:
    wanted = {sentence for sentences in STAGES.values() for sentence in sentences} | {UNDO, CHANGE, UNDO_OR_CHANGE, OPEN_PAGE}
    found = catalogue(language)
    assert found.keys() == wanted
    gap = re.compile(r"%\(\w+\)s")
    assert [text for text, said in found.items() if not said or sorted(gap.findall(text)) != sorted(gap.findall(said))] == []
    assert words(language, "slack")(UNDO) != UNDO


def test_french_and_german_are_typeset_as_natives_do() -> None:
    french = catalogue("fr").values()
    assert [said for said in french if re.search(r"[^\u202f][;!?]|[^\u00a0]:|«[^\u00a0]|[^\u00a0]»|'", said)] == []
    assert [said for said in catalogue("de").values() if re.search(r"[\"'“](?=\w)|«|»|\bdu\b", said)] == []


def test_the_manifest_asks_for_no_more_than_is_used() -> None:
    """Facts §2.9: the Messages tab is on, else nobody can be written to; no scope beside the four."""
    manifest = (Path(notifier.__file__).parents[1] / "deploy" / "slack-manifest.yaml").read_text()
    assert re.findall(r"^      - (\S+)", manifest, re.MULTILINE) == ["chat:write", "im:write", "users:read", "users:read.email"]
    for line in (
        "messages_tab_enabled: true", "messages_tab_read_only_enabled: true", "socket_mode_enabled: true",
        "is_enabled: true", "token_rotation_enabled: false", "org_deploy_enabled: true",
    ):  # fmt: skip
        assert re.search(rf"^ +{line}$", manifest, re.MULTILINE), line
