"""The report for works councils says what is configured, in three languages alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from notifier.cli.privacy import facts_of
from notifier.content.problems import TextError
from notifier.settings import load
from notifier.summary.organisation_wording import WORDS
from notifier.summary.privacy_report import as_page, report

ROOT = Path(__file__).parents[2]
TEMPLATES = [ROOT / "templates"]
LANGUAGES = ("en", "fr", "de")
_GAP = re.compile(r"%\(\w+\)s")
every_language = pytest.mark.parametrize("language", LANGUAGES)


_EXAMPLE = facts_of(load(ROOT / "config.example.toml", environment={}))


def facts(**differs: Any) -> dict[str, Any]:
    return _EXAMPLE | differs


def test_the_facts_are_those_of_the_configuration() -> None:
    environment = {
        "NOTIFIER_SUMMARIES__MANAGER_DETAIL": "open_names",
        "NOTIFIER_SUMMARIES__MINIMUM_GROUP": "12",
        "NOTIFIER_PRIVACY__KEEP_DAYS": "30",
        "NOTIFIER_STORAGE__URL": "postgresql+psycopg://notifier@db.example.com/notifier",
    }
    told = facts_of(load(ROOT / "config.example.toml", environment=environment))
    assert (told["open_names"], told["minimum_group"], told["keep_days"]) == (True, 12, 30)
    assert (told["postgresql"], told["database_host"]) == (True, "db.example.com")
    assert told["campaigns"] == ["linkedin-ai-training: 2025-11-03 → 2026-02-01"]  # not before it has closed


@every_language
@pytest.mark.parametrize(
    ("differs", "there", "not_there"),
    [
        ({"minimum_group": 4711}, "4711", ""),
        ({"keep_days": 4712}, "4712", ""),
        ({"open_names": True, "counts_in": ["DE"]}, "open_names", "manager_detail_by_country"),
        ({"names_in": ["CH", "FR"]}, "CH, FR", '= "open_names"'),
        ({"managers": False, "open_names": True}, "", "open_names"),
        ({"officers": 4713}, "4713", ""),
        ({"slack": True}, "Slack", ""),
        ({"slack": False}, "", "Slack"),
        ({"mail_by": "graph"}, "Microsoft (Graph", "smtp.example.com"),
        ({"mail_by": "smtp", "mail_host": "mx.example.org"}, "mx.example.org", "Graph"),
        ({"postgresql": True, "database_host": "db.example.com"}, "db.example.com", ""),
        ({"roster_source": "entra"}, "Entra ID", ""),
        ({"sign_in": "https://login.example.com"}, "https://login.example.com", ""),
        ({"privacy_notice": "https://example.com/privacy"}, "https://example.com/privacy", ""),
    ],
)
def test_what_is_configured_is_what_is_said(language: str, differs: dict[str, Any], there: str, not_there: str) -> None:
    text = report(TEMPLATES, language, facts(**differs))
    assert there in text
    assert not not_there or not_there not in text
    assert "{" not in text


def test_the_three_texts_ask_about_the_same_things() -> None:
    sources = [(ROOT / f"templates/privacy/report.{language}.md").read_text("utf-8") for language in LANGUAGES]
    tags = [re.findall(r"{[{%].*?[%}]}", source) for source in sources]
    assert tags[0] == tags[1] == tags[2]
    shapes = [re.findall(r"^#+|^\||^- ", report(TEMPLATES, language, facts()), re.MULTILINE) for language in LANGUAGES]
    assert shapes[0] == shapes[1] == shapes[2]


def test_french_and_german_are_set_as_they_should_be() -> None:
    french = report(TEMPLATES, "fr", facts())
    assert re.findall(r"[^\u202f\w/][;!?]|\w[;!?]|«[^\u00a0]|[^\u00a0]»|[^\u00a0\w]: |'", french) == []
    assert "„" in report(TEMPLATES, "de", facts())


@every_language
def test_the_page_is_whole_and_holds_the_same(language: str) -> None:
    text = report(TEMPLATES, language, facts(organisation='<script>alert("1")</script> & Co'))
    page = as_page(text, language)
    assert page.startswith("<!DOCTYPE html>")
    assert f'<html lang="{language}">' in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<tr>") == text.count("\n|") - 1  # but for the line below the heads


def test_a_text_of_ones_own_that_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "privacy").mkdir()
    (tmp_path / "privacy" / "report.en.md").write_text("{{ organization }}")
    with pytest.raises(TextError) as caught:
        report([tmp_path, *TEMPLATES], "en", facts())
    assert "organization" in str(caught.value)


@pytest.mark.parametrize("language", ["fr", "de"])
def test_the_words_of_the_summary_are_all_translated(language: str) -> None:
    with (ROOT / "notifier" / "locale" / language / "organisation.po").open("rb") as file:
        said = {str(message.id): str(message.string) for message in read_po(file) if message.id}
    assert {text for text, translated in said.items() if translated} == set(WORDS.values())
    assert [text for text, word in said.items() if sorted(set(_GAP.findall(text))) != sorted(set(_GAP.findall(word)))] == []
    if language == "fr":
        assert [word for word in said.values() if re.search(r"[^\u202f][;!?]|[^\u00a0]:|'", word)] == []
