"""`notifier summary`: what a manager would be told, and telling managers now."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from notifier.channels.base import Outgoing
from notifier.cli.options import Configured, configured, find_person, json_option
from notifier.cli.organisation import organisation
from notifier.cli.output import print_json, say
from notifier.clock import SystemClock
from notifier.domain.employee import LANGUAGES
from notifier.errors import UsageError
from notifier.service import Service, build
from notifier.settings import Settings
from notifier.store.database import Database
from notifier.store.employees import StoredEmployee
from notifier.store.tables import Kind
from notifier.summary.examples import row_of
from notifier.summary.facts import TeamLetter, written
from notifier.summary.weekly import MESSAGE


@click.group()
def summary() -> None:
    """What managers and compliance officers are told once a week."""


@summary.command("preview")
@click.option("--for", "person", required=True, metavar="MANAGER", help="Roster id or e-mail address.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="Else the manager's own.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As it would be written on that day; else today.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write the mail's HTML to this file.")
@click.option("--open", "open_it", is_flag=True, help="Open the HTML in a browser.")
@configured
@json_option
def preview(
    where: Configured, person: str, language: str | None, day: datetime | None, html: Path | None, open_it: bool, as_json: bool
) -> None:
    """Show this week's message as MANAGER would get it, with the figures of now. Nothing is sent, nothing is recorded."""
    settings = where.settings()
    _require_managers_told(settings)
    with where.store(settings) as database:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        with database.read() as connection:
            manager = find_person(connection, person)
        now = service.clock.now() if day is None else _morning_of(day, manager)
        letter = _letters(service, database, now, [manager.key]).get(manager.key)
    if letter is None:
        _say_nothing_is_told(person, as_json=as_json)
        return
    row = row_of(letter, manager, kind=Kind.SUMMARY, message=MESSAGE, now=now, language=language)
    outgoing = service.composer.compose(row)
    file = _write(outgoing, html, open_it=open_it)
    if as_json:
        rendered = outgoing.rendered
        facts = {"subject": rendered.subject, "language": rendered.language, "text": rendered.text, "html": file}
        print_json(facts | {"letter": json.loads(written(letter))})
        return
    say(f"In {outgoing.rendered.language}, to {outgoing.address}")
    say(f"Subject: {outgoing.rendered.subject}")
    say()
    say(outgoing.rendered.text)
    if file is not None:
        say(f"written: {file}")


@summary.command("send")
@click.option("--to", "person", metavar="MANAGER", help="Only to this manager: roster id or e-mail address.")
@click.option("--dry-run", is_flag=True, help="Count who would be told; nothing is sent and nothing is recorded.")
@configured
@json_option
def send(where: Configured, person: str | None, dry_run: bool, as_json: bool) -> None:
    """Plan this week's messages now. Whoever has this week's already gets no second one; the daemon sends them."""
    settings = where.settings()
    _require_managers_told(settings)
    with where.store(settings) as database:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        only = None
        if person is not None:
            with database.read() as connection:
                only = [find_person(connection, person).key]
        now = service.clock.now()
        count = _count(service, database, now, only) if dry_run else service.summaries.weekly.send(now, only)
    if as_json:
        print_json({"dry_run": dry_run, "managers": count})
    else:
        say(f"{count} {'managers would be told' if dry_run else 'messages to managers planned'}.")


def _require_managers_told(settings: Settings) -> None:
    if settings.summaries.managers == "never":
        msg = 'summaries.managers is "never": managers are told nothing'
        raise UsageError(msg, hint='write a day and a time, like managers = "mon 08:00"')


def _letters(service: Service, database: Database, now: datetime, only: list[int] | None) -> dict[int, TeamLetter]:
    with database.write() as connection:
        letters = service.summaries.weekly.preview(connection, now, only)
        connection.rollback()  # the census that may have been taken for it
    return letters


def _count(service: Service, database: Database, now: datetime, only: list[int] | None) -> int:
    letters = _letters(service, database, now, only)
    return len(letters.keys() - service.summaries.weekly.told(now))


def _morning_of(day: datetime, manager: StoredEmployee) -> datetime:
    return datetime.combine(day.date(), time(8), ZoneInfo(manager.employee.time_zone)).astimezone(UTC)


def _say_nothing_is_told(person: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"letter": None})
        return
    say(f"{person} would be told nothing this week: no campaign runs, nobody reports to them, nothing may be shown,")
    say("or everything was settled when they were told last.")


def _write(outgoing: Outgoing, html: Path | None, *, open_it: bool) -> Path | None:
    if html is None and not open_it:
        return None
    file = html or Path(tempfile.gettempdir()) / f"{MESSAGE}.{outgoing.rendered.language}.html"
    file.write_text(outgoing.rendered.html, encoding="utf-8")
    if open_it:
        webbrowser.open(file.resolve().as_uri())
    return file


summary.add_command(organisation)
COMMANDS = (summary,)
