"""Every key of the configuration: its type, its default, and what it means.

The docstring below a key is what the reference and config.example.toml say about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from notifier.domain.campaign import Campaign
from notifier.settings.campaigns import AudienceSettings, CampaignSettings, Language, Rung, StepSettings
from notifier.settings.kinds import (
    THIS_MACHINE,
    BaseUrl,
    CampaignName,
    Country,
    DatabaseUrl,
    Hours,
    Listen,
    Mailbox,
    Page,
    Text,
    TimeZone,
    Whole,
    WrongValueError,
)
from notifier.settings.mail import Email, MailFolder, Smtp
from notifier.settings.microsoft import Graph, Microsoft
from notifier.settings.privacy import Privacy
from notifier.settings.section import Section, first_repeated
from notifier.settings.sign_in import SignIn
from notifier.settings.slack import Slack
from notifier.settings.sources import Roster
from notifier.settings.summaries import Summaries
from notifier.settings.webhook import Webhook

__all__ = [
    "AudienceSettings",
    "CampaignSettings",
    "Email",
    "Graph",
    "Language",
    "Links",
    "Logging",
    "MailFolder",
    "Microsoft",
    "Organisation",
    "Privacy",
    "Roster",
    "Section",
    "Sending",
    "Settings",
    "SignIn",
    "Slack",
    "Smtp",
    "StepSettings",
    "Storage",
    "Summaries",
    "Web",
    "Webhook",
]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_layers: ContextVar[Sequence[Mapping[str, Any]]] = ContextVar("layers", default=())


class Organisation(Section):
    """Who writes."""

    name: Text
    """The organisation's name, as employees know it."""
    default_language: Language = "en"
    """The language of people about whom nothing else is known: en, fr or de."""
    default_time_zone: TimeZone = "Europe/Zurich"
    """The time zone of people whose roster row names none."""
    default_country: Country | None = None
    """The country whose public holidays hold for people whose roster row names none."""
    contact: Mailbox
    """Whom employees can ask; it stands in every message and on every page."""
    contact_phone: Text | None = None
    """A phone number beside it, if there is one."""
    privacy_notice: Page | None = None
    """Address of the page that says what is stored about people here; linked from every message."""


class Storage(Section):
    """Where everything is kept."""

    url: DatabaseUrl = "sqlite:///notifier.db"
    """sqlite:///FILE for one machine, or postgresql+psycopg://USER@HOST/NAME for many."""
    password: SecretStr | None = None
    """The database's password. Not in this file: see the head of it."""
    password_file: Path | None = None
    """A file that holds the database's password and nothing else."""

    @model_validator(mode="after")
    def _password_has_a_use(self) -> Storage:
        if self.password is not None and self.url.startswith("sqlite"):
            raise WrongValueError(
                wanted="no password",
                fix="take it out, or name a PostgreSQL database in url",
                says="has no use: SQLite asks for none",
                key=("password",),
            )
        return self


class Web(Section):
    """The pages behind the personal links."""

    base_url: BaseUrl = "http://127.0.0.1:8080"
    """What employees' browsers reach; every link begins with it."""
    listen: Listen = "127.0.0.1:8080"
    """Address and port the service listens on, usually behind a reverse proxy."""
    metrics_listen: Listen | None = None
    """Address and port for /metrics, if they are wanted. Keep it private."""

    @model_validator(mode="after")
    def _two_doors(self) -> Web:
        if self.metrics_listen == self.listen:
            raise WrongValueError(
                wanted="another port",
                fix="give it a port of its own",
                says="is where the pages are already",
                key=("metrics_listen",),
            )
        return self


class Links(Section):
    """The keys that personal links are signed with."""

    keys_file: Path = Path("link-keys")
    """Made by `notifier init`; whoever has it can make valid links. Keep it with the store's backups, not in them."""


