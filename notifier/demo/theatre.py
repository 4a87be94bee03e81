"""Puts the demonstration together: a folder with a real configuration and roster, the servers, the service, and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.types import ASGIApp, Receive, Scope, Send

from notifier import settings as configuration
from notifier.clock import MovedClock
from notifier.demo import company
from notifier.demo.crowd import Bystanders
from notifier.demo.mailbox import Mailbox, mail_server
from notifier.demo.pages import create_pages
from notifier.demo.stage import Scene, Stage
from notifier.service import Service, build, open_store, refresh_roster, write_new_keys
from notifier.settings import Settings
from notifier.simulate import Journey
from notifier.store import acknowledgements, processes, schema
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.database import Database
from notifier.web.server import serve

_ZONE = ZoneInfo("Europe/Zurich")
FIRST_INSTANT = datetime.combine(date(2025, 10, 1), time(18), _ZONE).astimezone(UTC)
LAST_INSTANT = datetime.combine(date(2025, 11, 20), time(18), _ZONE).astimezone(UTC)
_ROSTER_IS_READ = time(5)
_ANSWER_RATE = 0.34
_THE_SERVICE = ("/a/", "/t/", "/admin", "/team", "/api/", "/healthz", "/readyz")

_CONFIGURATION = """\
# The configuration of a demonstration: a company that does not exist, a mail server and pages on this machine only.

[organisation]
name = "{name}"
default_language = "en"
default_time_zone = "Europe/Zurich"
contact = "Privacy Office <privacy@{domain}>"
contact_phone = "+41 22 555 01 00"

[storage]
url = "sqlite:///notifier.db"

[web]
base_url = "http://127.0.0.1:{web_port}"
listen = "127.0.0.1:{web_port}"

[links]
keys_file = "link-keys"

[roster]
source = "file"
path = "roster.csv"
refresh = "every day 05:00"

[sending]
window = "09:00-17:00"

[email]
via = "smtp"
from = "Privacy Office <privacy@{domain}>"

[email.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"

[summaries]
managers = "mon 08:00"
organisation = ["compliance@{domain}"]

[campaigns.linkedin-ai-training]
deadline = 2025-11-03
escalation = 4
language_by_country = {{ FR = "fr", LU = "fr", DE = "de" }}
steps = [
  {{ days_before = 30, message = "notice" }},
  {{ days_before = 14, message = "reminder" }},
  {{ days_before = 7, message = "reminder" }},
  {{ days_before = 1, message = "last-call" }},
  {{ days_before = -7, message = "overdue" }},
  {{ days_before = -14, message = "overdue" }},
]
"""


@dataclass(frozen=True, slots=True)
class Theatre:
    """The demonstration, ready to begin.

    Attributes:
        url: of the mailbox.
    """

    url: str
    folder: Path
    service: Service
    mailbox: Mailbox
    stage: Stage


@asynccontextmanager
async def theatre(folder: Path, *, port: int, seed: int, people: int, pace: float) -> AsyncIterator[Theatre]:
    """Everything that a demonstration needs, on 127.0.0.1, while the block runs. Time begins with `Stage.play`.

    Args:
        folder: an empty one, for the configuration, the roster, the link keys and the store.
        port: of the pages; 0 for a free one.
        people: how many there are in the company.
        pace: seconds that a day takes.

    Raises:
        TryLaterError: the port is taken.
    """
    clock = MovedClock(FIRST_INSTANT)
    mailbox = Mailbox(clock, refused=frozenset({company.REFUSED_ADDRESS}), greylisted=frozenset({company.GREYLISTED_ADDRESS}))
    pages = _Curtain()
    async with mail_server(mailbox) as smtp_port:
        with ExitStack() as last:  # the store is closed when nobody can ask for a page any more
            async with serve(pages, "127.0.0.1", port) as listening:
                settings = _write_configuration(folder, smtp_port, listening.port)
                database = last.enter_context(closing(open_store(settings)))
                everybody = company.people(people, seed)
                _first_roster(settings, database, everybody)
                service = build(settings, clock=clock, database=database)
                with database.write() as connection:
                    processes.register(connection, service.owner, FIRST_INSTANT)
                journey = Journey(service, clock, _crowd(database, seed))
                scenes = [*_scenes(settings, database, everybody), *_mornings(service)]
                stage = Stage(service, clock, journey, end=LAST_INSTANT, pace=pace, scenes=scenes)
                pages.rise(service.web_app(), create_pages(service, mailbox, stage, company.STORIES), stage)
                try:
                    yield Theatre(settings.web.base_url, folder, service, mailbox, stage)
                finally:
                    await service.dispatcher.close()


class _Curtain:
    """The pages of the service and of the mailbox under one address; they can be made only once that is known."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._service_pages: ASGIApp
        self._mailbox_pages: ASGIApp

    def rise(self, service_pages: ASGIApp, mailbox_pages: ASGIApp, stage: Stage) -> None:
        self._service_pages, self._mailbox_pages = stage.between_moves(service_pages), mailbox_pages
        self._ready.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._ready.wait()
        asked_of_service = scope["type"] == "http" and scope["path"].startswith(_THE_SERVICE)
        await (self._service_pages if asked_of_service else self._mailbox_pages)(scope, receive, send)


def _write_configuration(folder: Path, smtp_port: int, web_port: int) -> Settings:
    """Write the file, and read it as `notifier run` would; the environment of the visitor has no say."""
    path = folder / "config.toml"
    text = _CONFIGURATION.format(name=company.NAME, domain=company.DOMAIN, smtp_port=smtp_port, web_port=web_port)
    path.write_text(text, encoding="utf-8")
    return configuration.load(path, environment={})


def _first_roster(settings: Settings, database: Database, everybody: list[company.Person]) -> None:
    write_new_keys(settings.links.keys_file)
    schema.migrate(database)
    company.write_roster(settings.roster.path, company.on_roster(everybody, FIRST_INSTANT.date()))
    refresh_roster(settings, database, FIRST_INSTANT).raise_if_refused()


def _scenes(settings: Settings, database: Database, everybody: list[company.Person]) -> list[Scene]:
    """On the days on which the roster changes, the file is written anew, and read in the morning as every day."""

    def change(now: datetime) -> None:
        company.write_roster(settings.roster.path, company.on_roster(everybody, now.astimezone(_ZONE).date()))
        refresh_roster(settings, database, now).raise_if_refused()

    days = {day for story in company.STORIES for day in (story.from_day, story.until_day) if day is not None}
    return [Scene(datetime.combine(day, _ROSTER_IS_READ, _ZONE).astimezone(UTC), change) for day in sorted(days)]


def _mornings(service: Service) -> list[Scene]:
    """Every morning the ledger is brought up to date and sealed, which a daemon does every few seconds."""
    return [Scene(FIRST_INSTANT + timedelta(days=day), partial(keep_up, service)) for day in range(1, whole_days(LAST_INSTANT))]


def keep_up(service: Service, now: datetime) -> None:
    """Do what a daemon does now and then."""
    for chore in service.upkeep:
        chore.do(now)


def _crowd(database: Database, seed: int) -> Bystanders:
    def current(key: int, campaign: str) -> Acknowledgement | None:
        with database.read() as connection:
            return acknowledgements.current(connection, campaign=campaign, employee_key=key)

    return Bystanders(_ANSWER_RATE, seed, scripts={story.person.id: story.replies for story in company.STORIES}, current=current)


def whole_days(instant: datetime) -> int:
    """How many days of the demonstration have passed."""
    return (instant - FIRST_INSTANT) // timedelta(days=1)
