"""The dashboard on a real server on loopback, over a company in the middle of a campaign, and somebody signed in to look at it."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from notifier.clock import MovedClock
from notifier.content.catalogue import Catalogue
from notifier.delivery.outlook import Outlook
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.ladder import Ladders
from notifier.domain.links import LinkKeys
from notifier.domain.operators import Role
from notifier.domain.window import Window
from notifier.store import employees as store_employees
from notifier.store import sessions
from notifier.store.database import Database
from notifier.store.employees import SyncRecord
from notifier.store.oversight import ledger
from notifier.store.quota import Limits
from notifier.store.tables import Kind, State, acknowledgements, calendars, deliveries, employees, processes
from notifier.summary.board import Board
from notifier.web import dashboard
from notifier.web.app import create_app
from notifier.web.dashboard import Desk
from notifier.web.server import serve
from tests.pages_rig import SENDER, TEMPLATES, Answered, Visitor, _Late
from tests.thread_rig import in_a_thread

CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"), Step(14, "reminder"), Step(7, "reminder")))
NOW = datetime(2025, 10, 20, 8, 14, 7, tzinfo=UTC)  # Monday, 10:14 in Zurich; the reminder of 14 days before is going out
ZONE = ZoneInfo("Europe/Zurich")
PEOPLE = 240
MEMBER_OF = (("CH", "Europe/Zurich"), ("FR", "Europe/Paris"), ("DE", "Europe/Berlin"))
DEPARTMENTS = ("Engineering", "Sales", "Care", "Finance", "Legal & privacy")
GIVEN = ("Zoé", "Benoît", "Jörg", "Ines", "Maximilian", "Ann")
_ASKED = datetime(2025, 10, 3, 7, 0, tzinfo=UTC)
_SETTLING = (Answer.DONE, Answer.ALREADY_OFF, Answer.NO_ACCOUNT, Answer.PREFER_NOT_TO_SAY)


def fill(database: Database, people: int = PEOPLE) -> None:
    """A company: two in five have settled, the reminder is half out, a few were refused, one nobody knows of."""
    with database.write() as connection:
        for number, (country, zone) in enumerate(MEMBER_OF, 1):
            connection.execute(insert(calendars).values(id=number, time_zone=zone, country=country, region=""))
        connection.execute(insert(employees), [_person(number) for number in range(1, people + 1)])
        connection.execute(insert(acknowledgements), [_answer(n) for n in range(1, people + 1) if has_answered(n)])
        rows = [_delivery(n, 30, _ASKED + timedelta(seconds=n), State.ACCEPTED) for n in range(1, people + 1)]
        for n in range(1, people + 1):
            if not has_answered(n):
                state = State.REFUSED if n % 50 == 4 else State.UNKNOWN if n == 9 else State.ACCEPTED if n % 2 else State.PLANNED
                rows.append(_delivery(n, 14, NOW - timedelta(minutes=1), state))
        connection.execute(insert(deliveries), rows)
        applied = SyncRecord(NOW - timedelta(hours=5), "roster.csv", True, people, 3, 1, 2, 0, 1)
        store_employees.record_sync(connection, applied)
        beat = {"owner": "one", "host": "notifier-1", "pid": 4711}
        connection.execute(insert(processes).values(**beat, started_at=NOW - timedelta(days=2), seen_at=NOW))


def untidy(database: Database) -> None:
    """What a roster does not say, somebody who left, and answers of every sort: taken back, given again, not settling."""
    key, given = employees.c.key, acknowledgements.c
    with database.write() as connection:
        connection.execute(insert(calendars).values(id=4, time_zone="Europe/Zurich", country="", region=""))
        for which, values in (
            (key % 5 != 0, {"manager_id": "e3"}),
            (key % 5 == 1, {"manager_id": "nobody"}),
            (key % 15 == 2, {"manager_id": f"e{PEOPLE}"}),
            (key % 8 == 0, {"department": None}),
            (key % 9 == 0, {"calendar_id": 4}),
            (key % 20 == 3, {"language_choice": "fr"}),
            (key >= PEOPLE - 1, {"active": False, "left_at": NOW}),
        ):
            connection.execute(update(employees).where(which).values(values))
        revoked = {"revoked_at": NOW, "revoked_because": "answered_again"}
        connection.execute(update(acknowledgements).where(given.employee_key % 3 == 0).values(revoked))
        connection.execute(update(acknowledgements).where(given.employee_key % 7 == 0).values(assurance=Assurance.SLACK))
        for n in range(1, PEOPLE + 1):
            if n % 6 == 0 or (n % 10 == 1 and not has_answered(n)):
                help_or_exempt = (Answer.HELP, Assurance.PROVISIONAL) if n % 10 == 1 else (Answer.EXEMPT, Assurance.ATTESTED)
                anew = dict(zip(("answer", "assurance"), help_or_exempt, strict=True), settles=n % 10 != 1)
                connection.execute(insert(acknowledgements).values({**_answer(n), **anew}))


def has_answered(number: int) -> bool:
    """Some two in five have; in no group none or all."""
    return number * 7 % 17 < 7


def _person(number: int) -> dict[str, object]:
    given = GIVEN[number % len(GIVEN)]
    return {
        "key": number,
        "id": f"e{number}",
        "email": f"{given.lower()}.{number}@example.com",
        "email_key": f"{given.lower()}.{number}@example.com",
        "given_name": given,
        "family_name": f"Exemple {number}",
        "language": ("en", "fr", "de", None)[number % 4],
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
        "calendar_id": number % len(MEMBER_OF) + 1,
        "active": True,
        "public_id": f"{number:022}",
        "joined_at": NOW - timedelta(days=300) if number > 2 else NOW - timedelta(hours=5),
    }


def _answer(number: int) -> dict[str, object]:
    return {
        "campaign": CAMPAIGN.id,
        "employee_key": number,
        "answer": _SETTLING[number % len(_SETTLING)],
        "assurance": Assurance.LINK,
        "settles": True,
        "channel": "page",
        "answered_at": _ASKED + timedelta(hours=number),
    }


def _delivery(number: int, occasion: int, at: datetime, state: State) -> dict[str, object]:
    ended = state in {State.ACCEPTED, State.REFUSED, State.UNKNOWN}
    words = {State.REFUSED: "550 5.1.1 <someone@example.com>: no such user", State.UNKNOWN: "the connection broke off"}
    return {
        "campaign": CAMPAIGN.id,
        "employee_key": number,
        "kind": Kind.REMINDER,
        "occasion": occasion,
        "channel": "smtp",
        "message": "notice" if occasion == 30 else "reminder",
        "state": state,
        "reason": words.get(state),
        "reply": words.get(state) or ("250 2.0.0 Ok" if ended else None),
        "created_at": at,
        "due_at": at,
        "next_at": at,
        "closes_at": at + timedelta(hours=8),
        "expires_at": at + timedelta(days=7),
        "attempts": 1 if ended else 0,
        "finished_at": at if ended else None,
    }


@dataclass
class Rig:
    """The dashboard, running."""

    database: Database
    campaigns: Sequence[Campaign] = (CAMPAIGN,)
    clock: MovedClock = field(default_factory=lambda: MovedClock(NOW))
    base_url: str = ""
    port: int = 0
    sessions: int = 0

    def sign_in(self, role: Role, name: str = "Olga Operator") -> Operating:
        """Somebody with a session of this role."""
        token = sessions.new_token()
        with self.database.write() as connection:
            about = {"issuer": "notifier", "subject": name, "name": name, "role": role}
            sessions.begin(connection, token=token, now=self.clock.now(), **about)
        operating = Operating(self)
        operating.cookies["notifier_operator"] = token
        return operating

    def wait(self, seconds: float) -> None:
        """Time passes: what was counted is counted anew."""
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

    def count(self, table: object, *conditions: ColumnElement[bool]) -> int:
        """A count by SQL, to hold a page against."""
        with self.database.read() as connection:
            found: int = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()  # type: ignore[arg-type]
            return found

    def noted(self) -> list[str]:
        """The events of the ledger, from the first to the last."""
        with self.database.read() as connection:
            return list(connection.scalars(select(ledger.c.event).order_by(ledger.c.id)))


class Operating(Visitor):
    """A browser without a screen in which an operator is signed in."""

    def act(self, page: str, path: str, **fields: str) -> Answered:
        """Open a page, and send one of its forms."""
        return self.post(path, {"form_token": token_of(self.get(page)), **fields})


def token_of(page: Answered) -> str:
    return re.search(r'name="form_token" value="([^"]*)"', page.body)[1]  # type: ignore[index]


@contextmanager
def running_dashboard(database: Database, *, filled: bool = True, campaigns: Sequence[Campaign] = (CAMPAIGN,)) -> Iterator[Rig]:
    """The dashboard on a free port of 127.0.0.1, in an event loop of its own."""
    if filled:
        fill(database)
    rig = Rig(database, campaigns)
    with in_a_thread(_serving(rig)):
        yield rig


@asynccontextmanager
async def _serving(rig: Rig) -> AsyncIterator[None]:
    late = _Late()
    async with serve(late, "127.0.0.1", 0) as listening:
        rig.port = listening.port
        rig.base_url = f"http://127.0.0.1:{listening.port}"
        late.app = application(rig.database, rig.clock, rig.base_url, rig.campaigns)
        yield


def application(database: Database, clock: MovedClock, base_url: str, campaigns: Sequence[Campaign] = (CAMPAIGN,)) -> object:
    """The pages with the dashboard among them."""
    ladders = Ladders.of(["email"], email="smtp")
    window, days = Window.parse("09:00-17:00"), WorkingDays()
    planner = Planner(database=database, campaigns=campaigns, window=window, working_days=days, ladders=ladders)
    outlook = Outlook(campaigns, planner.schedule_of, ladders, {"smtp": Limits(per_minute=30)}, window, days, "en")
    board = Board(database, zone=ZONE, minimum_group=10, schedule_of=planner.schedule_of)
    desk = Desk(ZONE, (TEMPLATES,), outlook, board, 10, "roster.csv", "every day 05:00")
    return create_app(
        database=database,
        campaigns={campaign.id: campaign for campaign in campaigns},
        catalogue=Catalogue([TEMPLATES], SENDER),
        folders=[TEMPLATES],
        keys=LinkKeys({1: secrets.token_bytes(32)}, 1),
        clock=clock,
        visitor_clock=clock,
        base_url=base_url,
        sender=SENDER,
        receipt_channel="smtp",
        default_language="en",
        parts=(partial(dashboard.routes, desk=desk),),
    )
