"""The dashboard's and the team's pages with a large organisation in the middle of a campaign: how long the server takes for each.

python -m bench.dashboard

Every page is asked for in turn, round after round, through the whole application but without a network. Meanwhile time goes on, so
that what is kept counted is counted anew as often as it would be. How long counting takes, for whoever has to wait for it, is told.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from bench.common import Report, at_most, load_average, machine, parser, told
from notifier import shipped
from notifier.clock import SystemClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.delivery.nudging import Nudger
from notifier.delivery.outlook import Outlook
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.employee import Employee
from notifier.domain.ladder import Ladders
from notifier.domain.links import LinkKeys
from notifier.domain.operators import Role
from notifier.domain.progress import Figure
from notifier.domain.window import Window
from notifier.store import employees, letters, roster_changes, sessions
from notifier.store.database import Database
from notifier.store.employees import SyncRecord
from notifier.store.letters import Letter
from notifier.store.oversight import ledger
from notifier.store.quota import Limits
from notifier.store.roster_changes import Touch
from notifier.store.tables import Kind, State, acknowledgements, deliveries, metadata
from notifier.summary import facts
from notifier.summary.board import Board
from notifier.summary.facts import Bar, TeamLetter, TeamProgress
from notifier.web import dashboard, team
from notifier.web.app import create_app
from notifier.web.dashboard import Desk

NOW = datetime(2025, 10, 20, 8, 0, tzinfo=UTC)
CAMPAIGN = Campaign(
    "linkedin-ai-training",
    date(2025, 11, 3),
    (Step(30, "notice"), Step(14, "reminder"), Step(7, "reminder"), Step(1, "last-call"), Step(-7, "overdue")),
)
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")
PLACES = (("Europe/Zurich", "CH", "GE"), ("Europe/Zurich", "CH", "ZH"), ("Europe/Paris", "FR", None), ("Europe/Berlin", "DE", "BE"))
_MOST_MILLISECONDS = 50
_MANAGER = 51  # below whom are ten people, each with ten of their own
PAGES = {
    "Today": "/admin",
    "Campaign": "/admin/campaigns/linkedin-ai-training",
    "People: a name that many have": "/admin/people?q=lena",
    "People: a name that nobody has": "/admin/people?q=nobody-of-that-name",
    "People: the open ones of a country": "/admin/people?campaign=linkedin-ai-training&is=open&country=FR",
    "People: the open ones of an evening": "/admin/people?campaign=linkedin-ai-training&is=open&on=2025-10-10",
    "People: the few settled on the first evening": "/admin/people?campaign=linkedin-ai-training&is=settled&on=2025-10-03",
    "People: those whom a reading changed": "/admin/people?is=changed&reading=1",
    "People: those whom nothing reaches": "/admin/people?campaign=linkedin-ai-training&is=undeliverable",
    "Person": "/admin/people/50001",
    "Queue": "/admin/queue",
    "Queue: refused": "/admin/queue?state=refused",
    "Queue: handed over": "/admin/queue?state=accepted",
    "Queue: cancelled, the oldest few of all": "/admin/queue?state=cancelled",
    "Roster": "/admin/roster",
    "Health": "/admin/health",
    "Audit": "/admin/audit",
    "Language and time zone": "/admin/view",
}


class RunningClock:
    """Time that goes on from an instant."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - SystemClock().now()

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def crowd(people: int) -> Iterator[Employee]:
    names = ("Lena", "Zoé", "Max", "Inès", "Jörg", "Aurélie", "Ben", "Noor")
    for number in range(people):
        zone, country, region = PLACES[number % len(PLACES)]
        yield Employee(
            f"E{number:07}",
            f"p{number}@example.com",
            names[number % len(names)],
            f"Exemple {number}",
            zone,
            ("en", "fr", "de")[number % 3],
            country,
            region,
            department=f"Department {number % 60}",
            manager_id=f"E{number // 10:07}",
        )


