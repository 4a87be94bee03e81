"""The keys of the app in Microsoft Entra ID, and of mail through Microsoft Graph."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from notifier.settings.kinds import Says, Whole, WrongValueError
from notifier.settings.section import Section, first_repeated

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_EXAMPLE_ID = "8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11"


def _tenant(text: str) -> str:
    if _ID.fullmatch(text) or _DOMAIN.fullmatch(text):
        return text
    raise WrongValueError(
        wanted="one tenant",
        fix='write the Directory (tenant) ID of the app registration, or a domain like "example.onmicrosoft.com"',
    )


def _app(text: str) -> str:
    if _ID.fullmatch(text):
        return text
    raise WrongValueError(wanted="the id of an app", fix="copy the Application (client) ID of the app registration")


def _cloud(text: str) -> str:
    if re.fullmatch(r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:\d+)?/?", text):
        return text.rstrip("/")
    host = re.sub(r"^\w+:/*", "", text).partition("/")[0] or "graph.microsoft.com"
    raise WrongValueError(wanted="an address of Microsoft's cloud", fix=f'write "https://{host}", with nothing behind it')


def _bare_address(text: str) -> str:
    if _ADDRESS.fullmatch(text):
        return text
    found = re.search(_ADDRESS, text)
    raise WrongValueError(wanted="a bare address", fix=f'write "{found[0] if found else "privacy@example.com"}"')


Tenant = Annotated[str, AfterValidator(_tenant), Says("the id or a domain of a tenant", '"example.onmicrosoft.com"')]
AppId = Annotated[str, AfterValidator(_app), Says("the id of an app", f'"{_EXAMPLE_ID}"')]
CloudAddress = Annotated[
    str, AfterValidator(_cloud), Says("an address of Microsoft's cloud", '"https://login.microsoftonline.com"')
]
Address = Annotated[str, AfterValidator(_bare_address), Says("a bare address", '"privacy@example.com"')]


class Microsoft(Section):
    """The app in Microsoft Entra ID that the service logs in as: for mail through Graph, and for SMTP without a password."""

    tenant: Tenant | None = None
    """Where the app is registered: the Directory (tenant) ID, or a domain of it."""
    client_id: AppId | None = None
    """The Application (client) ID of the app registration."""
    client_secret: SecretStr | None = None
    """The Value of a client secret. Not in this file: see the head of it."""
    client_secret_file: Path | None = None
    """A file that holds the Value of a client secret (not its Secret ID) and nothing else."""
    certificate_file: Path | None = None
    """In place of a secret: a file with the app's private key and its certificate, both PEM."""
    certificate_password: SecretStr | None = None
    """The password of the private key, if it has one. Not in this file: see the head of it."""
    certificate_password_file: Path | None = None
    """A file that holds the password of the private key and nothing else."""
    federated_token_file: Path | None = None
    """In place of a secret: the token of the platform this runs on (workload identity). It is read each time."""
    authority: CloudAddress = "https://login.microsoftonline.com"
    """The login of your cloud; https://login.microsoftonline.us and https://login.partner.microsoftonline.cn are the others."""
    graph_url: CloudAddress = "https://graph.microsoft.com"
    """Graph of your cloud; https://graph.microsoft.us and https://microsoftgraph.chinacloudapi.cn are others."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, where a proxy of yours stands between."""

    @model_validator(mode="after")
    def _app_is_whole(self) -> Microsoft:
        for key, other in (("tenant", "client_id"), ("client_id", "tenant")):
            if getattr(self, key) and not getattr(self, other):
                raise WrongValueError(wanted=f"{other} beside it", fix=f"add {other}", says=f"has no {other} beside it", key=(key,))
        if self.certificate_password is not None and self.certificate_file is None:
            raise WrongValueError(
                wanted="a certificate",
                fix="name certificate_file, or take the password out",
                says="opens no certificate",
                key=("certificate_password",),
            )
        return self

    @model_validator(mode="after")
    def _proves_itself_in_one_way(self) -> Microsoft:
        ways = {
            "client_secret": self.client_secret,
            "certificate_file": self.certificate_file,
            "federated_token_file": self.federated_token_file,
        }
        given = [name for name, value in ways.items() if value is not None]
        if len(given) > 1:
            raise WrongValueError(
                wanted="one proof of the app", fix="take all but one out", says=f"proves itself in two ways: {' and '.join(given)}"
            )
        if given and self.tenant is None:
            raise WrongValueError(wanted="an app", fix="add tenant and client_id", says=f"names no app that {given[0]} belongs to")
        return self


class Graph(Section):
    """Mail through Microsoft Graph."""

    mailboxes: tuple[Address, ...] = ()
    """What mail leaves from. Each may send 30 messages a minute: 10,000 people take 5 h 33 min from one, half of that from two."""
    per_minute: Whole = Field(default=30, ge=1, le=30)
    """Messages a minute from each mailbox, over all processes. Exchange Online allows 30."""
    per_day: Whole = Field(default=10_000, ge=1, le=10_000)
    """Messages in 24 hours from each mailbox, over all processes. Exchange Online allows 10000."""
    when_uncertain: Literal["stop", "resend", "look"] = "stop"
    """Graph may say no and send all the same. stop: no second copy, show it. resend: rather two than none. look: ask it first."""

    @field_validator("mailboxes")
    @classmethod
    def _each_once(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        if (index := first_repeated([address.casefold() for address in addresses])) is not None:
            raise WrongValueError(
                wanted="each mailbox once",
                fix=f'take one "{addresses[index]}" out',
                says="stands there more than once",
                key=(index,),
            )
        return addresses

    @property
    def verified(self) -> bool:
        """Whether each message is written as a draft first, so that what became of it can be asked. Needs Mail.ReadWrite."""
        return self.when_uncertain == "look"
