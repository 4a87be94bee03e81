"""The words of the pages: complete in every language, with the right gaps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from notifier.content.catalogue import EXEMPT
from notifier.web import acknowledge
from notifier.web.notices import Notice

ROOT = Path(__file__).parents[2]
_MARKED = re.compile(r"""(?:\b_|\bsay)\(\s*(["'])(.+?)\1""")
_GAP = re.compile(r"%\(\w+\)s")


def wanted() -> set[str]:
    """Every text that a layout, a notice or the code asks for."""
    files = [*(ROOT / "templates" / "layout").glob("page*.html"), *(ROOT / "notifier" / "web").glob("*.py")]
    texts = {text for file in files for _, text in _MARKED.findall(file.read_text("utf-8"))}
    for notice in Notice:
        texts |= {notice.value.title, *notice.value.paragraphs}
    return texts | set(acknowledge._SAID.values()) | {EXEMPT}


def catalogue(language: str) -> dict[str, str]:
    with (ROOT / "notifier" / "locale" / language / "pages.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    assert {text for text, translated in catalogue(language).items() if translated} == wanted()


@pytest.mark.parametrize("language", ["fr", "de"])
def test_a_translation_has_the_gaps_of_the_text(language: str) -> None:
    wrong = [text for text, said in catalogue(language).items() if sorted(_GAP.findall(text)) != sorted(_GAP.findall(said))]
    assert wrong == []


def test_french_has_its_own_spaces() -> None:
    """U+202F before ; ! ? and U+00A0 before : and inside « »; the apostrophe is the typographic one."""
    wrong = [
        said for said in catalogue("fr").values() if re.search(r"[^\u202f][;!?]|[^\u00a0]:(?!//)|«[^\u00a0]|[^\u00a0]»|'", said)
    ]
    assert wrong == []


def test_german_has_its_own_quotes() -> None:
    assert [said for said in catalogue("de").values() if re.search(r"[\"'“](?=\w)|«|»", said)] == []
