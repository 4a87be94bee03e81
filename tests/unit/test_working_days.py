"""Weekends and public holidays. The days are those of the laws of each country and region."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.domain.employee import Employee
from notifier.domain.working_days import Place, WorkingDays

REFORMATION_DAY = date(2025, 10, 31)  # a Friday
ALL_SAINTS_DAY = date(2025, 11, 1)  # a Saturday
GERMAN_STATES = {"BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"}


def germany(state: str = "") -> Place:
    return Place("Europe/Berlin", "DE", state)


@pytest.mark.parametrize(
    ("country", "region", "place"),
    [
        ("DE", "BB", Place("Europe/Berlin", "DE", "BB")),
        ("DE", None, Place("Europe/Berlin", "DE")),
        (None, None, Place("Europe/Berlin")),
    ],
)
def test_the_place_of_a_person(country: str | None, region: str | None, place: Place) -> None:
    person = Employee("7", "zoe@example.com", "Zoé", "Eymond", "Europe/Berlin", country=country, region=region)
    assert Place.of(person) == place


def test_reformation_day_is_a_holiday_in_nine_german_states() -> None:
    resting = {state for state in GERMAN_STATES if not WorkingDays().is_working_day(REFORMATION_DAY, germany(state))}
    assert resting == {"BB", "HB", "HH", "MV", "NI", "SH", "SN", "ST", "TH"}


def test_all_saints_day_is_a_holiday_in_five_german_states() -> None:
    named = {state for state in GERMAN_STATES if WorkingDays().holiday_name(ALL_SAINTS_DAY, germany(state), "de")}
    assert named == {"BW", "BY", "NW", "RP", "SL"}


@pytest.mark.parametrize(
    ("country", "region", "day", "working"),
    [
        ("CH", "GE", date(2025, 9, 11), False),  # Jeûne genevois: the Thursday after the first Sunday of September
        ("CH", "GE", date(2025, 9, 18), True),
        ("CH", "VD", date(2025, 9, 11), True),
        ("CH", "GE", date(2025, 12, 31), False),  # Restauration de la République
        ("CH", "", date(2025, 8, 1), False),
        ("FR", "", date(2025, 11, 11), False),
        ("FR", "", date(2025, 12, 26), True),
        ("FR", "6AE", date(2025, 12, 26), False),  # Alsace and Moselle kept their second day of Christmas and Good Friday
        ("FR", "67", date(2025, 12, 26), False),
        ("FR", "68", date(2025, 4, 18), False),
        ("FR", "57", date(2025, 12, 26), False),
        ("FR", "Alsace", date(2025, 12, 26), False),
        ("FR", "75", date(2025, 12, 26), True),  # a region without holidays of its own has its country's
        ("FR", "75", date(2025, 11, 11), False),
        ("FR", "NO SUCH", date(2025, 11, 11), False),
        ("DE", "BY", date(2025, 11, 3), True),
        ("GB", "SCT", date(2025, 12, 1), False),  # Saint Andrew's Day, made up for on the Monday
        ("GB", "ENG", date(2025, 12, 1), True),
        ("US", "", date(2021, 12, 31), False),  # New Year's Day 2022 was a Saturday, made up for in the year before
        ("JP", "", date(2025, 11, 3), False),
        ("IN", "", date(2050, 8, 15), False),  # lunar holidays of that year are not known; this one is
        ("XX", "", date(2025, 12, 25), True),
        ("XX", "BY", date(2025, 11, 1), False),
        ("", "", date(2025, 12, 25), True),
        ("", "", date(2025, 11, 2), False),
        ("NYSE", "", date(2025, 11, 27), True),  # a stock exchange is no country
        ("HolidayBase", "", date(2025, 12, 25), True),
    ],
)
def test_a_working_day_depends_on_country_and_region(country: str, region: str, day: date, working: bool) -> None:
    assert WorkingDays().is_working_day(day, Place("UTC", country, region)) is working


def test_every_country_and_region_that_holidays_knows_can_be_asked() -> None:
    """No country, region or year makes it fail or warn, and what it finds is what the package has."""
    for country, regions in holidays.list_supported_countries(include_aliases=False).items():
        for region in ("", *regions[:2]):
            place = Place("UTC", country, region)
            known = holidays.country_holidays(country, subdiv=region or None, years=2025, language="en_US")
            year = [date(2025, 1, 1) + timedelta(days=count) for count in range(365)]
            assert [day for day in year if WorkingDays().holiday_name(day, place, "en") is not None] == sorted(known), (
                country,
                region,
            )


@pytest.mark.parametrize(
    ("country", "region", "day", "language", "name"),
    [
        ("CH", "GE", date(2025, 9, 11), "fr", "Jeûne genevois"),
        ("DE", "SN", REFORMATION_DAY, "de", "Reformationstag"),
        ("DE", "SN", REFORMATION_DAY, "en", "Reformation Day"),
        ("DE", "SN", REFORMATION_DAY, "fr", "Reformation Day"),  # no French names for Germany
        ("DE", "BY", REFORMATION_DAY, "de", None),
        ("FR", "", date(2025, 11, 11), "fr", "Armistice"),
        ("CH", "", date(2025, 8, 1), "de", "Nationalfeiertag"),
        ("GB", "ENG", date(2025, 12, 26), "en", "Boxing Day"),
        ("WS", "", date(2025, 12, 25), "fr", "Christmas Day"),
        ("XX", "", date(2025, 12, 25), "en", None),
    ],
)
def test_a_holiday_has_its_name_in_the_language_asked_for(
    country: str, region: str, day: date, language: str, name: str | None
) -> None:
    assert WorkingDays().holiday_name(day, Place("UTC", country, region), language) == name


@pytest.mark.parametrize(("machine", "year"), [("C", 2041), ("uk_UA.UTF-8", 2042), ("th_TH.UTF-8", 2043)])
def test_names_do_not_depend_on_the_language_of_the_machine(machine: str, year: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `holidays` has no names in the language asked for, it would take the machine's: nobody here asked for Ukrainian.

    Each case has a year of its own, because the names of a year are kept once they are known.
    """
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, machine)
    place = Place("UTC", "DE", "SN")
    names = [WorkingDays().holiday_name(date(year, 10, 31), place, language) for language in ("en", "fr", "de")]
    assert names == ["Reformation Day", "Reformation Day", "Reformationstag"]


