"""What is accepted for each kind of value, and what is suggested for the rest."""

from __future__ import annotations

import base64
from datetime import date, time
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from notifier.settings import Refresh, Settings, kinds, parse_refresh, schema, webhook
from notifier.settings.dates import read_day, suggest_day
from notifier.settings.kinds import WrongValueError


def _check(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def _wrong(kind: Any, value: Any) -> WrongValueError:
    with pytest.raises(ValidationError) as caught:
        _check(kind, value)
    wrong = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(wrong, WrongValueError)
    return wrong


def _fix(kind: Any, value: Any) -> str:
    return _wrong(kind, value).fix


def _wanted(kind: Any, value: Any) -> str:
    return _wrong(kind, value).wanted


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.TimeZone, "Europe/Zurich"),
        (kinds.TimeZone, "America/Argentina/Buenos_Aires"),
        (kinds.Mailbox, "privacy@example.com"),
        (kinds.Mailbox, "Privacy Office <privacy@example.com>"),
        (kinds.Mailbox, '"Example SA, Privacy" <privacy@example.com>'),
        (kinds.Mailbox, "Büro für Datenschutz <datenschutz@example.com>"),
        (kinds.BaseUrl, "https://example.com/notifier"),
        (kinds.BaseUrl, "http://127.0.0.1:8080"),
        (kinds.Listen, "0.0.0.0:80"),
        (kinds.Listen, "[::1]:8080"),
        (kinds.Country, "CH"),
        (kinds.Country, "XK"),
        (kinds.DatabaseUrl, "sqlite:///notifier.db"),
        (kinds.DatabaseUrl, "sqlite:////var/lib/notifier/notifier.db"),
        (kinds.DatabaseUrl, "postgresql+psycopg://notifier@db.example.com:5432/notifier?sslmode=verify-full"),
        (kinds.MessageName, "last-call"),
        (kinds.Hours, "09:00-17:00"),
        (kinds.Page, "https://intranet.example.com/a?b=c#d"),
        (webhook.WebhookUrl, "https://hr.example.com/hooks/ann@example.com?a=b"),
        (webhook.WebhookUrl, "http://127.0.0.1:8080/hook"),
        (webhook.WebhookUrl, "http://localhost/hook"),
    ],
)
def test_sound_values_are_taken_as_they_are(kind: Any, value: str) -> None:
    assert _check(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value", "fix"),
    [
        (kinds.TimeZone, "Zurich", 'write "Europe/Zurich"'),
        (kinds.TimeZone, "europe/paris", 'write "Europe/Paris"'),
        (kinds.TimeZone, "New York", 'write "America/New_York"'),
        (kinds.TimeZone, "Europe/Züric", 'write "Europe/Zurich"'),
        (kinds.TimeZone, "qqq", 'write a name of the IANA list, like "Europe/Zurich"'),
        (kinds.BaseUrl, "notifier.example.com", 'write "https://notifier.example.com"'),
        (kinds.BaseUrl, "https://me:pw@example.com/x?y", 'write "https://example.com/x", without a login, ? or #'),
        (kinds.BaseUrl, "ftp://example.com", 'write one like "https://notifier.example.com"'),
        (kinds.Listen, "8080", 'write "127.0.0.1:8080"'),
        (kinds.Listen, ":9000", 'write "127.0.0.1:9000"'),
        (kinds.Listen, "localhost", 'write "localhost:8080"'),
        (kinds.Country, "UK", 'write "GB": that is the United Kingdom there'),
        (kinds.Country, "Switzerland", 'write "CH"'),
        (kinds.Country, "EU", 'write its two capital letters, like "CH"'),
        (kinds.DatabaseUrl, "sqlite://notifier.db", 'write three slashes: "sqlite:///notifier.db"'),
        (kinds.DatabaseUrl, "postgresql://h/n", "begin it with postgresql+psycopg://"),
        (kinds.DatabaseUrl, "notifier.db", "write sqlite:///notifier.db, or postgresql+psycopg://USER@HOST/NAME"),
        (kinds.MessageName, "Last Call", 'write "last-call"'),
        (kinds.CampaignName, "LinkedIn & KI", "write linkedin-ki"),
        (webhook.WebhookUrl, "hr.example.com/hook", 'write "https://hr.example.com/hook"'),
        (webhook.WebhookUrl, "http://hr.example.com/hook", 'write "https://hr.example.com/hook"'),
        (webhook.WebhookUrl, "ftp://localhost/hook", 'write "https://localhost/hook"'),
        (webhook.WebhookUrl, "https://me:pw@hr.example.com/hook", 'write "https://hr.example.com/hook"'),
        (webhook.WebhookUrl, "https://me@here:pw@hr.example.com", 'write "https://hr.example.com"'),
        (webhook.WebhookUrl, "https://hr.example.com/hook#a#b", 'write "https://hr.example.com/hook"'),
        (webhook.WebhookUrl, "http://hr.example.com?a=b://c", 'write "https://hr.example.com?a=b://c"'),
        *(
            (webhook.WebhookUrl, broken, 'write "https://hr.example.com/hooks/notifier"')
            for broken in ("https://", "https:///hook", "http://hr.example.com/a b")
        ),
        (kinds.Hours, "9-17", 'write "09:00-17:00"'),
        (kinds.Hours, "9h - 12h", 'write "09:00-12:00"'),
        (kinds.Hours, "17:00-09:00", 'write "09:00-17:00", for example'),
        (kinds.Hours, "25:00-26:00", 'write "09:00-17:00", for example'),
        (kinds.Hours, "morning", 'write "09:00-17:00", for example'),
    ],
)
def test_what_is_suggested(kind: Any, value: str, fix: str) -> None:
    assert _fix(kind, value) == fix


