"""The person: how they are named, and in which language they are written to."""

from __future__ import annotations

import pytest

from notifier.domain.employee import Employee, choose_language, recognise_language


def employee(given: str, family: str) -> Employee:
    return Employee(id="7", email="zoe.eymond@example.com", given_name=given, family_name=family, time_zone="Europe/Zurich")


@pytest.mark.parametrize(
    ("given", "family", "name", "short"),
    [
        ("Zoé", "Eymond", "Zoé Eymond", "Zoé E."),
        ("Zoé", "", "Zoé", "Zoé"),
        ("", "Eymond", "Eymond", "E."),
        ("Anna Maria", "von Stein", "Anna Maria von Stein", "Anna Maria v."),
        ("", "", "zoe.eymond@example.com", "zoe.eymond"),
    ],
)
def test_names(given: str, family: str, name: str, short: str) -> None:
    """The short name is what a page shows to whoever holds the link, so it never holds a whole family name or an address."""
    person = employee(given, family)
    assert (person.name, person.short_name) == (name, short)


@pytest.mark.parametrize(
    ("word", "language"),
    [
        *(
            (word, "de")
            for word in ("de", "DE", "de-CH", "de_AT", "deu", "ger", "German", "Deutsch", "allemand", " de ", "de_DE.UTF-8")
        ),
        *((word, "de") for word in ("German (Switzerland)", "Deutsch (Schweiz)")),
        *((word, "fr") for word in ("fr", "FR-fr", "fra", "fre", "French", "Français", "FRANCAIS", "Französisch", "fr_CH")),
        *((word, "en") for word in ("en", "EN-us", "eng", "English", "anglais", "Englisch", "English (United Kingdom)")),
        *((word, None) for word in (None, "", " ", "it", "Italian", "english teacher", "deserted", "frigid", "x-de", "1033")),
    ],
)
def test_the_language_a_roster_means(word: str | None, language: str | None) -> None:
    assert recognise_language(word) == language


@pytest.mark.parametrize(
    ("chosen", "roster", "country", "language"),
    [
        ("fr", "de", "CH", "fr"),
        (None, "fr", "CH", "fr"),
        (None, None, "CH", "de"),
        (None, None, "GB", "en"),
        (None, None, None, "en"),
    ],
)
def test_own_choice_then_roster_then_country_then_default(
    chosen: str | None, roster: str | None, country: str | None, language: str
) -> None:
    assert choose_language(chosen=chosen, roster=roster, country=country, by_country={"CH": "de"}, default="en") == language
