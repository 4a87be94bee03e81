"""The planner with people of one's own making, in the autumn of 2025.

3 November is a Monday, summer time ends in Europe on 26 October, and 31 October and 1 November are holidays in some places.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from notifier.delivery.planner import Planner
from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import acknowledgements, marks
from notifier.store.database import Database
from notifier.store.tables import calendars, employees

ZURICH = ZoneInfo("Europe/Zurich")
STEPS = (Step(30, "notice"), Step(7, "reminder"), Step(1, "last-call"), Step(-3, "overdue"))
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), STEPS)


def utc(text: str, zone: ZoneInfo = ZURICH) -> datetime:
    """What a clock in that zone shows, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


BY_SMTP = Ladders.of(["email"], email="smtp")


def planner(database: Database, *campaigns: Campaign, window: str = "09:00-17:00", ladders: Ladders = BY_SMTP) -> Planner:
    return Planner(
        database=database,
        campaigns=campaigns or (CAMPAIGN,),
        window=Window.parse(window),
        working_days=WorkingDays(),
        ladders=ladders,
    )


def add_person(database: Database, number: int, zone: str = "Europe/Zurich", country: str = "CH", **more: Any) -> int:
    """A person who has been there since the beginning of 2025, unless said otherwise. The planner is told to look again."""
    values = {
        "id": f"e{number}",
        "email": f"e{number}@example.com",
        "email_key": f"e{number}@example.com",
        "given_name": "Zoé",
        "family_name": "Example",
        "active": True,
        "public_id": f"{number:022}",
        "joined_at": datetime(2025, 1, 1, tzinfo=UTC),
    }
    with database.write() as connection:
        calendar = connection.scalar(select(calendars.c.id).where(calendars.c.time_zone == zone, calendars.c.country == country))
        if calendar is None:
            place = insert(calendars).values(time_zone=zone, country=country).returning(calendars.c.id)
            calendar = connection.execute(place).scalar_one()
        marks.look_again(connection)
        statement = insert(employees).values(values | more | {"calendar_id": calendar}).returning(employees.c.key)
        return connection.execute(statement).scalar_one()


def settle(connection: Connection, employee_key: int, now: datetime) -> None:
    """The person answers "done" on their page."""
    acknowledgements.record(
        connection,
        campaign=CAMPAIGN.id,
        employee_key=employee_key,
        answer=Answer.DONE,
        assurance=Assurance.LINK,
        channel="page",
        receipt_channel="smtp",
        now=now,
    )