@pytest.mark.parametrize(
    ("place", "day", "earlier", "later"),
    [
        (germany("BY"), date(2025, 11, 2), date(2025, 10, 31), date(2025, 11, 3)),
        (germany("BB"), date(2025, 11, 2), date(2025, 10, 30), date(2025, 11, 3)),
        (germany("BB"), date(2025, 10, 30), date(2025, 10, 30), date(2025, 10, 30)),
        (Place("Europe/Zurich", "CH", "GE"), date(2025, 12, 25), date(2025, 12, 24), date(2025, 12, 26)),
        (Place("Asia/Shanghai", "CN"), date(2025, 10, 4), date(2025, 9, 30), date(2025, 10, 9)),  # a break of eight days
        (Place("Pacific/Apia"), date(2011, 12, 30), date(2011, 12, 29), date(2012, 1, 2)),  # a Friday that Samoa never had
        (Place("Pacific/Kwajalein"), date(1993, 8, 21), date(1993, 8, 20), date(1993, 8, 23)),
    ],
)
def test_nearest_working_days(place: Place, day: date, earlier: date, later: date) -> None:
    assert (WorkingDays().nearest_earlier(day, place), WorkingDays().nearest_later(day, place)) == (earlier, later)


def test_a_day_that_the_calendar_drops_is_no_working_day() -> None:
    assert not WorkingDays().is_working_day(date(2011, 12, 30), Place("Pacific/Apia"))
    assert WorkingDays().is_working_day(date(2011, 12, 30), Place("Pacific/Pago_Pago"))


def test_the_organisation_decides_which_days_are_work_days() -> None:
    """Sunday to Thursday, as around the Gulf."""
    gulf = WorkingDays(frozenset({6, 0, 1, 2, 3}))
    assert gulf.nearest_earlier(date(2025, 11, 1), Place("Asia/Riyadh")) == date(2025, 10, 30)
    assert gulf.nearest_later(date(2025, 10, 31), Place("Asia/Riyadh")) == date(2025, 11, 2)
    assert gulf.is_weekend(date(2025, 10, 31))
    assert not gulf.is_weekend(date(2025, 11, 2))


@pytest.mark.parametrize("days", [frozenset(), frozenset({7}), frozenset({-1, 0})])
def test_impossible_work_days_are_refused(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match=r"^expected at least one work day, each from 0 for Monday to 6 for Sunday$"):
        WorkingDays(days)


def test_a_search_ends_where_nobody_ever_works() -> None:
    """No law takes the same weekday off all year, but a new version of `holidays` must not be able to hang the service."""

    class Never(WorkingDays):
        def is_working_day(self, day: date, place: Place) -> bool:  # noqa: ARG002  # the answer is no, whatever is asked
            return False

    assert Never().nearest_later(date(2025, 11, 3), germany()) == date(2025, 11, 3)
    assert Never().nearest_earlier(date(2025, 11, 3), germany()) == date(2025, 11, 3)


@settings(deadline=None)  # the first look at a country and year loads its holidays
@given(
    day=st.dates(date(2020, 1, 1), date(2034, 12, 31)),
    place=st.sampled_from([germany("BY"), germany("BB"), Place("Asia/Tokyo", "JP"), Place("Asia/Shanghai", "CN"), Place("UTC")]),
    work_days=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_the_nearest_working_day_is_one_and_none_lies_between(day: date, place: Place, work_days: frozenset[int]) -> None:
    working_days = WorkingDays(work_days)
    earlier, later = working_days.nearest_earlier(day, place), working_days.nearest_later(day, place)
    assert earlier <= day <= later
    between = [earlier + timedelta(days=count) for count in range((later - earlier).days + 1)]
    assert {d for d in between if working_days.is_working_day(d, place)} == {earlier, later}
