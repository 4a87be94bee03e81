"""Countries, regions and time zones as rosters write them, from the CLDR (Babel), the IANA names and `holidays`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from zoneinfo import available_timezones

import holidays
from babel import Locale
from babel.core import get_global

from notifier.domain.employee import LANGUAGES
from notifier.roster.text import fold

_COUNTRY_SYNONYMS = {
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northernireland": "GB",
    "greatbritain": "GB",
    "grandebretagne": "GB",
    "angleterre": "GB",
    "grossbritannien": "GB",
    "vereinigtekonigreich": "GB",
    "unitedstatesofamerica": "US",
    "etatsunisdamerique": "US",
    "vereinigtestaatenvonamerika": "US",
    "holland": "NL",
    "czechrepublic": "CZ",
    "republiquetcheque": "CZ",
    "tschechischerepublik": "CZ",
    "turkey": "TR",
    "hongkong": "HK",
    "china": "CN",
    "republicofireland": "IE",
    "russianfederation": "RU",
    "korea": "KR",
    "oesterreich": "AT",
    "tuerkei": "TR",
    "republicofkorea": "KR",
}
# English and French names of regions that `holidays` knows by their local names only, and spellings without "Sankt".
_REGION_SYNONYMS = {
    "DE": {
        "BY": "bavaria baviere",
        "SN": "saxony saxe",
        "NI": "lowersaxony bassesaxe",
        "ST": "saxonyanhalt saxeanhalt",
        "HE": "hesse",
        "NW": "northrhinewestphalia rhenaniedunordwestphalie nrw",
        "RP": "rhinelandpalatinate rhenaniepalatinat",
        "TH": "thueringen thuringia thuringe",
        "MV": "mecklenburgwesternpomerania mecklembourgpomerania mecklembourgpomeranieoccidentale",
        "BB": "brandebourg",
        "HB": "breme",
        "HH": "hambourg",
        "SL": "sarre",
        "BW": "badenwuerttemberg badewurtemberg",
    },
    "CH": {
        "AG": "argovie",
        "AI": "appenzellrhodesinterieures",
        "AR": "appenzellrhodesexterieures",
        "BL": "basellandschaft baselland balecampagne",
        "BS": "basel baleville bale",
        "GE": "geneva genf",
        "GL": "glaris",
        "GR": "graubuenden grisons",
        "LU": "lucerne",
        "NE": "neuenburg",
        "NW": "nidwald",
        "OW": "obwald",
        "SG": "stgallen stgall saintgall",
        "SH": "schaffhouse",
        "SO": "soleure",
        "SZ": "schwytz",
        "TG": "thurgovie",
        "TI": "tessin",
        "VD": "waadt",
        "ZG": "zoug",
        "ZH": "zuerich stadtzurich",
    },
    "GB": {"ENG": "angleterre", "SCT": "ecosse schottland", "WLS": "paysdegalles", "NIR": "irlandedunord nordirland"},
}
# Countries with several zones, nearly all of whose people share one (the "primary zones" of the CLDR and their like).
_MAIN_ZONES = {
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "MY": "Asia/Kuala_Lumpur",
    "UZ": "Asia/Tashkent",
    "UA": "Europe/Kyiv",
    "NZ": "Pacific/Auckland",
    "CL": "America/Santiago",
    "AR": "America/Argentina/Buenos_Aires",
    "EC": "America/Guayaquil",
}
# Countries where the zone of the capital is only the likeliest guess.
_CAPITAL_ZONES = {
    "US": "America/New_York",
    "CA": "America/Toronto",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "MX": "America/Mexico_City",
    "RU": "Europe/Moscow",
    "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar",
    "CD": "Africa/Kinshasa",
}
_REGION_CODE = re.compile(r"[A-Z0-9]{1,3}")


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """ISO 3166-1 alpha-2 for a code (two or three letters) or a name in English, French or German; None for anything else."""
    return _countries().get(fold(text))


@lru_cache(maxsize=4096)
def split_region(text: str) -> tuple[str | None, str]:
    """Country and region of `CH-GE`; (None, text) for a region that stands alone."""
    country, dash, region = text.partition("-")
    if dash and len(country.strip()) == 2 and region.strip() and (code := country_code(country.strip())):
        return code, region.strip()
    return None, text


@lru_cache(maxsize=4096)
def region_code(country: str, text: str) -> str | None:
    """The ISO 3166-2 part after the country, if the region has public holidays of its own; None for anything else."""
    return _regions(country).get(fold(text))


def has_regions(country: str) -> bool:
    """Whether public holidays differ between the regions of a country."""
    return bool(_regions(country))


@lru_cache(maxsize=4096)
def time_zone(text: str) -> str | None:
    """The IANA name meant by an IANA name in any case, or by a Windows name ("W. Europe Standard Time"); None otherwise."""
    return _zones().get(text.casefold())


@lru_cache(maxsize=512)
def zone_of_country(country: str) -> tuple[str | None, bool]:
    """The zone of the people of a country, and whether it is a guess among several; (None, False) if there is no saying."""
    if country in _MAIN_ZONES:
        return _MAIN_ZONES[country], False
    if country in _CAPITAL_ZONES:
        return _CAPITAL_ZONES[country], True
    zones = [zone for zone in get_global("territory_zones").get(country, ()) if zone in available_timezones()]
    return (zones[0], False) if len(zones) == 1 else (None, False)


@lru_cache(maxsize=1024)
def country_of_zone(zone: str) -> str | None:
    """The country a time zone belongs to, or None for zones like UTC."""
    return _countries_of_zones().get(zone)


def _territories(language: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale(language).territories.items()}


@cache
def _countries() -> Mapping[str, str]:
    """Every folded code and name. Codes win over names, and English over French over German."""
    known = {
        code
        for code in _territories("en")
        if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "ZZ", "XA", "XB"}
    }
    names = {code.lower(): code for code in known}
    for alias, codes in get_global("territory_aliases").items():
        if alias.isalpha() and len(codes) == 1 and codes[0] in known:
            names.setdefault(alias.lower(), codes[0])
    names |= {name: code for name, code in _COUNTRY_SYNONYMS.items() if name not in names}
    for language in LANGUAGES:
        for code, name in _territories(language).items():
            if code in known:
                names.setdefault(fold(name), code)
    return names


@cache
def _regions(country: str) -> Mapping[str, str]:
    try:
        calendar = holidays.country_holidays(country)
    except NotImplementedError:
        return {}
    aliases: Mapping[str, str] = getattr(calendar, "subdivisions_aliases", {})
    codes = {code for code in calendar.subdivisions if _REGION_CODE.fullmatch(code)}
    names = {fold(name): code for name, code in aliases.items() if code in codes}
    names |= {word: code for code, words in _REGION_SYNONYMS.get(country, {}).items() if code in codes for word in words.split()}
    return names | {code.lower(): code for code in codes}


@cache
def _zones() -> Mapping[str, str]:
    known = available_timezones()
    windows = {name.casefold(): zone for name, zone in get_global("windows_zone_mapping").items() if zone in known}
    return windows | {zone.casefold(): zone for zone in known}


@cache
def _countries_of_zones() -> Mapping[str, str]:
    known = set(_countries().values())
    countries = {zone: country for country, zones in get_global("territory_zones").items() if country in known for zone in zones}
    renamed = {alias: countries[zone] for alias, zone in get_global("zone_aliases").items() if zone in countries}
    later = {zone: country for country, zone in (*_MAIN_ZONES.items(), *_CAPITAL_ZONES.items())}
    return later | renamed | countries
