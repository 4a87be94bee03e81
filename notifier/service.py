"""The composition root: from settings to the running parts. Only here are concrete classes named."""

from __future__ import annotations

import asyncio
import os
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path

from starlette.applications import Starlette

from notifier import shipped
from notifier.bounces.hearing import BounceReader
from notifier.bounces.imap import ImapMailbox, Server
from notifier.bounces.maildir import Maildir
from notifier.channels.base import Channel
from notifier.channels.file import FileChannel
from notifier.channels.graph import AT_ONCE, GraphChannel
from notifier.channels.slack import SlackChannel
from notifier.channels.smtp import SmtpChannel
from notifier.clock import Clock
from notifier.content.catalogue import Catalogue, Sender
from notifier.delivery.compose import Composer
from notifier.delivery.dispatcher import Dispatcher
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import WorkingDays, local_date
from notifier.domain.ladder import SLACK, Ladders
from notifier.domain.links import KEY_BYTES, LinkKeys
from notifier.domain.window import Window
from notifier.errors import ConfigurationError, NotPermittedError
from notifier.microsoft import exchange_tokens, graph_client
from notifier.roster.entra import Tenant, read_entra_roster
from notifier.roster.files import read_roster
from notifier.roster.ldap import Directory, read_ldap_roster
from notifier.roster.reading import Defaults, ReadingRules, RosterReading
from notifier.roster.slack import Member, keep_members, read_members
from notifier.roster.sql import read_sql_roster
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.settings import Settings
from notifier.settings.refresh import WEEKDAYS
from notifier.slack import SlackApi
from notifier.store import snapshots
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.reach import Matched
from notifier.web.app import create_app
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
    dispatcher: Dispatcher
    composer: Composer
    bounces: BounceReader | None
    owner: str

    def web_app(self, checks: Mapping[str, Check] | None = None, *, visitor_clock: Clock | None = None) -> Starlette:
        """The pages behind the links, and the health checks.

        Args:
            checks: what `/readyz` asks besides the store.
            visitor_clock: the visitors' time, where `clock` is a moved one.
        """
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
        )

    def slack_socket(self) -> SlackSocket | None:
        """What hears the buttons in Slack through a connection that we open; None where it is not wanted."""
        slack = self.settings.slack
        if slack.answers != "buttons" or slack.app_token is None:
            return None
        return SlackSocket(SlackApi(slack.app_token.get_secret_value()), self._presses().press)

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
) -> Service:
    """Wire the parts. Nothing is opened, sent or written by this.

    Args:
        database: a store to use in place of the configured one.
        channels: channels to use in place of the configured ones.
        owner: a name to go on under; else a new one.
        progress: called with the number of people planned so far, while a long tick runs.

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
    )
    return Service(
        settings=settings,
        clock=clock,
        database=store,
        campaigns=campaigns,
        catalogue=catalogue,
        keys=keys,
        working_days=working_days,
        window=window,
        planner=_planner(settings, store, tuple(campaigns.values()), window, working_days, progress),
        dispatcher=_dispatcher(settings, store, clock, composer, channels, owner),
        composer=composer,
        bounces=bounce_reader(settings, store) if channels is None else None,
        owner=owner,
    )


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
        channels=channels if channels is not None else channels_of(settings),
        limits=limits_of(settings),
        owner=owner,
        message_id_domain=parseaddr(settings.email.from_)[1].rpartition("@")[2],
        canary=settings.sending.canary,
        ladders=ladders_of(settings),
    )


def open_store(settings: Settings) -> Database:
    """The configured store; nothing is opened before its first use."""
    password = settings.storage.password
    return Database(settings.storage.url, password.get_secret_value() if password else None)


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
        password = roster.sql.password
        secret = password.get_secret_value() if password else None
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
    password = ldap.password
    return Directory(
        url=ldap.url or "",
        login=ldap.login,
        password=password.get_secret_value() if password else None,
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


def ladders_of(settings: Settings) -> Ladders:
    """On which channels each step is tried, and in which order."""
    return Ladders.of(settings.sending.ladder, email=settings.email.via, campaigns=settings.domain_campaigns)


def limits_of(settings: Settings) -> dict[str, Limits]:
    """What each channel's provider allows."""
    smtp, graph = settings.email.smtp, settings.email.graph
    mailboxes = {mailbox: Limits(graph.per_minute, graph.per_day) for mailbox in graph.mailboxes}
    return {
        "smtp": Limits(smtp.per_minute, smtp.per_day),
        "graph": Limits(at_once=AT_ONCE, outlets=mailboxes),
        SLACK: Limits(settings.slack.per_minute),
    }


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """Every channel that something is sent on. Raises as `email_channel` and `slack_channel` do."""
    return tuple(slack_channel(settings) if name == SLACK else email_channel(settings) for name in ladders_of(settings).channels)


