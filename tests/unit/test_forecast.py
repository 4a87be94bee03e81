"""The forecast against plain counting: what goes when, at a provider's pace, inside windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.cli.plan import warnings_of
from notifier.delivery.forecast import Demand, Wave, demands, forecast, in_audience
from notifier.domain.campaign import Audience, Campaign, Step
from notifier.domain.countdown import Place, PlannedStep, WorkingDays, next_opening, schedule
from notifier.domain.ladder import Ladder
from notifier.domain.window import Window
from notifier.store.quota import Limits
from notifier.store.stories import OpenGroup

ZURICH = Place("Europe/Zurich", "CH", "GE")
NEW_YORK = Place("America/New_York", "US", "NY")
BY_MAIL = Ladder(("smtp",))
WINDOW = Window(time(9), time(17))
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(7, "reminder"), Step(1, "last-call")))


def at(text: str, place: Place = ZURICH) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(place.time_zone)).astimezone(UTC)


def schedule_of(place: Place, leave_until: date | None) -> tuple[PlannedStep, ...]:
    return schedule(CAMPAIGN, place, WINDOW, WorkingDays(), leave_until)


def opening(after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
    return next_opening(after, place, WINDOW, WorkingDays(), leave_until)


def demand(count: int, step: int = 0, place: Place = ZURICH, language: str = "fr", channel: str = "smtp") -> Demand:
    planned = schedule_of(place, None)[step]
    return Demand(
        CAMPAIGN.id,
        planned.step.days_before,
        planned.step.message,
        channel,
        language,
        place,
        None,
        count,
        planned.opens_at,
        planned.closes_at,
        planned.expires_at,
    )


def waves(wanted: list[Demand], now: str = "2025-10-01T12:00", **limits: int) -> list[Wave]:
    return forecast(wanted, limits={"smtp": Limits(**limits)}, now=at(now), next_opening=opening)


def group(
    count: int, country: str = "CH", language: str | None = "fr", department: str | None = None, *, on_slack: bool = False
) -> OpenGroup:
    place = {"CH": ZURICH, "US": NEW_YORK}[country]
    return OpenGroup(1, place.time_zone, place.country, place.region, None, department, language, True, on_slack, count)


def test_without_a_limit_all_go_when_the_window_opens() -> None:
    (wave,) = waves([demand(50_000)])
    assert (wave.count, wave.late, wave.lost) == (50_000, 0, 0)
    assert wave.begins_at == wave.ends_at == at("2025-10-03T09:00")
    assert wave.day == date(2025, 10, 3)


def test_a_limit_a_minute_stretches_the_wave() -> None:
    """1,200 messages at 30 a minute take 40 minutes."""
    (wave,) = waves([demand(1_200)], per_minute=30)
    assert (wave.begins_at, wave.ends_at) == (at("2025-10-03T09:00"), at("2025-10-03T09:40"))


def test_a_wave_says_all_about_its_step() -> None:
    opens = at("2025-10-03T09:00")
    ends = at("2025-10-03T09:01")
    assert waves([demand(30)], per_minute=30) == [
        Wave(date(2025, 10, 3), CAMPAIGN.id, 30, "notice", "smtp", "fr", 30, 0, 0, opens, ends, opens)
    ]


def test_waves_of_a_day_stand_in_the_order_of_the_countdown() -> None:
    other = replace(demand(1), campaign="another")
    found = waves([demand(1, 1), demand(1), demand(1, language="de"), other])
    assert [(wave.days_before, wave.campaign, wave.language) for wave in found] == [
        (30, "another", "fr"),
        (30, CAMPAIGN.id, "de"),
        (30, CAMPAIGN.id, "fr"),
        (7, CAMPAIGN.id, "fr"),
    ]


def test_a_window_that_is_open_already_is_used_from_now_on() -> None:
    """Half a minute before it closes 15 go at 30 a minute; what comes when it has closed goes on Monday, all of it late."""
    friday, monday = waves([demand(20)], now="2025-10-03T16:59:30", per_minute=30)
    assert (friday.count, friday.late, friday.begins_at, friday.ends_at) == (
        15,
        0,
        at("2025-10-03T16:59:30"),
        at("2025-10-03T17:00"),
    )
    assert (monday.count, monday.late, monday.begins_at, monday.ends_at) == (
        5,
        5,
        at("2025-10-06T09:00"),
        at("2025-10-06T09:00:10"),
    )
    (late,) = waves([demand(20)], now="2025-10-03T17:00")
    assert (late.day, late.count, late.late) == (date(2025, 10, 6), 20, 20)


def test_a_limit_a_day_looks_back_over_24_hours() -> None:
    """What went on Friday at nine has room again on Saturday at nine, so on Monday the whole limit is there."""
    found = waves([demand(5), demand(5, language="en"), demand(1, language="de")], per_day=6)
    assert [(wave.day.day, wave.language, wave.count, wave.late) for wave in found] == [
        (3, "en", 1, 0),
        (3, "fr", 5, 0),
        (6, "de", 1, 1),
        (6, "en", 4, 4),
    ]


def test_what_is_asked_for_is_the_step_of_the_place() -> None:
    (asked,) = demands(CAMPAIGN, 0, [group(5)], schedule_of, at("2025-10-01T12:00"), "en", BY_MAIL)
    assert asked == demand(5)
    opens = at("2025-10-27T09:00")  # of the reminder: from then on the notice is over
    assert list(demands(CAMPAIGN, 0, [group(5)], schedule_of, opens, "en", BY_MAIL)) == []
    assert len(list(demands(CAMPAIGN, 0, [group(5)], schedule_of, opens - timedelta(seconds=1), "en", BY_MAIL))) == 1
    (default,) = demands(CAMPAIGN, 0, [group(5, language=None)], schedule_of, at("2025-10-01T12:00"), "en", BY_MAIL)
    assert default.language == "en"


def test_nothing_is_asked_for_by_a_step_that_another_takes_over() -> None:
    """Saturday and Sunday before the deadline both move to the Friday; an audience is passed over one by one."""
    campaign = Campaign("x", date(2025, 11, 3), (Step(2, "reminder"), Step(1, "last-call")), Audience(countries=("CH",)))

    def schedule_there(place: Place, leave_until: date | None) -> tuple[PlannedStep, ...]:
        return schedule(campaign, place, WINDOW, WorkingDays(), leave_until)

    groups = [group(7, "US"), group(5)]
    asked = [list(demands(campaign, step, groups, schedule_there, at("2025-10-01T12:00"), "en", BY_MAIL)) for step in (0, 1)]
    assert [[one.count for one in step] for step in asked] == [[], [5]]


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
    found = list(demands(campaign, 0, groups, schedule_of, at("2025-10-01T12:00"), "en", BY_MAIL))
    assert [(one.count, one.language) for one in found] == [(5, "fr"), (3, "de")]


def test_a_step_that_is_over_asks_for_nothing() -> None:
    assert list(demands(CAMPAIGN, 0, [group(5)], schedule_of, at("2025-10-28T12:00"), "en", BY_MAIL)) == []
    assert [one.count for one in demands(CAMPAIGN, 1, [group(5)], schedule_of, at("2025-10-28T12:00"), "en", BY_MAIL)] == [5]


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


def test_several_mailboxes_carry_a_wave_together() -> None:
    """12,420 mails at 30 a minute from 2 mailboxes take 207 minutes: from nine o'clock to 12:27."""
    limits = {"graph": Limits(outlets={"a@example.com": Limits(30, 10_000), "b@example.com": Limits(30, 10_000)})}
    wanted = [demand(12_420, channel="graph")]
    (wave,) = forecast(wanted, limits=limits, now=at("2025-10-01T12:00"), next_opening=opening)
    assert (wave.channel, wave.count, wave.late, wave.ends_at) == ("graph", 12_420, 0, at("2025-10-03T12:27"))
    one_of_them = {"graph": Limits(outlets={"a@example.com": Limits(30, 10_000)})}
    found = forecast(wanted, limits=one_of_them, now=at("2025-10-01T12:00"), next_opening=opening)
    assert [wave.count for wave in found] == [10_000, 2_420]


