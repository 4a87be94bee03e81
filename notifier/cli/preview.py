"""`notifier preview`: a message as one person would get it."""

from __future__ import annotations

import tempfile
import webbrowser
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from notifier.channels.base import Outgoing
from notifier.channels.mail_bytes import mail_bytes
from notifier.cli.options import Configured, configured, find_person, json_option, pick_campaign
from notifier.cli.output import print_json, say
from notifier.clock import SystemClock
from notifier.domain.campaign import Answer, Campaign
from notifier.domain.countdown import Place, local_date
from notifier.domain.employee import LANGUAGES, Employee
from notifier.errors import UsageError
from notifier.service import Service, build, read_configured_roster
from notifier.settings import Settings
from notifier.store import schema
from notifier.store.claims import Claimed
from notifier.store.tables import Kind

_NOBODY = "A" * 22  # the public id of somebody who is not in the store yet: the link leads to a page that says so
_RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class _Reader:
    """The person the message is for. `known` is False for somebody who is in the roster but not in the store yet."""

    employee: Employee
    public_id: str
    link_version: int
    language_choice: str | None
    known: bool


@click.command()
@click.option("--for", "person", required=True, metavar="PERSON", help="Roster id or e-mail address.")
@click.option("--message", help="notice, reminder, last-call, overdue, receipt, …; else the first of the campaign.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Else the person's own.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As it reads on that day; else on the day it goes out.")
@click.option("--campaign", help="Which campaign, if there are several.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="A folder for the .html, .txt and .eml.")
@click.option("--open", "open_it", is_flag=True, help="Open the HTML in a browser.")
@configured
@json_option
def preview(
    where: Configured,
    person: str,
    message: str | None,
    language: str | None,
    day: datetime | None,
    campaign: str | None,
    output: Path | None,
    open_it: bool,
    as_json: bool,
) -> None:
    """Show a message as PERSON would get it. Nothing is sent and nothing is recorded; the link in it is real."""
    settings = where.settings()
    chosen = pick_campaign(settings, campaign)
    message = message or chosen.steps[0].message
    service = build(settings, clock=SystemClock(), channels=())
    try:
        reader = _find(settings, service, person)
    finally:
        service.database.close()
    today = day.date() if day else _its_day(service, chosen, message, reader.employee)
    outgoing = service.composer.compose(_row(chosen, message, reader, today, language))
    files = _write(outgoing, settings, output or Path(tempfile.gettempdir()), message) if output or open_it else {}
    if open_it:
        webbrowser.open(files["html"].resolve().as_uri())
    if as_json:
        print_json({"subject": outgoing.rendered.subject, "language": outgoing.rendered.language, "on": today, "files": files})
        return
    if not reader.known:
        say("(The service has not read this person from the roster yet, so the link below leads nowhere.)")
    say(f"On {today:%A %d %B %Y}, in {outgoing.rendered.language}, to {outgoing.address}")
    say(f"Subject: {outgoing.rendered.subject}")
    say()
    say(outgoing.rendered.text)
    for path in files.values():
        say(f"written: {path}")


def _find(settings: Settings, service: Service, person: str) -> _Reader:
    """The person in the store; before the first run, in the roster."""
    if schema.current(service.database) == schema.head():
        with service.database.read() as connection:
            who = find_person(connection, person)
        return _Reader(who.employee, who.public_id, who.link_version, who.language_choice, known=True)
    reading = read_configured_roster(settings, service.clock.now())
    for employee in reading.accepted:
        if person == employee.id or employee.email.casefold() == person.casefold():
            return _Reader(employee, _NOBODY, 1, None, known=False)
    msg = f"nobody in {reading.source} has the id or the e-mail address {person!r}"
    raise UsageError(msg, hint="look at `notifier roster check`")


def _its_day(service: Service, campaign: Campaign, message: str, employee: Employee) -> date:
    """The day on which the message goes out to this person: of several the first."""
    for planned in service.planner.schedule_of(campaign, Place.of(employee), None):
        if planned.step.message == message:
            return planned.day
    return local_date(service.clock.now(), employee.time_zone)


def _row(campaign: Campaign, message: str, reader: _Reader, today: date, language: str | None) -> Claimed:
    employee = reader.employee
    noon = datetime.combine(today, time(12), ZoneInfo(employee.time_zone)).astimezone(UTC)
    receipt = message == _RECEIPT
    return Claimed(
        id=0,
        epoch=0,
        campaign=campaign.id,
        kind=Kind.RECEIPT if receipt else Kind.REMINDER,
        occasion=0,
        message=message,
        attempts=1,
        message_id="preview@preview.invalid",
        dated=noon,
        expires_at=noon,
        today=today,
        first_notice=message == campaign.steps[0].message,
        employee_key=0,
        address=employee.email,
        email=employee.email,
        given_name=employee.given_name,
        family_name=employee.family_name,
        roster_language=employee.language,
        language_choice=language or reader.language_choice,
        country=employee.country or "",
        time_zone=employee.time_zone,
        public_id=reader.public_id,
        link_version=reader.link_version,
        answer=Answer.DONE if receipt else None,
        answered_at=noon if receipt else None,
    )


def _write(outgoing: Outgoing, settings: Settings, folder: Path, message: str) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{message}.{outgoing.rendered.language}"
    files = {suffix: folder / f"{stem}.{suffix}" for suffix in ("html", "txt", "eml")}
    files["html"].write_text(outgoing.rendered.html, encoding="utf-8")
    files["txt"].write_text(outgoing.rendered.text, encoding="utf-8")
    reply_to = settings.email.reply_to or settings.organisation.contact
    files["eml"].write_bytes(mail_bytes(outgoing, sender=settings.email.from_, reply_to=reply_to))
    return files


COMMANDS = (preview,)
