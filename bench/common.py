"""What every benchmark shares: facts about the machine, rounds, ratios within one round, a table, and JSON.

A figure alone says little on a machine that others use too. So each round does the work and what it is held against one after the
other, ratios are taken inside a round, and the median of the rounds counts. The load of the machine stands in the report.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        values: one for each round.
        reach: what it has to be, in words, or "" where it is only told.
        reached: whether the median is that good; None where nothing has to be reached.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    reach: str = ""
    reached: bool | None = None

    @property
    def median(self) -> float:
        return median(self.values)


def at_most(name: str, unit: str, values: Sequence[float], limit: float) -> Figure:
    """A figure that may be `limit` or less."""
    return Figure(name, unit, tuple(values), f"≤ {limit:g}", median(values) <= limit)


def at_least(name: str, unit: str, values: Sequence[float], limit: float) -> Figure:
    """A figure that has to be `limit` or more."""
    return Figure(name, unit, tuple(values), f"≥ {limit:g}", median(values) >= limit)


def told(name: str, unit: str, values: Sequence[float]) -> Figure:
    """A figure that is only told."""
    return Figure(name, unit, tuple(values))


def ratios(values: Sequence[float], beside: Sequence[float]) -> list[float]:
    """Round by round, the one divided by the other."""
    return [value / other for value, other in zip(values, beside, strict=True)]


@dataclass(slots=True)
class Stopwatch:
    """Seconds of wall time and of this process's processor time that a block took."""

    seconds: float = 0.0
    processor: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    wall, used = perf_counter(), _processor_seconds()
    yield watch
    watch.seconds, watch.processor = perf_counter() - wall, _processor_seconds() - used


def _processor_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def peak_megabytes() -> float:
    """The largest resident size of this process. A measurement that counts memory runs in a process of its own.

    Linux says it in `VmHWM`; `ru_maxrss` would count the parent of a fresh process too.
    """
    peak = next((line for line in _lines("/proc/self/status") if line.startswith("VmHWM")), None)
    if peak is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(peak.split()[1]) / 1024


def machine(*packages: str) -> dict[str, Any]:
    """What the figures depend on.

    Args:
        packages: installed packages whose versions matter.
    """
    processor = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0 0 kB")
    return {
        "processor": processor.partition(":")[2].strip() or processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_megabytes": int(memory.split()[1]) // 1024,
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in packages},
    }


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return ()


def load_average() -> float:
    """How many processes wanted to run, over the last minute."""
    return os.getloadavg()[0]


@dataclass(slots=True)
class Report:
    """The result of one benchmark.

    Attributes:
        name: of the module, and of the JSON file.
        title: what was done, in one sentence.
        settings: sizes and numbers of rounds.
        remarks: what a reader has to know to judge the figures.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    figures: list[Figure] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def publish(self, path: Path | None = None) -> int:
        """Print the table and write the JSON. Returns an exit code: 0 if everything was reached, else 1."""
        self._print()
        path = path or RESULTS / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", "utf-8")
        return 0 if all(figure.reached is not False for figure in self.figures) else 1

    def _print(self) -> None:
        console = Console(width=max(120, Console().width))
        table = Table(title=self.title, title_justify="left")
        for heading, side in (("figure", "left"), ("median", "right"), ("unit", "left"), ("rounds", "left"), ("reach", "left")):
            table.add_column(heading, justify="right" if side == "right" else "left")
        for figure in self.figures:
            verdict = {True: "reached", False: "missed", None: ""}[figure.reached]
            rounds = " ".join(_plain(value) for value in figure.values)
            table.add_row(figure.name, _plain(figure.median), figure.unit, rounds, f"{figure.reach} {verdict}".strip())
        console.print(table)
        facts = self.machine
        packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
        console.print(
            f"{facts['processor']}, {facts['cores']} cores, {facts['memory_megabytes']} MB; {facts['system']}; Python "
            f"{facts['python']}, SQLite {facts['sqlite']}; {packages}; load average {', '.join(map(_plain, self.loads))}"
        )
        for remark in self.remarks:
            console.print(remark)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def parser(description: str, *, rounds: int = 3) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--rounds", type=int, default=rounds, help="how often everything is done (%(default)s)")
    made.add_argument("--json", type=Path, help="where the figures go (bench/results/NAME.json)")
    return made


def child(module: str, *arguments: str) -> list[str]:
    """The command that runs a part of a benchmark in a process of its own."""
    return [sys.executable, "-m", module, *arguments]
