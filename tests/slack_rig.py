"""A company on Slack that answers by buttons: planner, dispatcher and pages on a moved clock, and Slack on loopback."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import select, update

from notifier.channels.slack import SlackChannel
from notifier.content.catalogue import Catalogue
from notifier.domain.ladder import Ladder, Ladders
from notifier.domain.links import LinkKeys, Purpose
from notifier.store import employees, reach
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import acknowledgements, metadata
from notifier.store.tables import employees as table
from notifier.web.app import create_app
from notifier.web.server import serve
from notifier.web.slack_actions import SlackActions
from notifier.web.slack_presses import Presses
from tests.delivery_rig import CAMPAIGN, NOW, SENDER, TEMPLATES, House, add_people, house
from tests.slack_server import TEAM, TOKEN, Post, SlackServer, buttons

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # the one of Slack's documentation
ORGANISATION = "E0ORG"


def put_on_slack(database: Database, team: str = TEAM) -> None:
    """Everybody is on Slack, as the user U and the number in their roster id."""
    with database.write() as connection:
        people = list(employees.load(connection).values())
        for one in people:
            mine = update(table).where(table.c.key == one.key)
            connection.execute(mine.values(public_id=public_id_of(int(one.employee.id[1:]))))
        reach.match(connection, "slack", [(one.key, user_of(int(one.employee.id[1:])), team) for one in people], NOW)


def user_of(person: int) -> str:
    return f"U{person:08}"


def public_id_of(person: int) -> str:
    """As the store makes them: sixteen bytes, here a number."""
    return base64.urlsafe_b64encode(person.to_bytes(16, "big")).decode().rstrip("=")


def value_of(person: int, campaign: str = CAMPAIGN.id) -> str:
    """What the buttons of somebody's messages carry."""
    return f"1:{campaign}:{public_id_of(person)}"


def told(
    person: int, action: str = "answer:done", *, at: datetime = NOW, value: str | None = None, team: str = TEAM, **more: Any
) -> dict[str, Any]:
    """What Slack tells of a press, as its documentation shows it.

    Args:
        person: who pressed; on their own message, unless `value` says otherwise.
    """
    user = user_of(person)
    message = {"type": "message", "bot_id": "B0BOT", "user": "U0BOT", "ts": "1700000000.000001", "text": "…", "blocks": []}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": f"p{person}", "name": f"p{person}", "team_id": team},
        "api_app_id": "A0",
        "token": "deprecated",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": f"D{user[1:]}", "is_ephemeral": False},
        "trigger_id": "1.2.3",
        "team": {"id": team, "domain": "example"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": f"D{user[1:]}", "name": "directmessage"},
        "message": message,
        "response_url": "https://hooks.slack.com/actions/T0TEAM/1/x",
        "actions": [
            {
                "type": "button",
                "block_id": "b1",
                "action_id": action,
                "value": value_of(person) if value is None else value,
                "text": {"type": "plain_text", "text": "…", "emoji": False},
                "action_ts": stamp(at),
            }
        ],
        **more,
    }


def stamp(at: datetime) -> str:
    """An instant as Slack writes it."""
    return f"{int(at.timestamp())}.{at.microsecond:06}"


