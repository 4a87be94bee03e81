"""What a text must be beyond valid: small, self-contained, typeset as its language wants, with the link where it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from notifier.content.facts import NAMES, Facts
from notifier.content.problems import TextProblem
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import LONGEST_HEADER, LONGEST_LABEL, LONGEST_TEXT, Drawn
from notifier.content.source import Piece, Source
from notifier.content.typography import french_spaces
from notifier.domain.campaign import OFFERED

LARGEST_MAIL = 30_000

_DEADLINE = date(2025, 11, 3)
_SAMPLE_DAYS = (60, 30, 2, 1, 0, -1, -2, -30)
# A tag, the target of a link, or an address in the text: no rule of typesetting holds inside.
_NOT_PROSE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\]\([^)]*\)|<[^>\s]+>|https?://\S+", re.DOTALL)
_LOADED_FROM_ELSEWHERE = re.compile(
    r"<(?:img|link|script|iframe|object|embed|video|audio)\b|\ssrc\s*=|url\(|@import", re.IGNORECASE
)
_NO_SPACE_BEFORE = re.compile(r"[^\s\u00a0\u202f;:!?(][;:!?](?=\s|$|[*_»])", re.MULTILINE)
_NO_SPACE_INSIDE = re.compile(r"«(?![\u00a0\u202f])|(?<![\u00a0\u202f])»")
_STRAIGHT_QUOTE = re.compile('"')


def samples(*, receipt: bool) -> Iterator[Facts]:
    """People at many points of the countdown, for a text to be tried on."""
    link = str(NAMES["link"])
    for days in _SAMPLE_DAYS:
        today = _DEADLINE - timedelta(days=days)
        if receipt:
            for answer in OFFERED:
                yield Facts("Zoé", "Zoé Exemple", link, today, _DEADLINE, False, answer, datetime(2025, 10, 14, 10, 14))  # noqa: DTZ001
        else:
            for first in (True, False):
                yield Facts("Zoé" if first else "", "Zoé Exemple", link, today, _DEADLINE, first)


def source_problems(source: Source, language: str) -> list[TextProblem]:
    """Faults of typesetting, by line."""
    return [problem for piece in source.pieces for problem in _typesetting(source.path, piece, language)]


def mail_problems(path: Path, rendered: Rendered, facts: Facts) -> list[TextProblem]:
    """Faults of a whole mail."""
    problems = []
    size = len(rendered.html.encode())
    if size > LARGEST_MAIL:
        problems.append(TextProblem(path, 0, f"the mail has {size} bytes, more than {LARGEST_MAIL}", "shorten the text"))
    if found := _LOADED_FROM_ELSEWHERE.search(rendered.html):
        fix = "take it out: many programs block it, and it can tell who has opened the mail"
        problems.append(TextProblem(path, 0, f"something is loaded from elsewhere: {found.group().strip()}", fix))
    if rendered.html.count("<h1") != 1:
        problems.append(
            TextProblem(path, 0, "there is not exactly one heading of the first level", "begin the text with one line # ...")
        )
    if facts.link not in rendered.text:
        fix = "add a button to the front matter, and {{ button }} to the text"
        problems.append(TextProblem(path, 0, "the person's link is missing", fix))
    return problems


def slack_problems(path: Path, drawn: Drawn) -> list[TextProblem]:
    """Faults of a message on Slack: what would have to be cut. Nothing else can go wrong that does not in the mail."""
    measured = (
        ("the message", len(drawn.text), LONGEST_TEXT),
        ("the heading", len(drawn.header), LONGEST_HEADER),
        ("the longest button", max(map(len, drawn.labels), default=0), LONGEST_LABEL),
    )
    return [
        TextProblem(path, 0, f"on Slack {what} has {size} characters, more than {most}", "shorten the text")
        for what, size, most in measured
        if size > most
    ]


def _typesetting(path: Path, piece: Piece, language: str) -> Iterator[TextProblem]:
    if language == "en":
        return
    # Every tag and address becomes as many letters, so that lines and neighbours stay what they are.
    prose = _NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", "x", match.group()), piece.source)
    quotes = "« »" if language == "fr" else "„ “"
    rules = [(_STRAIGHT_QUOTE, "a straight quotation mark", f"use {quotes}")]
    if language == "fr":
        prose = french_spaces(prose)
        rules.append((_NO_SPACE_BEFORE, "no space before ; : ! or ?", "put a no-break space before it"))
        rules.append((_NO_SPACE_INSIDE, "no space inside « »", "put a no-break space after « and before »"))
    for pattern, wrong, fix in rules:
        for match in pattern.finditer(prose):
            yield TextProblem(path, piece.line + prose.count("\n", 0, match.end() - 1), wrong, fix)
