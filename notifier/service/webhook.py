"""Telling a program of answers: who plans it, who writes it, and how it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from notifier.channels.base import Outgoing
from notifier.channels.webhook import WebhookChannel
from notifier.clock import Clock
from notifier.content.plain import addresses_in
from notifier.content.rendered import Rendered
from notifier.errors import ConfigurationError
from notifier.service.chores import Chore
from notifier.settings.section import revealed
from notifier.settings.webhook import Webhook
from notifier.store import webhooks
from notifier.store.claims import Claimed
from notifier.store.database import Database


class WebhookWriter:
    """Makes the call of what was written when it was planned: see `delivery.compose.Writer`."""

    def compose(self, row: Claimed, channel: str) -> Outgoing:  # noqa: ARG002 - there is one
        """The call. It names nobody; a roster may have mail addresses for ids, though."""
        person: str = json.loads(row.letter)["data"]["employee_id"]
        return Outgoing(
            delivery_id=row.id,
            employee_key=row.employee_key,
            campaign=row.campaign,
            address="",
            name="",
            message_id=row.message_id,
            dated=row.dated,
            rendered=Rendered(
                subject=row.message, html="", text=row.letter, language="en", addresses=frozenset(addresses_in(person))
            ),
        )


@dataclass(frozen=True, slots=True)
class _Planning:
    database: Database
    tell_answer: bool

    def tick(self, now: datetime) -> int:
        with self.database.write() as connection:
            return webhooks.plan(connection, tell_answer=self.tell_answer, now=now)


def webhook_chores(settings: Webhook, database: Database) -> tuple[Chore, ...]:
    """Who plans the calls; nobody where none are wanted."""
    return (Chore("webhook", _Planning(database, settings.tell_answer).tick),) if settings.url else ()


def webhook_channels(settings: Webhook, clock: Clock) -> tuple[WebhookChannel, ...]:
    """How they leave.

    Raises:
        ConfigurationError: there is no secret. Asked here and not of the settings, since who only stops or explains the service
            need not know it.
    """
    if settings.url is None:
        return ()
    secret = revealed(settings.secret)
    if secret is None:
        msg = "webhook.url: there is no secret to sign calls with"
        raise ConfigurationError(msg, hint="name the file it stands in with webhook.secret_file, or set NOTIFIER_WEBHOOK__SECRET")
    secrets = [one for one in (secret, revealed(settings.former_secret)) if one is not None]
    return (WebhookChannel(settings.url, secrets=secrets, clock=clock, ca_file=settings.ca_file),)
