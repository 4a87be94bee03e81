"""Sends the wave of a prepared house in a process of its own, and prints what it cost as JSON: `python -m bench.wave FOLDER`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench.house import open_house
from notifier import memory
from notifier.service import Service
from notifier.store import stories
from notifier.store.tables import State

_STATUS = Path("/proc/self/status")
_PART = 10_000


def main(folder: Path) -> None:
    """Send everything; the result has seconds, mails, memory in kilobytes, and the pace of the first and the last part."""
    service = open_house(folder)
    with service.database.read() as connection:  # opened before it is measured
        connection.exec_driver_sql("SELECT 1")
    memory.keep_for_good()  # as the daemon does
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
    idle = _kilobytes("VmRSS")
    seconds, cpu = uvloop.run(_send(service))
    peak = _kilobytes("VmHWM")
    with service.database.read() as connection:
        finished = sorted(story.at.timestamp() for story in stories.tell(connection, state=State.ACCEPTED))
    service.database.close()
    result = {"mails": len(finished), "seconds": seconds, "cpu_seconds": cpu, "idle_kb": idle, "peak_kb": peak}
    print(json.dumps(result | {"first_pace": _pace(finished[:_PART]), "last_pace": _pace(finished[-_PART:])}))


async def _send(service: Service) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    await service.dispatcher.run_due()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    await service.dispatcher.close()
    return took, used


def _kilobytes(key: str) -> int:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1])


def _pace(moments: Sequence[float]) -> float:
    """Mails a second between the first and the last of these moments."""
    return (len(moments) - 1) / (moments[-1] - moments[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
