"""One row of a roster, checked: an employee, somebody to leave out, or a row to set aside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from notifier.domain.employee import LANGUAGES, Employee, recognise_language
from notifier.roster import places
from notifier.roster.address import read_address
from notifier.roster.columns import FIELDS, Columns
from notifier.roster.names import split_name
from notifier.roster.reading import Defaults, LeftOut, LeftOutBecause, Notes, SetAside
from notifier.roster.text import clean, fold, read_date, says_nothing, shorten

Texts = Mapping[str, str]
"""The clean text of each field of `columns.FIELDS`."""

_LONGEST_TEXT = 255
_NAMES = frozenset({"given_name", "family_name", "full_name", "family_first"})
_WHOLE_NUMBER = re.compile(r"(\d+)[.,]0+")
_ROUNDED_NUMBER = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
_YES = frozenset({"true", "yes", "1", "y", "oui", "vrai", "ja", "wahr", "x", "o", "j", "enabled", "active", "actif", "aktiv"})
_NO = frozenset({"false", "no", "0", "n", "non", "faux", "nein", "falsch", "disabled", "inactive", "inactif", "inaktiv"})
_GONE = frozenset(
    {
        "terminated",
        "left",
        "former",
        "formeremployee",
        "leaver",
        "resigned",
        "retired",
        "deceased",
        "separated",
        "exited",
        "offboarded",
    }
    | {
        "parti",
        "partie",
        "sorti",
        "sortie",
        "licencie",
        "licenciee",
        "demissionnaire",
        "retraite",
        "retraitee",
        "ancien",
        "ancienne",
    }
    | {"ausgeschieden", "ausgetreten", "ehemalig", "ehemalige", "ehemaliger", "pensioniert", "rentner", "verstorben", "abgang"}
)
_OFF = frozenset(
    {"inactive", "disabled", "suspended", "archived", "deleted", "deactivated", "blocked", "locked", "deprovisioned"}
    | {"inactif", "inactive", "desactive", "desactivee", "suspendu", "suspendue", "archive", "archivee", "supprime", "bloque"}
    | {"inaktiv", "deaktiviert", "gesperrt", "archiviert", "geloscht", "suspendiert"}
)
_GUESTS = frozenset({"guest", "gast", "invite", "invitee"})


@dataclass(slots=True)
class Draft:
    """An accepted person whose manager is not looked up yet.

    Attributes:
        managers: what the row says about the manager, the surest first.
        distinguished_name: or "" where the file has none.
        other_names: further names by which others may refer to this person: login names, the full name as it stands in the file.
    """

    line: int
    employee: Employee
    managers: tuple[str, ...]
    distinguished_name: str
    other_names: tuple[str, ...]


class RowReader:
    """Reads rows of one file.

    Args:
        month_first: how dates with slashes are meant.
        today: the day on which somebody with an earlier last day is gone.
    """

    def __init__(self, columns: Columns, defaults: Defaults, *, month_first: bool, today: date, notes: Notes) -> None:
        self._items = tuple(columns.places.items())
        self._width = len(columns.header)
        self._defaults = defaults
        self._month_first = month_first
        self._today = today
        self._notes = notes
        self._has_ids = "id" in columns.places

    def read(self, line: int, cells: Sequence[str]) -> Draft | LeftOut | SetAside:
        """Judge one row."""
        texts = self._texts(cells)
        employee_id, id_fault = self._id(texts["id"])
        known = employee_id or None if not id_fault and self._has_ids else None
        if any(cell.strip() for cell in cells[self._width :]):
            reason = f"has {len(cells)} cells where the header has {self._width}: a separator inside a text without quotes?"
            return SetAside(line, reason, known)
        email, email_fault = read_address(texts["email"])
        if left_out := self._left_out(line, texts, email):
            return left_out
        if email_fault or id_fault:
            return SetAside(line, self._in_words(email_fault or id_fault or "", texts["email" if email_fault else "id"]), known)
        employee_id = employee_id or email.casefold()
        given, family, full = self._name(line, texts)
        country, region, zone = self._place(line, texts)
        employee = Employee(
            id=employee_id,
            email=email,
            given_name=given,
            family_name=family,
            time_zone=zone,
            language=self._language(line, texts["language"]),
            country=country,
            region=region,
            department=self._cut(line, "department", texts["department"]) or None,
            leave_until=self._leave(line, texts["leave_until"]),
        )
        managers = tuple(text for field in ("manager_id", "manager_email", "manager") if (text := texts[field]))
        others = tuple(text for text in (full, texts["user_principal_name"], texts["account_name"]) if text)
        return Draft(line, employee, managers, texts["distinguished_name"], others)

    def _texts(self, cells: Sequence[str]) -> dict[str, str]:
        """The clean text of every field, "" where the row has none. Any word is a name, even "Null"."""
        texts = dict.fromkeys(FIELDS, "")
        count = len(cells)
        for field, indexes in self._items:
            for index in indexes:
                if index < count and (text := clean(cells[index])) and (field in _NAMES or not says_nothing(text)):
                    texts[field] = text
                    break
        return texts

    def _id(self, text: str) -> tuple[str, str | None]:
        if text.isascii() and text.isalnum() and not text[:1].isdigit():
            return text[:_LONGEST_TEXT], None if len(text) <= _LONGEST_TEXT else "the id is too long"
        if whole := _WHOLE_NUMBER.fullmatch(text):
            text = whole[1]
        if _ROUNDED_NUMBER.fullmatch(text):
            return text, "the id was rounded by a spreadsheet; format its column as text and export it again"
        return text[:_LONGEST_TEXT], None if len(text) <= _LONGEST_TEXT else "the id is too long"

    @staticmethod
    def _in_words(fault: str, found: str) -> str:
        return f"{fault}: {shorten(found)}" if found else fault

    def _left_out(self, line: int, texts: Texts, email: str) -> LeftOut | None:
        kind = texts["user_type"]
        if fold(kind) in _GUESTS:
            return LeftOut(line, LeftOutBecause.GUEST, f"user type {shorten(kind)}")
        if "#ext#" in texts["user_principal_name"].casefold() or "#ext#" in email.casefold():
            return LeftOut(line, LeftOutBecause.GUEST, "#EXT# in the login name")
        if (ends_on := self._last_day(line, texts["ends_on"])) and ends_on < self._today:
            return LeftOut(line, LeftOutBecause.TERMINATED, f"last day {ends_on.isoformat()}")
        return self._switched_off(line, texts)

    @staticmethod
    def _switched_off(line: int, texts: Texts) -> LeftOut | None:
        status = texts["status"]
        word = fold(status)
        if word in _GONE:
            return LeftOut(line, LeftOutBecause.TERMINATED, f"status {shorten(status)}")
        if word in _OFF or word in _NO:
            return LeftOut(line, LeftOutBecause.DISABLED, f"status {shorten(status)}")
        enabled = fold(texts["enabled"])
        if enabled in _NO or enabled in _OFF or enabled in _GONE:
            return LeftOut(line, LeftOutBecause.DISABLED, "not enabled")
        if fold(texts["blocked"]) in _YES:
            return LeftOut(line, LeftOutBecause.DISABLED, "blocked")
        return None

    def _last_day(self, line: int, text: str) -> date | None:
        day = read_date(text, month_first=self._month_first) if text else None
        if text and day is None:
            self._notes.add(line, f"the last day {shorten(text)!r} is no date; the person is kept")
        return day

    def _leave(self, line: int, text: str) -> date | None:
        day = read_date(text, month_first=self._month_first) if text else None
        if text and day is None:
            self._notes.add(line, f"the end of the leave {shorten(text)!r} is no date; taken as not on leave")
        return day if day is None or day >= self._today else None

    def _language(self, line: int, text: str) -> str | None:
        if not text:
            return None
        language = recognise_language(text.partition(",")[0].partition(";")[0])
        if language is None:
            self._notes.add(
                line, f"language {shorten(text)!r} is none of {', '.join(LANGUAGES)}; the organisation's rules choose one"
            )
        return language

    def _cut(self, line: int, what: str, text: str) -> str:
        if len(text) > _LONGEST_TEXT:
            self._notes.add(line, f"the {what} is longer than {_LONGEST_TEXT} characters and was cut")
        return text[:_LONGEST_TEXT]

    def _name(self, line: int, texts: Texts) -> tuple[str, str, str]:
        """Given name, family name, and the full name as it stands in the file."""
        given, family, full = texts["given_name"], texts["family_name"], texts["full_name"] or texts["family_first"]
        if full and not (given and family):
            if given:
                family = _rest(full, given)
            elif family:
                given = _rest(full, family)
            else:
                given, family = split_name(full, family_first=not texts["full_name"])
        return self._cut(line, "given name", given), self._cut(line, "family name", family), full

    def _place(self, line: int, texts: Texts) -> tuple[str | None, str | None, str]:
        zone_text, country_text, region_text = texts["time_zone"], texts["country"], texts["region"]
        zone = places.time_zone(zone_text) if zone_text else None
        if zone_text and zone is None:
            self._notes.add(line, f"time zone {shorten(zone_text)!r} is not known; taken from the country or the organisation")
        country = places.country_code(country_text) if country_text else None
        if country_text and country is None:
            self._notes.add(line, f"country {shorten(country_text)!r} is not known; taken from the time zone or the organisation")
        named, region_text = places.split_region(region_text)
        if country is None:
            country = named or (places.country_of_zone(zone) if zone else None)
        zone = zone or self._zone_of(line, country)
        country = country or self._defaults.country
        return country, self._region(line, country, named, region_text), zone

    def _region(self, line: int, country: str | None, named: str | None, text: str) -> str | None:
        if not text or country is None or not places.has_regions(country):
            return None
        code = places.region_code(country, text) if named in {None, country} else None
        if code is None:
            self._notes.add(line, f"region {shorten(text)!r} of {country} is not known; the holidays of the whole country hold")
        return code

    def _zone_of(self, line: int, country: str | None) -> str:
        zone, guessed = places.zone_of_country(country) if country else (None, False)
        if zone is None:
            return self._defaults.time_zone
        if guessed:
            self._notes.add(line, f"{country} has several time zones and the row names none; {zone} was taken")
        return zone


def _rest(full: str, part: str) -> str:
    """What remains of a full name without the part that is known."""
    words = full.replace(",", " ").split()
    known = {word.casefold() for word in part.split()}
    return " ".join(word for word in words if word.casefold() not in known)