@pytest.mark.parametrize("text", ["", "a", "@example.com", "a@b", "a@b.ch, c@d.ch", "a@b.ch\nBcc: c@d.ch", "A <a@b.ch>\n"])
def test_what_is_no_address(text: str) -> None:
    assert _fix(kinds.Mailbox, text)


@given(st.sampled_from(sorted(available_timezones())))
def test_every_zone_of_iana_is_known(name: str) -> None:
    assert _check(kinds.TimeZone, name) == name


@pytest.mark.parametrize("value", [20251103, 1.5, True, None, "2025-W45-1", "20251103", ["2025-11-03"]])
def test_what_is_no_date(value: Any) -> None:
    """A number is never taken for seconds since 1970."""
    assert _fix(kinds.Day, value)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_usual_way_to_write_a_day_leads_to_the_right_one(day: date) -> None:
    assert read_day(day.isoformat()) == day
    month_names = {day.strftime("%B"), day.strftime("%b")}
    forms = [f"{day.day}.{day.month}.{day.year}", day.strftime("%d.%m.%Y"), day.strftime("%d.%m.%y"), day.strftime("%Y/%m/%d")]
    forms += [day.strftime("%Y%m%d"), day.strftime("%d-%m-%Y")]
    forms += [form for name in month_names for form in (f"{day.day} {name} {day.year}", f"{name} {day.day}, {day.year}")]
    for form in forms:
        assert suggest_day(form) == f"write {day}"
    if day.day != day.month:
        assert f"{day}" in suggest_day(day.strftime("%d/%m/%Y"))
        assert f"{day}" in suggest_day(day.strftime("%m/%d/%Y"))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3 novembre 2025", "2025-11-03"),
        ("1er août 2026", None),
        ("3. Dezember 2025", "2025-12-03"),
        ("15 février 2026", "2026-02-15"),
        ("3. März 2026", "2026-03-03"),
        ("1 juin 2026", "2026-06-01"),
        ("1 juillet 2026", "2026-07-01"),
        ("1 mai 2026", "2026-05-01"),
    ],
)
def test_french_and_german_dates(text: str, day: str | None) -> None:
    assert suggest_day(text) == (f"write {day}" if day else "write it as year-month-day, like 2025-11-03")


def test_a_day_that_does_not_exist() -> None:
    assert suggest_day("31.02.2026") == "write 2026-02-28, the last day of that month"
    assert suggest_day("31.13.2026") == "write it as year-month-day, like 2025-11-03"


@pytest.mark.parametrize(
    ("text", "refresh"),
    [
        ("every day 05:00", Refresh("day", at=time(5))),
        ("Every  Mon 5:30", Refresh("week", weekday="mon", at=time(5, 30))),
        ("every hour", Refresh("hour")),
        ("never", Refresh("never")),
        *(
            (wrong, None)
            for wrong in ("", "daily", "every day", "every day 24:00", "every hour 05:00", "every 5 minutes", "every mon")
        ),
    ],
)
def test_refresh(text: str, refresh: Refresh | None) -> None:
    assert parse_refresh(text) == refresh


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    nested = [key.kind.model for key in schema.tables() if key.kind.model]
    return {model, *nested}


def of_bytes(size: int) -> str:
    return "whsec_" + base64.b64encode(b"\xff" * size).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_for_webhooks_has_24_to_64_bytes(size: int) -> None:
    """Standard Webhooks, "Signature scheme"."""
    assert _check(webhook.WebhookSecret, of_bytes(size)).get_secret_value() == of_bytes(size)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        of_bytes(23),
        of_bytes(65),
        of_bytes(32).removeprefix("whsec_"),
        "WHSEC_" + of_bytes(32)[6:],
        of_bytes(32)[:-1] + "é",
    ],
    ids=["nothing", "no bytes", "23", "65", "no prefix", "another prefix", "no base64"],
)
def test_another_secret_says_how_one_is_made(secret: str) -> None:
    assert _fix(webhook.WebhookSecret, secret) == 'make one: echo "whsec_$(openssl rand -base64 32)"'
    assert _wanted(webhook.WebhookSecret, secret) == 'a secret for webhooks: "whsec_" and 24 to 64 bytes in base64'


@pytest.mark.parametrize("url", ["https://hr.example.com/a b", "https://hr.example.com/a\u200bb", "https:///hook"])
def test_an_address_that_nobody_can_call_is_refused(url: str) -> None:
    assert _wanted(webhook.WebhookUrl, url) == "an address with https"


def test_a_secret_that_signs_calls_to_nobody_is_said_to() -> None:
    with pytest.raises(ValidationError) as caught:
        webhook.Webhook(secret=SecretStr(of_bytes(32)))
    wrong = caught.value.errors()[0]["ctx"]["error"]
    assert (wrong.says, wrong.fix, wrong.key) == ("signs calls to nobody", "add url, or take the secret out", ("secret",))
    assert webhook.Webhook(secret=SecretStr(of_bytes(32)), url="https://hr.example.com").secret is not None
    assert webhook.Webhook().url is None


def test_every_field_and_table_has_a_docstring() -> None:
    for model in _models(Settings):
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            assert field.description.endswith((".", '"', "own."))
