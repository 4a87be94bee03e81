"""R13: whenever the service was away, for however long: no message names a wrong number of days, and the current step goes out.

The whole way from the planner through the store to the text, held against the oracle and the calendar on the wall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import RowMapping, insert

from notifier.delivery.compose import Composer
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladders
from notifier.domain.links import LinkKeys
from notifier.domain.window import Window
from notifier.store import claims, outbox, outcomes
from notifier.store.claims import Claimed
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.quota import Limits
from notifier.store.tables import State, calendars, deliveries, employees, metadata
from tests.delivery_rig import shipped_texts
from tests.oracle import Expected, Wall, expected_steps, may_go_out

CAMPAIGN = "linkedin-ai-training"
WINDOW = Window(time(9), time(17))
HOLIDAYS = (
    *(Wall("Europe/Zurich", "CH", "GE"), Wall("Europe/Berlin", "DE", "BB"), Wall("America/New_York", "US", "NY")),
    *(Wall("Asia/Jerusalem", "IL"), Wall("Australia/Lord_Howe", "AU", "NSW"), Wall("Pacific/Chatham", "NZ")),
)
WALLS = st.one_of(st.sampled_from(HOLIDAYS), st.sampled_from(sorted(available_timezones() - {"localtime"})).map(Wall))
LANGUAGES = ("en", "fr", "de")
# What each language says of one day more or less, and how it counts more of them.
NEAR = {
    1: {"en": "tomorrow", "fr": "demain", "de": "morgen"},
    0: {"en": "today", "fr": "aujourd’hui", "de": "heute"},
    -1: {"en": "yesterday", "fr": "hier", "de": "gestern"},
}
AHEAD = {"en": "in {} days", "fr": "dans {} jours", "de": "in {} Tagen"}
PAST = {"en": "{} days ago", "fr": "il y a {} jours", "de": "vor {} Tagen"}
COUNTED = re.compile(r"(\d+) (?:days?|jours?|Tage?n?)\b")


@dataclass(frozen=True)
class Outage:
    """A service that ran until `since` and is there again at `until`; `in_hand`: it died with messages on the wire."""

    campaign: Campaign
    walls: tuple[Wall, ...]
    since: datetime
    until: datetime
    in_hand: bool


@st.composite
def outages(draw: st.DrawFn) -> Outage:
    numbers = draw(st.lists(st.integers(-20, 40), min_size=1, max_size=6, unique=True))
    steps = tuple(Step(number, _message(number)) for number in sorted(numbers, reverse=True))
    deadline = draw(st.one_of(st.dates(date(2025, 10, 20), date(2025, 11, 20)), st.dates(date(2024, 1, 1), date(2027, 12, 31))))
    walls = tuple(draw(st.lists(WALLS, min_size=1, max_size=3, unique=True)))
    # It begins near a step, and lasts for a while, until some minute near another step, or to well behind the end.
    begins = draw(st.sampled_from(numbers))
    since = datetime.combine(deadline - timedelta(days=begins), time(12), UTC) + timedelta(minutes=draw(st.integers(-3000, 3000)))
    ends = draw(st.one_of(st.integers(0, 10_000), st.integers(0, 70_000)))
    return Outage(
        Campaign(CAMPAIGN, deadline, steps, closes_after_days=draw(st.integers(0, 30))),
        walls,
        since,
        since + timedelta(minutes=ends),
        draw(st.booleans()),
    )


def _message(days_before: int) -> str:
    if days_before < 0:
        return "overdue"
    return "last-call" if days_before <= 1 else "reminder" if days_before <= 7 else "notice"


@pytest.fixture(scope="module")
def store() -> Iterator[Database]:
    database = Database("sqlite://")
    with database.write() as connection:
        metadata.create_all(connection)
    yield database
    database.close()


class Service:
    """Planner, claims and texts of a campaign, on a store with one person for each wall."""

    def __init__(self, database: Database, outage: Outage) -> None:
        self.database = database
        self.deadline = outage.campaign.deadline
        self.walls = dict(enumerate(outage.walls, 1))
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            for number, wall in self.walls.items():
                place = {"time_zone": wall.time_zone, "country": wall.country, "region": wall.region}
                connection.execute(insert(calendars).values(id=number, **place))
                connection.execute(insert(employees).values(_person(number)))
        self.planner = Planner(
            database=database,
            campaigns=(outage.campaign,),
            window=WINDOW,
            working_days=WorkingDays(),
            ladders=Ladders.of(["email"], email="smtp"),
        )
        self.composer = Composer(
            campaigns={CAMPAIGN: outage.campaign},
            catalogue=shipped_texts(),
            keys=LinkKeys({1: b"k" * 32}, 1),
            base_url="https://notifier.example.com",
            default_language="en",
        )

    def run(self, now: datetime, owner: str) -> Sequence[Claimed]:
        """As the daemon does at each tick: plan, then take in hand what may go out."""
        self.planner.tick(now)
        with self.database.write() as connection:
            return claims.claim(
                connection, owner=owner, channel="smtp", limits=Limits(), most=100, now=now, message_id_domain="example.com"
            ).rows

    def accept(self, rows: Sequence[Claimed], now: datetime, owner: str) -> None:
        with self.database.write() as connection:
            for row in rows:
                outcome = Outcome(row.id, row.epoch, State.ACCEPTED, reply="250 2.0.0 Ok")
                assert outcomes.record(connection, owner=owner, outcome=outcome, now=now)

    def take_back(self, now: datetime) -> None:
        with self.database.write() as connection:
            outcomes.release_dead(connection, owner="b", resend=["smtp"], now=now, alone=True)

    def next_instant(self, now: datetime) -> datetime | None:
        opens = self.planner.next_instant(now)
        with self.database.read() as connection:
            becomes_claimable = outbox.next_instant(connection, now)
        return min((instant for instant in (opens, becomes_claimable) if instant is not None), default=None)

    def standing(self) -> Mapping[tuple[int, int], RowMapping]:
        with self.database.read() as connection:
            rows = connection.execute(deliveries.select()).mappings().all()
        return {(row["employee_key"], row["occasion"]): row for row in rows}

    def judge(self, rows: Sequence[Claimed], now: datetime, expected: Mapping[int, Sequence[Expected]]) -> None:
        """Each is for somebody at work, is the step that is current there, and says how many days the calendar shows."""
        assert len({row.employee_key for row in rows}) == len(rows)
        for row in rows:
            wall = self.walls[row.employee_key]
            assert may_go_out(wall, now)
            (current,) = (one for one in expected[row.employee_key] if one.state == "due" and one.opens <= now < one.expires)
            assert row.occasion == current.days_before
            left = (self.deadline - now.astimezone(ZoneInfo(wall.time_zone)).date()).days
            assert left > 0 if row.occasion > 0 else True, "a countdown after the deadline"
            rendered = self.composer.compose(row).rendered
            _tells(rendered.text, rendered.language, left)


def _person(number: int) -> dict[str, object]:
    return {
        "key": number,
        "id": f"p{number}",
        "email": f"p{number}@example.com",
        "email_key": f"p{number}@example.com",
        "given_name": "Zoé",
        "family_name": "Exemple",
        "language": LANGUAGES[number % 3],
        "active": True,
        "calendar_id": number,
        "public_id": f"{number:022}",
        "joined_at": datetime(2020, 1, 1, tzinfo=UTC),
    }


def _tells(text: str, language: str, left: int) -> None:
    """The number of days that are left stands in the text, and no other number of days."""
    text = " ".join(text.split())
    if left in NEAR:
        assert NEAR[left][language] in text
        assert not COUNTED.search(text)
    else:
        assert (AHEAD if left > 0 else PAST)[language].format(abs(left)) in text
        assert set(COUNTED.findall(text)) == {str(abs(left))}


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(outage=outages())
def test_after_any_outage_the_current_step_goes_out_with_the_true_number_of_days(store: Database, outage: Outage) -> None:
    campaign = outage.campaign
    numbers = [step.days_before for step in campaign.steps]
    service = Service(store, outage)
    expected = {
        number: expected_steps(wall, campaign.deadline, numbers, closes_after_days=campaign.closes_after_days)
        for number, wall in service.walls.items()
    }
    rows = service.run(outage.since, "a")
    service.judge(rows, outage.since, expected)
    if not outage.in_hand:
        service.accept(rows, outage.since, "a")
    first_ids = {(row.employee_key, row.occasion): row.message_id for row in rows}

    now: datetime | None = outage.until
    service.take_back(outage.until)
    for _ in range(3):  # what is current goes out at the latest when the next window opens
        if now is None:
            break
        rows = service.run(now, "b")
        service.judge(rows, now, expected)
        service.accept(rows, now, "b")
        for row in rows:
            assert row.message_id == first_ids.setdefault((row.employee_key, row.occasion), row.message_id)
        _nothing_stale(service, outage, now, expected)
        now = service.next_instant(now)


def _nothing_stale(service: Service, outage: Outage, now: datetime, expected: Mapping[int, Sequence[Expected]]) -> None:
    """Every step that has opened since has a row; those whose time is over ended, and the newest is out or waits for its window."""
    standing = service.standing()
    for number, steps in expected.items():
        going_out = [step for step in steps if step.state == "due"]
        for step in going_out:
            row = standing.get((number, step.days_before))
            if step.opens > now:
                assert row is None
            elif step.opens > outage.since or step.expires > outage.since:
                assert row is not None, f"nothing is known of the step {step.days_before}"
                if row["state"] == State.ACCEPTED:
                    continue
                if step.expires > now:
                    assert not may_go_out(service.walls[number], now), "it waits although it could go out"
                    assert row["state"] in {State.PLANNED, State.RETRY}
                else:
                    later = [other for other in steps if other.state != "superseded" and step.opens < other.opens <= now]
                    taken_over = any(other.opens == step.expires for other in later)
                    assert row["state"] in ({State.SUPERSEDED} if taken_over else {State.SUPERSEDED, State.MISSED})
                    assert later or row["state"] == State.MISSED
