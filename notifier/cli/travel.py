"""Verbs that move through time without sending anything: simulate."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from notifier.channels.capture import CaptureChannel
from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import print_json_lines, progress, say, stderr, table
from notifier.clock import MovedClock
from notifier.domain.ladder import SLACK
from notifier.errors import UsageError
from notifier.service import build, ladders_of, refresh_roster
from notifier.settings import Settings
from notifier.simulate import Crowd, Journey, find_everybody_on_slack
from notifier.store import schema, stories
from notifier.store.database import Database
from notifier.store.stories import Story
from notifier.store.tables import Kind

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "first", type=_DAY, required=True, help="The first day, as 2025-10-01.")
@click.option("--to", "last", type=_DAY, required=True, help="The last day, included.")
@click.option(
    "--answer-rate", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of reminders that are answered."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Who answers when; the same seed, the same people.")
@configured
@json_option
def simulate(where: Configured, first: datetime, last: datetime, answer_rate: float, seed: int, as_json: bool) -> None:
    """Run the real countdown on a moved clock; nothing is sent. Prints who would get what, when, and why not.

    Where Slack is in the ladder, everybody counts as being there.
    """
    settings = where.settings()
    if last < first:
        msg = "--to lies before --from"
        raise UsageError(msg, hint="name the earlier day with --from")
    zone = ZoneInfo(settings.organisation.default_time_zone)
    start, end = _instant(first.date(), time.min, zone), _instant(last.date(), time.max, zone)
    if SLACK in ladders_of(settings).channels:
        stderr().print(Text("Slack was not asked who is there: everybody counts as being on Slack."))
    with tempfile.TemporaryDirectory(prefix="notifier-simulation-") as folder:
        database = Database(f"sqlite:///{folder}/store.db")
        try:
            told = asyncio.run(_travel(settings, database, start, end, Crowd(answer_rate, seed)))
        finally:
            database.close()
    if as_json:
        print_json_lines(_line(story) for story in told)
    else:
        _print_table(told)


async def _travel(settings: Settings, database: Database, start: datetime, end: datetime, crowd: Crowd) -> list[Story]:
    schema.migrate(database)
    await asyncio.to_thread(refresh_roster, settings, database, start)
    clock = MovedClock(start)
    channels = ladders_of(settings).channels
    if SLACK in channels:
        await asyncio.to_thread(find_everybody_on_slack, database, start)
    captured = [CaptureChannel(name) for name in channels]
    service = build(settings, clock=clock, database=database, channels=captured)
    with progress("simulating", (end - start).days + 1) as update:
        await Journey(service, clock, crowd, lambda now: update((now - start).days)).advance_to(end)
    with database.read() as connection:
        return list(stories.tell(connection))


def _line(story: Story) -> dict[str, object]:
    return {
        "employee_id": story.employee_id,
        "email": story.email,
        "campaign": story.campaign,
        "days_before": story.occasion if story.kind is Kind.REMINDER else None,
        "message": story.message,
        "channel": story.channel,
        "language": story.language,
        "at": story.at.astimezone(ZoneInfo(story.time_zone)),
        "state": story.state,
        "reason": story.reason,
        "subject": story.subject,
    }


def _print_table(told: list[Story]) -> None:
    table(
        ["when (their time)", "who", "message", "days before", "channel", "language", "state", "why"],
        (
            (
                f"{story.at.astimezone(ZoneInfo(story.time_zone)):%Y-%m-%d %H:%M %Z}",
                story.email,
                story.message,
                story.occasion if story.kind is Kind.REMINDER else "",
                story.channel,
                story.language,
                story.state,
                story.reason,
            )
            for story in told
        ),
        numbers=(3,),
    )
    counts = dict(_counted(told))
    say()
    say(", ".join(f"{count} {state}" for state, count in counts.items()) or "Nothing would happen in that time.")


def _counted(told: list[Story]) -> Iterator[tuple[str, int]]:
    states = [story.state.value for story in told]
    return ((state, states.count(state)) for state in sorted(set(states)))


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


COMMANDS = (simulate,)
