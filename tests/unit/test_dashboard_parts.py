"""The dashboard's pure parts: the curve, what confirms an act, and what is kept counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from notifier.domain.campaign import Campaign, Step
from notifier.store.queue import Standing
from notifier.store.tables import Kind, State
from notifier.summary.counted import Counted, Known
from notifier.summary.organisation import Point
from notifier.web.dashboard.acts import Act
from notifier.web.dashboard.charts import SIZE, draw
from notifier.web.dashboard.today import underway

CAMPAIGN = Campaign("x", date(2025, 11, 3), (Step(30, "notice"), Step(7, "reminder"), Step(-7, "overdue")))
FIRST = date(2025, 10, 4)
NOW = datetime(2025, 10, 20, 8, 0, tzinfo=UTC)


def points(*open_people: int) -> list[Point]:
    return [Point(FIRST + timedelta(days=day), 100, 100 - count) for day, count in enumerate(open_people)]


def test_the_curve_falls_from_the_left_to_today_and_the_deadline_stands_at_the_right() -> None:
    curve = draw(points(100, 80, 40, 20), CAMPAIGN)
    assert curve is not None
    corners = [tuple(map(float, corner.split(","))) for corner in curve.line.split()]
    assert corners == [(0, 0), (33.3, 200), (66.7, 600), (100, 800)]
    assert (curve.now_x, curve.now_y) == (100, 800)
    assert curve.deadline.at == SIZE
    assert [mark.day for mark in curve.steps] == [date(2025, 10, 4), date(2025, 10, 27)]
    assert [(level.value, level.at) for level in curve.levels] == [(0, 1000), (50, 500), (100, 0)]
    assert curve.area.startswith("0,1000 0,0 ")
    assert curve.area.endswith("100,800 100,1000")


def test_the_curve_goes_on_behind_the_deadline() -> None:
    curve = draw(points(*range(60, 0, -1)), CAMPAIGN)
    assert curve is not None
    assert curve.last.day == FIRST + timedelta(days=59)
    assert curve.deadline.at == pytest.approx(30 / 59 * SIZE, abs=0.1)
    assert len(curve.rows) == 12  # every fifth day of sixty
    assert curve.rows[0].day == curve.last.day
    assert date(2025, 11, 10) in {mark.day for mark in curve.steps}


@pytest.mark.parametrize(
    ("most", "top"), [(0, 2), (1, 2), (7, 8), (99, 100), (100, 100), (1240, 1300), (7301, 7500), (99_999, 100_000)]
)
def test_the_top_of_the_curve_is_a_round_number(most: int, top: int) -> None:
    curve = draw([Point(FIRST, most, 0)], CAMPAIGN)
    assert curve is not None
    assert curve.levels[-1].value == top


def test_there_is_no_curve_before_the_campaign_begins() -> None:
    assert draw([], CAMPAIGN) is None


@pytest.mark.parametrize("typed", ["1240", " 1,240 ", "1 240", "1\u202f240", "1.240", "1’240", "x"])
def test_the_number_or_the_name_confirms(typed: str) -> None:
    assert Act("", (), 1240, "", "", words=("x",)).is_confirmed(typed)


@pytest.mark.parametrize("typed", ["", " ", "124", "12400", "1240 people", "y", "-1240", "١٢٤٠"])
def test_nothing_else_does(typed: str) -> None:
    assert not Act("", (), 1240, "", "", words=("x",)).is_confirmed(typed)


def test_fifty_are_few() -> None:
    assert Act("", (), 50, "", "").is_confirmed("")
    assert not Act("", (), 51, "", "").is_confirmed("")


def test_a_wave_is_underway_while_something_of_it_may_go() -> None:
    earlier, later = NOW - timedelta(hours=1), NOW + timedelta(hours=1)

    def standing(occasion: int, state: State, count: int, opens_at: datetime, kind: Kind = Kind.REMINDER) -> Standing:
        ended = earlier if state is State.ACCEPTED else None
        return Standing("x", kind, occasion, "reminder", "smtp", state, count, ended, opens_at)

    waves = underway(
        [
            standing(30, State.ACCEPTED, 90, earlier),
            standing(14, State.ACCEPTED, 30, earlier),
            standing(14, State.REFUSED, 2, earlier),
            standing(14, State.PLANNED, 7, earlier),
            standing(14, State.RETRY, 1, earlier),
            standing(14, State.CANCELLED, 50, earlier),
            standing(7, State.PLANNED, 9, later),
            standing(1, State.PLANNED, 3, earlier, Kind.RECEIPT),
        ],
        NOW,
    )
    assert [(wave.days_before, wave.gone, wave.waiting, wave.percent, wave.began_at) for wave in waves] == [
        (14, 32, 8, 80, earlier)
    ]


async def test_what_takes_long_is_counted_once_for_all_and_anew_behind_their_backs() -> None:
    counted: list[datetime] = []

    async def count(now: datetime) -> int:
        counted.append(now)
        return len(counted)

    told = Counted(count, fresh=lambda _: timedelta(seconds=2), stale=15)
    assert (await told.get(NOW)).value == 1
    assert (await told.get(NOW + timedelta(seconds=1))).value == 1
    old = await told.get(NOW + timedelta(seconds=20))
    assert (old.value, old.at) == (1, NOW)
    while len(counted) < 2:
        await (told._counting or told.get(NOW))
    assert (await told.get(NOW + timedelta(seconds=21))).value == 2
    assert (await told.get(NOW + timedelta(seconds=60))).value == 3  # too old to be told
    told.forget()
    assert (await told.get(NOW + timedelta(seconds=60))).value == 4
    assert (await told.get(NOW)).value == 5  # the clock went back


async def test_trouble_is_told_and_not_kept() -> None:
    answers = iter([OSError("no"), 7])

    async def count(_now: datetime) -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    told = Counted(count, fresh=lambda _: timedelta(seconds=2), stale=15)
    with pytest.raises(OSError, match="no"):
        await told.get(NOW)
    assert (await told.get(NOW)).value == 7


async def test_a_count_is_fresh_and_then_old_to_the_instant() -> None:
    counted: list[datetime] = []

    async def count(now: datetime) -> int:
        counted.append(now)
        return len(counted)

    told, instant = Counted(count, fresh=lambda _: timedelta(seconds=2), stale=15), timedelta(microseconds=1)
    assert await told.get(NOW) == Known(1, NOW)
    fresh_until, told_until = NOW + timedelta(seconds=2), NOW + timedelta(seconds=30)
    assert await told.get(fresh_until - instant) == Known(1, NOW)
    assert told._counting is None
    assert await told.get(told_until - instant) == Known(1, NOW)
    assert told._counting is not None
    told.forget()  # while it is being counted: what comes of that is not kept
    assert await told.get(NOW) == Known(3, NOW)
    assert await told.get(fresh_until) == Known(3, NOW)
    assert told._counting is not None
    assert await told._counting == Known(4, fresh_until)
    assert await told.get(told_until + timedelta(seconds=2)) == Known(5, told_until + timedelta(seconds=2))
    assert await told.get(NOW) == Known(6, NOW)  # the clock went back
    assert counted == [NOW, told_until - instant, NOW, fresh_until, told_until + timedelta(seconds=2), NOW]
