"""How the dashboard writes numbers, dates and the words of the program, in the language and the zone of whoever reads.

The names are message ids of the catalogue `admin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from babel.units import format_unit

from notifier.content.facts import LOCALES
from notifier.content.words import words as gettext
from notifier.domain.campaign import Answer, Assurance
from notifier.store.finding import Gap
from notifier.store.roster_changes import Touch
from notifier.store.tables import Kind, State

DOMAIN = "admin"
_INSTANTS = {"en": "EEE d MMM, HH:mm", "fr": "EEE d MMM, HH:mm", "de": "EEE, d. MMM, HH:mm"}
_INSTANTS_OF_A_YEAR = {"en": "EEE d MMM y, HH:mm", "fr": "EEE d MMM y, HH:mm", "de": "EEE, d. MMM y, HH:mm"}
_SHORT_DAYS = {"en": "d MMM", "fr": "d MMM", "de": "d. MMM"}
_NEAR = timedelta(days=180)
_MUCH = 4096

STATES: Mapping[State, str] = {
    State.PLANNED: "waiting",
    State.CLAIMED: "being sent",
    State.RETRY: "will be tried again",
    State.ACCEPTED: "handed over",
    State.REFUSED: "refused for good",
    State.UNKNOWN: "nobody knows",
    State.SUPERSEDED: "overtaken by a later one",
    State.CANCELLED: "cancelled",
    State.MISSED: "too late",
}
KINDS: Mapping[Kind, str] = {
    Kind.REMINDER: "reminder",
    Kind.RECEIPT: "receipt",
    Kind.REWRITE: "earlier Slack message brought up to date",
    Kind.NUDGE: "reminder that the manager asked for",
    Kind.SUMMARY: "summary for a manager",
    Kind.ESCALATION: "escalation to a manager",
    Kind.ORGANISATION: "summary for an officer",
    Kind.WEBHOOK: "call of a program",
}
ANSWERS: Mapping[Answer, str] = {
    Answer.DONE: "done",
    Answer.ALREADY_OFF: "already off",
    Answer.NO_ACCOUNT: "no account",
    Answer.PREFER_NOT_TO_SAY: "prefers not to say",
    Answer.HELP: "asks for help",
    Answer.EXEMPT: "exempt",
}
ASSURANCES: Mapping[Assurance, str] = {
    Assurance.SSO: "signed in",
    Assurance.SLACK: "in Slack",
    Assurance.LINK: "by the personal link",
    Assurance.PROVISIONAL: "not certain yet",
    Assurance.ATTESTED: "attested by an operator",
}
GAPS: Mapping[Gap, str] = {
    Gap.LANGUAGE: "without language",
    Gap.DEPARTMENT: "without department",
    Gap.COUNTRY: "without country",
    Gap.MANAGER: "without manager",
    Gap.KNOWN_MANAGER: "with an unknown manager",
}
TOUCHES: Mapping[Touch, str] = {Touch.CAME: "new", Touch.WENT: "gone", Touch.CHANGED: "changed"}
FIELDS: Mapping[str, str] = {
    "id": "id",
    "email": "address",
    "given_name": "given name",
    "family_name": "family name",
    "time_zone": "time zone",
    "country": "country",
    "region": "region",
    "language": "language",
    "department": "department",
    "manager_id": "manager",
    "leave_until": "leave",
}
CHANNELS: Mapping[str, str] = {"smtp": "e-mail", "graph": "e-mail", "file": "file", "slack": "Slack", "email": "e-mail"}


def translated(text: str, language: str) -> str:
    """A text without gaps, which may hold anything; as it is where the catalogue does not know it."""
    return gettext(language, DOMAIN)(text)


@lru_cache(maxsize=_MUCH)
def number(value: int, language: str) -> str:
    """12,430; 12 430; 12.430."""
    return format_decimal(value, locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def instant(when: datetime, zone: ZoneInfo, language: str, today: date) -> str:
    """ "Fri 3 Oct, 09:00"; with the year where it is more than half a year away."""
    patterns = _INSTANTS if abs(when.astimezone(zone).date() - today) < _NEAR else _INSTANTS_OF_A_YEAR
    return format_datetime(when, patterns[language], tzinfo=zone, locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def clock_time(when: datetime, zone: ZoneInfo) -> str:
    """ "09:00:07"."""
    return f"{when.astimezone(zone):%H:%M:%S}"


@lru_cache(maxsize=_MUCH)
def long_day(day: date, language: str) -> str:
    """ "Monday, 3 November 2025"."""
    return format_date(day, "full", locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def short_day(day: date, language: str) -> str:
    """ "3 Nov"."""
    return format_date(day, _SHORT_DAYS[language], locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def days(count: int, language: str) -> str:
    """ "19 days"."""
    return format_unit(abs(count), "duration-day", length="long", locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def lasting(span: timedelta, language: str) -> str:
    """The largest whole unit of a span: "3 days", "2 hours", "12 minutes", "40 seconds"."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and unit == "day"):
            return format_unit(seconds // size, f"duration-{unit}", length="long", locale=LOCALES[language])
    return format_unit(seconds, "duration-second", length="long", locale=LOCALES[language])


@lru_cache(maxsize=_MUCH)
def country(code: str, language: str) -> str:
    """The country's name: "Switzerland"."""
    name: str | None = Locale.parse(LOCALES[language]).territories.get(code)
    return name or code


@lru_cache(maxsize=64)
def language_name(code: str, language: str) -> str:
    """ "French", "français", "Französisch"."""
    name: str | None = Locale.parse(LOCALES[language]).languages.get(code)
    return name or code


@lru_cache(maxsize=64)
def bytes_of(size: int, language: str) -> str:
    """ "18.4 MB", "81.1 GB"."""
    amount, unit = (size / 1e9, "GB") if size >= 1e9 else (size / 1e6, "MB")
    return f"{format_decimal(round(amount, 1), locale=LOCALES[language])}\u00a0{unit}"
