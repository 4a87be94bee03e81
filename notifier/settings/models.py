"""Every key of the configuration: its type, its default, and what it means."""

from __future__ import annotations

from datetime import date
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from notifier.domain.campaign import Audience, Campaign, Step
from notifier.domain.window import Window

Language = Literal["en", "fr", "de"]


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        msg = "expected the name of a time zone, like Europe/Zurich"
        raise ValueError(msg)
    return name


def _mailbox(text: str) -> str:
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    if not (local and at and "." in domain) or any(ord(character) < 32 for character in name + address):
        msg = "expected an address, like Privacy Office <privacy@example.com>"
        raise ValueError(msg)
    return text


def _base_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme not in {"http", "https"} or not separator or not rest.partition("/")[0]:
        msg = "expected an address that starts with https://, like https://notifier.example.com"
        raise ValueError(msg)
    return url.rstrip("/")


def _window(text: str) -> str:
    return str(Window.parse(text))


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        msg = "expected host:port, like 127.0.0.1:8080"
        raise ValueError(msg)
    return text


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="two capital letters, as in ISO 3166")]


class Section(BaseModel):
    """A table of the configuration. Unknown keys are refused: they are typing mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)


class Organisation(Section):
    """Who writes."""

    name: str = Field(min_length=1)
    """The organisation's name, as employees know it."""
    default_language: Language = "en"
    """The language of people about whom nothing else is known: en, fr or de."""
    default_time_zone: TimeZone = "Europe/Zurich"
    """The time zone of people whose roster row names none."""
    default_country: Country | None = None
    """The country whose public holidays hold for people whose roster row names none."""
    contact: Mailbox
    """Whom employees can ask; it stands in every message and on every page."""
    contact_phone: str | None = None
    """A phone number beside it, if there is one."""
    privacy_notice: str | None = None
    """Address of the page that says what is stored about people here; linked from every message."""


class Storage(Section):
    """Where everything is kept."""

    url: str = "sqlite:///notifier.db"
    """sqlite:///FILE for one machine, or postgresql+psycopg://USER@HOST/NAME for many."""
    password: SecretStr | None = None
    """The database's password, if the URL has none. Not in this file: see the head of it."""


class Web(Section):
    """The pages behind the personal links."""

    base_url: Annotated[str, AfterValidator(_base_url)] = "http://127.0.0.1:8080"
    """What employees' browsers reach; every link begins with it."""
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    """Address and port the service listens on, usually behind a reverse proxy."""
    metrics_listen: Annotated[str, AfterValidator(_listen)] | None = None
    """Address and port for /metrics, if they are wanted. Keep it private."""


class Links(Section):
    """The keys that personal links are signed with."""

    keys_file: Path = Path("link-keys")
    """Made by `notifier init`; whoever has it can make valid links. Keep it with the store's backups, not in them."""


class Roster(Section):
    """Where employees come from."""

    source: Literal["file"] = "file"
    """file: a CSV, TSV or XLSX file."""
    path: Path = Path("roster.csv")
    """The file; a new version may replace it at any time."""
    refresh: str = "every day 05:00"
    """When it is read again: "every day 05:00", "every mon 05:00", "every hour", or "never"."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Which column holds what, where headers are not recognised by themselves: email = "Work mail"."""
    largest_change: int = Field(default=20, ge=0)
    """Up to this many leavers are accepted without asking, and up to a tenth of the roster if that is more."""


class Sending(Section):
    """When and in which order channels are tried."""

    ladder: tuple[Literal["email"], ...] = ("email",)
    """Channels in the order in which they are tried for a person."""
    window: Annotated[str, AfterValidator(_window)] = "09:00-17:00"
    """Hours in which people are written to, on their own clock."""
    work_days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ("mon", "tue", "wed", "thu", "fri")
    """Days on which people are written to. Public holidays of their country and region are left out by themselves."""