def slack_channel(settings: Settings) -> Channel:
    """Direct messages on Slack.

    Raises:
        ConfigurationError: a secret is missing that it needs.
    """
    slack = settings.slack
    if slack.answers == "buttons" and slack.app_token is None and slack.signing_secret is None:
        msg = 'slack.answers: "buttons" needs a way for button presses to come in'
        hint = (
            "for Socket Mode name the file of the app-level token with slack.app_token_file, for HTTP that of the signing secret "
            'with slack.signing_secret_file; or write answers = "link"'
        )
        raise ConfigurationError(msg, hint=hint)
    return SlackChannel(token=_bot_token(settings), team_id=slack.team_id)


async def read_slack_members(settings: Settings) -> list[Member] | None:
    """Everybody in the Slack workspace; None where Slack is not used.

    To be asked before the roster is read, so that who joins is known on Slack before anything is planned for them. It takes
    as long as Slack wants it to: about a minute for 4,000 members.

    Raises:
        ConfigurationError: there is no bot token.
        NotPermittedError, TryLaterError: see `roster.slack.read_members`; what was known stays.
    """
    if SLACK not in ladders_of(settings).channels:
        return None
    api = slack_api(settings)
    try:
        return await read_members(api)
    finally:
        await api.close()


async def match_slack_members(database: Database, members: Sequence[Member], now: datetime) -> Matched:
    """Keep who of the roster is who of these on Slack: after each reading of the roster."""
    return await keep_members(database, members, now)


def slack_api(settings: Settings) -> SlackApi:
    """Slack's Web API as the bot. Raises ConfigurationError where there is no bot token."""
    return SlackApi(_bot_token(settings), team_id=settings.slack.team_id)


def app_api(settings: Settings) -> SlackApi:
    """Slack's Web API as the app, which opens connections for buttons. Raises ConfigurationError where there is no app token."""
    if settings.slack.app_token is None:
        msg = "slack.app_token: there is none"
        raise ConfigurationError(msg, hint="name the file it stands in with slack.app_token_file, or set NOTIFIER_SLACK__APP_TOKEN")
    return SlackApi(settings.slack.app_token.get_secret_value())


def _bot_token(settings: Settings) -> str:
    if settings.slack.bot_token is None:
        msg = "slack.bot_token: Slack is used, and there is no token"
        raise ConfigurationError(msg, hint="name the file it stands in with slack.bot_token_file, or set NOTIFIER_SLACK__BOT_TOKEN")
    return settings.slack.bot_token.get_secret_value()


def email_channel(settings: Settings) -> Channel:
    """The channel that `email.via` names.

    Raises:
        ConfigurationError: a login without its password or secret. Asked here and not of the settings, since who only stops or
            explains the service need not know it.
    """
    email = settings.email
    reply_to = email.reply_to or settings.organisation.contact
    if email.via == "file":
        return FileChannel(email.file.folder, sender=email.from_, reply_to=reply_to)
    if email.via == "graph":
        return _graph_channel(settings, reply_to)
    return smtp_channel(settings)


