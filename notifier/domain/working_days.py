"""On which days people work: weekends, and the public holidays of their country and region.

Source of the holidays: the `holidays` package, its category "public", with the days on which a holiday is made up for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import holidays

from notifier.domain.employee import Employee
from notifier.domain.window import day_exists

_MONDAY_TO_FRIDAY = frozenset(range(5))
_SEARCHED = 367  # days

# ISO 3166 still has a code for each department of Alsace; `holidays` knows the collectivity that they form since 2021.
_SAME_HOLIDAYS = {("FR", "67"): "6AE", ("FR", "68"): "6AE"}


@dataclass(frozen=True, slots=True)
class Place:
    """What decides a person's calendar; many people share one.

    Attributes:
        time_zone: an IANA name.
        country: ISO 3166-1 alpha-2 in capitals, or empty.
        region: the ISO 3166-2 part after the country ("GE", "BY"), or empty.
    """

    time_zone: str
    country: str = ""
    region: str = ""

    @classmethod
    def of(cls, employee: Employee) -> Place:
        """Where this person works."""
        return cls(employee.time_zone, employee.country or "", employee.region or "")


class WorkingDays:
    """The organisation's work days, less the public holidays of a place.

    A country that `holidays` does not know has only weekends; a region it does not know has its country's own holidays.

    Attributes:
        work_days: Monday is 0.
    """

    def __init__(self, work_days: frozenset[int] = _MONDAY_TO_FRIDAY) -> None:
        """Keep the days of the week on which people work.

        Raises:
            ValueError: there is none, or one that is no day of the week.
        """
        if not work_days or not work_days <= frozenset(range(7)):
            msg = "expected at least one work day, each from 0 for Monday to 6 for Sunday"
            raise ValueError(msg)
        self.work_days = work_days

    def is_weekend(self, day: date) -> bool:
        """Whether the organisation rests on that day of every week."""
        return day.weekday() not in self.work_days

    def is_working_day(self, day: date, place: Place) -> bool:
        """Neither weekend nor public holiday, and a day that the zone's calendar has."""
        if self.is_weekend(day) or day in _public_holidays(place.country, place.region, day.year, "en"):
            return False
        return day_exists(day, place.time_zone)

    def holiday_name(self, day: date, place: Place, language: str) -> str | None:
        """What the public holiday of that day is called, or None on another day.

        Args:
            language: "en", "fr" or "de"; where `holidays` has no such names for the country, they are English if it has those.
        """
        return _public_holidays(place.country, place.region, day.year, language).get(day)

    def nearest_earlier(self, day: date, place: Place) -> date:
        """That day if it is a working day, else the last one before it; that day too if there is none within a year."""
        return self._nearest(day, place, timedelta(days=-1))

    def nearest_later(self, day: date, place: Place) -> date:
        """That day if it is a working day, else the first one after it; that day too if there is none within a year."""
        return self._nearest(day, place, timedelta(days=1))

    def _nearest(self, day: date, place: Place, stride: timedelta) -> date:
        tried = (day + stride * count for count in range(_SEARCHED))
        return next((candidate for candidate in tried if self.is_working_day(candidate, place)), day)


@cache
def _public_holidays(country: str, region: str, year: int, language: str) -> Mapping[date, str]:
    """The public holidays of one year, with their names."""
    if country not in holidays.list_supported_countries():
        return {}
    names_in = _nearest_language(country, language)
    subdivision = _SAME_HOLIDAYS.get((country, region), region) or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where a far year's lunar holidays are not known; nobody knows them yet
        try:
            found = holidays.country_holidays(country, subdiv=subdivision, years=year, language=names_in)
        except NotImplementedError:
            found = holidays.country_holidays(country, years=year, language=names_in)
    return dict(found.items())


def _nearest_language(country: str, language: str) -> str:
    """A language that `holidays` has for the country; left to itself it would take the machine's."""
    known = holidays.list_localized_countries().get(country, [])
    return next((name for name in known if name.partition("_")[0] == language), "en_US")
