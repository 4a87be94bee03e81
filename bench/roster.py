"""Reading, validating, comparing and storing a roster of a million rows, and the same roster again with 1 % of changes.

    python -m bench.roster

Beside it stands `sqlite3 .import` of the same file, which checks nothing: into a bare table without a key, and into a table with
the key and indexes that the store keeps. Everything runs in a process of its own, on a file, under `synchronous=FULL`; what one has
left to the system to write is written before the next begins.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.common import Report, at_most, child, load_average, machine, parser, peak_megabytes, ratios, stopwatch, told
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults
from notifier.roster.sync import synchronise
from notifier.store.database import Database
from notifier.store.tables import metadata

NOW = datetime(2025, 10, 1, 3, 0, tzinfo=UTC)
HEADER = "Employee ID,First name,Last name,Work email,Preferred language,Country,Region,Time zone,Department,Manager ID,Status"
_PLACES = (
    ("de-DE", "DE", "BY", "Europe/Berlin"),
    ("fr-FR", "FR", "", "Europe/Paris"),
    ("de-CH", "CH", "ZH", "Europe/Zurich"),
    ("fr-CH", "CH", "GE", "Europe/Zurich"),
    ("en-GB", "GB", "ENG", "Europe/London"),
    ("en-US", "US", "CA", "America/Los_Angeles"),
    ("en-US", "US", "NY", "America/New_York"),
    ("en-SG", "SG", "", "Asia/Singapore"),
)
_GIVEN = (
    "Zoé",
    "Jörg",
    "Anna",
    "Łukasz",
    "Marie",
    "Tom",
    "Élodie",
    "Sofia",
    "Noah",
    "Emma",
    *(f"Given{one}" for one in range(190)),
)
_FAMILY = ("Müller", "Dubois", "Smith", "Núñez", "Rossi", *(f"Family{one}" for one in range(1995)))
_BARE = "CREATE TABLE roster (a, b, c, d, e, f, g, h, i, j, k);"
# As many indexes as the store has, on columns of the same kinds: two that are unique, one of them in no order.
_INDEXED = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
CREATE TABLE roster (a UNIQUE, b, c, d, e, f, g, h, i, j, k, token DEFAULT (randomblob(16)) UNIQUE);
CREATE INDEX by_email ON roster (d);
"""


def write_roster(path: Path, people: int, *, changed: bool) -> None:
    """A roster; or the next day's: 0.8 % have another department, 0.1 % have left and 0.1 % are new, wherever they stand."""
    chance, fate = random.Random(1), random.Random(2)  # noqa: S311 - the same roster each time
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        for number in range(1, people + 1):
            language, country, region, zone = chance.choice(_PLACES)
            name, department = [chance.choice(_GIVEN), chance.choice(_FAMILY)], f"Department {chance.randrange(120)}"
            today = fate.random() if changed else 1.0
            if today < 0.008:
                department = "Moved here"
            row = [f"E{number:07}", *name, f"person{number}@example.com", language, country, region, zone, department]
            if not 0.008 <= today < 0.009:
                writer.writerow([*row, f"E{max(1, number // 10):07}", "Active"])
            if 0.009 <= today < 0.010:
                writer.writerow(
                    [f"N{number:07}", *name, f"new{number}@example.com", *row[4:], f"E{max(1, number // 10):07}", "Active"]
                )


def measure(folder: Path, file: str) -> dict[str, float]:
    """What `notifier roster sync` does with the file."""
    database = Database(f"sqlite:///{folder}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with stopwatch() as whole:
        with stopwatch() as reading:
            roster = read_roster(folder / file, columns={}, defaults=Defaults("Europe/Zurich"), today=NOW.date())
        outcome = synchronise(database, roster, now=NOW, largest_change=20)
    outcome.raise_if_refused()
    database.close()
    seconds = {"seconds": whole.seconds, "reading": reading.seconds, "processor": whole.processor}
    return {**seconds, "changes": outcome.diff.size, "unchanged": outcome.diff.unchanged, "peak": peak_megabytes()}


def synced(folder: Path, file: str) -> dict[str, float]:
    command = child("bench.roster", "--folder", str(folder), "--file", file)
    os.sync()
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(output.stdout)
    return found


def imported(folder: Path, file: str, schema: str) -> float:
    """Seconds that `sqlite3 .import` takes."""
    for end in ("", "-wal", "-shm"):
        (folder / f"import.db{end}").unlink(missing_ok=True)
    into = folder / "import.db"
    columns = "a, b, c, d, e, f, g, h, i, j, k"
    view = f"CREATE TEMP VIEW all_of_it AS SELECT {columns} FROM roster;"  # noqa: S608 - our own names
    insert = f"CREATE TEMP TRIGGER through INSTEAD OF INSERT ON all_of_it BEGIN INSERT INTO roster ({columns}) VALUES ("  # noqa: S608
    trigger = insert + ", ".join(f"new.{one}" for one in columns.split(", ")) + "); END;"
    target = "all_of_it" if "token" in schema else "roster"
    setup = [schema, view, trigger] if "token" in schema else [schema]
    script = "\n".join([*setup, ".mode csv", f".import --skip 1 {folder / file} {target}"])
    os.sync()
    with stopwatch() as watch:
        subprocess.run(["sqlite3", str(into)], input=script, check=True, text=True, capture_output=True)
    return watch.seconds


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--folder", type=Path, help="(used by the benchmark itself)")
    options.add_argument("--file", help="(used by the benchmark itself)")
    chosen = options.parse_args()
    if chosen.folder:
        print(json.dumps(measure(chosen.folder, chosen.file)))
        return 0
    report = Report(
        "roster",
        f"A roster of {chosen.people:,} rows into the store, and the next day's with 1 % of changes",
        {"people": chosen.people, "rounds": chosen.rounds},
        machine("sqlalchemy"),
    )
    bare, indexed, first, again = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as name:
        folder = Path(name)
        write_roster(folder / "first.csv", chosen.people, changed=False)
        write_roster(folder / "next.csv", chosen.people, changed=True)
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
            for end in ("", "-wal", "-shm"):
                (folder / f"store.db{end}").unlink(missing_ok=True)
            bare.append(imported(folder, "first.csv", _BARE))
            first.append(synced(folder, "first.csv"))
            indexed.append(imported(folder, "first.csv", _INDEXED))
            again.append(synced(folder, "next.csv"))
            report.loads.append(load_average())
    seconds, next_day = [one["seconds"] for one in first], [one["seconds"] for one in again]
    report.figures = [
        told(".import into a bare table", "s", bare),
        told(".import into a table with the store's key and indexes", "s", indexed),
        told("first sync", "s", seconds),
        told("of which reading and validating", "s", [one["reading"] for one in first]),
        told("next day's sync", "s", next_day),
        told("of which reading and validating", "s", [one["reading"] for one in again]),
        told("changes on the next day", "people", [one["changes"] for one in again]),
        at_most("first sync beside .import into a bare table", "times", ratios(seconds, bare), 3),
        at_most("first sync beside .import with the same indexes", "times", ratios(seconds, indexed), 3),
        at_most("next day's sync beside .import into a bare table", "times", ratios(next_day, bare), 3),
        at_most("peak memory, first sync", "MB", [one["peak"] for one in first], 300),
        at_most("peak memory, next day's sync", "MB", [one["peak"] for one in again], 300),
    ]
    return report.publish(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
