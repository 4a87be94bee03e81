"""The forecast against plain counting: what goes when, at a provider's pace, inside windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.delivery.forecast import Demand, Wave, demands, forecast, in_audience
from notifier.domain.campaign import Audience, Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, next_opening, schedule
from notifier.domain.window import Window
from notifier.store.quota import Limits
from notifier.store.stories import OpenGroup

ZURICH = Place("Europe/Zurich", "CH", "GE")
NEW_YORK = Place("America/New_York", "US", "NY")
WINDOW = Window(time(9), time(17))
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(7, "reminder"), Step(1, "last-call")))


def at(text: str, place: Place = ZURICH) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(place.time_zone)).astimezone(UTC)


def schedule_of(place: Place, leave_until: date | None) -> tuple[PlannedStep, ...]:
    return schedule(CAMPAIGN, place, WINDOW, WorkingDays(), leave_until)


def opening(after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
    return next_opening(after, place, WINDOW, WorkingDays(), leave_until)


def demand(count: int, step: int = 0, place: Place = ZURICH, language: str = "fr") -> Demand:
    planned = schedule_of(place, None)[step]
    return Demand(
        CAMPAIGN.id,
        planned.step.days_before,
        planned.step.message,
        language,
        place,
        None,
        count,
        planned.opens_at,
        planned.closes_at,
        planned.expires_at,
    )


def waves(wanted: list[Demand], now: str = "2025-10-01T12:00", **limits: int) -> list[Wave]:
    return forecast(wanted, channel="smtp", limits=Limits(**limits), now=at(now), next_opening=opening)


def group(count: int, country: str = "CH", language: str | None = "fr", department: str | None = None) -> OpenGroup:
    place = {"CH": ZURICH, "US": NEW_YORK}[country]
    return OpenGroup(1, place.time_zone, place.country, place.region, None, department, language, count)


def test_without_a_limit_all_go_when_the_window_opens() -> None:
    (wave,) = waves([demand(50_000)])
    assert (wave.count, wave.late, wave.lost) == (50_000, 0, 0)
    assert wave.begins_at == wave.ends_at == at("2025-10-03T09:00")
    assert wave.day == date(2025, 10, 3)


def test_a_limit_a_minute_stretches_the_wave() -> None:
    """1,200 messages at 30 a minute take 40 minutes."""
    (wave,) = waves([demand(1_200)], per_minute=30)
    assert (wave.begins_at, wave.ends_at) == (at("2025-10-03T09:00"), at("2025-10-03T09:40"))


def test_what_does_not_fit_into_the_window_goes_on_at_the_next() -> None:
    """Eight hours at 30 a minute hold 14,400; the rest goes on Monday, and counts as late."""
    friday, monday = waves([demand(20_000)], per_minute=30)
    assert (friday.day, friday.count, friday.late) == (date(2025, 10, 3), 14_400, 0)
    assert friday.ends_at == at("2025-10-03T17:00")
    assert (monday.day, monday.count, monday.late) == (date(2025, 10, 6), 5_600, 5_600)
    assert monday.begins_at == at("2025-10-06T09:00")


def test_what_cannot_go_before_the_step_is_over_is_lost() -> None:
    """The last call opens on Friday 31 October and is over when Monday begins: one window and no more."""
    found = waves([demand(20_000, step=2)], per_minute=30)
    assert sum(wave.count for wave in found) == 14_400
    assert sum(wave.lost for wave in found) == 5_600


def test_a_limit_a_day_leaves_the_rest_for_the_days_after() -> None:
    found = waves([demand(2_500)], per_day=1_000)
    assert [(wave.day, wave.count) for wave in found] == [
        (date(2025, 10, 3), 1_000),
        (date(2025, 10, 6), 1_000),
        (date(2025, 10, 7), 500),
    ]


def test_zones_share_one_provider() -> None:
    """New York opens six hours after Zurich; what Zurich has left over by then is before it in the line."""
    found = waves([demand(12_000), demand(1_000, place=NEW_YORK, language="en")], per_minute=30)
    by_language = {wave.language: wave for wave in found}
    assert by_language["fr"].ends_at == at("2025-10-03T15:40")
    assert by_language["en"].begins_at is not None
    assert by_language["en"].begins_at >= at("2025-10-03T15:00")
    assert by_language["en"].ends_at == at("2025-10-03T15:40") + timedelta(minutes=1_000 / 30)
    assert sum(wave.count for wave in found) == 13_000


def test_who_comes_when_the_day_is_used_up_goes_on_the_next() -> None:
    """Two languages at nine o'clock, and the limit of the day is enough for the first of them only."""
    french, english = waves([demand(1_000), demand(500, language="en")], per_day=1_000)
    assert (french.language, french.day, french.count, french.late) == ("fr", date(2025, 10, 3), 1_000, 0)
    assert (english.language, english.day, english.count, english.late) == ("en", date(2025, 10, 6), 500, 500)


@pytest.mark.parametrize("per_minute", [None, 7, 30, 1000])
@pytest.mark.parametrize("per_day", [None, 5_000])
def test_nobody_is_lost_from_the_count(per_minute: int | None, per_day: int | None) -> None:
    wanted = [demand(4_321, step, place) for step in range(3) for place in (ZURICH, NEW_YORK)]
    limits = {name: value for name, value in (("per_minute", per_minute), ("per_day", per_day)) if value is not None}
    found = waves(wanted, **limits)
    assert sum(wave.count + wave.lost for wave in found) == 6 * 4_321
    for wave in found:
        if wave.begins_at is not None and wave.ends_at is not None:
            assert wave.begins_at <= wave.ends_at


def test_only_open_people_of_the_audience_are_asked_for() -> None:
    campaign = Campaign(CAMPAIGN.id, CAMPAIGN.deadline, CAMPAIGN.steps, Audience(countries=("CH",)), {"CH": "de"})
    groups = [group(5), group(7, "US"), group(3, language=None)]
    found = list(demands(campaign, 0, groups, schedule_of, at("2025-10-01T12:00"), "en"))
    assert [(one.count, one.language) for one in found] == [(5, "fr"), (3, "de")]


def test_a_step_that_is_over_asks_for_nothing() -> None:
    assert list(demands(CAMPAIGN, 0, [group(5)], schedule_of, at("2025-10-28T12:00"), "en")) == []
    assert [one.count for one in demands(CAMPAIGN, 1, [group(5)], schedule_of, at("2025-10-28T12:00"), "en")] == [5]


@pytest.mark.parametrize(
    ("audience", "country", "department", "inside"),
    [
        (Audience(), "", None, True),
        (Audience(countries=("CH",)), "CH", None, True),
        (Audience(countries=("CH",)), "", None, False),
        (Audience(departments=("Sales",)), "CH", None, False),
        (Audience(departments=("Sales",)), "CH", "Sales", True),
        (Audience(not_departments=("Board",)), "CH", None, True),
        (Audience(not_departments=("Board",)), "CH", "Board", False),
    ],
)
def test_the_audience(audience: Audience, country: str, department: str | None, inside: bool) -> None:
    assert in_audience(audience, country, department) is inside
