"""`/metrics` for Prometheus, on a listener of its own: how much waits, how old it is, what was refused. Never who.

Everything is counted from the store when somebody asks, so that any number of processes tell the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from notifier.clock import Clock
from notifier.store import employees, holds, stories
from notifier.store.database import Connection, Database


@dataclass(frozen=True)
class _Snapshot(Collector):
    """The figures of one moment."""

    connection: Connection
    campaigns: tuple[str, ...]
    now: datetime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["campaign", "channel", "state"]
        deliveries = GaugeMetricFamily("notifier_deliveries", "Deliveries by campaign, channel and state.", labels=labels)
        for one in stories.count_states(self.connection):
            deliveries.add_metric([one.campaign, one.channel, one.state.value], one.count)
        yield deliveries
        lag = stories.oldest_due(self.connection, self.now)
        seconds = 0.0 if lag is None else (self.now - lag).total_seconds()
        yield GaugeMetricFamily("notifier_wave_lag_seconds", "How long the oldest delivery that could go has waited.", seconds)
        yield self._people()
        in_force = GaugeMetricFamily("notifier_holds", "Holds in force, by what they stop.", labels=["scope"])
        for hold in holds.active(self.connection, self.now):
            in_force.add_metric([hold.scope], 1)
        yield in_force
        roster = employees.last_sync(self.connection)
        if roster is not None:
            age = (self.now - roster.at).total_seconds()
            yield GaugeMetricFamily("notifier_roster_age_seconds", "How long ago the roster was read.", age)
            yield GaugeMetricFamily(
                "notifier_roster_applied", "1 if the last roster was applied, 0 if it was refused.", roster.applied
            )

    def _people(self) -> GaugeMetricFamily:
        people = GaugeMetricFamily("notifier_people", "People in the roster, settled and open.", labels=["campaign", "standing"])
        for campaign in self.campaigns:
            settled, everybody = stories.count_people(self.connection, campaign)
            people.add_metric([campaign, "settled"], settled)
            people.add_metric([campaign, "open"], everybody - settled)
        return people


def create_metrics_app(*, database: Database, campaigns: tuple[str, ...], clock: Clock) -> Starlette:
    """The application of `web.metrics_listen`.

    Args:
        campaigns: the ids of the configured campaigns.
    """

    def render(connection: Connection) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(connection, campaigns, clock.now()))
        return generate_latest(registry)

    async def metrics(_request: Request) -> Response:
        return Response(await database.read_async(render), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/metrics", metrics)])
