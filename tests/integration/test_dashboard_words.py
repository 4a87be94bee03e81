"""The words of the dashboard: complete in every language, with the right gaps and spaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from notifier.domain import ledger
from notifier.web.dashboard import campaign, frame, queue, roster, words

ROOT = Path(__file__).parents[2]
_MARKED = re.compile(r"""(?:\b_|\bsay|\bphrase)\(\s*(["'])(.+?)\1""")
_NOTED = re.compile(r"""(?:event=|\bnote\(connection, (?:task\.)?view, |_Deed\(\s*)"([a-z ]+)"(?: if [^,]*? else "([a-z ]+)")?""")
_GAP = re.compile(r"%\(\w+\)s")
# Reasons in rows of the outbox, states that no row is in, and parts of `/readyz`.
_FROM_ELSEWHERE = """
answered; left the organisation; no longer in the configuration; no channel reaches this person
an operator cancelled it; an operator asked for another try; not planned; not needed; store; planner; writing; sending
"""


def wanted() -> set[str]:
    """Every text that a page may show."""
    code = ROOT / "notifier"
    pages = [*(ROOT / "templates" / "admin").glob("*.html"), *(code / "web" / "dashboard").glob("*.py")]
    sources = [page.read_text("utf-8") for page in (*pages, code / "delivery" / "explain.py")]
    texts = {text for source in sources for _, text in _MARKED.findall(source)}
    texts |= {event for source in sources for found in _NOTED.findall(source) for event in found if event}
    for names in (
        words.STATES,
        words.KINDS,
        words.ANSWERS,
        words.ASSURANCES,
        words.GAPS,
        words.CHANNELS,
        frame.SAID,
        roster.KINDS,
        roster.TITLES,
        words.FIELDS,
        words.TOUCHES,
    ):
        texts |= set(names.values())
    texts |= {name for _, name, _ in frame.ROOMS} | {text for both in campaign._TABLES.values() for text in both}
    for deed in (queue._RETRY, queue._CANCEL):
        texts |= {deed.title, *deed.tells}
    texts |= {ledger.ANSWERED, ledger.TAKEN_BACK, ledger.ROSTER_APPLIED, ledger.ROSTER_REFUSED, ledger.HOLD_PLACED}
    texts |= {ledger.HOLD_LIFTED, ledger.TEXT_IN_USE, ledger.FORGOTTEN, ledger.EXPORTED}
    return texts | {piece.strip() for line in _FROM_ELSEWHERE.strip().splitlines() for piece in line.split(";")}


def catalogue(language: str) -> dict[str, str]:
    with (ROOT / "notifier" / "locale" / language / "admin.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, abort_invalid=True) if message.id}


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    assert {text for text, translated in catalogue(language).items() if translated} == wanted()


@pytest.mark.parametrize("language", ["fr", "de"])
def test_a_translation_has_the_gaps_of_the_text(language: str) -> None:
    wrong = [text for text, said in catalogue(language).items() if sorted(_GAP.findall(text)) != sorted(_GAP.findall(said))]
    assert wrong == []


def test_each_language_has_its_own_spaces_and_quotes() -> None:
    """French: U+202F before ; ! ? and U+00A0 before : and inside « »; the apostrophe is the typographic one."""
    wrong = [
        said for said in catalogue("fr").values() if re.search(r"[^\u202f][;!?]|[^\u00a0]:(?!//)|«[^\u00a0]|[^\u00a0]»|'", said)
    ]
    assert wrong == []
    assert [said for said in catalogue("de").values() if re.search(r"[\"'“](?=\w)|«|»", said)] == []
