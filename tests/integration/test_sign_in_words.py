"""The words around the sign-in: complete in every language, with the right gaps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from notifier.web.doors import ROLE_NAMES, Door

LOCALE = Path(__file__).parents[2] / "notifier" / "locale"
_GAP = re.compile(r"%\(\w+\)s|</?\w+>")


def catalogue(language: str) -> dict[str, str]:
    with (LOCALE / language / "sign-in.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, abort_invalid=True) if message.id}


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    wanted = set(ROLE_NAMES.values())
    for door in Door:
        wanted |= {door.value.title, *door.value.paragraphs, door.value.action}
    found = catalogue(language)
    assert {text for text, said in found.items() if said} == wanted - {""}
    assert [text for text, said in found.items() if sorted(_GAP.findall(text)) != sorted(_GAP.findall(said))] == []


def test_french_has_its_own_spaces() -> None:
    """U+202F before ; ! ? and U+00A0 before : and inside « »; the apostrophe is the typographic one."""
    said = catalogue("fr").values()
    assert [one for one in said if re.search(r"[^\u202f][;!?]|[^\u00a0]:(?!//)|«[^\u00a0]|[^\u00a0]»|'", one)] == []
