"""Words and dates, measured against CLDR and the catalogues."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import notifier
from notifier import shipped
from notifier.content.facts import NAMES, Facts, Sender, context
from notifier.content.words import words

LOCALE = Path(notifier.__file__).parent / "locale"


def values(today: date, deadline: date, language: str) -> dict[str, str | int | bool]:
    answered = datetime(2025, 3, 1, 7, 5)  # noqa: DTZ001 - the person's own clock
    facts = Facts("Zoé", "Zoé Exemple", "https://n.example/a/1", today, deadline, first_notice=True, answered_at=answered)
    return context(Sender("E", "C", "c@e.example"), facts, language, "")


def test_every_name_a_template_may_use_has_a_value_of_the_kind_that_is_told() -> None:
    given = values(date(2025, 10, 15), date(2025, 11, 3), "en")
    assert {name: type(value) for name, value in given.items()} == {name: type(value) for name, value in NAMES.items()}
    for name in (
        "days",
        "days_text",
        "in_days_text",
        "days_over_text",
        "deadline_text",
        "deadline_day_text",
        "last_day_text",
        "link_site",
    ):
        assert str(given[name]) == str(NAMES[name]).replace("notifier.example.com", "n.example")


@pytest.mark.parametrize(
    ("language", "days", "expected"),
    [
        ("en", 2, ("2 days", "in 2 days", "0 days")),
        ("en", 1, ("1 day", "tomorrow", "0 days")),
        ("en", 0, ("0 days", "today", "0 days")),
        ("en", -1, ("1 day", "yesterday", "1 day")),
        ("en", 14, ("14 days", "in 14 days", "0 days")),
        ("fr", 0, ("0\u00a0jour", "aujourd’hui", "0\u00a0jour")),
        ("fr", 1, ("1\u00a0jour", "demain", "0\u00a0jour")),
        ("fr", -40, ("40\u00a0jours", "il y a 40 jours", "40\u00a0jours")),
        ("de", 1, ("1 Tag", "morgen", "0 Tage")),
        ("de", 19, ("19 Tage", "in 19 Tagen", "0 Tage")),
        ("de", -2, ("2 Tage", "vor 2 Tagen", "2 Tage")),
    ],
)
def test_counts_of_days_follow_cldr(language: str, days: int, expected: tuple[str, str, str]) -> None:
    given = values(date.fromordinal(date(2025, 11, 3).toordinal() - days), date(2025, 11, 3), language)
    assert (given["days_text"], given["in_days_text"], given["days_over_text"]) == expected
    assert (given["days"], given["today_is_last_day"], given["is_over"]) == (days, days == 1, days <= 0)


def test_french_counts_the_first_of_a_month() -> None:
    given = values(date(2025, 10, 15), date(2025, 11, 1), "fr")
    assert (given["deadline_text"], given["deadline_day_text"]) == ("1er novembre 2025", "samedi 1er novembre 2025")
    assert given["answered_text"] == "samedi 1er mars 2025 à 07:05"
    assert values(date(2025, 10, 1), date(2025, 10, 31), "fr")["deadline_text"] == "31 octobre 2025"


@pytest.mark.parametrize("language", ["fr", "de"])
def test_the_catalogues_are_complete(language: str) -> None:
    used = {"tomorrow", "today", "yesterday", "%(date)s at %(time)s", "The button opens this address:"}
    with (LOCALE / language / "mail.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    assert {message.id for message in catalogue if message.id} == used
    assert not [message.id for message in catalogue if message.id and (message.fuzzy or not message.string or any(message.check()))]


def test_a_word_without_a_translation_stays_english() -> None:
    assert words("fr", "mail")("no such word") == "no such word"
    assert words("en", "mail")("today") == "today"


def test_what_is_shipped_is_found() -> None:
    assert (shipped.templates() / "layout/email.html").is_file()
    assert shipped.example_configuration().is_file()