@pytest.mark.parametrize(
    ("channel", "count", "limits", "said"),
    [
        (
            "graph",
            12_430,
            Limits(outlets={"a@example.com": Limits(30, 10_000), "b@example.com": Limits(30, 10_000)}),
            (
                "12,430 mails at 30 a minute from 2 mailboxes end Fri 03 Oct 12:27, 3 h 27 min after the window opens. "
                "another one in email.graph.mailboxes or email.graph.per_minute would help."
            ),
        ),
        (
            "smtp",
            3_600,
            Limits(30),
            "3,600 mails at 30 a minute end Fri 03 Oct 11:00, 2 h 00 min after the window opens. email.smtp.per_minute would help.",
        ),
        (
            "slack",
            18_000,
            Limits(180),
            "18,000 messages at 180 a minute end Fri 03 Oct 10:40, 1 h 40 min after the window opens. slack.per_minute would help.",
        ),
        (
            "smtp",
            16_200,
            Limits(30),
            (
                "16,200 mails at 30 a minute need 9 h 00 min and end Mon 06 Oct 10:00; the window is 09:00-17:00, so 1,800 go out "
                "on a later day. email.smtp.per_minute, email.smtp.per_day, sending.window or an earlier step would help."
            ),
        ),
        ("smtp", 1_800, Limits(30), None),
        ("smtp", 9_999, Limits(), None),
    ],
)
def test_a_long_wave_is_told_with_its_end_and_the_key_that_helps(
    channel: str, count: int, limits: Limits, said: str | None
) -> None:
    """An hour is nothing to warn of. The span is counted from the opening of the window, which is nine o'clock."""
    by_channel = {channel: limits}
    found = forecast([demand(count, channel=channel)], limits=by_channel, now=at("2025-10-01T12:00"), next_opening=opening)
    words = list(warnings_of(found, by_channel, str(WINDOW), ZoneInfo("Europe/Zurich")))
    assert words == ([] if said is None else [f"linkedin-ai-training, 30 days before: {said}"])