class Sending(Section):
    """When and in which order channels are tried."""

    ladder: tuple[Rung, ...] = Field(default=("email",), min_length=1)
    """Channels in the order in which they are tried for a person: slack, email. Who is reached on one gets nothing on the next."""
    window: Hours = "09:00-17:00"
    """Hours in which people are written to, on their own clock."""
    work_days: tuple[Weekday, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    """Days on which people are written to. Public holidays of their country and region are left out by themselves."""
    canary: Whole = Field(default=5, ge=0, le=1000)
    """So many reminders of a wave go first; the rest follows when they have been accepted. 0: all at once."""

    @field_validator("ladder", "work_days")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if (index := first_repeated(names)) is not None:
            raise WrongValueError(
                wanted="each name once", fix=f'take one "{names[index]}" out', says="stands there more than once", key=(index,)
            )
        return names


class Logging(Section):
    """What the service says while it runs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important line that is written."""
    format: Literal["auto", "text", "json"] = "auto"
    """auto: text on a terminal, JSON elsewhere."""


class Settings(BaseSettings):
    """The whole configuration. Made by `notifier.settings.load`; building one by hand reads no file and no environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        case_sensitive=True,
    )

    templates: Path | None = None
    """A folder with your own texts; a text missing there is taken from the ones that came with the program."""
    organisation: Organisation
    """Who writes."""
    storage: Storage = Storage()
    """Where everything is kept."""
    web: Web = Web()
    """The pages behind the personal links."""
    links: Links = Links()
    """The keys that personal links are signed with."""
    roster: Roster = Roster()
    """Where employees come from."""
    sending: Sending = Sending()
    """When and in which order channels are tried."""
    email: Email
    """How mail leaves."""
    microsoft: Microsoft = Microsoft()
    """The app in Microsoft Entra ID that the service logs in as."""
    slack: Slack = Slack()
    """How messages leave on Slack, where "slack" stands in sending.ladder."""
    summaries: Summaries = Summaries()
    """What managers and compliance officers are told once a week."""
    privacy: Privacy = Privacy()
    """For how long records about persons are kept."""
    sign_in: SignIn = SignIn()
    """How those who look after the reminders sign in: by OpenID Connect. Without it, `notifier admin link` lets them in."""
    webhook: Webhook = Webhook()
    """A program that is told when somebody answers, as Standard Webhooks has it."""
    logging: Logging = Logging()
    """What the service says while it runs."""
    campaigns: Annotated[dict[CampaignName, CampaignSettings], Field(min_length=1)]
    """What is asked, of whom, by which date: one table for each campaign."""

    @model_validator(mode="after")
    def _microsoft_has_an_app(self) -> Settings:
        through_graph = self.email.via == "graph"
        by_token = self.email.via == "smtp" and self.email.smtp.login == "xoauth2"
        bounces = self.email.bounces
        reads_by_token = bounces.via == "imap" and bounces.imap.login == "xoauth2"
        if (through_graph or by_token or reads_by_token) and self.microsoft.tenant is None:
            login = ("email", "smtp", "login") if by_token else ("email", "bounces", "imap", "login")
            raise WrongValueError(
                wanted="an app in Microsoft Entra ID",
                fix="add [microsoft] with tenant, client_id and client_secret_file",
                says="needs an app in Microsoft Entra ID",
                key=("email", "via") if through_graph else login,
            )
        return self

    @model_validator(mode="after")
    def _sign_in_is_private(self) -> Settings:
        address = urlsplit(self.web.base_url)
        if self.sign_in.authority and address.scheme != "https" and address.hostname not in THIS_MACHINE:
            raise WrongValueError(
                wanted="an address with https",
                fix="let a reverse proxy speak https, and name its address here",
                says="would have people sign in over a line that everybody can read",
                key=("web", "base_url"),
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - these three read the process's own surroundings
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The arguments, then the layers of `from_layers`; the process's own environment only if it is one of those."""
        return (init_settings, *(InitSettingsSource(settings_cls, dict(layer)) for layer in _layers.get()))

    @classmethod
    def from_layers(cls, layers: Sequence[Mapping[str, Any]]) -> Settings:
        """Settings out of several sources, the strongest first; tables are merged key by key.

        Raises:
            ValidationError: of pydantic; `notifier.settings.load` puts it into words.
        """
        token = _layers.set(layers)
        try:
            return cls.model_validate({})
        finally:
            _layers.reset(token)

    @property
    def domain_campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns as the domain knows them, in the order of the file."""
        return tuple(campaign.to_domain(name) for name, campaign in self.campaigns.items())
