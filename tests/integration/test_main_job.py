"""The main job on real parts: an export of 200 people, Postfix, a whole countdown, answers over HTTP, and the story of it all.

The clock is moved; everything else is what runs in an organisation: the roster as its system exports it, a mail server that
delivers to mailboxes, the pages on a socket, the command line.
"""

from __future__ import annotations

import asyncio
import csv
import email
import email.policy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.service import Service, build, refresh_roster, write_new_keys
from notifier.settings import load
from notifier.simulate import Journey
from notifier.store import schema, stories
from notifier.web.server import serve
from tests.pages_rig import Visitor
from tests.postfix import Postfix, running_postfix

PEOPLE = 200
BASE_URL = "http://notifier.example.com"
STEPS = (30, 7, 1, -3)
LANGUAGES = {"DE": "de", "FR": "fr", "CH": "fr", "GB": "en", "US": "en"}


@dataclass(frozen=True)
class Somebody:
    number: int
    given_name: str
    family_name: str
    country: str
    country_name: str
    country_in_german: str
    city: str
    zone: str

    @property
    def address(self) -> str:
        return f"person{self.number}@example.com"

    @property
    def manager(self) -> Somebody | None:
        return PERSONNEL[(self.number - 1) // 10] if self.number else None


_PLACES = (
    ("DE", "Germany", "Deutschland", "Berlin", "Europe/Berlin"),
    ("FR", "France", "Frankreich", "Lyon", "Europe/Paris"),
    ("CH", "Switzerland", "Schweiz", "Genève", "Europe/Zurich"),
    ("GB", "United Kingdom", "Vereinigtes Königreich", "London", "Europe/London"),
    ("US", "United States", "Vereinigte Staaten", "New York", "America/New_York"),
)
_GIVEN = ("Zoé", "Jürgen", "Anne-Sophie", "Sinéad", "José")
_FAMILY = ("Müller", "O'Brien", "d'Alembert", "Weiß", "Ñúñez")
PERSONNEL = tuple(
    Somebody(number, _GIVEN[number // 5 % 5], f"{_FAMILY[number // 25 % 5]}-{number}", *_PLACES[number % 5])
    for number in range(PEOPLE)
)


def entra(path: Path) -> Path:
    """As "Download users" gives it: UTF-8 with a BOM, commas, no language."""
    header = ["userPrincipalName", "displayName", "surname", "mail", "givenName", "id", "userType", "department", "accountEnabled"]
    header += ["usageLocation", "state", "country", "city", "companyName"]
    rows = [
        [
            *(one.address, f"{one.given_name} {one.family_name}", one.family_name, one.address, one.given_name),
            *(f"0000{one.number:04}-aaaa", "Member", "Sales", "True", one.country, "", one.country_name, one.city, "Example SA"),
        ]
        for one in PERSONNEL
    ]
    return write_csv(path / "exportUsers.csv", [header, *rows], "utf-8-sig", ",")


def personio(path: Path) -> Path:
    """As a German export is saved in Excel: Windows-1252, semicolons, a title above the header, separators at the end."""
    header = ["Personalnummer", "Vorname", "Nachname", "E-Mail", "Status", "Abteilung", "Vorgesetzter", "Land", ""]
    rows = [
        [
            *(str(one.number), one.given_name, one.family_name, one.address, "Aktiv", "Vertrieb"),
            *(f"{one.manager.given_name} {one.manager.family_name}" if one.manager else "", one.country_in_german, ""),
        ]
        for one in PERSONNEL
    ]
    title = ["Mitarbeiterliste", *[""] * 8]
    return write_csv(path / "mitarbeiter.csv", [title, [""] * 9, header, *rows, [""] * 9], "cp1252", ";")


def workday(path: Path) -> Path:
    """As a report is downloaded: a workbook, ids as numbers, names last first."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["All Active Workers"])
    sheet.append(["Employee ID", "Worker", "Email - Primary Work", "Location Address - Country", "Manager", "Worker Status"])
    for one in PERSONNEL:
        manager = f"{one.manager.given_name} {one.manager.family_name}" if one.manager else None
        name = f"{one.family_name}, {one.given_name}"
        sheet.append([one.number, name, one.address, one.country_name, manager, "Active"])
    book.save(path / "workers.xlsx")
    book.close()
    return path / "workers.xlsx"


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str, delimiter: str) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with running_postfix([one.address for one in PERSONNEL]) as server:
        yield server


@dataclass
class Organisation:
    """One that runs notifier: its configuration, its service on a moved clock, and its mail server."""

    config: Path
    clock: MovedClock
    visitors: MovedClock
    service: Service
    journey: Journey
    postfix: Postfix
    delivered_before: int

    async def advance_to(self, text: str) -> None:
        """Let time pass, and wait until Postfix has delivered what it took."""
        await self.journey.advance_to(at(text))
        with self.service.database.read() as connection:
            taken = sum(one.count for one in stories.count_states(connection) if one.state == "accepted")
        for _ in range(600):
            if self.postfix.count - self.delivered_before == taken:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"Postfix delivered {self.postfix.count - self.delivered_before} of {taken}: {self.postfix.log[-2000:]}")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settle_in(folder: Path, roster: Path, postfix: Postfix) -> Organisation:
    config = folder / "config.toml"
    messages = ("notice", "reminder", "last-call", "overdue")
    steps = ", ".join(f'{{ days_before = {days}, message = "{name}" }}' for days, name in zip(STEPS, messages, strict=True))
    config.write_text(
        f"""
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[web]
base_url = "{BASE_URL}"
[roster]
path = "{roster.name}"
[summaries]
managers = "never"
[email]
from = "Privacy Office <privacy@example.com>"
[email.smtp]
host = "127.0.0.1"
port = {postfix.port}
security = "none"
[campaigns.linkedin-ai-training]
deadline = 2025-11-03
steps = [{steps}]
language_by_country = {{ DE = "de", FR = "fr", CH = "fr" }}
""",
        encoding="utf-8",
    )
    write_new_keys(folder / "link-keys")
    clock = MovedClock(at("2025-10-01T00:00"))
    service = build(load(config, environment={}), clock=clock)
    schema.create_if_empty(service.database)
    outcome = refresh_roster(service.settings, service.database, clock.now())
    assert (len(outcome.diff.joiners), len(outcome.reading.set_aside)) == (PEOPLE, 0)
    return Organisation(config, clock, MovedClock(clock.now()), service, Journey(service, clock), postfix, postfix.count)


@pytest.mark.parametrize("export", [entra, personio, workday])
async def test_a_whole_countdown(
    export: Callable[[Path], Path], postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everybody is told in their language and their hours; who answers is left in peace; `explain` knows why."""
    before = {address: len(mails) for address, mails in postfix.mails().items()}
    organisation = settle_in(tmp_path, export(tmp_path), postfix)

    await organisation.advance_to("2025-10-06T12:00")
    answered = PERSONNEL[:20]
    await answer_all(organisation, answered)
    await organisation.advance_to("2025-11-20T00:00")
    await organisation.service.dispatcher.close()

    for one in PERSONNEL:
        mails = [parse(raw) for raw in postfix.mailbox(one.address)[before.get(one.address, 0) :]]
        assert len(mails) == (2 if one in answered else len(STEPS)), one
        for mail in mails:
            assert mail["To"].addresses[0].addr_spec == one.address
            assert mail["Content-Language"] == LANGUAGES[one.country]
            sent = mail["Date"].datetime.astimezone(ZoneInfo(one.zone))
            receipt = one in answered and mail is mails[-1]
            assert receipt or (sent.weekday() < 5 and 9 <= sent.hour < 17), (one, sent)

    organisation.service.database.close()
    for one in (*answered[:3], *PERSONNEL[-2:]):
        assert run(["explain", one.address, "--config", str(organisation.config), "--json"]) == 0
        story: dict[str, Any] = json.loads(capsys.readouterr().out)
        states = [step["state"] for step in story["steps"]]
        assert states == (["accepted", *["not planned"] * 3] if one in answered else ["accepted"] * 4)
        assert story["steps"][0]["subject"]


async def answer_all(organisation: Organisation, people: Sequence[Somebody]) -> None:
    """Each opens the last mail, follows its link, chooses, and sends."""
    app = organisation.service.web_app(visitor_clock=organisation.visitors)
    async with serve(app, "127.0.0.1", 0) as listening:
        for one in people:
            mail = parse(organisation.postfix.mailbox(one.address)[-1])
            body = mail.get_body(("plain",))
            assert body is not None
            link = re.search(rf"{BASE_URL}(/a/\S+)", body.get_content())
            assert link is not None
            visitor = Visitor(Pages(listening.port, organisation.visitors))
            page = await asyncio.to_thread(visitor.submit, link[1], answer="done")
            assert page.status == 200


@dataclass
class Pages:
    """Where the visitors go, and how they let time pass while they read."""

    port: int
    visitors: MovedClock
    base_url: str = BASE_URL

    def wait(self, seconds: float) -> None:
        self.visitors.move_to(self.visitors.now() + timedelta(seconds=seconds))


def parse(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