def test_hours_between_time_zones_are_no_delay() -> None:
    """New York opens six hours after Zurich; neither waits long."""
    by_channel = {"smtp": Limits(30)}
    wanted = [demand(600), demand(600, place=NEW_YORK)]
    found = forecast(wanted, limits=by_channel, now=at("2025-10-01T12:00"), next_opening=opening)
    assert list(warnings_of(found, by_channel, str(WINDOW), ZoneInfo("Europe/Zurich"))) == []


def test_each_channel_has_a_queue_of_its_own() -> None:
    """People on Slack do not wait behind mails; a step that goes everywhere counts on both."""
    groups = [group(600), group(300, on_slack=True)]
    now = at("2025-10-01T12:00")
    limits = {"smtp": Limits(30), "slack": Limits(60)}
    first = list(demands(CAMPAIGN, 0, groups, schedule_of, now, "en", Ladder(("slack", "smtp"))))
    assert [(one.channel, one.count) for one in first] == [("smtp", 600), ("slack", 300)]
    ends = {wave.channel: wave.ends_at for wave in forecast(first, limits=limits, now=now, next_opening=opening)}
    assert ends == {"smtp": at("2025-10-03T09:20"), "slack": at("2025-10-03T09:05")}
    both = list(demands(CAMPAIGN, 0, groups, schedule_of, now, "en", Ladder(("slack", "smtp"), everywhere=True)))
    assert [(one.channel, one.count) for one in both] == [("smtp", 600), ("slack", 300), ("smtp", 300)]


def test_a_limit_of_a_day_that_was_used_up_at_noon_is_free_at_the_next_noon() -> None:
    """Begun on Monday 6 October at 15:00, ten a day: the other five can go on Tuesday at 15:00, not on Wednesday morning."""
    first, rest = waves([demand(15)], now="2025-10-06T15:00", per_day=10)
    assert (first.count, first.begins_at) == (10, at("2025-10-06T15:00"))
    assert (rest.count, rest.begins_at) == (5, at("2025-10-07T15:00"))
