"""An organisation of any size with a wave that is due: the real configuration, roster, store on disk, planner and dispatcher."""

from __future__ import annotations

import asyncio
import csv
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notifier.service import Service, build, refresh_roster, write_new_keys
from notifier.settings import load
from notifier.store import schema

NOW = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)  # ten o'clock in Zurich, on the day of the first reminder
SENDER = "Privacy Office <privacy@example.com>"

_CONFIGURATION = """\
[organisation]
name = "Example SA"
default_time_zone = "Europe/Zurich"
default_country = "CH"
contact = "{sender}"
contact_phone = "+41 22 000 00 00"

[storage]
url = "sqlite:///notifier.db"

[web]
base_url = "https://notifier.example.com"

[links]
keys_file = "link-keys"

[roster]
path = "roster.csv"

[email]
from = "{sender}"

[email.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}

[campaigns.linkedin-ai-training]
deadline = 2025-11-03

[[campaigns.linkedin-ai-training.steps]]
days_before = 30
message = "notice"
"""


class RunningClock:
    """Time that began at `NOW` and runs as fast as everybody's."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - self._began)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def person(number: int) -> dict[str, str]:
    """One of the people: three languages, names with and without accents."""
    return {
        "id": f"{number:06d}",
        "email": f"person{number}@example.com",
        "given_name": ("Zoé", "Max", "Françoise", "Jörg")[number % 4],
        "family_name": f"Exemple {number}",
        "language": ("en", "fr", "de")[number % 3],
    }


def prepare(folder: Path, people: int, *, port: int, connections: int) -> None:
    """Lay out a house whose wave to all these people is planned and waits."""
    (folder / "config.toml").write_text(_CONFIGURATION.format(sender=SENDER, port=port, connections=connections))
    write_new_keys(folder / "link-keys")
    with (folder / "roster.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, person(0))
        writer.writeheader()
        writer.writerows(map(person, range(people)))
    service = open_house(folder)
    schema.create_if_empty(service.database)
    refresh_roster(service.settings, service.database, NOW)
    service.planner.tick(NOW)
    service.database.close()


def open_house(folder: Path) -> Service:
    """The service of a prepared house, on a running clock."""
    return build(load(folder / "config.toml", environment={}), clock=RunningClock())
