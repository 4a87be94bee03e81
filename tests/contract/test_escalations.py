"""The escalation of a campaign: once, on its day, to managers with open people, by the rules of every week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select

from notifier.domain.countdown import WorkingDays
from notifier.domain.progress import Figure
from notifier.domain.window import Window
from notifier.store.database import Database
from notifier.store.tables import deliveries
from notifier.summary.escalation import Escalations
from notifier.summary.figures import Rules
from tests.planning_rig import utc
from tests.summary_rig import BY_SMTP, CAMPAIGN, COUNTS, MONDAY, change, letters_to, move_in, settle, team, told, weekly


def escalations(database: Database, days_before: int = 2) -> Escalations:
    return Escalations(
        database=database,
        campaigns=(replace(CAMPAIGN, id="other"), CAMPAIGN),
        days_before={CAMPAIGN.id: days_before},
        rules=Rules(COUNTS, 10),
        window=Window.parse("09:00-17:00"),
        working_days=WorkingDays(),
        ladder=BY_SMTP,
    )


def test_on_the_working_day_before_where_the_manager_is(database: Database) -> None:
    """Two days before Monday 3 November is a Saturday: it goes out on Friday, or where All Saints' is kept on Friday, before it."""
    keys = move_in(database)
    one = escalations(database)
    assert one.next_instant(MONDAY) == utc("2025-10-31T09:00")
    assert one.tick(utc("2025-10-31T08:59")) == 0
    assert one.tick(utc("2025-10-31T09:00")) == 3
    assert one.tick(utc("2025-10-31T10:00")) == 1  # nine o'clock in London
    assert escalations(database).tick(utc("2025-10-31T10:00")) == 0
    assert told(database) == [(who, 2, "smtp", "planned") for who in ("1", "2", "3", "4")]
    letter = letters_to(database, keys["2"])[2]
    assert (letter.on, letter.next_on, letter.link_until) == (date(2025, 10, 31), None, date(2025, 11, 14))
    assert letter.campaigns[0].figure == Figure(12, 0, 2)
    with database.read() as connection:
        row = connection.execute(select(deliveries).where(deliveries.c.kind == "escalation")).first()
    assert row is not None
    assert (row.campaign, row.message, row.expires_at) == (CAMPAIGN.id, "escalation", utc("2025-11-03T00:00"))


def test_who_is_shown_nothing_open_is_spared_and_who_is_away_waits(database: Database) -> None:
    keys = move_in(database)
    settle(database, *team(keys, "b"))
    change(database, keys["3"], leave_until=date(2025, 11, 10))
    one = escalations(database, -3)
    assert one.tick(utc("2025-11-06T12:00")) == 2
    assert [who for who, *_ in told(database)] == ["1", "4"]  # Fiona's four are too few to count: the group around hers is open
    assert one.next_instant(utc("2025-11-06T12:00")) == utc("2025-11-11T09:00")
    assert one.tick(utc("2025-11-11T09:00")) == 1
    assert escalations(database, 5).tick(utc("2025-11-11T10:00")) == 0  # a day that has passed brings nothing


def test_an_outage_delays_it_and_the_weekly_letter_is_another_one(database: Database) -> None:
    keys = move_in(database)
    weekly(database).tick(MONDAY + timedelta(hours=1))
    assert escalations(database, 10).tick(utc("2025-10-28T20:00")) == 4
    assert sorted(letters_to(database, keys["2"])) == [10, 202541]
    with database.read() as connection:
        row = connection.execute(select(deliveries).where(deliveries.c.kind == "escalation")).first()
    assert row is not None
    assert row.next_at == utc("2025-10-29T09:00")  # inside the hours in which people are written to
    assert escalations(database, 10).tick(utc("2025-11-03T08:00")) == 0
