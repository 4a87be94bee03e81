"""The pages on a real server on loopback, a browser without a screen, and a small company with stories."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import insert, select, update
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from notifier.clock import MovedClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.domain.campaign import Campaign, Step
from notifier.domain.links import LinkKeys, Purpose
from notifier.identity import Provider
from notifier.store.database import Database
from notifier.store.tables import Kind, State, acknowledgements, calendars, deliveries, employees
from notifier.web.app import create_app
from notifier.web.server import serve
from notifier.web.site import Site
from tests.thread_rig import in_a_thread

TEMPLATES = Path(__file__).parents[1] / "templates"
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(14, "reminder")), closes_after_days=90)
NOW = datetime(2025, 10, 15, 8, 14, tzinfo=UTC)  # 10:14 in Geneva
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com", "+41 22 000 00 00", "https://intranet.example.com/privacy")


@dataclass
class Person:
    """Somebody of the company: only what makes their story."""

    key: int
    given_name: str
    family_name: str
    language: str | None = "en"
    time_zone: str = "Europe/Zurich"
    active: bool = True
    public_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))


ZOE = Person(1, "Zoé", "Exemple", "fr")
BEN = Person(2, "Benjamin", "Musterfrau-Donaudampfschifffahrt", "de")
ANN = Person(3, "Ann", "Example", "en")
LEA = Person(4, "Lea", "Left", "en", active=False)
KAI = Person(5, "Kai", "Auckland", None, "Pacific/Auckland")
PEOPLE = (ZOE, BEN, ANN, LEA, KAI)


def add_people(database: Database) -> None:
    """The company, each in a calendar of their own, joined long ago."""
    with database.write() as connection:
        for person in PEOPLE:
            connection.execute(
                insert(calendars).values(id=person.key, time_zone=person.time_zone, country="", region=str(person.key))
            )
            connection.execute(
                insert(employees).values(
                    key=person.key,
                    id=f"e{person.key}",
                    email=f"{person.given_name.lower()}@example.com",
                    email_key=f"{person.given_name.lower()}@example.com",
                    given_name=person.given_name,
                    family_name=person.family_name,
                    language=person.language,
                    calendar_id=person.key,
                    active=person.active,
                    public_id=person.public_id,
                    joined_at=NOW - timedelta(days=300),
                    left_at=None if person.active else NOW,
                )
            )


@dataclass
class Rig:
    """The pages, running.

    Attributes:
        clock: of the campaign.
        visitors: the clock of the people at their browsers.
        routes: the addresses of the application.
    """

    database: Database
    keys: LinkKeys
    clock: MovedClock
    visitors: MovedClock
    base_url: str = ""
    port: int = 0
    routes: list[BaseRoute] = field(default_factory=list)

    def path(self, person: Person, campaign: str = CAMPAIGN.id, version: int = 1) -> str:
        return f"/a/{campaign}/{self.keys.sign(Purpose.ACKNOWLEDGE, campaign, person.public_id, version)}"

    def url(self, person: Person) -> str:
        return self.base_url + self.path(person)

    def wait(self, seconds: float) -> None:
        """Time passes, for the campaign and for its visitors."""
        for clock in (self.clock, self.visitors):
            clock.move_to(clock.now() + timedelta(seconds=seconds))

    def settled(self) -> int:
        """How many answers settle somebody now."""
        statement = select(acknowledgements.c.id).where(acknowledgements.c.settles, acknowledgements.c.revoked_at.is_(None))
        with self.database.read() as connection:
            return len(connection.execute(statement).all())

    def answers(self, person: Person) -> list[tuple[str, str, str | None]]:
        """Every answer of the person: what, how sure, and why it counts no longer."""
        columns = (acknowledgements.c.answer, acknowledgements.c.assurance, acknowledgements.c.revoked_because)
        statement = select(*columns).where(acknowledgements.c.employee_key == person.key).order_by(acknowledgements.c.id)
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def hand_over(self, person: Person) -> None:
        """A reminder is handed over to the person's mail server at this moment."""
        now = self.clock.now()
        with self.database.write() as connection:
            connection.execute(
                insert(deliveries).values(
                    campaign=CAMPAIGN.id,
                    employee_key=person.key,
                    kind=Kind.REMINDER,
                    occasion=30,
                    channel="smtp",
                    message="notice",
                    state=State.ACCEPTED,
                    created_at=now,
                    due_at=now,
                    next_at=now,
                    closes_at=now,
                    expires_at=now,
                    finished_at=now,
                )
            )

    def void_links(self, person: Person) -> None:
        with self.database.write() as connection:
            connection.execute(update(employees).where(employees.c.key == person.key).values(link_version=2))


