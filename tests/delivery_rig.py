"""The delivery core with all its real parts, towards a scripted mail server, on a moved clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, insert, select

from notifier.channels.base import Channel
from notifier.channels.smtp import SmtpChannel
from notifier.clock import MovedClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.delivery.compose import Composer
from notifier.delivery.dispatcher import Dispatcher, Pass
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladder, Ladders
from notifier.domain.links import LinkKeys
from notifier.domain.window import Window
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import calendars, deliveries, employees
from tests.smtp_server import Received, ScriptedServer

TEMPLATES = Path(__file__).parents[1] / "templates"
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(7, "reminder"), Step(1, "last-call")))
NOW = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)  # ten o'clock in Zurich, on the day of the notice
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")


@cache
def shipped_texts() -> Catalogue:
    """The texts as they are shipped, read once: that takes longer than many a test."""
    return Catalogue((TEMPLATES,), SENDER)


def add_people(database: Database, count: int, zone: str = "Europe/Zurich", country: str = "CH") -> None:
    """So many people in one place, with the addresses p0@example.com, p1@example.com …"""
    with database.write() as connection:
        calendar = connection.execute(
            insert(calendars).values(time_zone=zone, country=country).returning(calendars.c.id)
        ).scalar_one()
        connection.execute(
            insert(employees),
            [
                {
                    "id": f"p{number}",
                    "email": f"p{number}@example.com",
                    "email_key": f"p{number}@example.com",
                    "given_name": "Zoé",
                    "family_name": f"Exemple {number}",
                    "language": ("en", "fr", "de")[number % 3],
                    "active": True,
                    "calendar_id": calendar,
                    "public_id": f"{number:022}",
                    "joined_at": datetime(2025, 1, 1, tzinfo=UTC),
                }
                for number in range(count)
            ],
        )


def smtp_channel(server: ScriptedServer, connections: int, *, timeout: float = 5, **more: Any) -> SmtpChannel:
    """The real channel, towards the scripted server."""
    return SmtpChannel(
        host="127.0.0.1",
        port=server.port,
        security="none",
        sender="Privacy Office <privacy@example.com>",
        reply_to="help@example.com",
        connections=connections,
        timeout=timeout,
        helo="client.example.com",
        **more,
    )


@dataclass
class House:
    """One process: planner, dispatcher and clock over a store."""

    database: Database
    clock: MovedClock
    planner: Planner
    dispatcher: Dispatcher

    async def pass_over(self, *, after: timedelta = timedelta()) -> Pass:
        """One tick and one pass, `after` that much time."""
        self.clock.move_to(self.clock.now() + after)
        self.planner.tick(self.clock.now())
        return await self.dispatcher.run_due()

    def rows(self) -> list[RowMapping]:
        """Every delivery, as it stands in the store, by person and step."""
        return rows_of(self.database)

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.rows())


def rows_of(database: Database) -> list[RowMapping]:
    """Every delivery with its person's address, by person and step."""
    statement = select(deliveries, employees.c.email).join_from(deliveries, employees)
    with database.read() as connection:
        return list(connection.execute(statement.order_by(deliveries.c.employee_key, deliveries.c.id)).mappings())


def house(
    database: Database,
    channels: Sequence[Channel],
    *,
    campaign: Campaign = CAMPAIGN,
    folders: Sequence[Path] = (TEMPLATES,),
    now: datetime = NOW,
    owner: str = "one",
    per_minute: int | None = None,
    canary: int = 0,
    ladders: Ladders | None = None,
    limits: Mapping[str, Limits] | None = None,
    slack_buttons: bool = False,
) -> House:
    """A house with these channels; without `ladders` the planner plans for the first of them."""
    by_first = Ladders(Ladder((channels[0].name,)))
    clock = MovedClock(now)
    composer = Composer(
        campaigns={campaign.id: campaign},
        catalogue=shipped_texts() if tuple(folders) == (TEMPLATES,) else Catalogue(folders, SENDER),
        keys=LinkKeys({1: b"k" * 32}, 1),
        base_url="https://notifier.example.com",
        default_language="en",
        slack_buttons=slack_buttons,
    )
    planner = Planner(
        database=database,
        campaigns=(campaign,),
        window=Window.parse("09:00-17:00"),
        working_days=WorkingDays(),
        ladders=ladders or by_first,
    )
    dispatcher = Dispatcher(
        database=database,
        clock=clock,
        composer=composer,
        channels=channels,
        limits=limits or {channels[0].name: Limits(per_minute=per_minute)},
        owner=owner,
        message_id_domain="example.com",
        canary=canary,
        ladders=ladders or by_first,
    )
    return House(database, clock, planner, dispatcher)


def recipients(messages: Sequence[Received]) -> Counter[str]:
    """How often each address was written to."""
    return Counter(message.recipients[0] for message in messages)


def message_id(message: Received) -> str:
    return str(message_from_bytes(message.raw)["Message-ID"])
