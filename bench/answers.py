"""Answers through the real pages: POST, durable before the reply, from 64 clients; beside the same server's empty page.

    python -m bench.answers

The server runs in a process of its own, on a store in a file under `synchronous=FULL`. The clients keep their connections, as a
proxy before the server does. Each answer comes from another person.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from urllib.parse import urlencode

from sqlalchemy import func, select

from bench.common import Report, at_least, at_most, child, load_average, machine, parser, ratios, told
from notifier.clock import SystemClock
from notifier.content.catalogue import Catalogue, Sender
from notifier.domain.campaign import Campaign, Step
from notifier.domain.employee import Employee
from notifier.domain.links import LinkKeys, Purpose
from notifier.store import employees
from notifier.store.database import Database
from notifier.store.tables import acknowledgements, metadata
from notifier.store.tables import employees as people_table
from notifier.web.app import create_app
from notifier.web.security import VISIT_COOKIE, FormProofs, new_visit
from notifier.web.server import serve

TEMPLATES = Path(__file__).parents[1] / "templates"
BASE = "http://127.0.0.1"
SENDER = Sender("Example SA", "Privacy Office", "privacy@example.com")
KEYS = LinkKeys({1: bytes(range(32))}, 1)
CLIENTS = 64


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
    database.close()


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
        head = (
            f"POST /a/{organised}/{KEYS.sign(Purpose.ACKNOWLEDGE, organised, public_id, 1)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Sec-Fetch-Site: same-origin\r\nOrigin: {BASE}\r\nCookie: {VISIT_COOKIE}={visit}\r\nAccept-Language: fr\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        requests.append(head.encode())
    return requests


@dataclass
class Outcome:
    """What the clients saw: seconds for each request, and how many replies had another status than expected."""

    seconds: float
    times: list[float]
    wrong: int

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def milliseconds(self, share: float) -> float:
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * share))] * 1000


class _Client(asyncio.Protocol):
    """Sends one request after the other on one connection. Replies are told apart by their Content-Length."""

    def __init__(self, requests: Iterator[bytes], status: bytes, times: list[float]) -> None:
        self._requests = requests
        self._status = b"HTTP/1.1 " + status
        self._times = times
        self._received = b""
        self._begun = 0.0
        self.wrong = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length or b"0"):
            return
        self._times.append(perf_counter() - self._begun)
        self.wrong += not head.startswith(self._status)
        self._received = b""
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.wrong += 1
            self.done.set_result(None)

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._begun = perf_counter()
        self._transport.write(request)


async def send_all(port: int, requests: Sequence[bytes], status: bytes) -> Outcome:
    times: list[float] = []
    remaining = iter(requests)
    begun = perf_counter()
    loop = asyncio.get_running_loop()
    connect = (loop.create_connection(lambda: _Client(remaining, status, times), "127.0.0.1", port) for _ in range(CLIENTS))
    clients = [client for _, client in await asyncio.gather(*connect)]
    await asyncio.gather(*(client.done for client in clients))
    return Outcome(perf_counter() - begun, times, sum(client.wrong for client in clients))


def one_round(answers: int) -> tuple[Outcome, Outcome]:
    empty = [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"] * (2 * answers)
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as name:
        folder = Path(name)
        prepare(folder, answers)
        with server(folder) as port:
            asyncio.run(send_all(port, empty[:1000], b"200"))
            page = asyncio.run(send_all(port, empty, b"200"))
            posted = asyncio.run(send_all(port, answer_requests(folder), b"303"))
        database = Database(f"sqlite:///{folder}/store.db")
        with database.read() as connection:
            settled = connection.scalar(select(func.count()).select_from(acknowledgements).where(acknowledgements.c.settles))
        database.close()
    posted.wrong += answers - (settled or 0)
    return page, posted


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--answers", type=int, default=15_000)
    options.add_argument("--serve", type=Path, help="(used by the benchmark itself)")
    chosen = options.parse_args()
    if chosen.serve:
        asyncio.run(run_server(chosen.serve))
        return 0
    report = Report(
        "answers",
        f"{chosen.answers:,} answers from {CLIENTS} clients, each durable before its reply",
        {"answers": chosen.answers, "clients": CLIENTS, "rounds": chosen.rounds},
        machine("starlette", "uvicorn", "sqlalchemy"),
    )
    pages, answers = [], []
    for number in range(chosen.rounds):
        print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
        page, posted = one_round(chosen.answers)
        pages.append(page)
        answers.append(posted)
        report.loads.append(load_average())
    rates, empty = [one.rate for one in answers], [one.rate for one in pages]
    slowest, page_slowest = [one.milliseconds(0.99) for one in answers], [one.milliseconds(0.99) for one in pages]
    report.figures = [
        told("the empty page (/healthz)", "a second", empty),
        told("answers", "a second", rates),
        at_least("answers beside the empty page", "times", ratios(rates, empty), 0.4),
        at_most("wrong or missing", "answers", [float(one.wrong) for one in answers], 0),
        told("the empty page, 99 %", "ms", page_slowest),
        told("answers, half", "ms", [one.milliseconds(0.5) for one in answers]),
        told("answers, 99 %", "ms", slowest),
        at_most("99 % beside the empty page's", "times", ratios(slowest, page_slowest), 3),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
