"""`notifier plan`: what will go out when, and whether it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import click

from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import print_json, say, stderr, table
from notifier.clock import SystemClock
from notifier.delivery.forecast import Pace, Wave
from notifier.domain.ladder import SLACK
from notifier.service import build, limits_of
from notifier.store.quota import Limits


@click.command()
@click.option("--days", type=click.IntRange(1, 400), default=60, show_default=True, help="How far to look ahead.")
@configured
@json_option
def plan(where: Configured, days: int, as_json: bool) -> None:
    """Print what will go out: by day, step and language, and when each wave will have ended. Nothing is sent."""
    settings = where.settings()
    now = SystemClock().now()
    with where.store(settings) as database, database.read() as connection:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        waves = service.outlook.waves(connection, now, now + timedelta(days=days))
    limits = limits_of(settings)
    warnings = list(warnings_of(waves, limits, str(service.window), ZoneInfo(settings.organisation.default_time_zone)))
    if as_json:
        print_json({"waves": waves, "warnings": warnings})
        return
    zone = ZoneInfo(settings.organisation.default_time_zone)
    _print_waves(waves, zone)
    for warning in warnings:
        stderr().print(f"! {warning}")


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


def warnings_of(waves: Sequence[Wave], limits: Mapping[str, Limits], window: str, zone: ZoneInfo) -> Iterator[str]:
    """One for each step that takes more than an hour or cannot go out whole on its day: when it ends, and which keys would help."""
    for key in sorted({(wave.campaign, wave.days_before, wave.channel) for wave in waves}, reverse=True):
        step = [wave for wave in waves if (wave.campaign, wave.days_before, wave.channel) == key]
        late, lost = sum(wave.late for wave in step), sum(wave.lost for wave in step)
        campaign, days_before, channel = key
        pace = Pace.of(limits.get(channel, Limits()))
        total = sum(wave.count for wave in step) + lost
        if not (late or lost):
            if pace.per_minute is not None and (span := _after_opening(step)) > _LONG:
                yield f"{campaign}, {days_before} days before: {_ends(step, pace, total, span, zone)}. {_keys(channel)} would help."
            continue
        what = f"{lost:,} cannot go out before the step is over" if lost else f"{late:,} go out on a later day"
        yield (
            f"{campaign}, {days_before} days before: {_speed(step, pace, total, zone)}the window is {window}, so {what}. "
            f"{', '.join(_KEYS.get(channel, ()))}{', ' if channel in _KEYS else ''}sending.window or an earlier step would help."
        )


_LONG = timedelta(hours=1)
_HALF_A_SECOND = timedelta(seconds=0.5)  # 180 thirds of a second are a minute
_KEYS = {
    "smtp": ("email.smtp.per_minute", "email.smtp.per_day"),
    "graph": ("another one in email.graph.mailboxes", "email.graph.per_minute", "email.graph.per_day"),
    "slack": ("slack.per_minute",),
}


def _keys(channel: str) -> str:
    """Keys that make a wave faster on its day: "email.smtp.per_minute", "this or that"."""
    return " or ".join(key for key in _KEYS.get(channel, ("a faster channel",)) if not key.endswith("per_day"))


def _after_opening(step: Sequence[Wave]) -> timedelta:
    """How long after their window had opened the last of them have theirs."""
    spans = [wave.ends_at - wave.opened_at for wave in step if wave.ends_at is not None and wave.opened_at is not None]
    return max(spans, default=timedelta())


def _ends(step: Sequence[Wave], pace: Pace, total: int, span: timedelta, zone: ZoneInfo) -> str:
    """ "12,430 mails at 30 a minute from 2 mailboxes end Fri 03 Oct 13:27, 3 h 27 min after the window opens"."""
    ends = max(wave.ends_at for wave in step if wave.ends_at is not None).astimezone(zone)
    after = f"{_hours(round(span.total_seconds()) // 60)} after the window opens"
    return f"{_at_rate(step, pace, total)} end {ends + _HALF_A_SECOND:%a %d %b %H:%M}, {after}"


def _speed(step: Sequence[Wave], pace: Pace, total: int, zone: ZoneInfo) -> str:
    """ "12,430 mails at 30 a minute from 2 mailboxes need 3 h 27 min and end Fri 13:27; ", where there is a limit a minute."""
    if pace.per_minute is None:
        return ""
    ends = max((wave.ends_at for wave in step if wave.ends_at), default=None)
    when = f" and end {ends.astimezone(zone):%a %d %b %H:%M}" if ends else ""
    return f"{_at_rate(step, pace, total)} need {_hours(-(-total // pace.per_minute))}{when}; "


def _at_rate(step: Sequence[Wave], pace: Pace, total: int) -> str:
    """ "12,430 mails at 30 a minute from 2 mailboxes"."""
    what = "messages" if step[0].channel == SLACK else "mails"
    rate = f"{(pace.per_minute or 0) // pace.outlets} a minute"
    return f"{total:,} {what} at {rate}" + (f" from {pace.outlets} mailboxes" if pace.outlets > 1 else "")


def _hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60:02} min"


COMMANDS = (plan,)
