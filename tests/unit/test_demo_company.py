"""The company of the demonstration: the same for the same seed, and a roster that the real code reads whole."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import holidays
import pytest

from notifier.demo import company
from notifier.domain.employee import LANGUAGES
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, RosterReading

FIRST = date(2025, 10, 1)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RosterReading:
    """The whole company, through the file and the code that reads every roster."""
    path: Path = tmp_path_factory.mktemp("demo") / "roster.csv"
    company.write_roster(path, company.people(250, 1))
    return read_roster(path, columns={}, defaults=Defaults("Europe/Zurich"), today=FIRST)


def test_same_seed_same_company_other_seed_another_one() -> None:
    assert company.people(250, 7) == company.people(250, 7)
    assert company.people(250, 7) != company.people(250, 8)


@pytest.mark.parametrize("count", [company.FEWEST, 250, 1000])
def test_as_many_as_asked_for_nobody_twice(count: int) -> None:
    people = company.people(count, 1)
    assert len(people) == len({person.id for person in people}) == len({person.email.casefold() for person in people}) == count


def test_every_row_is_read_and_none_raises_an_eyebrow(reading: RosterReading) -> None:
    assert len(reading.accepted) == 250
    assert not reading.left_out
    assert not reading.set_aside


def test_names_reach_the_roster_as_they_are_written(reading: RosterReading) -> None:
    names = {employee.id: employee.name for employee in reading.accepted}
    for story in company.STORIES:
        assert names[story.person.id] == story.person.name


def test_nine_countries_three_languages_and_some_who_say_nothing(reading: RosterReading) -> None:
    assert {employee.country for employee in reading.accepted} == {"AT", "BE", "CA", "CH", "DE", "ES", "FR", "GB", "LU"}
    assert {employee.language for employee in reading.accepted} == {*LANGUAGES, None}


def test_regions_are_those_that_holidays_depend_on(reading: RosterReading) -> None:
    for employee in reading.accepted:
        if employee.region is not None:
            assert employee.country is not None
            assert employee.region in holidays.country_holidays(employee.country).subdivisions


def test_everybody_is_led_by_somebody_up_to_one_head(reading: RosterReading) -> None:
    manager_of = {employee.id: employee.manager_id for employee in reading.accepted}
    assert [one for one, manager in manager_of.items() if manager is None] == [company.HEAD_ID]
    for one in manager_of:
        chain = [one]
        while (manager := manager_of[chain[-1]]) is not None:
            assert manager not in chain
            chain.append(manager)
        assert chain[-1] == company.HEAD_ID


def test_teams_have_a_size_that_a_summary_can_be_about(reading: RosterReading) -> None:
    sizes = Counter(employee.manager_id for employee in reading.accepted if employee.manager_id not in {None, company.HEAD_ID})
    assert len(sizes) >= 20
    assert max(sizes.values()) <= 12


def test_one_joins_and_one_leaves_on_their_day() -> None:
    people = company.people(company.FEWEST, 1)

    def there(day: date) -> set[str]:
        return {person.id for person in company.on_roster(people, day)}

    joiner, leaver = company.LUKASZ.id, company.HANNAH.id
    assert there(date(2025, 10, 15)) - there(date(2025, 10, 14)) == {joiner}
    assert there(date(2025, 10, 16)) - there(date(2025, 10, 17)) == {leaver}
    assert joiner not in there(FIRST)
    assert leaver in there(FIRST)
