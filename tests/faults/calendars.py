"""R13, R14: clocks that jump, and a service that was away."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from notifier.channels.base import Outgoing
from notifier.channels.capture import CaptureChannel
from notifier.domain.campaign import Campaign, Step
from notifier.store.database import Database
from notifier.store.tables import calendars, employees, metadata
from tests.delivery_rig import house
from tests.faults.stores import integrity, rows
from tests.faults.tried import Tried
from tests.oracle import Wall, may_go_out

JUMPS = "R13 R14 clock jumps and outages"
_DEADLINE = date(2025, 11, 3)
_CAMPAIGN = Campaign(
    "linkedin-ai-training",
    _DEADLINE,
    (Step(30, "notice"), Step(14, "reminder"), Step(7, "reminder"), Step(1, "last-call")),
)
_PLACES = (
    *(("Europe/Zurich", "CH", "GE"), ("Europe/Berlin", "DE", "BY"), ("Europe/Paris", "FR", ""), ("America/New_York", "US", "")),
    *(("Pacific/Auckland", "NZ", ""), ("Asia/Tokyo", "JP", ""), ("Pacific/Apia", "WS", ""), ("Australia/Lord_Howe", "AU", "")),
)
_START, _END = datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 5, tzinfo=UTC)
_JUMPS = (timedelta(hours=1), timedelta(hours=-1), timedelta(days=3), timedelta(days=-3))
_DAYS = re.compile(r"(?:in|dans|before|since)?\s*(\d+)[\s\u00a0\u202f]+(?:days?|jours?|Tage?n?)\b")


async def clock_jumps(folder: Path, chance: Random, *, times: int) -> Tried:
    """A countdown whose clock goes on by some hours, and now and then jumps: an hour, three days, ten minutes back at midnight.

    Each step at most once for each person, inside their window on a working day, with the true number of days; a step that was
    not sent has a row that says why.
    """
    tried = Tried(JUMPS)
    folder.mkdir()
    for number in range(times):
        await _one_countdown(tried, folder / f"{number}.db", chance)
    return tried


async def _one_countdown(tried: Tried, path: Path, chance: Random) -> None:
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        metadata.create_all(connection)
    _people_everywhere(database)
    sent: Counter[int] = Counter()

    def take(outgoing: Outgoing) -> None:
        sent.update([outgoing.delivery_id])
        _judge(tried, outgoing, one.clock.now())

    one = house(database, [CaptureChannel("smtp", take)], campaign=_CAMPAIGN, now=_START)
    while one.clock.now() < _END:
        await one.pass_over()
        now = one.clock.now()
        following = now + timedelta(minutes=chance.randint(10, 300))
        if following.date() != now.date() and chance.random() < 0.5:
            following = datetime.combine(following.date(), datetime.min.time(), UTC) - timedelta(minutes=10)
            tried.tries += 1
        elif chance.random() < 0.08:
            following = now + chance.choice(_JUMPS)
            tried.tries += 1
        one.clock.move_to(max(following, _START))
    await one.pass_over()
    standing = rows(path)
    database.close()
    tried.repeated += sum(sent.values()) - len(sent)
    tried.lost += len(_PLACES) * len(_CAMPAIGN.steps) - len(standing)
    tried.lost += sum(row.state not in {"accepted", "superseded", "missed"} for row in standing)
    tried.demand(sum(row.state == "accepted" for row in standing) == len(sent), "rows and messages do not agree")
    tried.demand(integrity(path) == "ok", integrity(path))


def _people_everywhere(database: Database) -> None:
    with database.write() as connection:
        for number, (zone, country, region) in enumerate(_PLACES):
            place = insert(calendars).values(time_zone=zone, country=country, region=region).returning(calendars.c.id)
            connection.execute(
                insert(employees).values(
                    id=f"p{number}",
                    email=f"p{number}@example.com",
                    email_key=f"p{number}@example.com",
                    given_name="Zoé",
                    family_name="Exemple",
                    language=("en", "fr", "de")[number % 3],
                    active=True,
                    calendar_id=connection.execute(place).scalar_one(),
                    public_id=f"{number:022}",
                    joined_at=datetime(2025, 1, 1, tzinfo=UTC),
                )
            )


def _judge(tried: Tried, outgoing: Outgoing, now: datetime) -> None:
    zone, country, region = _PLACES[int(outgoing.address[1:].partition("@")[0])]
    tried.demand(may_go_out(Wall(zone, country, region), now), f"{outgoing.address} was written to at {now:%a %F %R} UTC")
    left = (_DEADLINE - now.astimezone(ZoneInfo(zone)).date()).days
    named = {int(days) for days in _DAYS.findall(f"{outgoing.rendered.subject}\n{outgoing.rendered.text}")}
    tried.demand(left > 0, f"a countdown went out {-left} days after the deadline")
    tried.demand(named == {left} or (left <= 2 and named <= {left}), f"{left} days are left, the text says {sorted(named)}")
