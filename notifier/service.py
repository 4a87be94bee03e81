"""The composition root: from settings to the running parts. Only here are concrete classes named."""

from __future__ import annotations

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
from notifier.channels.base import Channel
from notifier.channels.file import FileChannel
from notifier.channels.smtp import SmtpChannel
from notifier.clock import Clock
from notifier.content.catalogue import Catalogue, Sender
from notifier.delivery.compose import Composer
from notifier.delivery.dispatcher import Dispatcher
from notifier.delivery.planner import Planner
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import WorkingDays, local_date
from notifier.domain.links import KEY_BYTES, LinkKeys
from notifier.domain.window import Window
from notifier.errors import ConfigurationError, NotPermittedError
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.sync import SyncOutcome, synchronise
from notifier.settings import Settings
from notifier.settings.refresh import WEEKDAYS
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.web.app import create_app
from notifier.web.metrics import create_metrics_app
from notifier.web.site import Check


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
        )

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
        channel=settings.email.via,
        progress=progress,
    )


def _dispatcher(
    settings: Settings, database: Database, clock: Clock, composer: Composer, channels: Sequence[Channel] | None, owner: str
) -> Dispatcher:
    return Dispatcher(
        database=database,
        clock=clock,
        composer=composer,
        channels=channels if channels is not None else (email_channel(settings),),
        limits=limits_of(settings),
        owner=owner,
        message_id_domain=parseaddr(settings.email.from_)[1].rpartition("@")[2],
        canary=settings.sending.canary,
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


def read_configured_roster(settings: Settings, now: datetime) -> RosterReading:
    """Read the roster from its configured source.

    Raises:
        BadDataError: it is no roster, or cannot be read.
    """
    return read_roster_file(settings, settings.roster.path, now)


def read_roster_file(settings: Settings, path: Path, now: datetime) -> RosterReading:
    """Read a file as the configured roster would be read. Raises as `read_configured_roster` does."""
    organisation = settings.organisation
    defaults = Defaults(organisation.default_time_zone, organisation.default_country)
    today = local_date(now, organisation.default_time_zone)
    return read_roster(path, columns=settings.roster.columns, defaults=defaults, today=today)


def refresh_roster(settings: Settings, database: Database, now: datetime, *, accept_changes: int | None = None) -> SyncOutcome:
    """Read the roster and bring the store up to date with it, unless the change looks like an accident.

    Raises:
        BadDataError: it is no roster, or cannot be read. A refused change raises nothing: see the outcome.
    """
    reading = read_configured_roster(settings, now)
    largest_change = settings.roster.largest_change
    return synchronise(database, reading, now=now, largest_change=largest_change, accept_changes=accept_changes)


def limits_of(settings: Settings) -> dict[str, Limits]:
    """What each channel's provider allows."""
    return {"smtp": Limits(settings.email.smtp.per_minute, settings.email.smtp.per_day)}


def email_channel(settings: Settings) -> Channel:
    """The channel that `email.via` names.

    Raises:
        ConfigurationError: a login without its password. Asked here and not of the settings, since who only stops or explains
            the service need not know the password.
    """
    email = settings.email
    reply_to = email.reply_to or settings.organisation.contact
    if email.via == "file":
        return FileChannel(email.file.folder, sender=email.from_, reply_to=reply_to)
    smtp = email.smtp
    if smtp.username and smtp.password is None:
        msg = f"email.smtp.username: {smtp.username!r} has no password"
        hint = "name the file it stands in with email.smtp.password_file, or set NOTIFIER_EMAIL__SMTP__PASSWORD"
        raise ConfigurationError(msg, hint=hint)
    return SmtpChannel(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        sender=email.from_,
        reply_to=reply_to,
        username=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        ca_file=smtp.ca_file,
        connections=smtp.connections,
        timeout=smtp.timeout,
    )


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
