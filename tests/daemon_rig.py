"""A real daemon: its folder, its process, and what it can be asked from outside."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from secrets import randbelow
from subprocess import PIPE, Popen
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, make_url

from notifier.service import write_new_keys

PATIENCE = 60.0  # seconds; only a machine with much else to do needs them
_A_MOMENT = 0.005  # seconds between two looks


def noon_zone(now: datetime) -> str:
    """A time zone in which it is about noon: no test runs into the end of a day."""
    return f"Etc/GMT{now.hour - 12:+d}" if now.hour != 12 else "Etc/GMT"


def free_port() -> int:
    """A port on which nobody listens, from below those the system gives away by itself: nobody comes upon it before it is used."""
    while True:
        with socket.socket() as listener, suppress(OSError):
            port = 20_000 + randbelow(12_000)
            listener.bind(("127.0.0.1", port))
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


def named_apart(url: str) -> tuple[str, dict[str, str]]:
    """The URL of a PostgreSQL database without its password, and the environment that brings the password.

    A host has to be named, also where the folder of a socket stands in the query and counts.
    """
    whole = make_url(url)
    bare = URL.create(whole.drivername, whole.username, None, whole.host or "localhost", whole.port, whole.database, whole.query)
    return bare.render_as_string(), {"NOTIFIER_STORAGE__PASSWORD": whole.password} if whole.password else {}


def smtp(port: int, connections: int = 4) -> str:
    """The mail section of the configuration."""
    return f'[email.smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nconnections = {connections}'


@dataclass
class Running:
    """One daemon process and what it has said so far."""

    pid: int
    log: Path

    @property
    def code(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        try:
            return int(self.log.with_suffix(".code").read_text("ascii"))
        except FileNotFoundError:
            return None

    def lines(self) -> list[dict[str, Any]]:
        """Its log, as far as it is written in JSON; a line that is still being written is left out."""
        written = self.log.read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in written if line.startswith("{") and line.endswith("\n")]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended: another process may have its number by then."""
        if self.code is None:
            os.kill(self.pid, number)

    async def ended(self) -> int:
        """The exit code."""
        async with asyncio.timeout(PATIENCE):
            while (code := self.code) is None:
                await asyncio.sleep(_A_MOMENT)
        return code

    async def until(self, holds_true: Callable[[], object]) -> None:
        """Wait for something outside to become true; the daemon must not end meanwhile."""
        async with asyncio.timeout(PATIENCE):
            while not holds_true():
                assert self.code is None, self.log.read_text("utf-8")
                await asyncio.sleep(_A_MOMENT)


@cache
def _nursery() -> Popen[str]:
    """One for the whole run of the tests: see `nursery.py`."""
    process = Popen([sys.executable, str(Path(__file__).with_name("nursery.py"))], stdin=PIPE, text=True)  # noqa: S603 - our own
    atexit.register(process.communicate)
    return process


@asynccontextmanager
async def daemon(home: Home, environment: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """Start the daemon; it is killed at the end where it still runs."""
    log = home.folder / f"daemon-{len(list(home.folder.glob('daemon-*.log')))}.log"
    log.touch()
    request = {
        "log": str(log),
        "folder": str(home.folder),
        "arguments": ["run", "--config", str(home.config)],
        "environment": {**os.environ, **(environment or {})},
    }
    to_nursery = _nursery().stdin
    assert to_nursery is not None
    to_nursery.write(json.dumps(request) + "\n")
    to_nursery.flush()
    number = log.with_suffix(".pid")
    async with asyncio.timeout(PATIENCE):
        while not number.exists():
            await asyncio.sleep(_A_MOMENT)
    running = Running(int(number.read_text("ascii")), log)
    try:
        yield running
    finally:
        if running.code is None:
            running.signal(signal.SIGKILL)
            await running.ended()


def get(home: Home, path: str) -> tuple[int, str]:
    """What the daemon's pages answer: status and body."""
    connection = HTTPConnection("127.0.0.1", home.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
