"""One person of the roster, and how their language is chosen."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

LANGUAGES = ("en", "fr", "de")

_LANGUAGE_NAMES = {
    "en": ("en", "eng", "english", "anglais", "englisch"),
    "fr": ("fr", "fra", "fre", "french", "français", "francais", "französisch", "franzoesisch", "franzosisch"),
    "de": ("de", "deu", "ger", "german", "deutsch", "allemand"),
}
_LANGUAGE_BY_NAME = {name: code for code, names in _LANGUAGE_NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class Employee:
    """One person of the roster, validated.

    Attributes:
        id: the roster's own identifier, stable over the years.
        email: the address as it is written to; compare with `email.casefold()`.
        language: one of LANGUAGES, or None where the roster says nothing usable.
        time_zone: an IANA name, never empty.
        country: ISO 3166-1 alpha-2 in capitals, or None.
        region: the ISO 3166-2 part after the country ("GE", "BY"), or None.
        manager_id: the `id` of the manager, or None. It need not exist in the roster.
        active: False for somebody who left or is disabled.
        leave_until: last day of an absence, inclusive, or None.
    """

    id: str
    email: str
    given_name: str
    family_name: str
    time_zone: str
    language: str | None = None
    country: str | None = None
    region: str | None = None
    department: str | None = None
    manager_id: str | None = None
    active: bool = True
    leave_until: date | None = None

    @property
    def name(self) -> str:
        """Given and family name, or the address where both are empty."""
        return full_name(self.given_name, self.family_name, self.email)

    @property
    def short_name(self) -> str:
        """What a page may show to whoever holds the link: "Zoé E."."""
        initial = f"{self.family_name[:1]}." if self.family_name else ""
        return " ".join(part for part in (self.given_name, initial) if part) or self.email.partition("@")[0]


def full_name(given_name: str, family_name: str, email: str) -> str:
    """Given and family name, or the address where both are empty."""
    if given_name and family_name:
        return f"{given_name} {family_name}"
    return given_name or family_name or email


def recognise_language(value: str | None) -> str | None:
    """The language meant by a roster's word: `de-CH`, `de_AT`, `German`, `allemand` and `DE` are all "de".

    Returns one of LANGUAGES, or None for anything else.
    """
    if value is None:
        return None
    word = unicodedata.normalize("NFC", value).strip().casefold()
    if found := _LANGUAGE_BY_NAME.get(word):
        return found
    first = word.replace("_", "-").partition("-")[0].partition("(")[0].strip()
    return _LANGUAGE_BY_NAME.get(first)


def choose_language(
    *, chosen: str | None, roster: str | None, country: str | None, by_country: Mapping[str, str], default: str
) -> str:
    """The language a person is written to.

    What they chose on a page comes first, then the roster, then the campaign's rule for their country, then the default.
    """
    return chosen or roster or (by_country.get(country) if country else None) or default
