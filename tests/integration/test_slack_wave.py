"""A wave of thousands through Slack, with every kind of trouble on the way, at Slack's own pace on a moved clock."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from notifier.channels.slack import SlackChannel
from notifier.delivery.forecast import Demand, forecast
from notifier.domain.countdown import Place, WorkingDays, next_opening
from notifier.domain.ladder import Ladder, Ladders
from notifier.domain.window import Window
from notifier.store import employees, outbox, reach
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import State
from tests.delivery_rig import NOW, House, add_people, house
from tests.slack_server import TOKEN, Action, Drop, Error, Limited, Page, SlackServer

# As many as the suite has time for; with NOTIFIER_TEST_LONG as many as an organisation has. The pace is one that lets a pass carry
# more than three messages; it is kept like any other.
LONG = bool(os.environ.get("NOTIFIER_TEST_LONG"))
PEOPLE = 5_000 if LONG else 1_000
PER_MINUTE = 6_000
# What Slack does to every 500th message at its first try, by the last digits of the user's number.
TROUBLE: dict[int, Action] = {
    100: Limited(20),
    150: Page(503),
    200: Page(503, taken=True),
    250: Drop(),
    300: Drop(taken=True),
    350: Error("internal_error"),
    400: Error("service_unavailable"),
    450: Error("invented_yesterday"),
}
UNCERTAIN = {150, 200, 250, 300, 350}


class Trouble:
    """Trouble on the first try of some messages; one in a hundred is refused for good.

    Args:
        kinds: what comes to whom, by the number of the person; beyond 500 it begins again, unless `once`.
    """

    def __init__(self, kinds: Mapping[int, Action] = TROUBLE, *, once: bool = False) -> None:
        self.tried: Counter[str] = Counter()
        self.kinds = kinds
        self.once = once

    def __call__(self, _method: str, body: Mapping[str, Any]) -> Action | None:
        user = body["channel"]
        self.tried[user] += 1
        number = int(user[1:])
        if number % 100 == 7:
            return Error("user_not_found" if number % 200 == 7 else "restricted_action")
        if self.tried[user] > 1:
            return None
        return self.kinds.get(number if self.once else number % 500)


def put_on_slack(database: Database) -> None:
    """Everybody is on Slack, as the user U and the number in their roster id."""
    with database.write() as connection:
        people = employees.load(connection).values()
        found = [(person.key, f"U{int(person.employee.id[1:]):08}", "T0TEAM") for person in people]
        reach.match(connection, "slack", found, NOW)


async def send_all(wave: House) -> None:
    """Passes, each when a limit or a pause ends, until nothing is left that could be sent before the window closes."""
    wave.planner.tick(wave.clock.now())
    for _ in range(4 * PEOPLE):
        again_at = (await wave.dispatcher.run_due()).again_at or _next_try(wave)
        if again_at is None or again_at > NOW + timedelta(hours=5):
            return
        wave.clock.move_to(max(again_at, wave.clock.now() + timedelta(milliseconds=1)))


def _next_try(wave: House) -> datetime | None:
    with wave.database.read() as connection:
        return outbox.next_instant(connection, wave.clock.now())


def most_in(seconds: float, moments: Iterable[float]) -> int:
    """The largest number of calls in any stretch of so many seconds."""
    times, most, start = sorted(moments), 0, 0
    for end, moment in enumerate(times):
        while times[start] <= moment - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


async def test_nobody_is_missed_and_nobody_gets_a_copy_that_could_be_avoided(sqlite_database: Database) -> None:
    add_people(sqlite_database, PEOPLE)
    put_on_slack(sqlite_database)
    async with SlackServer(plan=Trouble(), per_minute=PER_MINUTE) as server:
        channel = SlackChannel(token=TOKEN, base_url=server.base_url)
        channel.concurrency = 32  # more share the commit of an outcome: only the test goes faster
        wave = house(
            sqlite_database,
            [channel],
            ladders=Ladders(Ladder(("slack",))),
            limits={"slack": Limits(per_minute=PER_MINUTE)},
        )
        server.clock = lambda: wave.clock.now().timestamp()
        await send_all(wave)
        await channel.close()
        posted = Counter(post.user for post in server.posts)
        assert (server.broken, server.exceeded) == ([], [])
        assert most_in(60, [at for _, at in server.calls]) <= PER_MINUTE
    rows = {int(row["email"].partition("@")[0][1:]): row for row in wave.rows()}
    assert len(rows) == PEOPLE
    for number, row in rows.items():
        copies = posted[f"U{number:08}"]
        if number % 100 == 7:
            assert (row["state"], copies) == (State.REFUSED, 0)
        elif number % 500 in UNCERTAIN:
            taken = number % 500 in {200, 300}
            assert (row["state"], copies) == (State.UNKNOWN, int(taken)), "nobody knows, and it is not sent again"
        else:
            assert (row["state"], copies, bool(row["reference"])) == (State.ACCEPTED, 1, True)


def _one_in_a_hundred(_method: str, body: Mapping[str, Any]) -> Action | None:
    return Error("user_not_found") if body["channel"].endswith("07") else None


def _opening(after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
    return next_opening(after, place, Window.parse("09:00-17:00"), WorkingDays(), leave_until)


async def test_the_forecast_is_what_happens(sqlite_database: Database) -> None:
    """At Slack's own pace, with one in a hundred refused for good: the end is within a tenth of what was foretold."""
    count = 5_000 if LONG else 180
    add_people(sqlite_database, count)
    put_on_slack(sqlite_database)
    limits = {"slack": Limits(per_minute=180)}
    async with SlackServer(
        plan=lambda _method, body: Error("user_not_found") if body["channel"].endswith("07") else None
    ) as server:
        channel = SlackChannel(token=TOKEN, base_url=server.base_url)
        wave = house(sqlite_database, [channel], ladders=Ladders(Ladder(("slack",))), limits=limits)
        server.clock = lambda: wave.clock.now().timestamp()
        await send_all(wave)
        await channel.close()
        assert server.exceeded == []
        took = server.posts[-1].at - NOW.timestamp()
    closing = NOW + timedelta(hours=7)
    zurich = Place("Europe/Zurich", "CH", "")
    wanted = Demand("linkedin-ai-training", 30, "notice", "slack", "en", zurich, None, count, NOW, closing, closing)
    (foretold,) = forecast([wanted], limits=limits, now=NOW, next_opening=_opening)
    assert foretold.count == count
    assert took == pytest.approx((foretold.ends_at - NOW).total_seconds(), rel=0.1)