def smtp_channel(settings: Settings) -> SmtpChannel:
    """Mail through the server of [email.smtp]. Raises as `email_channel` does."""
    email, smtp = settings.email, settings.email.smtp
    by_token = smtp.login == "xoauth2"
    if smtp.username and smtp.password is None and not by_token:
        msg = f"email.smtp.username: {smtp.username!r} has no password"
        hint = "name the file it stands in with email.smtp.password_file, or set NOTIFIER_EMAIL__SMTP__PASSWORD"
        raise ConfigurationError(msg, hint=hint)
    return SmtpChannel(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        sender=email.from_,
        reply_to=email.reply_to or settings.organisation.contact,
        username=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        token_provider=exchange_tokens(settings.microsoft) if by_token else None,
        ca_file=smtp.ca_file,
        connections=smtp.connections,
        timeout=smtp.timeout,
    )


def _graph_channel(settings: Settings, reply_to: str) -> Channel:
    graph = settings.email.graph
    return GraphChannel(
        graph_client(settings.microsoft),
        mailbox=graph.mailboxes[0],
        sender=settings.email.from_,
        reply_to=reply_to,
        verified=graph.verified,
        resend_when_uncertain=graph.when_uncertain == "resend",
    )


def bounce_reader(settings: Settings, database: Database) -> BounceReader | None:
    """What hears of mails that come back; None where nobody looks.

    Raises:
        ConfigurationError: a login without its password or secret.
    """
    bounces = settings.email.bounces
    if bounces.via == "maildir" and bounces.folder is not None:
        return BounceReader(Maildir(bounces.folder), database, ladders_of(settings))
    if bounces.via != "imap":
        return None
    imap = bounces.imap
    by_token = imap.login == "xoauth2"
    if imap.password is None and not by_token:
        msg = f"email.bounces.imap.username: {imap.username!r} has no password"
        hint = "name the file it stands in with email.bounces.imap.password_file, or set NOTIFIER_EMAIL__BOUNCES__IMAP__PASSWORD"
        raise ConfigurationError(msg, hint=hint)
    server = Server(
        host=imap.host or "",
        port=imap.port,
        security=imap.security,
        username=imap.username or "",
        password=imap.password.get_secret_value() if imap.password else None,
        folder=imap.folder,
        ca_file=imap.ca_file,
    )
    tokens = exchange_tokens(settings.microsoft) if by_token else None
    return BounceReader(ImapMailbox(server), database, ladders_of(settings), tokens)


def read_keys(path: Path) -> LinkKeys:
    """The keys that links are signed with.

    Raises:
        ConfigurationError: the file is missing or is no key file.
        NotPermittedError: it may not be read.
    """
    try:
        return LinkKeys.load(path.read_text("ascii"), source=str(path))
    except FileNotFoundError:
        msg = f"{path}: the keys that links are signed with are missing"
        hint = "make them with `notifier init`; if links went out already, restore this file from its backup instead"
        raise ConfigurationError(msg, hint=hint) from None
    except PermissionError:
        msg = f"{path}: this user may not read the keys that links are signed with"
        raise NotPermittedError(msg, hint="let the service's user, and nobody else, read the file") from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: the keys that links are signed with cannot be read: {error}"
        raise ConfigurationError(msg, hint="restore the file from its backup") from None


def write_new_keys(path: Path) -> None:
    """Make a key file, for its owner's eyes only. An existing one is left alone.

    Raises:
        FileExistsError: there is one already.
    """
    keys = LinkKeys({1: secrets.token_bytes(KEY_BYTES)}, 1)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keys.dump())


def rotate_keys(path: Path) -> LinkKeys:
    """Add a key that signs from now on. Links that went out keep working: their keys stay in the file.

    Raises:
        ConfigurationError, NotPermittedError: as `read_keys`, or the file cannot be written.
    """
    keys = read_keys(path).with_new(secrets.token_bytes(KEY_BYTES))
    fresh = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(keys.dump())
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except OSError as error:
        msg = f"{path}: the keys cannot be written: {error.strerror}"
        raise NotPermittedError(msg, hint="run it as the service's user, or let that user write into the folder") from None
    return keys
