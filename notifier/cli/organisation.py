"""`notifier summary organisation`: where the organisation stands, as compliance officers see it."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.options import Configured, configured, json_option, pick_campaign
from notifier.cli.output import print_json, say, stderr, table
from notifier.clock import SystemClock
from notifier.domain.countdown import local_date
from notifier.errors import UsageError
from notifier.service import build
from notifier.service.organisation import organisation_weekly_of, zone_of
from notifier.summary.organisation_drawing import Drawing
from notifier.summary.organisation_letter import OrganisationLetter
from notifier.summary.organisation_sheet import workbook
from notifier.summary.organisation_wording import OrganisationWording


@click.command()
@click.option("--campaign", metavar="NAME", help="Only this campaign; else all that are configured.")
@click.option(
    "--xlsx",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the spreadsheet to this file too.",
)
@click.option("--send", is_flag=True, help="Plan this week's mail to summaries.organisation now; who has it gets no second one.")
@configured
@json_option
def organisation(where: Configured, campaign: str | None, file: Path | None, send: bool, as_json: bool) -> None:
    """Print the organisation's figures of now: what its compliance officers are told once a week. Only --send sends anything."""
    settings, now = where.settings(), SystemClock().now()
    campaigns = [pick_campaign(settings, campaign)] if campaign is not None else settings.domain_campaigns
    if send and not settings.summaries.organisation:
        msg = "summaries.organisation names nobody"
        raise UsageError(msg, hint='write the addresses of those who are to be told, like organisation = ["ciso@example.com"]')
    with where.store(settings) as database:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        weekly = organisation_weekly_of(settings, database, service.planner)
        planned = weekly.send(now) if send else None
        with database.read() as connection:
            letter = weekly.preview(connection, now, campaigns)
    if letter is None:
        msg = "there is no campaign"
        raise UsageError(msg, hint="configure one: see config.example.toml")
    wording = OrganisationWording("en", local_date(now, zone_of(settings).key), zone_of(settings))
    if file is not None:
        _write(file, workbook(letter, wording))
    if planned is not None:
        stderr().print(f"{planned:,} messages to compliance officers planned; the daemon sends them.")
    if as_json:
        print_json([report.figures for report in letter.campaigns])
        return
    _print(letter, wording)


def _print(letter: OrganisationLetter, wording: OrganisationWording) -> None:
    table(
        ["campaign", "people", "settled", "open", "days left", "cannot be reached"],
        (
            (one.campaign, f"{one.people:,}", f"{one.settled:,}", f"{one.open:,}", one.days_left, f"{one.undeliverable:,}")
            for one in (report.figures for report in letter.campaigns)
        ),
        numbers=(1, 2, 3, 4, 5),
    )
    say()
    for line in Drawing(letter, wording).text().splitlines():
        say(line)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        msg = f"cannot write {file}: {error.strerror}"
        raise UsageError(msg, hint="name a file in a folder that you may write to") from error