class Smtp(Section):
    """The mail server that messages are handed to."""

    host: str = "localhost"
    """Its name."""
    port: int = Field(default=587, ge=1, le=65535)
    """587 for starttls, 465 for tls, often 25 for none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """starttls, tls (encrypted from the first byte), or none (only for a relay on this machine)."""
    username: str | None = None
    """The login, if the server asks for one."""
    password: SecretStr | None = None
    """Its password. Not in this file: see the head of it."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a server with a certificate of your own."""
    connections: int = Field(default=4, ge=1, le=200)
    """How many connections at once. Exchange Online allows 3."""
    per_minute: int | None = Field(default=None, ge=1)
    """Messages a minute, over all processes. Exchange Online allows 30. Empty: no limit."""
    per_day: int | None = Field(default=None, ge=1)
    """Messages in 24 hours, over all processes. Exchange Online allows 10000. Empty: no limit."""
    timeout: int = Field(default=60, ge=1, le=600)
    """Seconds to wait for an answer to a command. After the end of a message it is always 600, as RFC 5321 asks."""


class MailFolder(Section):
    """Messages written to a folder, for trying things out."""

    folder: Path = Path("outgoing")
    """One .eml file for each message."""


class Email(Section):
    """How mail leaves."""

    via: Literal["smtp", "file"] = "smtp"
    """smtp: a mail server. file: a folder, for trying things out."""
    from_: Mailbox = Field(alias="from")
    """The sender people see. Use an address they know."""
    reply_to: Mailbox | None = None
    """Where answers go; the contact of the organisation where it is empty."""
    smtp: Smtp = Smtp()
    file: MailFolder = MailFolder()


class Logging(Section):
    """What the service says while it runs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important line that is written."""
    format: Literal["auto", "text", "json"] = "auto"
    """auto: text on a terminal, JSON elsewhere."""


class StepSettings(Section):
    """One point of the countdown."""

    days_before: int = Field(ge=-365, le=365)
    """Days before the deadline; negative for days after it."""
    message: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The text to send: notice, reminder, last-call, overdue, or one of your own."""


class AudienceSettings(Section):
    """Whom a campaign is for. Nothing named: everybody."""

    countries: tuple[Country, ...] = ()
    """Only people in these countries."""
    departments: tuple[str, ...] = ()
    """Only people in these departments."""
    not_departments: tuple[str, ...] = ()
    """Nobody in these departments."""


class CampaignSettings(Section):
    """What is asked, of whom, by which date."""

    deadline: date
    """The start of this day is the deadline; the last safe day is the day before."""
    steps: tuple[StepSettings, ...] = Field(min_length=1)
    """The points of the countdown."""
    audience: AudienceSettings = AudienceSettings()
    language_by_country: dict[Country, Language] = Field(default_factory=dict)
    """The language for people whose roster row names none: CH = "de"."""
    closes_after_days: int = Field(default=90, ge=0, le=3650)
    """Days after the deadline until which links are answered."""

    @field_validator("steps")
    @classmethod
    def _each_day_once(cls, steps: tuple[StepSettings, ...]) -> tuple[StepSettings, ...]:
        days = [step.days_before for step in steps]
        if twice := sorted({day for day in days if days.count(day) > 1}):
            msg = f"expected each days_before once, found {twice[0]} twice"
            raise ValueError(msg)
        return tuple(sorted(steps, key=lambda step: -step.days_before))

    def to_domain(self, campaign_id: str) -> Campaign:
        """The same, as the domain knows it."""
        return Campaign(
            id=campaign_id,
            deadline=self.deadline,
            steps=tuple(Step(step.days_before, step.message) for step in self.steps),
            audience=Audience(self.audience.countries, self.audience.departments, self.audience.not_departments),
            language_by_country=dict(self.language_by_country),
            closes_after_days=self.closes_after_days,
        )


class Model(Section):
    """The whole configuration."""

    organisation: Organisation
    storage: Storage = Storage()
    web: Web = Web()
    links: Links = Links()
    roster: Roster = Roster()
    sending: Sending = Sending()
    email: Email
    logging: Logging = Logging()
    templates: Path | None = None
    """A folder with your own texts; a text missing there is taken from the ones that came with the program."""
    campaigns: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")], CampaignSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _secrets_only_over_encryption(self) -> Model:
        smtp = self.email.smtp
        if smtp.username and smtp.security == "none" and smtp.host not in {"localhost", "127.0.0.1", "::1"}:
            msg = "email.smtp.security: a password must not travel unencrypted; expected starttls or tls"
            raise ValueError(msg)
        return self

    @property
    def domain_campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns as the domain knows them, in the order of the file."""
        return tuple(campaign.to_domain(name) for name, campaign in self.campaigns.items())
