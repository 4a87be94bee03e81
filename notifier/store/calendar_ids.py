"""The calendars people live by: each distinct (zone, country, region) of the roster, once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from notifier.store.inserts import insert_into
from notifier.store.people import Place
from notifier.store.tables import calendars


def known_calendars(connection: Connection) -> dict[Place, int]:
    """Every calendar of the store and its id."""
    rows = connection.execute(select(calendars.c.time_zone, calendars.c.country, calendars.c.region, calendars.c.id))
    return {(zone, country, region): number for zone, country, region, number in rows}


def calendar_ids(connection: Connection, wanted: Collection[Place]) -> dict[Place, int]:
    """The ids of these calendars, and others; the new ones are inserted."""
    known = known_calendars(connection)
    new = [
        {"time_zone": zone, "country": country, "region": region} for zone, country, region in sorted(set(wanted) - known.keys())
    ]
    if not new:
        return known
    connection.execute(insert_into(connection, calendars).on_conflict_do_nothing(), new)
    return known_calendars(connection)
