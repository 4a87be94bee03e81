"""What a text may say about the sender and about one person: the names a template knows, and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from babel.dates import format_date, format_time, format_timedelta
from babel.units import format_unit

from notifier.content.plain import one_line
from notifier.content.typography import NO_BREAK
from notifier.content.words import words
from notifier.domain.campaign import Answer

Value: TypeAlias = str | int | bool

# British English, because a date like 11/3/2025 or a week that begins on Sunday would puzzle the rest of Europe.
LOCALES = {"en": "en_GB", "fr": "fr", "de": "de"}
# CLDR would turn 14 days into "2 weeks" below this many of a unit.
_NEVER_A_LARGER_UNIT = 1e9

_DATES = ("deadline_text", "deadline_day_text", "last_day_text", "answered_text")
_DAY_BEFORE_MONTH = re.compile(r"(?:(?<=\d)|(?<=\d\.)|(?<=1er)) (?=[^\W\d])")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: the same in every message.

    Attributes:
        organisation: its name, as employees know it.
        contact_name: whom employees can ask.
        contact_phone: empty where there is none.
        privacy_notice: address of the page that says what is stored, or empty.
    """

    organisation: str
    contact_name: str
    contact_email: str
    contact_phone: str = ""
    privacy_notice: str = ""


@dataclass(slots=True)
class Facts:
    """What a text says about one person. Nobody changes it: see `content.mail.Mail`.

    Attributes:
        given_name: may be empty, and may hold anything a roster can hold.
        name: given and family name, likewise.
        link: the person's own link; the same in every message of a campaign.
        today: the date where the person is.
        deadline: the start of this day is the deadline.
        first_notice: True when nothing of this campaign was sent to this person before.
        answer: what they answered, for receipts and pages.
        answered_at: when, on the person's own clock.
    """

    given_name: str
    name: str
    link: str
    today: date
    deadline: date
    first_notice: bool
    answer: Answer | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _DateWords:
    days_text: str
    in_days_text: str
    days_over_text: str
    deadline_text: str
    deadline_day_text: str
    last_day_text: str


# Every name a text may use, with an example of its value.
NAMES: Mapping[str, Value] = {
    "given_name": "Zoé",
    "name": "Zoé Exemple",
    "link": "https://notifier.example.com/a/1",
    "link_site": "https://notifier.example.com",
    "first_notice": True,
    "organisation": "Example SA",
    "contact_name": "Privacy Office",
    "contact_email": "privacy@example.com",
    "contact_phone": "+41 22 000 00 00",
    "privacy_notice": "https://example.com/privacy",
    "days": 19,
    "days_text": "19 days",
    "in_days_text": "in 19 days",
    "days_over_text": "0 days",
    "deadline_text": "3 November 2025",
    "deadline_day_text": "Monday, 3 November 2025",
    "last_day_text": "Sunday, 2 November 2025",
    "today_is_last_day": False,
    "is_over": False,
    "answer": "done",
    "answer_text": "I have switched it off",
    "answered_text": "Tuesday, 14 October 2025 at 10:14",
}


def context(sender: Sender, facts: Facts, language: str, answer_text: str) -> dict[str, Value]:
    """The value of each of NAMES: plain strings, numbers and truth values, never objects."""
    days = (facts.deadline - facts.today).days
    dates = _date_words(language, facts.deadline, days)
    return {
        **personal(facts),
        "link_site": link_site(facts.link),
        "first_notice": facts.first_notice,
        "organisation": sender.organisation,
        "contact_name": sender.contact_name,
        "contact_email": sender.contact_email,
        "contact_phone": sender.contact_phone,
        "privacy_notice": sender.privacy_notice,
        "days": days,
        "days_text": dates.days_text,
        "in_days_text": dates.in_days_text,
        "days_over_text": dates.days_over_text,
        "deadline_text": dates.deadline_text,
        "deadline_day_text": dates.deadline_day_text,
        "last_day_text": dates.last_day_text,
        "today_is_last_day": days == 1,
        "is_over": days <= 0,
        "answer": "" if facts.answer is None else facts.answer.value,
        "answer_text": answer_text,
        "answered_text": "" if facts.answered_at is None else moment(facts.answered_at, language),
    }


def personal(facts: Facts) -> dict[str, str]:
    """The values of the names that differ from person to person: `woven.PERSONAL`."""
    return {"given_name": _name(facts.given_name), "name": _name(facts.name), "link": facts.link}


def link_site(link: str) -> str:
    """The part of a link that people know."""
    return "/".join(link.split("/", 3)[:3])


def unbroken(values: Mapping[str, Value]) -> dict[str, Value]:
    """The same values for HTML, where no line may end between "3" and "November"."""
    return {**values, **{name: _unbroken(str(values[name])) for name in _DATES}}


@lru_cache(maxsize=2048)
def _unbroken(text: str) -> str:
    return _DAY_BEFORE_MONTH.sub(NO_BREAK, text, count=1)


def _name(value: str) -> str:
    """A name as it may stand in a text. What holds an address is no name: mail programs would turn it into a link."""
    return "" if "@" in value else one_line(value)


@lru_cache(maxsize=2048)
def _date_words(language: str, deadline: date, days: int) -> _DateWords:
    return _DateWords(
        days_text=_count(abs(days), language),
        in_days_text=_relative(days, language),
        days_over_text=_count(max(-days, 0), language),
        deadline_text=_date(deadline, "long", language),
        deadline_day_text=_date(deadline, "full", language),
        last_day_text=_date(deadline - timedelta(days=1), "full", language),
    )


def _count(days: int, language: str) -> str:
    return format_unit(days, "duration-day", length="long", locale=LOCALES[language])


def _relative(days: int, language: str) -> str:
    near = {1: "tomorrow", 0: "today", -1: "yesterday"}
    if days in near:
        return words(language, "mail")(near[days])
    return format_timedelta(
        timedelta(days=days),
        granularity="day",
        threshold=_NEVER_A_LARGER_UNIT,
        add_direction=True,
        locale=LOCALES[language],
    )


def _date(day: date, length: str, language: str) -> str:
    text = format_date(day, length, locale=LOCALES[language])
    if language == "fr" and day.day == 1:
        return text.replace("1 ", "1er ", 1)  # French counts the first of a month, and CLDR does not
    return text


def moment(when: datetime, language: str, length: str = "full") -> str:
    """Day and time of day: "Sunday, 12 October 2025 at 10:14", or with the length "long" without the day of the week."""
    parts = {"date": _date(when.date(), length, language), "time": format_time(when.time(), "short", locale=LOCALES[language])}
    return words(language, "mail")("%(date)s at %(time)s") % parts
