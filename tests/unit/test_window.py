"""The window, and local readings as instants. Expected instants come from the IANA time zone database (zdump -v)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.window import Window, day_exists, first_instant

FOUR_YEARS = [date(2024, 1, 1) + timedelta(days=count) for count in range(4 * 365 + 1)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("09:00-17:00", "09:00-17:00"),
        (" 9:00 – 17:30 ", "09:00-17:30"),
        ("00:00-23:59", "00:00-23:59"),
        ("02:30-02:31", "02:30-02:31"),
    ],
)
def test_hours_are_read_and_shown(text: str, shown: str) -> None:
    assert str(Window.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "9-17", "09:00", "09:00-09:00", "17:00-09:00", "09:60-17:00", "09:00-24:00", "09:00-17:00 UTC", "٠٩:٠٠-١٧:٠٠"]
)
def test_other_hours_are_refused(text: str) -> None:
    said = r"^expected hours like 09:00-17:00$|^the window must open before it closes, within one day$|must be in"
    with pytest.raises(ValueError, match=said):
        Window.parse(text)


@pytest.mark.parametrize(
    ("zone", "day", "hours", "opens", "closes"),
    [
        # Summer time ended in Europe on 26 October 2025, in North America on 2 November: the countdown crosses both.
        ("Europe/Zurich", date(2025, 10, 24), "09:00-17:00", "2025-10-24T07:00", "2025-10-24T15:00"),
        ("Europe/Zurich", date(2025, 10, 27), "09:00-17:00", "2025-10-27T08:00", "2025-10-27T16:00"),
        ("America/New_York", date(2025, 10, 31), "09:00-17:00", "2025-10-31T13:00", "2025-10-31T21:00"),
        ("America/New_York", date(2025, 11, 3), "09:00-17:00", "2025-11-03T14:00", "2025-11-03T22:00"),
        ("Asia/Kolkata", date(2025, 11, 3), "09:00-17:00", "2025-11-03T03:30", "2025-11-03T11:30"),
        ("Pacific/Kiritimati", date(2025, 11, 3), "09:00-17:00", "2025-11-02T19:00", "2025-11-03T03:00"),
        # The hour that never comes: from 02:00 to 03:00 on Friday 28 March 2025 in Israel, on 30 March in Europe.
        ("Asia/Jerusalem", date(2025, 3, 28), "02:30-05:00", "2025-03-28T00:00", "2025-03-28T02:00"),
        ("Europe/Zurich", date(2025, 3, 30), "01:30-02:30", "2025-03-30T00:30", "2025-03-30T01:00"),
        ("Australia/Lord_Howe", date(2025, 10, 5), "02:10-03:00", "2025-10-04T15:30", "2025-10-04T16:00"),
        ("Africa/Cairo", date(2025, 4, 25), "00:00-17:00", "2025-04-24T22:00", "2025-04-25T14:00"),
        # The hour that comes twice.
        ("Europe/Zurich", date(2025, 10, 26), "02:30-02:45", "2025-10-26T00:30", "2025-10-26T00:45"),
        ("Europe/Zurich", date(2025, 10, 26), "01:00-02:30", "2025-10-25T23:00", "2025-10-26T00:30"),
        ("Europe/Zurich", date(2025, 10, 26), "02:00-05:00", "2025-10-26T00:00", "2025-10-26T04:00"),
        ("America/Havana", date(2025, 11, 2), "00:00-23:59", "2025-11-02T04:00", "2025-11-03T04:59"),
        # From 03:00 the clock goes back to 02:00, which is before the window: it closes there.
        ("Europe/Zurich", date(2025, 10, 26), "02:30-05:00", "2025-10-26T00:30", "2025-10-26T01:00"),
        # One minute after midnight the clock goes back to the evening of the day before.
        ("America/St_Johns", date(2010, 11, 7), "00:00-00:30", "2010-11-07T02:30", "2010-11-07T02:31"),
    ],
)
def test_a_window_opens_and_closes_by_the_local_clock(zone: str, day: date, hours: str, opens: str, closes: str) -> None:
    assert Window.parse(hours).on(day, zone) == (utc(opens), utc(closes))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Zurich", date(2025, 3, 30), "02:15-02:45"),
        ("Europe/Zurich", date(2025, 3, 30), "02:00-03:00"),
        ("Pacific/Apia", date(2011, 12, 30), "00:00-23:59"),
        ("Pacific/Kwajalein", date(1993, 8, 21), "09:00-17:00"),
    ],
)
def test_a_window_that_the_clock_jumps_over_does_not_open(zone: str, day: date, hours: str) -> None:
    assert Window.parse(hours).on(day, zone) is None


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Zurich", date(2025, 11, 3), "2025-11-02T23:00"),
        ("Africa/Cairo", date(2025, 4, 25), "2025-04-24T22:00"),  # 00:00 to 01:00 never comes
        ("America/Havana", date(2025, 11, 2), "2025-11-02T04:00"),  # 00:00 to 01:00 comes twice
        ("Africa/Cairo", date(2025, 10, 31), "2025-10-30T22:00"),  # 23:00 to 24:00 of the day before comes twice
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),  # the whole day never comes
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),
    ],
)
def test_a_day_begins(zone: str, day: date, begins: str) -> None:
    instant = first_instant(day, time.min, zone)
    assert instant == utc(begins)
    assert instant.tzinfo is UTC


def test_every_minute_of_the_hour_that_never_comes_means_its_end() -> None:
    missing = {first_instant(date(2025, 3, 30), time(2, minute), "Europe/Zurich") for minute in range(60)}
    assert missing == {utc("2025-03-30T01:00")}
    assert all(instant.tzinfo is UTC for instant in missing)


@pytest.mark.parametrize(("zone", "missing"), [("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))])
def test_a_day_on_which_a_country_crossed_the_date_line_does_not_exist(zone: str, missing: date) -> None:
    around = [missing + timedelta(days=count) for count in range(-2, 3)]
    assert [day for day in around if not day_exists(day, zone)] == [missing]


def zones_without_aliases() -> list[str]:
    """One name for each distinct set of rules: Europe/Busingen and Europe/Zurich are the same file."""
    database = files("tzdata")
    names = database.joinpath("zones").read_text(encoding="ascii").split()
    return sorted({database.joinpath("zoneinfo", *name.split("/")).read_bytes(): name for name in names}.values())


def telling_days(zone: ZoneInfo) -> list[date]:
    """Every day of the weeks in which the clocks are changed and of those beside them, and one of any other: its days are alike."""
    offsets = [datetime.combine(day, time(12), zone).utcoffset() for day in FOUR_YEARS[::7]]
    days = []
    for week in range(len(offsets)):
        near = offsets[max(0, week - 1) : week + 3]
        days += FOUR_YEARS[7 * week : 7 * week + (1 if near.count(near[0]) == len(near) else 7)]
    return days


def test_every_zone_opens_once_a_day_and_inside_the_window() -> None:
    """R14: in every IANA zone, for four years, a window that begins at 02:30 opens once a day and never outside its hours."""
    window = Window.parse("02:30-04:00")
    zones = zones_without_aliases()
    assert len(zones) > 300
    for name in zones:
        zone = ZoneInfo(name)
        earlier_closed = datetime.min.replace(tzinfo=UTC)
        for day in telling_days(zone):
            stretch = window.on(day, name)
            assert stretch is not None, (name, day)
            opens, closes = stretch
            first, last = opens.astimezone(zone), (closes - timedelta(seconds=1)).astimezone(zone)
            assert first.date() == last.date() == day, name
            assert window.opens <= first.time() <= last.time() < window.closes, (name, day)
            assert earlier_closed < opens, (name, day)
            earlier_closed = closes
