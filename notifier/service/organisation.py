"""What compliance officers are told (who counts, who plans the letters, who writes them), and who purges what is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from notifier.content.catalogue import Sender
from notifier.delivery.planner import Planner
from notifier.settings import Settings
from notifier.settings.summaries import parse_weekly
from notifier.store.database import Database
from notifier.summary.board import Board
from notifier.summary.organisation_mail import OrganisationWriter
from notifier.summary.organisation_weekly import OrganisationWeekly
from notifier.summary.purging import Purger
from notifier.summary.weekly import When


def organisation_weekly_of(settings: Settings, database: Database, planner: Planner) -> OrganisationWeekly:
    """Who plans the letters, as configured."""
    section = settings.summaries
    at = parse_weekly(section.organisation_at)
    return OrganisationWeekly(
        database=database,
        campaigns=settings.domain_campaigns,
        officers=section.organisation,
        when=None if at is None else When(at.weekday, at.at),
        zone=zone_of(settings),
        channel=settings.email.via,
        minimum_group=section.minimum_group,
        schedule_of=planner.schedule_of,
    )


def organisation_mail_of(settings: Settings, folders: Sequence[Path], sender: Sender) -> OrganisationWriter:
    """Who writes them: `Kind.ORGANISATION` of the composer.

    Args:
        folders: of texts; those that came with the program stand last.
    """
    return OrganisationWriter(
        folders,
        sender,
        base_url=settings.web.base_url,
        zone=zone_of(settings),
        default_language=settings.organisation.default_language,
    )


def board_of(settings: Settings, database: Database, planner: Planner) -> Board:
    """The figures for pages and programs."""
    return Board(database, zone=zone_of(settings), minimum_group=settings.summaries.minimum_group, schedule_of=planner.schedule_of)


def zone_of(settings: Settings) -> ZoneInfo:
    """The organisation's zone."""
    return ZoneInfo(settings.organisation.default_time_zone)


def purger_of(settings: Settings, database: Database, planner: Planner, stopping: Callable[[], bool] = lambda: False) -> Purger:
    """Who takes away what need not be kept. It blocks: to be run in a thread, once in a while.

    Args:
        stopping: asked between two portions; where it says so the rest is left for the next time.
    """
    return Purger(
        database=database,
        campaigns=settings.domain_campaigns,
        keep_days=settings.privacy.keep_days,
        zone=zone_of(settings),
        minimum_group=settings.summaries.minimum_group,
        schedule_of=planner.schedule_of,
        stopping=stopping,
    )
