"""The report of an archive of evidence: its words in every language, and what it says."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from notifier import shipped
from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.store.evidence import Figures
from notifier.store.seals import Seal
from notifier.store.stories import Undeliverable
from notifier.store.tables import State
from notifier.summary import evidence_report
from notifier.summary.evidence_report import ANSWERS, ASSURANCES, STATES, Report, render

LOCALE = Path(evidence_report.__file__).parents[1] / "locale"
AT = datetime(2025, 10, 2, 6, 0, tzinfo=UTC)
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 1), (Step(30, "notice"), Step(-3, "overdue")))
_MARKED = re.compile(r'\b_\("(.+?)"[,)]')
_GAP = re.compile(r"%\(\w+\)s")


def catalogue(language: str) -> dict[str, str]:
    with (LOCALE / language / "evidence.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale=language) if message.id}


def report(*, with_names: bool = True) -> Report:
    figures = Figures(
        told=Counter({("notice", "smtp", "accepted"): 12_345, ("notice", "slack", "refused"): 2}),
        reached=12_340,
        answers=Counter({("done", "link"): 9_000, ("exempt", "attested"): 3}),
        taken_back=Counter({("help", "slack"): 4}),
        last_roster=AT,
    )
    return Report(
        campaign=CAMPAIGN,
        organisation="Example & Söhne <SA>",
        made_at=AT,
        actor="ada@machine" if with_names else "",
        figures=figures,
        people=12_500,
        settled=9_003,
        undeliverable=[Undeliverable("e17", ("smtp: 550 <no>",))],
        with_names=with_names,
        texts=[(AT, "notice", "fr", "ab" * 32)],
        sealed=Seal(7, AT, 1, 4000, "e" * 64, "f" * 64, "c" * 64),
    )


def test_every_outcome_answer_and_assurance_has_its_words() -> None:
    assert STATES.keys() == set(State) - {State.PLANNED, State.CLAIMED, State.RETRY}
    assert (ANSWERS.keys(), ASSURANCES.keys()) == (set(Answer), set(Assurance))


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    wanted = set(_MARKED.findall((shipped.templates() / "evidence" / "report.html").read_text("utf-8")))
    wanted |= {*STATES.values(), *ANSWERS.values(), *ASSURANCES.values()}
    translated = catalogue(language)
    assert {text for text, said in translated.items() if said} == wanted
    assert [text for text, said in translated.items() if sorted(_GAP.findall(text)) != sorted(_GAP.findall(said))] == []


def test_french_and_german_have_their_own_typography() -> None:
    french, german = catalogue("fr").values(), catalogue("de").values()
    assert [said for said in french if re.search(r"[^\u202f][;!?]|[^\u00a0]:(?!//)|«[^\u00a0]|[^\u00a0]»|'", said)] == []
    assert [said for said in german if re.search(r"[\"'“](?=\w)|«|»", said)] == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("1 November 2025", "31 October 2025", "12,345", "Of 12,500 people who are asked today, 9,003 have settled.")),
        ("fr", ("1er novembre 2025", "31 octobre 2025", "12\u202f345", "dont réglées\u00a0: 9\u202f003.")),
        ("de", ("1. November 2025", "31. Oktober 2025", "12.345", "Heute gefragte Personen: 12.500, davon erledigt: 9.003.")),
    ],
)
def test_it_says_what_there_is_in_each_language(language: str, said: tuple[str, ...]) -> None:
    page = render(report(), language)
    for words in (*said, "c" * 64, "ab" * 32, "Example &amp; Söhne &lt;SA&gt;", "ada@machine", "e17: smtp: 550 &lt;no&gt;"):
        assert words in page
    assert f'<html lang="{language}">' in page


def test_without_names_nobody_is_named() -> None:
    page = render(report(with_names=False), "en")
    assert "e17" not in page
    assert "ada@" not in page
    assert "This archive holds no names" in page


def test_it_fetches_nothing_and_is_well_formed() -> None:
    page = render(report(), "en")
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, _: object) -> None:
            opened.extend([] if tag in {"meta", "br"} else [tag])

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(page)
    assert opened == []
