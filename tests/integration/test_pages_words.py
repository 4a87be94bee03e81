"""The words of the pages: complete in every language, with the right gaps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from notifier.content.catalogue import EXEMPT
from notifier.web import person_page, team_view
from notifier.web.notices import Notice

ROOT = Path(__file__).parents[2]
_MARKED = re.compile(r"""(?:\b_|(?<!\.)\bsay)\(\s*(["'])(.+?)\1""")
DOMAINS = sorted(path.stem for path in (ROOT / "notifier" / "locale" / "fr").glob("*.po"))
_GAP = re.compile(r"%\(\w+\)s")


_TEAM = ("templates/layout/page-team.html", "notifier/web/team_view.py")


def marked(*files: Path) -> set[str]:
    return {text for file in files for _, text in _MARKED.findall(file.read_text("utf-8"))}


def wanted(domain: str) -> set[str]:
    """Every text that a layout, a notice or the code asks for."""
    team = [ROOT / name for name in _TEAM]
    if domain == "team":
        return marked(*team) | set(team_view._SAID.values())
    files = [*(ROOT / "templates" / "layout").glob("page*.html"), *(ROOT / "notifier" / "web").glob("*.py")]
    texts = marked(*(file for file in files if file not in team))
    for notice in Notice:
        texts |= {notice.value.title, *notice.value.paragraphs}
    return texts | set(person_page._SAID.values()) | {EXEMPT}


def catalogue(language: str, domain: str = "pages") -> dict[str, str]:
    with (ROOT / "notifier" / "locale" / language / f"{domain}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


@pytest.mark.parametrize("domain", ["pages", "team"])
@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_text_is_translated_and_none_is_left_over(language: str, domain: str) -> None:
    assert {text for text, translated in catalogue(language, domain).items() if translated} == wanted(domain)


@pytest.mark.parametrize("language", ["fr", "de"])
def test_a_translation_has_the_gaps_of_the_text(language: str) -> None:
    texts = [*catalogue(language).items(), *catalogue(language, "team").items()]
    wrong = [text for text, said in texts if sorted(_GAP.findall(text)) != sorted(_GAP.findall(said))]
    assert wrong == []


def test_french_has_its_own_spaces() -> None:
    """U+202F before ; ! ? and U+00A0 before : and inside « »; the apostrophe is the typographic one."""
    wrong = [
        said
        for domain in DOMAINS
        for said in catalogue("fr", domain).values()
        if re.search(r"[^\u202f][;!?]|[^\u00a0]:(?!//)|«[^\u00a0]|[^\u00a0]»|'", said)
    ]
    assert wrong == []


def test_german_has_its_own_quotes() -> None:
    everything = [said for domain in DOMAINS for said in catalogue("de", domain).values()]
    assert [said for said in everything if re.search(r"[\"'“](?=\w)|«|»", said)] == []
