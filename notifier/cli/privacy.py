"""Verbs about what is stored of people: person export, person erase, privacy report."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from notifier.cli.options import Configured, configured, find_person, json_option, operator
from notifier.cli.output import print_json, say
from notifier.clock import SystemClock
from notifier.domain.employee import LANGUAGES
from notifier.errors import UsageError
from notifier.service import template_folders
from notifier.settings import Settings
from notifier.store import erasure, ledger
from notifier.store.employees import StoredEmployee
from notifier.store.erasure import Erased
from notifier.summary.privacy_report import Fact, as_page, report

EXPORT = "person exported"
_STILL_THERE = "the source of the roster still has them: they come back at the next reading, as somebody new"


@click.group()
def person() -> None:
    """What is stored about one person: hand it to them, or take it away."""


@person.command("export")
@click.argument("who", metavar="PERSON")
@configured
@json_option
def export_person(where: Configured, who: str, as_json: bool) -> None:
    """Print everything that is stored about PERSON (roster id or e-mail). That it was asked for is noted in the ledger."""
    with where.store() as database:
        with database.write() as connection:
            found = find_person(connection, who)
            ledger.note(connection, event=EXPORT, now=SystemClock().now(), actor=operator(), employee_key=found.key, facts={})
        with database.read() as connection:
            stored = erasure.everything(connection, found)
    if as_json:
        print_json(stored)
        return
    for name, rows in stored.items():
        for row in rows:
            say(name)
            for column, value in row.items():
                if value is not None:
                    say(f"  {column}: {_plain(value)}")


@person.command("erase")
@click.argument("who", metavar="PERSON")
@click.option("--dry-run", is_flag=True, help="Say what would go; nothing is taken away.")
@click.option("--although-active", is_flag=True, help="Also somebody who is in the roster now.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured
@json_option
def erase_person(where: Configured, who: str, dry_run: bool, although_active: bool, yes: bool, as_json: bool) -> None:
    """Take away everything that says who PERSON (roster id or e-mail) is. Counts stay. It cannot be undone.

    Take them out of the source of the roster first: else they come back at the next reading, as somebody new.
    """
    with where.store() as database:
        with database.read() as connection:
            found = find_person(connection, who)
        if not dry_run:
            _ask(found, although_active=although_active, yes=yes)
        with database.write() as connection:
            erased = erasure.erase(connection, found, now=SystemClock().now(), actor=operator())
            if dry_run:
                connection.rollback()
    if as_json:
        print_json({"dry_run": dry_run, "rows": dict(erased.rows), "comes_back": erased.was_active})
    else:
        _say_erased(erased, dry_run=dry_run)


def _ask(found: StoredEmployee, *, although_active: bool, yes: bool) -> None:
    if found.employee.active and not although_active:
        msg = "this person is in the roster now"
        raise UsageError(msg, hint=f"{_STILL_THERE}. Take them out there and sync first, or add --although-active")
    if yes:
        return
    if not sys.stdin.isatty():
        msg = "an erasure cannot be undone, and there is nobody here to ask"
        raise UsageError(msg, hint="add --yes")
    click.confirm(f"Erase {found.employee.name}, id {found.employee.id}? It cannot be undone.", abort=True, err=True)


def _say_erased(erased: Erased, *, dry_run: bool) -> None:
    say("Would be taken away or made nobody's:" if dry_run else "Taken away or made nobody's:")
    for name, count in erased.rows.items():
        say(f"  {name}: {count:,}")
    say("Not reached: backups, mailboxes, Slack, the providers' logs, archives of evidence that were handed over.")
    if erased.was_active:
        say(f"Note: {_STILL_THERE}.")


@click.group()
def privacy() -> None:
    """What is stored about people, in words."""


@privacy.command("report")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="Else the organisation's own.")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write an HTML page.")
@configured
def privacy_report(where: Configured, language: str | None, file: Path | None) -> None:
    """Print what is stored, for how long, and who sees it, as configured: ready for a works council. In Markdown."""
    settings = where.settings()
    spoken = language or settings.organisation.default_language
    text = report(template_folders(settings), spoken, facts_of(settings))
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(as_page(text, spoken), encoding="utf-8")
    except OSError as error:
        msg = f"cannot write {file}: {error.strerror}"
        raise UsageError(msg, hint="name a file in a folder that you may write to") from error
    say(f"written: {file}")


def facts_of(settings: Settings) -> dict[str, Fact]:
    """What a report may name, out of the configuration: plain texts and numbers, no secret and no person but the contact."""
    organisation, summaries, storage = settings.organisation, settings.summaries, urlsplit(settings.storage.url)
    by_country = sorted(summaries.manager_detail_by_country.items())
    return {
        "organisation": organisation.name,
        "contact": organisation.contact,
        "privacy_notice": organisation.privacy_notice or "",
        "campaigns": [_campaign(settings, name) for name in settings.campaigns],
        "keep_days": settings.privacy.keep_days,
        "minimum_group": summaries.minimum_group,
        "managers": summaries.managers != "never",
        "open_names": summaries.manager_detail == "open_names",
        "names_in": [country for country, detail in by_country if detail == "open_names"],
        "counts_in": [country for country, detail in by_country if detail == "counts"],
        "escalations": any(campaign.escalation is not None for campaign in settings.campaigns.values()),
        "officers": len(summaries.organisation),
        "slack": any("slack" in campaign_rungs for campaign_rungs in _rungs(settings)),
        "slack_buttons": settings.slack.answers == "buttons",
        "mail_by": settings.email.via,
        "mail_host": settings.email.smtp.host or "",
        "bounces": settings.email.bounces.via != "none",
        "postgresql": storage.scheme.startswith("postgresql"),
        "database_host": storage.hostname or "",
        "roster_source": settings.roster.source,
        "sign_in": settings.sign_in.authority or "",
    }


def _campaign(settings: Settings, name: str) -> str:
    """ "linkedin-ai-training: 2025-11-03 → 2026-02-01": the deadline, and the day from which its records are purged."""
    campaign = settings.campaigns[name].to_domain(name)
    purged_on = max(campaign.closes_on, campaign.deadline + timedelta(days=settings.privacy.keep_days))
    return f"{name}: {campaign.deadline.isoformat()} → {purged_on.isoformat()}"


def _rungs(settings: Settings) -> list[tuple[str, ...]]:
    steps = [step.channels for campaign in settings.domain_campaigns for step in campaign.steps]
    return [tuple(settings.sending.ladder), *map(tuple, steps)]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


COMMANDS = (person, privacy)
