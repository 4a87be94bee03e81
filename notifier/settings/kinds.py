"""The kinds of value a key can have: what is accepted, and what an admin reads when it is something else.

A validator raises `WrongValueError`, which says in whole words what is expected and one thing to do. `Says` gives the same kind a
phrase for the reference. Nothing here reads a file or the clock.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import getaddresses
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel import Locale
from pydantic import AfterValidator, BeforeValidator, Field

from notifier.domain.window import Window
from notifier.settings.dates import read_day, suggest_day
from notifier.settings.refresh import parse_refresh

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


class WrongValueError(ValueError):
    """A value that cannot be used.

    Attributes:
        says: what is wrong, to be read after the value: "is not a date".
        wanted: what is expected, as a phrase: "a date".
        fix: one thing to do: "write 2026-03-31".
        key: the path below what is checked, when it is a whole table or list.
    """

    def __init__(self, wanted: str, fix: str, *, says: str | None = None, key: tuple[str | int, ...] = ()) -> None:
        self.says = says or f"is not {wanted}"
        self.wanted = wanted
        self.fix = fix
        self.key = key
        super().__init__(f"{self.says}; {fix}")


@dataclass(frozen=True, slots=True)
class Says:
    """How a kind is called.

    Attributes:
        phrase: "the name of a time zone".
        example: a value as it is written in TOML.
        from_variable: turns a name taken from an environment variable (lower case, underscores) into a key of this kind.
    """

    phrase: str
    example: str
    from_variable: Callable[[str], str] = str


def _time_zone(name: str) -> str:
    zones = available_timezones()
    if name in zones:
        return name
    last_part = name.rpartition("/")[2].lower().replace(" ", "_")
    same_place = sorted(zone for zone in zones if zone.rpartition("/")[2].lower() == last_part)
    near = same_place or difflib.get_close_matches(name, zones, 1, 0.7)
    fix = f'write "{near[0]}"' if near else 'write a name of the IANA list, like "Europe/Zurich"'
    raise WrongValueError(wanted="the name of a time zone", fix=fix)


def _mailbox(text: str) -> str:
    addresses = [address for _, address in getaddresses([text])]
    local, _, domain = addresses[0].rpartition("@") if len(addresses) == 1 else ("", "", "")
    whole = "." in domain and local and not re.search(r"[\s,;]", local + domain)
    if whole and all(character.isprintable() for character in text):
        return text
    before, bracket, after = text.partition("<")
    if bracket and "," in before and '"' not in before:
        raise WrongValueError(wanted="an e-mail address", fix=f"""put the name in quotes: '"{before.strip()}" <{after}'""")
    raise WrongValueError(
        wanted="an e-mail address", fix='write a name and an address, like "Privacy Office <privacy@example.com>"'
    )


def _base_url(text: str) -> str:
    wanted = "a web address"
    if not re.match(r"[a-z]+://", text, re.IGNORECASE):
        raise WrongValueError(wanted=wanted, fix=f'write "https://{text.lstrip("/") or "notifier.example.com"}"')
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise WrongValueError(wanted=wanted, fix='write one like "https://notifier.example.com"')
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise WrongValueError(wanted=wanted, fix=f'write "{parts.scheme}://{parts.hostname}{parts.path}", without a login, ? or #')
    return text.rstrip("/")


def _page(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise WrongValueError(wanted="the web address of a page", fix='write one like "https://intranet.example.com/privacy"')
    return text


def _window(text: str) -> str:
    try:
        return str(Window.parse(text))
    except ValueError:
        hours = re.fullmatch(r"(\d{1,2})(?::00|h)?\s*(?:-|–|to)\s*(\d{1,2})(?::00|h)?", text.strip())
        first, last = (int(hours[1]), int(hours[2])) if hours else (9, 17)
        sound = first < last < 24
        written = f"{first:02}:00-{last:02}:00" if sound else "09:00-17:00"
        raise WrongValueError(
            wanted="a range of hours within one day", fix=f'write "{written}"{"" if hours and sound else ", for example"}'
        ) from None


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if host and port.isdecimal() and 0 < int(port) <= 65535:
        return text
    host = host or ("" if port.isdecimal() or ":" in text else text)
    digits = port if port.isdecimal() and 0 < int(port) <= 65535 else "8080"
    raise WrongValueError(wanted="an address and a port", fix=f'write "{host or "127.0.0.1"}:{digits}"')


@cache
def _countries() -> Mapping[str, str]:
    """The codes of ISO 3166 and their English names, without what CLDR has besides countries."""
    names = {str(code): str(name) for code, name in Locale("en").territories.items()}
    return {code: name for code, name in names.items() if re.fullmatch(r"[A-Z]{2}", code) and code not in _NO_COUNTRIES}


def _country(code: str) -> str:
    if code == "UK":
        raise WrongValueError(wanted="a country of ISO 3166", fix='write "GB": that is the United Kingdom there')
    countries = _countries()
    if code in countries:
        return code
    by_name = {name.lower(): known for known, name in countries.items()}
    near = code.upper() if code.upper() in countries else by_name.get(code.lower())
    raise WrongValueError(
        wanted="a country of ISO 3166", fix=f'write "{near}"' if near else 'write its two capital letters, like "CH"'
    )


def _refresh(text: str) -> str:
    if parse_refresh(text) is None:
        raise WrongValueError(wanted="a schedule", fix='write "every day 05:00", "every mon 05:00", "every hour" or "never"')
    return text


def _database_url(text: str) -> str:
    wanted = "the URL of a database"
    scheme, separator, rest = text.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and separator:
        if not rest.startswith("/") or rest == "/":
            raise WrongValueError(wanted=wanted, fix=f'write three slashes: "sqlite:///{rest.lstrip("/") or "notifier.db"}"')
        return text
    if kind in {"postgres", "postgresql"} and separator and scheme != "postgresql+psycopg":
        raise WrongValueError(wanted=wanted, fix="begin it with postgresql+psycopg://")
    parts = urlsplit(text)
    named = parts.hostname or parts.path.strip("/")  # without a host it is a socket of this machine
    if scheme == "postgresql+psycopg" and separator and named:
        return text
    raise WrongValueError(wanted=wanted, fix="write sqlite:///notifier.db, or postgresql+psycopg://USER@HOST/NAME")


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        day = value
    elif isinstance(value, datetime):
        raise WrongValueError(wanted="a date without a time of day", fix=f"write {value.date().isoformat()}")
    elif isinstance(value, str) and (read := read_day(value)):
        day = read
    else:
        raise WrongValueError(wanted="a date", fix=suggest_day(str(value)))
    if not 2000 <= day.year <= 2100:
        raise WrongValueError(wanted="a date of this century", fix="write the year with four digits, like 2025")
    return day


def _name(value: str) -> str:
    if not value.strip():
        raise WrongValueError(wanted="a name", fix='write the name, like "Example SA"', says="is empty")
    return value


def _slug(thing: str, fallback: str, written: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
            return name
        cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]
        raise WrongValueError(
            wanted=f"{thing}: small letters, digits and hyphens", fix=f"write {written.format(cleaned or fallback)}"
        )

    return check


Text = Annotated[str, AfterValidator(_name), Says("text", '"Example SA"')]
TimeZone = Annotated[str, AfterValidator(_time_zone), Says("the name of a time zone", '"Europe/Zurich"')]
Mailbox = Annotated[str, AfterValidator(_mailbox), Says("an e-mail address", '"Privacy Office <privacy@example.com>"')]
BaseUrl = Annotated[str, AfterValidator(_base_url), Says("a web address", '"https://notifier.example.com"')]
Page = Annotated[str, AfterValidator(_page), Says("the web address of a page", '"https://intranet.example.com/privacy"')]
Hours = Annotated[str, AfterValidator(_window), Says("a range of hours within one day", '"09:00-17:00"')]
Listen = Annotated[str, AfterValidator(_listen), Says("an address and a port", '"127.0.0.1:8080"')]
Country = Annotated[str, AfterValidator(_country), Says("a country of ISO 3166", '"CH"', from_variable=str.upper)]
RefreshText = Annotated[str, AfterValidator(_refresh), Says("a schedule", '"every day 05:00"')]
DatabaseUrl = Annotated[str, AfterValidator(_database_url), Says("the URL of a database", '"sqlite:///notifier.db"')]
Day = Annotated[date, BeforeValidator(_day), Says("a date", "2025-11-03")]
MessageName = Annotated[str, AfterValidator(_slug("the name of a text", "notice", '"{}"')), Says("the name of a text", '"notice"')]
CampaignName = Annotated[
    str,
    AfterValidator(_slug("the name of a campaign", "campaign", "{}")),
    Says("the name of a campaign", "linkedin-ai-training", from_variable=lambda name: name.replace("_", "-")),
]
Whole = Annotated[int, Field(strict=True)]