def fill(database: Database, people: int) -> None:
    """Everybody has had the notice, two in five have settled, and the reminder is half out; every answer is in the ledger."""
    with database.write() as connection:
        metadata.create_all(connection)
        employees.add(connection, crowd(people), NOW - timedelta(days=300))
        applied = SyncRecord(NOW - timedelta(hours=5), "roster.csv", True, people, 0, 0, 0, 0, people // 100)
        number = employees.record_sync(connection, applied)
        roster_changes.keep(connection, number, [(key, Touch.CHANGED, ["department"]) for key in range(100, people + 1, 100)])
        settled = [number for number in range(1, people + 1) if number % 5 in {1, 3}]
        connection.execute(insert(acknowledgements), [_answer(number) for number in settled])
        rows = [
            _delivery(number, 30, NOW - timedelta(days=17), State.CANCELLED if number <= 10 else State.ACCEPTED)
            for number in range(1, people + 1)
        ]
        states = [State.ACCEPTED, State.PLANNED]
        rows += [
            _delivery(number, 14, NOW, State.REFUSED if number % 500 == 2 else states[number // 5 % 2])
            for number in range(1, people + 1)
            if number % 5 not in {1, 3}
        ]
        connection.execute(insert(deliveries), rows)
        connection.execute(insert(ledger), [_entry(number) for number in settled])


def _answer(number: int) -> dict[str, Any]:
    return {
        "campaign": CAMPAIGN.id,
        "employee_key": number,
        "answer": Answer.DONE,
        "assurance": Assurance.LINK,
        "settles": True,
        "channel": "page",
        "answered_at": NOW - timedelta(days=17) + timedelta(seconds=number),
    }


def _delivery(number: int, occasion: int, at: datetime, state: State) -> dict[str, Any]:
    ended = state is not State.PLANNED
    return {
        "campaign": CAMPAIGN.id,
        "employee_key": number,
        "kind": Kind.REMINDER,
        "occasion": occasion,
        "channel": "smtp",
        "message": "notice" if occasion == 30 else "reminder",
        "state": state,
        "reply": {State.ACCEPTED: "250 2.0.0 Ok: queued", State.REFUSED: "550 5.1.1 no such user"}.get(state),
        "created_at": at,
        "due_at": at,
        "next_at": at,
        "closes_at": at + timedelta(hours=8),
        "expires_at": at + timedelta(days=7),
        "finished_at": at if ended else None,
    }


def _entry(number: int) -> dict[str, Any]:
    facts = '{"answer":"done","assurance":"link"}'
    about = {"event": "answered", "subject": number, "campaign": CAMPAIGN.id, "employee_key": number, "facts": facts}
    return about | {"at": NOW - timedelta(days=17) + timedelta(seconds=number), "commitment": "", "position": number}


def application(database: Database, clock: RunningClock, keys: LinkKeys) -> Any:
    ladders, window, days = Ladders.of(["email"], email="smtp"), Window.parse("09:00-17:00"), WorkingDays()
    planner = Planner(database=database, campaigns=(CAMPAIGN,), window=window, working_days=days, ladders=ladders)
    outlook = Outlook((CAMPAIGN,), planner.schedule_of, ladders, {"smtp": Limits(per_minute=300)}, window, days, "en")
    nudger = Nudger(planner=planner, window=window, working_days=days, ladders=ladders)
    folders = [shipped.templates()]
    zone = ZoneInfo("Europe/Zurich")
    board = Board(database, zone=zone, minimum_group=10, schedule_of=planner.schedule_of)
    desk = Desk(zone, tuple(folders), outlook, board, 10, "roster.csv", "every day 05:00")
    return create_app(
        database=database,
        campaigns={CAMPAIGN.id: CAMPAIGN},
        catalogue=Catalogue(folders, SENDER),
        folders=folders,
        keys=keys,
        clock=clock,
        base_url="http://127.0.0.1:8080",
        sender=SENDER,
        receipt_channel="smtp",
        default_language="en",
        visitor_clock=clock,
        parts=(partial(dashboard.routes, desk=desk), partial(team.routes, nudger=nudger)),
    )


async def ask(app: Any, path: str, token: str) -> tuple[float, int]:
    """Milliseconds until the page is there, and its size in bytes."""
    where, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"cookie", f"notifier_operator={token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    status, size = 0, 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, size
        status = message.get("status", status)
        size += len(message.get("body", b""))

    begun = perf_counter()
    await app(scope, receive, send)
    taken = (perf_counter() - begun) * 1000
    assert status == 200, (path, status)  # noqa: S101 - else nothing was measured
    return taken, size


def team_page(database: Database, keys: LinkKeys) -> str:
    """The address of the page of a manager with ten direct reports, who has had a letter."""
    bars = (Bar(True, (), Figure(10, 4, 4)), Bar(False, ("Zoé Exemple 501",), Figure(100, 41, 41)))
    on = NOW.date()
    letter = TeamLetter(
        on, (TeamProgress(CAMPAIGN.id, CAMPAIGN.deadline, bars=bars),), on + timedelta(days=7), on + timedelta(days=14)
    )
    with database.write() as connection:
        manager = employees.by_key(connection, _MANAGER)
        assert manager is not None  # noqa: S101 - else there are too few people
        letters.write(connection, [Letter(Kind.SUMMARY, _MANAGER, 202543, "", facts.written(letter))], NOW)
    return f"/t/{keys.sign_team(manager.public_id, manager.link_version, letter.link_until)}"


async def measure(database: Database, rounds: int) -> tuple[dict[str, list[float]], dict[str, float], dict[str, int]]:
    """Of each page: every time it took, the first time when nothing was counted yet, and its size."""
    clock = RunningClock(NOW)
    keys = LinkKeys({1: secrets.token_bytes(32)}, 1)
    app, token = application(database, clock, keys), sessions.new_token()
    pages = PAGES | {"Team": team_page(database, keys)}
    with database.write() as connection:
        about = {"issuer": "notifier", "subject": "bench", "name": "bench"}
        sessions.begin(connection, token=token, role=Role.ADMIN, now=clock.now(), **about)
    await ask(app, "/admin/view", token)  # templates and words are read
    first, sizes = {}, {}
    for name, path in pages.items():
        first[name], sizes[name] = await ask(app, path, token)
    times: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(rounds):
        for name, path in pages.items():
            times[name].append((await ask(app, path, token))[0])
            await asyncio.sleep(0.01)
    return times, first, sizes


def main() -> int:
    options = parser(__doc__ or "", rounds=100)
    options.add_argument("--people", type=int, default=100_000)
    chosen = options.parse_args()
    report = Report(
        "dashboard",
        f"The dashboard's pages with {chosen.people:,} people and a running campaign, on SQLite",
        {"people": chosen.people, "rounds": chosen.rounds},
        machine("starlette", "jinja2", "sqlalchemy"),
    )
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as name:
        database = Database(f"sqlite:///{Path(name)}/store.db")
        print("filling the store", file=sys.stderr)
        fill(database, chosen.people)
        print("asking", file=sys.stderr)
        times, first, sizes = asyncio.run(measure(database, chosen.rounds))
        report.loads.append(load_average())
        database.close()
    for page, taken in times.items():
        report.figures.append(at_most(f"{page}: median", "ms", [quantiles(taken, n=2)[0]], _MOST_MILLISECONDS))
        report.figures.append(told(f"{page}: 95th percentile", "ms", [quantiles(taken, n=20)[-1]]))
    report.figures.append(at_most("largest page", "KB", [max(sizes.values()) / 1000], 30))
    report.figures.append(told("Today, when everything has to be counted first", "ms", [first["Today"]]))
    report.figures.append(told("Campaign, when everything has to be counted first", "ms", [first["Campaign"]]))
    report.remarks.append("Each view of a person or a list is an entry in the ledger, written durably before the page is shown.")
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