def signed(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers that Slack sends with a body."""
    seconds = str(int(at.timestamp()))
    code = hmac.new(secret.encode(), b"v0:" + seconds.encode() + b":" + body, "sha256").hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": seconds,
        "X-Slack-Signature": f"v0={code}",
    }


def form(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


@dataclass
class Company:
    """See the head of this module.

    Attributes:
        slack: where messages go.
        port: of the pages; `base_url` is their beginning.
    """

    database: Database
    slack: SlackServer
    house: House
    presses: Presses
    base_url: str
    port: int

    @property
    def now(self) -> datetime:
        return self.house.clock.now()

    def wait(self, seconds: float) -> None:
        self.house.clock.move_to(self.now + timedelta(seconds=seconds))

    async def pass_over(self, **after: float) -> None:
        """Time passes, and everything goes out that can."""
        await self.house.pass_over(after=timedelta(**after))
        while (again_at := (await self.house.dispatcher.run_due()).again_at) is not None:
            self.house.clock.move_to(max(again_at, self.now + timedelta(seconds=1)))

    async def call(self, payload: object, **of: Any) -> int:
        """Slack tells of a press by HTTP. Returns the status."""
        body = form(payload)
        return await self.call_raw(body, signed(body, of.get("at", self.now)))

    async def call_raw(self, body: bytes, headers: Mapping[str, str]) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.base_url}/slack/actions", data=body, headers=headers) as answer,
        ):
            await answer.read()
            return answer.status

    def page_of(self, person: int) -> str:
        """The path of somebody's page."""
        token = LinkKeys({1: b"k" * 32}, 1).sign(Purpose.ACKNOWLEDGE, CAMPAIGN.id, public_id_of(person), 1)
        return f"/a/{CAMPAIGN.id}/{token}"

    def answers(self, person: int) -> list[tuple[str, str, str, str | None]]:
        """Every answer of somebody: what, how sure, where, and why it counts no longer."""
        with self.database.read() as connection:
            (key,) = (one.key for one in employees.load(connection).values() if one.employee.id == f"p{person}")
            columns = acknowledgements.c["answer", "assurance", "channel", "revoked_because"]
            rows = connection.execute(
                select(*columns).where(acknowledgements.c.employee_key == key).order_by(acknowledgements.c.id)
            )
            return [tuple(row) for row in rows]

    def messages(self, person: int) -> list[Post]:
        """What somebody's messages say now, the oldest first."""
        return [post for _, post in sorted(self.slack.standing().items()) if post.user == user_of(person)]

    def offered(self, person: int) -> list[set[str]]:
        """The actions that somebody's messages offer now, each on its own."""
        return [{button["action_id"] for button in buttons(post)} for post in self.messages(person)]

    def contents(self) -> dict[str, list[Any]]:
        """Everything that is stored."""
        with self.database.read() as connection:
            return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


@asynccontextmanager
async def company(database: Database, people: int = 3, *, team: str = TEAM) -> AsyncIterator[Company]:
    """A company of so many people: all on Slack, nothing sent yet."""
    add_people(database, people)
    put_on_slack(database, team)
    async with SlackServer() as slack:
        channel = SlackChannel(token=TOKEN, base_url=slack.base_url)
        ladders, limits = Ladders(Ladder(("slack",))), {"slack": Limits(per_minute=180)}
        parts = house(database, [channel], ladders=ladders, limits=limits, slack_buttons=True)
        slack.clock = lambda: parts.clock.now().timestamp()
        heard = Presses(database, {CAMPAIGN.id: CAMPAIGN}, "smtp", parts.clock)
        try:
            async with _pages(parts, heard) as (base_url, port):
                yield Company(database, slack, parts, heard, base_url, port)
        finally:
            await channel.close()


@asynccontextmanager
async def _pages(parts: House, heard: Presses) -> AsyncIterator[tuple[str, int]]:
    made: list[Any] = []

    async def late(scope: Any, receive: Any, send: Any) -> None:  # its own address belongs to the application
        await made[0](scope, receive, send)

    async with serve(late, "127.0.0.1", 0) as listening:
        base_url = f"http://127.0.0.1:{listening.port}"
        made.append(
            create_app(
                database=parts.database,
                campaigns=heard.campaigns,
                catalogue=Catalogue([TEMPLATES], SENDER),
                folders=[TEMPLATES],
                keys=LinkKeys({1: b"k" * 32}, 1),
                clock=parts.clock,
                visitor_clock=parts.clock,
                base_url=base_url,
                sender=SENDER,
                receipt_channel="smtp",
                default_language="en",
                slack=SlackActions(SECRET, heard),
            )
        )
        yield base_url, listening.port