@contextmanager
def running_pages(
    database: Database,
    sender: Sender = SENDER,
    provider: Callable[[str], Provider] | None = None,
    parts: Sequence[Callable[[Site], Sequence[Route]]] = (),
) -> Iterator[Rig]:
    """The pages on a free port of 127.0.0.1, in an event loop of their own.

    Args:
        provider: where operators sign in, made once the address of the pages is known.
        parts: further pages.
    """
    add_people(database)
    rig = Rig(database, LinkKeys({1: secrets.token_bytes(32)}, 1), MovedClock(NOW), MovedClock(NOW))
    with in_a_thread(_serving(rig, sender, provider, parts)):
        yield rig


def pages_app(rig: Rig, sender: Sender = SENDER, **more: Any) -> Starlette:
    """The application, at the rig's address."""
    return create_app(
        database=rig.database,
        campaigns={CAMPAIGN.id: CAMPAIGN},
        catalogue=Catalogue([TEMPLATES], sender),
        folders=[TEMPLATES],
        keys=rig.keys,
        clock=rig.clock,
        visitor_clock=rig.visitors,
        base_url=rig.base_url,
        sender=sender,
        receipt_channel="smtp",
        default_language="en",
        **more,
    )


@asynccontextmanager
async def _serving(
    rig: Rig,
    sender: Sender,
    provider: Callable[[str], Provider] | None,
    parts: Sequence[Callable[[Site], Sequence[Route]]],
) -> AsyncIterator[None]:
    rig_app = _Late()
    async with serve(rig_app, "127.0.0.1", 0) as listening:
        rig.port = listening.port
        rig.base_url = f"http://127.0.0.1:{listening.port}"
        rig_app.app = app = pages_app(rig, sender, provider=provider(rig.base_url) if provider else None, parts=parts)
        rig.routes = app.routes
        yield


class _Late:
    """An application that is named once the port is known: its own address belongs to it."""

    def __init__(self) -> None:
        self.app: object = None

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        await self.app(scope, receive, send)  # type: ignore[operator]


@dataclass
class Answered:
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def title(self) -> str:
        return unescape(re.search(r"<title>(.*?)</title>", self.body, re.DOTALL)[1])  # type: ignore[index]

    @property
    def proof(self) -> str:
        return re.search(r'name="proof" value="([^"]*)"', self.body)[1]  # type: ignore[index]

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        body = re.sub(r"<style>.*?</style>|<[^>]+>", " ", self.body, flags=re.DOTALL)
        return " ".join(unescape(body).split())


class Visitor:
    """A browser without a screen: keeps cookies and says where its forms come from, as browsers do."""

    def __init__(self, rig: Rig, language: str | None = None) -> None:
        self._rig = rig
        self.cookies: dict[str, str] = {}
        self.language = language

    def get(self, path: str, method: str = "GET", **headers: str) -> Answered:
        return self.send(method, path, None, headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answered:
        given = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Origin": self._rig.base_url}
        return self.send(
            "POST", path, urlencode(fields).encode(), given | {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def submit(self, path: str, **fields: str) -> Answered:
        """Fetch the page, read it for five seconds, send its form, follow the redirect."""
        page = self.get(path)
        self._rig.wait(5)
        answered = self.post(path, {"proof": page.proof, "do": "answer", **fields})
        if answered.status != 303:
            return answered
        return self.get(f"{path.rpartition('/')[0]}/{answered.headers['location']}")

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        connection = HTTPConnection("127.0.0.1", self._rig.port, timeout=20)
        try:
            sent = dict(headers)
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            if self.language:
                sent.setdefault("Accept-Language", self.language)
            connection.request(method, path, body, {name: value for name, value in sent.items() if value})
            response = connection.getresponse()
            self._keep_cookie(response)
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, found, response.read().decode())
        finally:
            connection.close()

    def _keep_cookie(self, response: HTTPResponse) -> None:
        if set_cookie := response.getheader("set-cookie"):
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
