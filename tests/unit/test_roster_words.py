"""The words in single cells: names, addresses, dates, countries, regions, time zones."""

from __future__ import annotations

from datetime import date

import holidays
import pytest

from notifier.roster import places
from notifier.roster.address import read_address
from notifier.roster.names import split_name
from notifier.roster.text import clean, read_date


@pytest.mark.parametrize(
    ("full", "expected"),
    [
        ("Zoé Exemple", ("Zoé", "Exemple")),
        ("Exemple, Zoé", ("Zoé", "Exemple")),
        ("EXEMPLE Zoé", ("Zoé", "EXEMPLE")),
        ("Zoé DE LA RIVE", ("Zoé", "DE LA RIVE")),
        ("Ludwig van der Berg", ("Ludwig", "van der Berg")),
        ("Anna Maria von Muster", ("Anna Maria", "von Muster")),
        ("John Q. Sample", ("John Q.", "Sample")),
        ("Dr. Hans Muster", ("Hans", "Muster")),
        ("Zoé Exemple (On Leave)", ("Zoé", "Exemple")),
        ("Madonna", ("Madonna", "")),
        ("JEAN EXEMPLE", ("JEAN", "EXEMPLE")),
        ("", ("", "")),
        (",", ("", "")),
        ("Dr.", ("Dr.", "")),
    ],
)
def test_full_names_are_split(full: str, expected: tuple[str, str]) -> None:
    assert split_name(full) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("zoe@example.com", "zoe@example.com"),
        ("Zoe.O'Neil+x@Sub.Example.COM", "Zoe.O'Neil+x@Sub.Example.COM"),
        ("Zoé Exemple <zoe@example.com>", "zoe@example.com"),
        ("mailto:zoe@example.com", "zoe@example.com"),
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
    ],
)
def test_addresses_that_are_taken(text: str, address: str) -> None:
    assert read_address(text) == (address, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zoe",
        "zoe@",
        "@example.com",
        "zoe@localhost",
        "zoe@example..com",
        "zoe@-example.com",
        "zoe@example.com,max@example.com",
        "zoe@example.com max@example.com",
        "zoe..x@example.com",
        ".zoe@example.com",
        "zoé@example.com",
        "zoe x@example.com",
        'zoe"@example.com',
        "zoe@exam_ple.com",
        "zoe@[127.0.0.1]",
        f"{'x' * 65}@example.com",
        f"zoe@{'x' * 64}.com",
        f"zoe@{'x.' * 130}com",
        "zoe@example.com\r\nBcc: max@example.com",
        "zoe@" + "ü" * 300,
    ],
)
def test_addresses_that_are_refused_say_why(text: str) -> None:
    address, why = read_address(text)

    assert address == ""
    assert why


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("  two \t words\n", "two words"),
        ("\u202ezoe\u202c", "zoe"),
        ("\u200bzoe\ufeff", "zoe"),
        ("a\x00b", "a b"),
        ('="0012"', "0012"),
        ("=1+1", "=1+1"),
        ("@SUM(A1)", "@SUM(A1)"),
        ("+41 22 000 00 00", "+41 22 000 00 00"),
        ("e\u0301", "é"),
        ("\ud800", "\ufffd"),
    ],
)
def test_cells_are_cleaned(cell: str, expected: str) -> None:
    assert clean(cell) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026-03-01T00:00:00Z", date(2026, 3, 1)),
        ("2026-03-01 00:00:00", date(2026, 3, 1)),
        ("01.03.2026", date(2026, 3, 1)),
        ("1.3.26", date(2026, 3, 1)),
        ("01/03/2026", date(2026, 3, 1)),
        ("03/31/2026", date(2026, 3, 31)),
        ("01/03/2026 00:00:00", date(2026, 3, 1)),
        ("46082", date(2026, 3, 1)),
        ("31.02.2026", None),
        ("soon", None),
        ("1", None),
        ("99/99/9999", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert read_date(text) == expected


def test_dates_with_the_month_first() -> None:
    assert read_date("01/03/2026", month_first=True) == date(2026, 1, 3)
    assert read_date("01.03.2026", month_first=True) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CH", "CH"),
        ("che", "CH"),
        ("Switzerland", "CH"),
        ("Suisse", "CH"),
        ("Schweiz", "CH"),
        ("Etats-Unis", "US"),
        ("USA", "US"),
        ("UK", "GB"),
        ("Vereinigtes Königreich", "GB"),
        ("ÖSTERREICH", "AT"),
        ("Namibia", "NA"),
        ("NA", "NA"),
        ("EU", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_countries(text: str, code: str | None) -> None:
    assert places.country_code(text) == code


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("CH", "GE", "GE"),
        ("CH", "Genève", "GE"),
        ("CH", "Geneva", "GE"),
        ("CH", "St. Gallen", "SG"),
        ("CH", "Zürich", "ZH"),
        ("DE", "Bayern", "BY"),
        ("DE", "Bavaria", "BY"),
        ("DE", "Baden-Wuerttemberg", "BW"),
        ("GB", "Scotland", "SCT"),
        ("US", "New York", "NY"),
        ("FR", "Île-de-France", None),
        ("DE", "GE", None),
    ],
)
def test_regions_are_those_with_holidays_of_their_own(country: str, text: str, code: str | None) -> None:
    assert places.region_code(country, text) == code
    assert code is None or code in holidays.country_holidays(country).subdivisions


def test_every_region_synonym_is_a_region_of_holidays() -> None:
    for country, names in places._REGION_SYNONYMS.items():
        assert set(names) <= set(holidays.country_holidays(country).subdivisions)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Zurich", "Europe/Zurich"),
        ("europe/zurich", "Europe/Zurich"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("UTC", "UTC"),
        ("Mars/Olympus", None),
        ("../../etc/passwd", None),
    ],
)
def test_time_zones(text: str, zone: str | None) -> None:
    assert places.time_zone(text) == zone
