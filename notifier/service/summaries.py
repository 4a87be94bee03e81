"""What managers are told: who plans it, and who writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from notifier.content.catalogue import Catalogue, Sender
from notifier.content.problems import TextProblem
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import WorkingDays
from notifier.domain.links import KEY_BYTES, LinkKeys
from notifier.domain.window import Window
from notifier.service.channels import ladders_of
from notifier.settings import Settings
from notifier.settings.summaries import parse_weekly
from notifier.store.census import Details
from notifier.store.database import Database
from notifier.summary.escalation import Escalations
from notifier.summary.figures import Rules
from notifier.summary.manager_mail import ManagerMail
from notifier.summary.texts import Texts, campaign_title
from notifier.summary.weekly import Weekly, When


@dataclass(frozen=True)
class Summaries:
    """What goes to managers, beside the countdown."""

    weekly: Weekly
    escalations: Escalations

    def tick(self, now: datetime) -> int:
        """Write the letters that are due. Returns how many are new."""
        return self.weekly.tick(now) + self.escalations.tick(now)

    def next_instant(self, now: datetime) -> datetime | None:
        """When letters are due next, or None."""
        instants = (self.weekly.next_instant(now), self.escalations.next_instant(now))
        return min((instant for instant in instants if instant is not None), default=None)


def summaries_of(settings: Settings, database: Database, window: Window, working_days: WorkingDays) -> Summaries:
    """As configured."""
    section, campaigns = settings.summaries, settings.domain_campaigns
    rules, ladder = rules_of(settings), ladders_of(settings).usual
    at = parse_weekly(section.managers)
    weekly = Weekly(
        database=database,
        campaigns=campaigns,
        rules=rules,
        when=None if at is None else When(at.weekday, at.at),
        working_days=working_days,
        ladder=ladder,
    )
    days_before = {name: campaign.escalation for name, campaign in settings.campaigns.items() if campaign.escalation is not None}
    escalations = Escalations(
        database=database,
        campaigns=campaigns,
        days_before=days_before,
        rules=rules,
        window=window,
        working_days=working_days,
        ladder=ladder,
    )
    return Summaries(weekly, escalations)


def rules_of(settings: Settings) -> Rules:
    """What managers may see."""
    section = settings.summaries
    return Rules(Details(section.detail, section.detail_by_country), section.minimum_group)


def letter_problems(settings: Settings, folders: Sequence[Path], sender: Sender) -> list[TextProblem]:
    """Everything that is wrong with the texts of letters to managers: for `notifier check`, which knows no keys."""
    keys = LinkKeys({0: bytes(KEY_BYTES)}, 0)
    texts = manager_mail_of(settings, folders=folders, sender=sender, catalogue=Catalogue(folders, sender), campaigns={}, keys=keys)
    return texts.check()


def manager_mail_of(
    settings: Settings,
    *,
    folders: Sequence[Path],
    sender: Sender,
    catalogue: Catalogue,
    campaigns: Mapping[str, Campaign],
    keys: LinkKeys,
) -> ManagerMail:
    """Who writes letters to managers.

    Args:
        folders: of texts; those that came with the program stand last.
    """
    return ManagerMail(
        texts=Texts(folders, sender),
        campaigns=campaigns,
        title_of=lambda campaign, language: campaign_title(catalogue, campaigns[campaign], language),
        keys=keys,
        base_url=settings.web.base_url,
        organisation=settings.organisation.name,
        default_language=settings.organisation.default_language,
    )
