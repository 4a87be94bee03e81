"""Verbs about the roster: check and sync."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from notifier.cli.options import Configured, configured, json_option, operator
from notifier.cli.output import print_json, say
from notifier.clock import SystemClock
from notifier.domain.countdown import local_date
from notifier.errors import ConfigurationError
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.report import diff_as_lines, outcome_as_data, reading_as_data, reading_as_lines
from notifier.roster.sync import SyncOutcome, compare
from notifier.service import open_store, read_configured_roster, read_roster_file, refresh_roster
from notifier.settings import Settings
from notifier.store import ledger, schema

_BARE = Defaults(time_zone="UTC")


@click.group()
def roster() -> None:
    """Look at the roster, and bring the store up to date with it."""


@roster.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@configured
@json_option
def check(where: Configured, file: Path | None, as_json: bool) -> None:
    """Read a roster and say what would be accepted, left out and set aside, and why. Nothing is changed.

    FILE need not be the configured one, and no configuration is needed to look at a file.
    """
    reading = _read_alone(where, file) if file else read_configured_roster(where.settings(), SystemClock().now())
    if as_json:
        print_json(reading_as_data(reading))
    else:
        _say_all(reading_as_lines(reading))


@roster.command()
@click.option("--dry-run", is_flag=True, help="Show the changes; change nothing.")
@click.option("--accept-changes", type=click.IntRange(1), metavar="N", help="Accept up to N changes that look like an accident.")
@configured
@json_option
def sync(where: Configured, dry_run: bool, accept_changes: int | None, as_json: bool) -> None:
    """Read the configured roster and show who joined, left, moved or changed; then apply it."""
    settings = where.settings()
    outcome = _compare(where, settings, accept_changes) if dry_run else _apply(settings, accept_changes)
    if as_json:
        print_json(outcome_as_data(outcome))
    else:
        _say_all(diff_as_lines(outcome.diff))
    if not dry_run:
        outcome.raise_if_refused()
    elif outcome.refused and not as_json:
        say(f"This would be refused: {outcome.refused}")


def _read_alone(where: Configured, file: Path) -> RosterReading:
    """Read a file with the configured columns and defaults; without a configuration, with none."""
    now = SystemClock().now()
    try:
        settings = where.settings()
    except ConfigurationError as error:
        if error.problems:
            raise
        return read_roster(file, columns={}, defaults=_BARE, today=local_date(now, _BARE.time_zone))
    return read_roster_file(settings, file, now)


def _compare(where: Configured, settings: Settings, accept_changes: int | None) -> SyncOutcome:
    reading = read_configured_roster(settings, SystemClock().now())
    with where.store(settings) as database, database.read() as connection:
        return compare(connection, reading, largest_change=settings.roster.largest_change, accept_changes=accept_changes)


def _apply(settings: Settings, accept_changes: int | None) -> SyncOutcome:
    database = open_store(settings)
    try:
        schema.create_if_empty(database)
        schema.require_current(database)
        now = SystemClock().now()
        outcome = refresh_roster(settings, database, now, accept_changes=accept_changes)
        if accept_changes is not None and outcome.applied:
            facts = {"accepted": accept_changes, "size": outcome.diff.size}
            with database.write() as connection:
                ledger.note(connection, event="roster changes accepted", now=now, actor=operator(), facts=facts)
        return outcome
    finally:
        database.close()


def _say_all(lines: Sequence[str]) -> None:
    for line in lines:
        say(line)


COMMANDS = (roster,)
