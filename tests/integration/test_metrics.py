"""What Prometheus reads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from notifier.clock import MovedClock
from notifier.store import holds
from notifier.store.database import Database
from notifier.web.metrics import create_metrics_app
from notifier.web.server import serve
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

NOW = utc("2025-10-03T10:00")


async def test_the_figures_tell_how_much_waits_and_never_who(database: Database) -> None:
    """Read back with Prometheus's own parser."""
    settled, _ = add_person(database, 1), add_person(database, 2)
    planner(database).tick(NOW)
    with database.write() as connection:
        settle(connection, settled, NOW)
        holds.place(connection, scope="all", reason="a wrong text", actor="admin", now=NOW)
    app = create_metrics_app(database=database, campaigns=(CAMPAIGN.id,), clock=MovedClock(NOW + timedelta(minutes=5)))

    async with serve(app, "127.0.0.1", 0) as listening:
        text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{listening.port}/metrics")

    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["notifier_deliveries", CAMPAIGN.id, "smtp", "planned"] == 2  # a reminder and a receipt
    assert found["notifier_deliveries", CAMPAIGN.id, "smtp", "cancelled"] == 1
    assert found["notifier_people", CAMPAIGN.id, "settled"] == 1
    assert found["notifier_people", CAMPAIGN.id, "open"] == 1
    assert found["notifier_holds", "all"] == 1
    assert found["notifier_wave_lag_seconds",] == 3900  # the window opened at nine
    assert "example.com" not in text
    assert "Zoé" not in text


def fetch(url: str) -> str:
    with urlopen(url, timeout=10) as response:  # noqa: S310 - our own server on loopback
        text: str = response.read().decode()
        return text
