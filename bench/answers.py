"""Answers through the real pages: POST, durable before the reply, from 64 clients; beside the same server's empty page.

    python -m bench.answers

The server runs in a process of its own, on a store in a file under `synchronous=FULL`. The clients are wrk (apt-get install wrk),
which takes little of the processors, and keep their connections, as a proxy before the server does. Each answer comes from another
person, who was reminded some days ago.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import uvloop
from sqlalchemy import Connection, func, insert, literal, select

from bench.common import Report, at_least, at_most, child, load_average, machine, parser, ratios, told
from notifier.clock import SystemClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.domain.campaign import Campaign, Step
from notifier.domain.employee import Employee
from notifier.domain.links import LinkKeys, Purpose
from notifier.store import employees
from notifier.store.database import Database
from notifier.store.tables import Instant, Kind, State, acknowledgements, deliveries, metadata
from notifier.store.tables import employees as people_table
from notifier.web.app import create_app
from notifier.web.security import VISIT_COOKIE, FormProofs, new_visit
from notifier.web.server import serve

TEMPLATES = Path(__file__).parents[1] / "templates"
BASE = "http://127.0.0.1"
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")
KEYS = LinkKeys({1: bytes(range(32))}, 1)
SCRIPT = Path(__file__).with_suffix(".lua")
CLIENTS = 64
PEOPLE = 60_000  # more than can answer in the time
WARM = 200


def campaign() -> Campaign:
    """The shipped texts, with a deadline that is always ahead."""
    deadline = date.fromtimestamp(SystemClock().now().timestamp()) + timedelta(days=20)  # noqa: DTZ012 - any day ahead will do
    return Campaign("linkedin-ai-training", deadline, (Step(30, "notice"),))


def prepare(folder: Path, people: int) -> None:
    database = Database(f"sqlite:///{folder}/store.db")
    crowd = (Employee(f"E{one}", f"p{one}@example.com", "Zoé", "Exemple", "Europe/Zurich", "fr") for one in range(people))
    with database.write() as connection:
        metadata.create_all(connection)
        employees.add(connection, crowd, datetime(2025, 1, 1, tzinfo=UTC))
        remind(connection, SystemClock().now() - timedelta(days=3))
    database.close()


def remind(connection: Connection, accepted_at: datetime) -> None:
    """Everybody was sent the notice then."""
    when = literal(accepted_at, Instant)
    row = {
        "campaign": literal(campaign().id),
        "employee_key": people_table.c.key,
        "kind": literal(Kind.REMINDER.value),
        "occasion": literal(30),
        "channel": literal("smtp"),
        "message": literal("notice"),
        "state": literal(State.ACCEPTED.value),
        **dict.fromkeys(("created_at", "due_at", "next_at", "closes_at", "expires_at", "finished_at"), when),
    }
    connection.execute(insert(deliveries).from_select(list(row), select(*row.values())))


async def run_server(folder: Path) -> None:
    """Serve until the standard input ends; says its port on a line of its own."""
    database = Database(f"sqlite:///{folder}/store.db")
    organised = campaign()
    app = create_app(
        database=database,
        campaigns={organised.id: organised},
        catalogue=Catalogue([TEMPLATES], SENDER),
        folders=[TEMPLATES],
        keys=KEYS,
        clock=SystemClock(),
        base_url=BASE,
        sender=SENDER,
        receipt_channel="smtp",
        default_language="en",
    )
    async with serve(app, "127.0.0.1", 0) as listening:
        print(listening.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    database.close()


@contextlib.contextmanager
def server(folder: Path) -> Iterator[int]:
    command = child("bench.answers", "--serve", str(folder))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101
        yield int(process.stdout.readline())
        process.stdin.close()


def answer_requests(folder: Path) -> list[bytes]:
    """One answer of each person, its form fetched five seconds ago."""
    database = Database(f"sqlite:///{folder}/store.db")
    with database.read() as connection:
        public_ids = connection.scalars(select(people_table.c.public_id)).all()
    database.close()
    proofs, organised, fetched = FormProofs(KEYS), campaign().id, SystemClock().now() - timedelta(seconds=5)
    requests = []
    for public_id in public_ids:
        visit = new_visit()
        proof = proofs.issue(visit=visit, campaign=organised, public_id=public_id, now=fetched)
        body = urlencode({"proof": proof, "do": "answer", "answer": "done"})
        path = f"/a/{organised}/{KEYS.sign(Purpose.ACKNOWLEDGE, organised, public_id, 1)}"
        head = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        requests.append(f"POST {path} HTTP/1.1\r\n{browser(visit)}Origin: {BASE}\r\n{head}\r\n{body}".encode())
    return requests


def browser(visit: str) -> str:
    """What the same browser says in every request: the page is asked for with it too, so that only the work differs."""
    return f"Host: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nCookie: {VISIT_COOKIE}={visit}\r\nAccept-Language: fr\r\n"


def page_requests() -> list[bytes]:
    return [f"GET /healthz HTTP/1.1\r\n{browser(new_visit())}\r\n".encode()]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the clients saw: replies in so many seconds, those of another kind than expected, and how long they took in ms."""

    replies: int
    seconds: float
    wrong: int
    half: float
    slowest: float  # of a hundred, but one

    @property
    def rate(self) -> float:
        return self.replies / self.seconds


