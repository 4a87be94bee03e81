"""From a claimed row to a message: the person's language, their link, their own date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from notifier.channels.base import Outgoing
from notifier.content.catalogue import Catalogue, Facts
from notifier.content.rendered import Rendered
from notifier.content.slack_blocks import SlackForm, Stage
from notifier.domain import links
from notifier.domain.campaign import RECEIPT, Campaign
from notifier.domain.employee import choose_language, full_name
from notifier.domain.ladder import EMAIL, SLACK
from notifier.domain.links import LinkKeys, Purpose
from notifier.domain.slack_buttons import Subject
from notifier.store.claims import Claimed
from notifier.store.letters import WRITTEN
from notifier.store.tables import Kind


class Writer(Protocol):
    """Makes the message of a delivery out of what was written for it when it was planned."""

    def compose(self, row: Claimed, channel: str) -> Outgoing:
        """The message of a row with a letter. The same row gives the same message, for ever.

        Raises:
            NotifierError: it cannot be rendered.
        """


class Composer:
    """Renders claimed rows.

    Args:
        default_language: of people about whom nothing else is known.
        slack_buttons: people answer in Slack itself, not only through the link.
        writers: of what goes to managers, officers and programs, by kind.
    """

    def __init__(
        self,
        *,
        campaigns: Mapping[str, Campaign],
        catalogue: Catalogue,
        keys: LinkKeys,
        base_url: str,
        default_language: str,
        slack_buttons: bool = False,
        writers: Mapping[Kind, Writer] | None = None,
    ) -> None:
        self._campaigns = campaigns
        self._catalogue = catalogue
        self._keys = keys
        self._base_url = base_url
        self._default_language = default_language
        self._slack_buttons = slack_buttons
        self._writers = writers or {}

    def knows(self, row: Claimed) -> bool:
        """False for what has been taken out of the configuration meanwhile."""
        return row.kind in self._writers if row.kind in WRITTEN else row.campaign in self._campaigns

    def compose(self, row: Claimed, channel: str = EMAIL) -> Outgoing:
        """The message of a claimed row. The same row gives the same message, for ever.

        Args:
            channel: on which it goes; for all but Slack it is a mail.

        Raises:
            NotifierError: the text cannot be rendered.
        """
        if row.kind in WRITTEN:
            return self._writers[row.kind].compose(row, channel)
        campaign = self._campaigns[row.campaign]
        language = choose_language(
            chosen=row.language_choice,
            roster=row.roster_language,
            country=row.country,
            by_country=campaign.language_by_country,
            default=self._default_language,
        )
        name = full_name(row.given_name, row.family_name, row.email)
        facts = Facts(
            given_name=row.given_name or name,
            name=name,
            link=self._link(row),
            today=row.today,
            deadline=campaign.deadline,
            first_notice=row.first_notice,
            answer=row.answer,
            answered_at=row.answered_at and row.answered_at.astimezone(ZoneInfo(row.time_zone)),
        )
        return Outgoing(
            delivery_id=row.id,
            employee_key=row.employee_key,
            campaign=row.campaign,
            address=row.address,
            name=name if name != row.email else "",
            message_id=row.message_id,
            dated=row.dated,
            rendered=self._render(row, channel, facts, language),
            reference=row.reference,
            outlet=row.outlet,
        )

    def _render(self, row: Claimed, channel: str, facts: Facts, language: str) -> Rendered:
        if channel != SLACK:
            return self._catalogue.render(row.campaign, row.message, facts, language)
        asks = self._slack_buttons and row.kind is not Kind.RECEIPT
        form = SlackForm(_stage(row), Subject(row.campaign, row.public_id).value if asks else None)
        return self._catalogue.slack(row.campaign, row.message, facts, language, form)

    def _link(self, row: Claimed) -> str:
        token = self._keys.sign(Purpose.ACKNOWLEDGE, row.campaign, row.public_id, row.link_version)
        return links.url(self._base_url, row.campaign, token)


def _stage(row: Claimed) -> Stage:
    """What a Slack message says: the text itself, or for an earlier message what has become of it."""
    if row.kind is Kind.REWRITE and row.message == RECEIPT:
        return Stage.REVOKED
    if row.kind is not Kind.REWRITE or row.answer is None:
        return Stage.OPEN
    if row.provisional:
        return Stage.PROVISIONAL
    return Stage.SETTLED if row.answer.settles else Stage.HELP
