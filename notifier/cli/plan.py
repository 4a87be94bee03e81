"""`notifier plan`: what will go out when, and whether it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import click

from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import print_json, say, stderr, table
from notifier.clock import SystemClock
from notifier.delivery.forecast import Demand, Pace, Wave, demands, forecast
from notifier.domain.countdown import Place, current_step, next_opening
from notifier.service import Service, build, ladders_of, limits_of
from notifier.store import stories
from notifier.store.database import Database
from notifier.store.quota import Limits


@click.command()
@click.option("--days", type=click.IntRange(1, 400), default=60, show_default=True, help="How far to look ahead.")
@configured
@json_option
def plan(where: Configured, days: int, as_json: bool) -> None:
    """Print what will go out: by day, step and language, and when each wave will have ended. Nothing is sent."""
    settings = where.settings()
    now = SystemClock().now()
    with where.store(settings) as database:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        wanted = list(_wanted(service, database, now, now + timedelta(days=days)))
    limits = limits_of(settings)

    def opening(after: datetime, place: Place, leave_until: date | None) -> tuple[datetime, datetime]:
        return next_opening(after, place, service.window, service.working_days, leave_until)

    waves = forecast(wanted, limits=limits, now=now, next_opening=opening)
    warnings = list(_warnings(waves, limits, str(service.window), ZoneInfo(settings.organisation.default_time_zone)))
    if as_json:
        print_json({"waves": waves, "warnings": warnings})
        return
    zone = ZoneInfo(settings.organisation.default_time_zone)
    _print_waves(waves, zone)
    for warning in warnings:
        stderr().print(f"! {warning}")


def _wanted(service: Service, database: Database, now: datetime, until: datetime) -> Iterator[Demand]:
    ladders = ladders_of(service.settings)
    for campaign in service.campaigns.values():
        schedule = partial(service.planner.schedule_of, campaign)
        for index, step in enumerate(campaign.steps):
            with database.read() as connection:
                groups = stories.open_groups(connection, campaign.id, not_yet_sent=step.days_before)
            default = service.settings.organisation.default_language
            ladder = ladders.of_step(campaign.id, step.days_before)
            for demand in demands(campaign, index, groups, schedule, now, default, ladder):
                newest = current_step(schedule(demand.place, demand.leave_until), now)
                overtaken = newest is not None and newest.step.days_before < step.days_before
                if demand.opens_at <= until and not overtaken:
                    yield demand


def _print_waves(waves: Sequence[Wave], zone: ZoneInfo) -> None:
    if not waves:
        say("Nothing will go out in that time.")
        return
    table(
        ["day", "campaign", "days before", "message", "channel", "language", "people", "begins", "ends", "late", "cannot go"],
        (
            (
                f"{wave.day:%a %Y-%m-%d}",
                wave.campaign,
                wave.days_before,
                wave.message,
                wave.channel,
                wave.language,
                f"{wave.count:,}",
                f"{wave.begins_at.astimezone(zone):%H:%M}" if wave.begins_at else "",
                f"{wave.ends_at.astimezone(zone):%H:%M %Z}" if wave.ends_at else "",
                f"{wave.late:,}" if wave.late else "",
                f"{wave.lost:,}" if wave.lost else "",
            )
            for wave in waves
        ),
        numbers=(2, 6, 9, 10),
    )


def _warnings(waves: Sequence[Wave], limits: Mapping[str, Limits], window: str, zone: ZoneInfo) -> Iterator[str]:
    """One for each step that cannot go out whole on its day: how much it needs, when it ends, and which keys would help."""
    for key in sorted({(wave.campaign, wave.days_before, wave.channel) for wave in waves}, reverse=True):
        step = [wave for wave in waves if (wave.campaign, wave.days_before, wave.channel) == key]
        late, lost = sum(wave.late for wave in step), sum(wave.lost for wave in step)
        if not (late or lost):
            continue
        campaign, days_before, channel = key
        pace = Pace.of(limits.get(channel, Limits()))
        total = sum(wave.count for wave in step) + lost
        what = f"{lost:,} cannot go out before the step is over" if lost else f"{late:,} go out on a later day"
        yield (
            f"{campaign}, {days_before} days before: {_speed(step, pace, total, zone)}the window is {window}, so {what}. "
            f"{_KEYS.get(channel, '')}sending.window or an earlier step would help."
        )


_KEYS = {
    "smtp": "email.smtp.per_minute, email.smtp.per_day, ",
    "graph": "another one in email.graph.mailboxes, email.graph.per_minute, email.graph.per_day, ",
}


def _speed(step: Sequence[Wave], pace: Pace, total: int, zone: ZoneInfo) -> str:
    """ "12,430 messages at 30 a minute from 2 mailboxes need 3 h 27 min and end Fri 13:27; ", where there is a limit a minute."""
    if pace.per_minute is None:
        return ""
    rate = f"{pace.per_minute // pace.outlets} a minute"
    rate += f" from {pace.outlets} mailboxes" if pace.outlets > 1 else ""
    ends = max((wave.ends_at for wave in step if wave.ends_at), default=None)
    when = f" and end {ends.astimezone(zone):%a %d %b %H:%M}" if ends else ""
    return f"{total:,} messages at {rate} need {_duration(total, pace.per_minute)}{when}; "


def _duration(count: int, per_minute: int) -> str:
    minutes = -(-count // per_minute)
    return f"{minutes // 60} h {minutes % 60:02} min"


COMMANDS = (plan,)