def send(port: int, requests: Sequence[bytes], seconds: float) -> Outcome:
    """Let the clients send these requests, each as soon as its connection has the reply to the one before."""
    with tempfile.NamedTemporaryFile(prefix="notifier-bench-") as file:
        file.writelines(b"%d\n%b" % (len(one), one) for one in requests)
        file.flush()
        command = [
            _wrk(),
            "--threads",
            "1",
            "--connections",
            str(CLIENTS),
            "--duration",
            f"{seconds:.0f}s",
            "--script",
            str(SCRIPT),
        ]
        ran = subprocess.run([*command, f"http://127.0.0.1:{port}", "--", file.name], check=True, capture_output=True, text=True)
    said = json.loads(ran.stdout.splitlines()[-1])
    return Outcome(said["replies"], said["microseconds"] / 1e6, said["failed"], said["half"] / 1000, said["slowest"] / 1000)


def one_round(seconds: float) -> tuple[Outcome, Outcome]:
    """The page, then the answers, on the same server."""
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as name:
        folder = Path(name)
        prepare(folder, PEOPLE)
        answers, empty = answer_requests(folder), page_requests()
        with server(folder) as port:
            send(port, empty, 1)
            send(port, answers[:WARM], 1)
            page = send(port, empty, seconds)
            posted = send(port, answers[WARM:], seconds)
        settled = count_settled(folder)
    # An answer on its way when the time was over is stored too; one that was told "recorded" and is not stored is lost.
    lost = max(0, posted.replies - (settled - WARM))
    return page, replace(posted, wrong=posted.wrong + lost)


def count_settled(folder: Path) -> int:
    database = Database(f"sqlite:///{folder}/store.db")
    with database.read() as connection:
        settled = connection.scalar(select(func.count()).select_from(acknowledgements).where(acknowledgements.c.settles))
    database.close()
    return settled or 0


def _wrk() -> str:
    if (path := shutil.which("wrk")) is None:
        sys.exit("wrk is missing: apt-get install wrk")
    return path


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--seconds", type=float, default=6, help="how long the page, and how long the answers, in each round")
    options.add_argument("--serve", type=Path, help="(used by the benchmark itself)")
    chosen = options.parse_args()
    if chosen.serve:
        uvloop.run(run_server(chosen.serve))
        return 0
    report = Report(
        "answers",
        f"Answers from {CLIENTS} clients, each durable before its reply, for {chosen.seconds:g} s",
        {"seconds": chosen.seconds, "people": PEOPLE, "clients": CLIENTS, "rounds": chosen.rounds},
        machine("starlette", "uvicorn", "h11", "uvloop", "sqlalchemy"),
    )
    pages, answers = [], []
    for number in range(chosen.rounds):
        print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
        page, posted = one_round(chosen.seconds)
        pages.append(page)
        answers.append(posted)
        report.loads.append(load_average())
    rates, empty = [one.rate for one in answers], [one.rate for one in pages]
    slowest, page_slowest = [one.slowest for one in answers], [one.slowest for one in pages]
    report.figures = [
        told("the empty page (/healthz)", "a second", empty),
        told("answers", "a second", rates),
        at_least("answers beside the empty page", "times", ratios(rates, empty), 0.4),
        at_most("wrong or lost", "answers", [float(one.wrong) for one in answers], 0),
        told("the empty page, 99 %", "ms", page_slowest),
        told("answers, half", "ms", [one.half for one in answers]),
        told("answers, 99 %", "ms", slowest),
        at_most("99 % beside the empty page's", "times", ratios(slowest, page_slowest), 3),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
