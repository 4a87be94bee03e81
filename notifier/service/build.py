"""The running parts, wired together."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from functools import partial
from pathlib import Path

from starlette.applications import Starlette

from notifier import shipped
from notifier.bounces.hearing import BounceReader
from notifier.channels.base import Channel
from notifier.clock import Clock
from notifier.content.catalogue import Catalogue, Sender
from notifier.delivery.compose import Composer, Writer
from notifier.delivery.dispatcher import Dispatcher
from notifier.delivery.nudging import Nudger
from notifier.delivery.outlook import Outlook
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import WorkingDays
from notifier.domain.links import LinkKeys
from notifier.domain.window import Window
from notifier.identity import provider_of
from notifier.service.channels import app_api, bounce_reader, channels_of, ladders_of, limits_of
from notifier.service.chores import Chore, letters_of, upkeep_of
from notifier.service.keys import read_keys
from notifier.service.organisation import board_of, organisation_mail_of, zone_of
from notifier.service.summaries import Summaries, manager_mail_of, summaries_of
from notifier.service.webhook import WebhookWriter, webhook_channels, webhook_chores
from notifier.settings import Settings
from notifier.settings.refresh import WEEKDAYS
from notifier.store.database import Database
from notifier.store.opening import open_store
from notifier.store.tables import Kind
from notifier.summary.board import Board
from notifier.web import api, dashboard, team
from notifier.web.app import create_app
from notifier.web.dashboard import Desk
from notifier.web.metrics import create_metrics_app
from notifier.web.site import Check
from notifier.web.slack_actions import SlackActions
from notifier.web.slack_presses import Presses
from notifier.web.slack_socket import SlackSocket


@dataclass(frozen=True)
class Service:
    """The parts of a running notifier, wired together.

    Attributes:
        owner: names this process in claims and among the running daemons.
        letters: what goes out by the calendar besides the countdown.
        upkeep: what is to be done now and then, and sends nothing.
    """

    settings: Settings
    clock: Clock
    database: Database
    campaigns: Mapping[str, Campaign]
    catalogue: Catalogue
    keys: LinkKeys
    working_days: WorkingDays
    window: Window
    planner: Planner
    summaries: Summaries
    dispatcher: Dispatcher
    composer: Composer
    bounces: BounceReader | None
    owner: str
    letters: tuple[Chore, ...]
    upkeep: tuple[Chore, ...]

    @property
    def chores(self) -> tuple[Chore, ...]:
        """All that comes round besides the countdown."""
        return (*self.letters, *webhook_chores(self.settings.webhook, self.database), *self.upkeep)

    @property
    def outlook(self) -> Outlook:
        """What goes out next."""
        return Outlook(
            campaigns=tuple(self.campaigns.values()),
            schedule_of=self.planner.schedule_of,
            ladders=ladders_of(self.settings),
            limits=limits_of(self.settings),
            window=self.window,
            working_days=self.working_days,
            default_language=self.settings.organisation.default_language,
        )

    def web_app(self, checks: Mapping[str, Check] | None = None, *, visitor_clock: Clock | None = None) -> Starlette:
        """The pages behind the links, and the health checks.

        Args:
            checks: what `/readyz` asks besides the store.
            visitor_clock: the visitors' time, where `clock` is a moved one.
        """
        board = board_of(self.settings, self.database, self.planner)
        return create_app(
            database=self.database,
            campaigns=self.campaigns,
            catalogue=self.catalogue,
            keys=self.keys,
            clock=self.clock,
            base_url=self.settings.web.base_url,
            sender=sender_of(self.settings),
            folders=template_folders(self.settings),
            default_language=self.settings.organisation.default_language,
            receipt_channel=self.settings.email.via,
            visitor_clock=visitor_clock,
            checks=checks,
            slack=self._slack_actions(),
            provider=provider_of(self.settings.sign_in, self.settings.web.base_url),
            parts=(
                partial(team.routes, nudger=self._nudger()),
                partial(dashboard.routes, desk=self._desk(board)),
                partial(api.routes, board=board),
            ),
        )

    def slack_socket(self) -> SlackSocket | None:
        """What hears the buttons in Slack through a connection that we open; None where it is not wanted."""
        slack = self.settings.slack
        if slack.answers != "buttons" or slack.app_token is None:
            return None
        return SlackSocket(app_api(self.settings), self._presses().press)

    def _desk(self, board: Board) -> Desk:
        roster = self.settings.roster
        return Desk(
            zone=zone_of(self.settings),
            folders=tuple(template_folders(self.settings)),
            outlook=self.outlook,
            board=board,
            minimum_group=self.settings.summaries.minimum_group,
            roster_source=str(roster.path) if roster.source == "file" else roster.source,
            roster_refresh=roster.refresh,
        )

    def _nudger(self) -> Nudger:
        return Nudger(planner=self.planner, window=self.window, working_days=self.working_days, ladders=ladders_of(self.settings))

    def _slack_actions(self) -> SlackActions | None:
        slack = self.settings.slack
        if slack.answers != "buttons" or slack.signing_secret is None:
            return None
        return SlackActions(slack.signing_secret.get_secret_value(), self._presses())

    def _presses(self) -> Presses:
        return Presses(self.database, self.campaigns, self.settings.email.via, self.clock)

    def metrics_app(self) -> Starlette:
        """The figures for Prometheus."""
        return create_metrics_app(database=self.database, campaigns=tuple(self.campaigns), clock=self.clock)


def build(
    settings: Settings,
    *,
    clock: Clock,
    database: Database | None = None,
    channels: Sequence[Channel] | None = None,
    owner: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Service:
    """Wire the parts. Nothing is opened, sent or written by this.

    Args:
        database: a store to use in place of the configured one.
        channels: channels to use in place of the configured ones.
        owner: a name to go on under; else a new one.
        progress: called with the number of people planned so far, while a long tick runs.
        stopping: asked during long work, which ends early where it says so.

    Raises:
        ConfigurationError: the link keys are missing or unreadable.
    """
    store = database or open_store(settings)
    campaigns = {campaign.id: campaign for campaign in settings.domain_campaigns}
    catalogue = catalogue_of(settings)
    keys = read_keys(settings.links.keys_file)
    window = Window.parse(settings.sending.window)
    working_days = WorkingDays(frozenset(WEEKDAYS.index(day) for day in settings.sending.work_days))
    owner = owner or str(uuid.uuid4())
    composer = Composer(
        campaigns=campaigns,
        catalogue=catalogue,
        keys=keys,
        base_url=settings.web.base_url,
        default_language=settings.organisation.default_language,
        slack_buttons=settings.slack.answers == "buttons",
        writers=_writers(settings, catalogue, campaigns, keys),
    )
    planner = _planner(settings, store, tuple(campaigns.values()), window, working_days, progress)
    summaries = summaries_of(settings, store, window, working_days)
    return Service(
        settings=settings,
        clock=clock,
        database=store,
        campaigns=campaigns,
        catalogue=catalogue,
        keys=keys,
        working_days=working_days,
        window=window,
        planner=planner,
        summaries=summaries,
        dispatcher=_dispatcher(settings, store, clock, composer, channels, owner),
        composer=composer,
        bounces=bounce_reader(settings, store) if channels is None else None,
        owner=owner,
        letters=letters_of(settings, store, planner, summaries),
        upkeep=upkeep_of(settings, store, planner, catalogue, campaigns, stopping),
    )


def _writers(settings: Settings, catalogue: Catalogue, campaigns: Mapping[str, Campaign], keys: LinkKeys) -> Mapping[Kind, Writer]:
    """Who writes what goes to managers, officers and programs."""
    folders, sender = template_folders(settings), sender_of(settings)
    to_managers = manager_mail_of(settings, folders=folders, sender=sender, catalogue=catalogue, campaigns=campaigns, keys=keys)
    to_officers = organisation_mail_of(settings, folders, sender)
    to_programs = {Kind.WEBHOOK: WebhookWriter()} if settings.webhook.url else {}
    return {Kind.SUMMARY: to_managers, Kind.ESCALATION: to_managers, Kind.ORGANISATION: to_officers, **to_programs}


def _planner(
    settings: Settings,
    database: Database,
    campaigns: Sequence[Campaign],
    window: Window,
    working_days: WorkingDays,
    progress: Callable[[int], None],
) -> Planner:
    return Planner(
        database=database,
        campaigns=campaigns,
        window=window,
        working_days=working_days,
        ladders=ladders_of(settings),
        progress=progress,
    )


def _dispatcher(
    settings: Settings, database: Database, clock: Clock, composer: Composer, channels: Sequence[Channel] | None, owner: str
) -> Dispatcher:
    return Dispatcher(
        database=database,
        clock=clock,
        composer=composer,
        channels=channels if channels is not None else (*channels_of(settings), *webhook_channels(settings.webhook, clock)),
        limits=limits_of(settings),
        owner=owner,
        message_id_domain=parseaddr(settings.email.from_)[1].rpartition("@")[2],
        canary=settings.sending.canary,
        ladders=ladders_of(settings),
    )


def catalogue_of(settings: Settings) -> Catalogue:
    """The texts of all campaigns."""
    return Catalogue(template_folders(settings), sender_of(settings))


def template_folders(settings: Settings) -> list[Path]:
    """The organisation's own texts, and behind them the ones that came with the program."""
    return [*([settings.templates] if settings.templates else []), shipped.templates()]


def sender_of(settings: Settings) -> Sender:
    """Who writes, as messages and pages name them."""
    organisation = settings.organisation
    name, address = parseaddr(organisation.contact)
    return Sender(
        organisation=organisation.name,
        contact_name=name or address,
        contact_email=address,
        contact_phone=organisation.contact_phone or "",
        privacy_notice=organisation.privacy_notice or "",
    )
