"""A real daemon: its folder, its process, and what it can be asked from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from notifier.service import write_new_keys

PATIENCE = 60.0  # seconds; only a machine with much else to do needs them


def noon_zone(now: datetime) -> str:
    """A time zone in which it is about noon: no test runs into the end of a day."""
    return f"Etc/GMT{now.hour - 12:+d}" if now.hour != 12 else "Etc/GMT"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_roster(path: Path, people: int, zone: str) -> None:
    """So many people in one place, the languages taken in turn."""
    lines = ["id,email,given name,family name,language,time zone"]
    lines += [f"{n},p{n}@example.com,Zoé,Exemple {n},{('en', 'fr', 'de')[n % 3]},{zone}" for n in range(1, people + 1)]
    unfinished = path.with_suffix(".new")
    unfinished.write_text("\n".join(lines) + "\n", "utf-8")
    unfinished.replace(path)


@dataclass
class Home:
    """The folder of a daemon: configuration, roster, keys and store. The notice is due today for everybody."""

    folder: Path
    port: int
    zone: str
    storage: str = "sqlite:///notifier.db"

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def roster(self) -> Path:
        return self.folder / "roster.csv"

    def write_configuration(self, email: str, more: str = "") -> None:
        deadline = datetime.now(ZoneInfo(self.zone)).date() + timedelta(days=5)
        self.config.write_text(
            f"""
[organisation]
name = "Example SA"
default_time_zone = "{self.zone}"
contact = "Privacy Office <privacy@example.com>"
[storage]
url = "{self.storage}"
[web]
base_url = "http://127.0.0.1:{self.port}"
listen = "127.0.0.1:{self.port}"
[roster]
path = "roster.csv"
[sending]
window = "00:00-23:59"
work_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
[email]
from = "Privacy Office <privacy@example.com>"
{email}
[logging]
format = "json"
[campaigns.linkedin-ai-training]
deadline = {deadline}
[[campaigns.linkedin-ai-training.steps]]
days_before = 5
message = "notice"
{more}
""",
            "utf-8",
        )


def make_home(folder: Path, *, people: int, smtp_port: int | None = None, storage: str = "sqlite:///notifier.db") -> Home:
    """A folder that is ready to run; mail goes to a server on that port, or into a folder."""
    home = Home(folder, free_port(), noon_zone(datetime.now(UTC)), storage)
    home.write_configuration(smtp(smtp_port) if smtp_port else 'via = "file"')
    write_roster(home.roster, people, home.zone)
    write_new_keys(folder / "link-keys")
    return home


def smtp(port: int, connections: int = 4) -> str:
    """The mail section of the configuration."""
    return f'[email.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nconnections = {connections}'


@dataclass
class Running:
    """One daemon process and what it has said so far."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def lines(self) -> list[dict[str, Any]]:
        """Its log, as far as it is written in JSON; a line that is still being written is left out."""
        written = self.log.read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in written if line.startswith("{") and line.endswith("\n")]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """The exit code."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    async def until(self, holds_true: Callable[[], object]) -> None:
        """Wait for something outside to become true; the daemon must not end meanwhile."""
        async with asyncio.timeout(PATIENCE):
            while not holds_true():
                assert self.process.returncode is None, self.log.read_text("utf-8")
                await asyncio.sleep(0.005)


@asynccontextmanager
async def daemon(home: Home, environment: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """Start the daemon; it is killed at the end where it still runs."""
    log = home.folder / f"daemon-{len(list(home.folder.glob('daemon-*.log')))}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "notifier", "run", "--config", str(home.config)),
            stdout=output,
            stderr=output,
            cwd=home.folder,
            env={**os.environ, **(environment or {})},
        )
    running = Running(process, log)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def get(home: Home, path: str) -> tuple[int, str]:
    """What the daemon's pages answer: status and body."""
    connection = HTTPConnection("127.0.0.1", home.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
