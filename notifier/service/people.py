"""People, from where the settings say they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from notifier.domain.countdown import local_date
from notifier.domain.ladder import SLACK
from notifier.microsoft import graph_client
from notifier.roster.entra import Tenant, read_entra_roster
from notifier.roster.files import read_roster
from notifier.roster.ldap import Directory, read_ldap_roster
from notifier.roster.reading import Defaults, ReadingRules, RosterReading
from notifier.roster.slack import FirstListing, Member, keep_members, read_members
from notifier.roster.sql import read_sql_roster
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.service.channels import ladders_of, slack_api
from notifier.settings import Settings
from notifier.settings.section import revealed
from notifier.store import reach, snapshots
from notifier.store.database import Database
from notifier.store.reach import Matched


def read_configured_roster(
    settings: Settings, now: datetime, progress: Callable[[int], None] = lambda _: None, *, database: Database | None = None
) -> RosterReading:
    """Read the roster from its configured source. Not within an event loop: that of Entra ID needs one of its own.

    Args:
        progress: called with the number of people so far, while a directory is read.
        database: the store that may hold a snapshot of Entra ID; without it everybody is asked for.

    Raises:
        BadDataError: it is no roster, or cannot be read.
        ConfigurationError, NotPermittedError, TryLaterError: a directory or a database that cannot be asked.
    """
    roster = settings.roster
    if roster.source == "entra":
        return asyncio.run(_read_entra(settings, now, progress, database))
    if roster.source == "ldap":
        return read_ldap_roster(directory_of(settings), progress=progress, **_reading_rules(settings, now))
    if roster.source == "sql":
        secret = revealed(roster.sql.password)
        return read_sql_roster(roster.sql.url or "", secret, roster.sql.query or "", **_reading_rules(settings, now))
    return read_roster_file(settings, roster.path, now)


def read_roster_file(settings: Settings, path: Path, now: datetime) -> RosterReading:
    """Read a file as the configured roster would be read. Raises as `read_configured_roster` does."""
    return read_roster(path, **_reading_rules(settings, now))


async def _read_entra(
    settings: Settings, now: datetime, progress: Callable[[int], None], database: Database | None
) -> RosterReading:
    microsoft, entra = settings.microsoft, settings.roster.entra
    graph = graph_client(microsoft)
    tenant = Tenant(microsoft.tenant or "", entra.id_from, microsoft.graph_url, entra.per_second)
    kept = await database.read_async(snapshots.load) if database else None
    try:
        return await read_entra_roster(graph, tenant, kept=kept, progress=progress, **_reading_rules(settings, now))
    finally:
        await graph.close()


def directory_of(settings: Settings) -> Directory:
    """The directory of [roster.ldap]."""
    ldap = settings.roster.ldap
    return Directory(
        url=ldap.url or "",
        login=ldap.login,
        password=revealed(ldap.password),
        base=ldap.base or "",
        people=ldap.people,
        ca_file=ldap.ca_file,
        encrypted=ldap.security != "none",
    )


def _reading_rules(settings: Settings, now: datetime) -> ReadingRules:
    organisation = settings.organisation
    return {
        "columns": settings.roster.columns,
        "defaults": Defaults(organisation.default_time_zone, organisation.default_country),
        "today": local_date(now, organisation.default_time_zone),
    }


def refresh_roster(settings: Settings, database: Database, now: datetime, *, accept_changes: int | None = None) -> SyncOutcome:
    """Read the roster and bring the store up to date with it, unless the change looks like an accident.

    Raises:
        BadDataError: it is no roster, or cannot be read. A refused change raises nothing: see the outcome.
    """
    reading = read_configured_roster(settings, now, database=database)
    largest_change = settings.roster.largest_change
    return synchronise(database, reading, now=now, largest_change=largest_change, accept_changes=accept_changes)


def first_listing(settings: Settings, database: Database, now: datetime) -> FirstListing:
    """Whether it has ever been known who is on Slack."""
    if SLACK not in ladders_of(settings).channels:
        return FirstListing(now, is_known=True)
    with database.read() as connection:
        return FirstListing(now, is_known=reach.is_anybody_known(connection, SLACK))


async def read_slack_members(settings: Settings, progress: Callable[[], None] = lambda: None) -> list[Member] | None:
    """Everybody in the Slack workspace; None where Slack is not used.

    To be asked before the roster is read, so that who joins is known on Slack before anything is planned for them. It takes
    as long as Slack wants it to: about a minute for 4,000 members.

    Args:
        progress: called after each page of them.

    Raises:
        ConfigurationError: there is no bot token.
        NotPermittedError, TryLaterError: see `roster.slack.read_members`; what was known stays.
    """
    if SLACK not in ladders_of(settings).channels:
        return None
    api = slack_api(settings)
    try:
        return await read_members(api, progress=progress)
    finally:
        await api.close()


async def match_slack_members(database: Database, members: Sequence[Member], now: datetime) -> Matched:
    """Keep who of the roster is who of these on Slack: after each reading of the roster."""
    return await keep_members(database, members, now)
