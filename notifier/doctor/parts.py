"""What the checks go out with. Each part is made when it is asked for, and raises NotifierError where a secret of it is missing."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.bounces.hearing import TokenProvider
from notifier.bounces.mailbox import Mailbox
from notifier.channels.base import Channel
from notifier.clock import Clock
from notifier.doctor.mail_server import Server
from notifier.doctor.programs import Program
from notifier.identity import Provider, provider_of
from notifier.microsoft import GraphClient, graph_client
from notifier.service import app_api, bounce_mailbox, channels_of, open_store, slack_api, smtp_channel, webhook_channels
from notifier.settings import Settings
from notifier.slack import SlackApi
from notifier.store.database import Database


@dataclass(frozen=True)
class Parts:
    """See the head of this module.

    Attributes:
        channels: every channel of the ladder.
        app: Slack as the app, for Socket Mode.
        bounces: where mails come back to, and what gives tokens to log in there where it wants one; None where nobody looks.
        sign_in: who lets operators in; None where `notifier admin link` does.
        programs: those that are told of answers.
        name_server: which to ask, in place of the system's.
        tls: which certificates of web.base_url are trusted.
    """

    clock: Clock
    store: Callable[[], Database]
    channels: Callable[[], Sequence[Channel]]
    smtp: Callable[[], Server]
    graph: Callable[[], GraphClient]
    slack: Callable[[], SlackApi]
    app: Callable[[], SlackApi]
    bounces: Callable[[], tuple[Mailbox, TokenProvider | None] | None]
    sign_in: Callable[[], Provider | None]
    programs: Callable[[], Sequence[Program]]
    name_server: str | None
    tls: Callable[[], ssl.SSLContext]


def parts_of(settings: Settings, clock: Clock, name_server: str | None = None) -> Parts:
    """The parts that the settings describe."""
    return Parts(
        clock=clock,
        store=lambda: open_store(settings),
        channels=lambda: channels_of(settings),
        smtp=lambda: smtp_channel(settings),
        graph=lambda: graph_client(settings.microsoft),
        slack=lambda: slack_api(settings),
        app=lambda: app_api(settings),
        bounces=lambda: bounce_mailbox(settings),
        sign_in=lambda: provider_of(settings.sign_in, settings.web.base_url),
        programs=lambda: webhook_channels(settings.webhook, clock),
        name_server=name_server,
        tls=ssl.create_default_context,
    )
