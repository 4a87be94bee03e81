"""What a row says of a person's circumstances: employed or not, which language, where.

Few combinations of these cells make up a whole roster, so each is judged once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from notifier.domain.employee import LANGUAGES, recognise_language
from notifier.roster import places
from notifier.roster.reading import Defaults, LeftOutBecause
from notifier.roster.text import Remembered, first_text, fold, shorten
from notifier.store.people import Place

_FIELDS = ("language", "time_zone", "country", "region", "status", "enabled", "blocked", "user_type")
_YES = frozenset({"true", "yes", "1", "y", "oui", "vrai", "ja", "wahr", "x", "o", "j", "enabled", "active", "actif", "aktiv"})
_NO = frozenset({"false", "no", "0", "n", "non", "faux", "nein", "falsch", "disabled", "inactive", "inactif", "inaktiv"})
_GONE = frozenset(
    {"terminated", "left", "former", "formeremployee", "leaver", "resigned", "retired", "deceased", "separated", "exited"}
    | {"offboarded", "parti", "partie", "sorti", "sortie", "licencie", "licenciee", "demissionnaire", "retraite", "retraitee"}
    | {"ancien", "ancienne"}
    | {"ausgeschieden", "ausgetreten", "ehemalig", "ehemalige", "ehemaliger", "pensioniert", "rentner", "verstorben", "abgang"}
)
_OFF = frozenset(
    {"inactive", "disabled", "suspended", "archived", "deleted", "deactivated", "blocked", "locked", "deprovisioned"}
    | {"inactif", "inactive", "desactive", "desactivee", "suspendu", "suspendue", "archive", "archivee", "supprime", "bloque"}
    | {"inaktiv", "deaktiviert", "gesperrt", "archiviert", "geloscht", "suspendiert"}
)
_GUESTS = frozenset({"guest", "gast", "invite", "invitee"})


@dataclass(frozen=True, slots=True, eq=False)
class Circumstances:
    """The outcome.

    Attributes:
        guest: what says that this is a guest, or None.
        gone: why somebody who is no guest is not to be written to, and what says so, or None.
        language: one of LANGUAGES, or "".
        notes: what had to be mended; of interest for accepted people.
        plain: whether the person is accepted and nothing had to be mended.
    """

    guest: str | None
    gone: tuple[LeftOutBecause, str] | None
    language: str
    place: Place
    notes: tuple[str, ...]
    plain: bool


class CircumstancesReader:
    """Judges the rows of one file.

    Args:
        columns: for each field the indexes of its columns, best first.
    """

    def __init__(self, columns: Mapping[str, Sequence[int]], defaults: Defaults) -> None:
        self._defaults = defaults
        self._indexes = [index for field in _FIELDS for index in columns.get(field, ())]
        lengths = [len(columns.get(field, ())) for field in _FIELDS]
        self._slots = {
            field: range(end - length, end) for field, length, end in zip(_FIELDS, lengths, accumulate(lengths), strict=True)
        }
        self._known: Remembered[tuple[str, ...], Circumstances] = Remembered(self._judge)

    def read(self, cells: Sequence[str]) -> Circumstances:
        """Judge a row as wide as the header."""
        return self._known[tuple(cells[index] for index in self._indexes)]

    def read_columns(self, columns: Sequence[Sequence[str]]) -> list[Circumstances]:
        """Judge rows that are given as columns."""
        if not self._indexes:
            return [self._known[()]] * len(columns[0])
        return list(map(self._known.__getitem__, zip(*(columns[index] for index in self._indexes), strict=True)))

    def _judge(self, cells: tuple[str, ...]) -> Circumstances:
        texts = {field: first_text(cells, slots) for field, slots in self._slots.items()}
        notes: list[str] = []
        kind = texts["user_type"]
        guest = f"user type {shorten(kind)}" if fold(kind) in _GUESTS else None
        gone = _switched_off(texts)
        country, region, zone = self._place(texts, notes)
        language = _language(texts["language"], notes)
        return Circumstances(
            guest=guest,
            gone=gone,
            place=(zone, country or "", region or ""),
            language=language,
            notes=tuple(notes),
            plain=not (guest or gone or notes),
        )

    def _place(self, texts: Mapping[str, str], notes: list[str]) -> tuple[str | None, str | None, str]:
        zone_text, country_text, region_text = texts["time_zone"], texts["country"], texts["region"]
        zone = places.time_zone(zone_text) if zone_text else None
        if zone_text and zone is None:
            notes.append(f"time zone {shorten(zone_text)!r} is not known; taken from the country or the organisation")
        country = places.country_code(country_text) if country_text else None
        if country_text and country is None:
            notes.append(f"country {shorten(country_text)!r} is not known; taken from the time zone or the organisation")
        named, region_text = places.split_region(region_text)
        if country is None:
            country = named or (places.country_of_zone(zone) if zone else None)
        zone = zone or self._zone_of(country, notes)
        country = country or self._defaults.country
        return country, _region(country, named, region_text, notes), zone

    def _zone_of(self, country: str | None, notes: list[str]) -> str:
        zone, guessed = places.zone_of_country(country) if country else (None, False)
        if zone is None:
            return self._defaults.time_zone
        if guessed:
            notes.append(f"{country} has several time zones and the row names none; {zone} was taken")
        return zone


def _region(country: str | None, named: str | None, text: str, notes: list[str]) -> str | None:
    if not text or country is None or not places.has_regions(country):
        return None
    code = places.region_code(country, text) if named in {None, country} else None
    if code is None:
        notes.append(f"region {shorten(text)!r} of {country} is not known; the holidays of the whole country hold")
    return code


def _language(text: str, notes: list[str]) -> str:
    if not text:
        return ""
    language = recognise_language(text.partition(",")[0].partition(";")[0])
    if language is None:
        notes.append(f"language {shorten(text)!r} is none of {', '.join(LANGUAGES)}; the organisation's rules choose one")
    return language or ""


def _switched_off(texts: Mapping[str, str]) -> tuple[LeftOutBecause, str] | None:
    status = texts["status"]
    word = fold(status)
    if word in _GONE:
        return LeftOutBecause.TERMINATED, f"status {shorten(status)}"
    if word in _OFF or word in _NO:
        return LeftOutBecause.DISABLED, f"status {shorten(status)}"
    enabled = fold(texts["enabled"])
    if enabled in _NO or enabled in _OFF or enabled in _GONE:
        return LeftOutBecause.DISABLED, "not enabled"
    if fold(texts["blocked"]) in _YES:
        return LeftOutBecause.DISABLED, "blocked"
    return None
