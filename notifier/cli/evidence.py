"""Verbs about evidence: export, verify, head."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.options import Configured, configured, json_option, operator, pick_campaign
from notifier.cli.output import print_json, progress, say
from notifier.clock import SystemClock
from notifier.domain.employee import LANGUAGES
from notifier.errors import BadDataError
from notifier.store import seals
from notifier.summary import verify_evidence
from notifier.summary.evidence import Wanted, export

_MOST_FINDINGS = 100


@click.group()
def evidence() -> None:
    """An archive for an auditor that proves itself, and the seal to note elsewhere."""


@evidence.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--campaign", help="Which campaign, if there are several.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="The language of the report; else the organisation's.")
@click.option("--without-names", is_flag=True, help="Nothing personal: each person is a number.")
@configured
@json_option
def export_evidence(
    where: Configured, file: Path, campaign: str | None, language: str | None, without_names: bool, as_json: bool
) -> None:
    """Write everything that the ledger says about a campaign to FILE, a ZIP archive, and check it."""
    settings = where.settings()
    wanted = Wanted(
        campaign=pick_campaign(settings, campaign),
        organisation=settings.organisation.name,
        language=language or settings.organisation.default_language,
        with_names=not without_names,
        actor=operator(),
    )
    with where.store(settings) as database, progress("Writing entries", None) as update:
        written = export(database, wanted, file, SystemClock().now(), update)
    _check(file, ())
    if as_json:
        print_json({"file": file, "campaign": wanted.campaign.id, "entries": written.entries, "head": written.head})
    else:
        say(f"{file}: {written.entries:,} entries, checked. Anybody can check it again: `notifier evidence verify {file}`.")
        _say_head(written.head)


@evidence.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("noted", nargs=-1, metavar="[SEAL]...")
@json_option
def verify(file: Path, noted: tuple[str, ...], as_json: bool) -> None:
    """Check an archive: no configuration and no store is needed. Each SEAL that was noted earlier has to be in its chain."""
    summary = _check(file, noted)
    if as_json:
        print_json({"file": file, "ok": True, "says": summary.splitlines()})
    else:
        say(summary)


@evidence.command()
@configured
@json_option
def head(where: Configured, as_json: bool) -> None:
    """Print the newest seal of the ledger, to be noted where whoever runs this machine cannot change it."""
    with where.store() as database, database.read() as connection:
        newest = seals.head(connection)
    if as_json:
        print_json({"head": newest})
    elif newest is None:
        say("Nothing is sealed yet; the daemon seals within a minute of what happens.")
    else:
        _say_head(newest)


def _say_head(newest: seals.Seal) -> None:
    say(f"Newest seal: number {newest.number}, up to position {newest.last}, of {newest.at:%Y-%m-%d %H:%M:%S} UTC")
    say(newest.hash)


def _check(file: Path, noted: tuple[str, ...]) -> str:
    """What is to be said of a good archive.

    Raises:
        BadDataError: something is wrong with it.
    """
    findings, summary = verify_evidence.check(file, noted, most=_MOST_FINDINGS)
    if findings:
        msg = f"{file} does not prove what it says: {len(findings)} findings"
        hint = "keep the archive as it is, and ask whoever handed it over; a new export shows whether the store is sound"
        raise BadDataError(msg, hint=hint, quoted="\n    ".join(findings))
    return summary


COMMANDS = (evidence,)
