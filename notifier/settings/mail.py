"""The keys that say how mail leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from notifier.settings.bounces import Bounces
from notifier.settings.kinds import THIS_MACHINE, Mailbox, Text, Whole, WrongValueError
from notifier.settings.microsoft import Graph
from notifier.settings.section import Section


class Smtp(Section):
    """The mail server that messages are handed to."""

    host: Text = "localhost"
    """Its name."""
    port: Whole = Field(default=587, ge=1, le=65535)
    """587 for starttls, 465 for tls, often 25 for none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """starttls, tls (encrypted from the first byte), or none (only for a relay on this machine)."""
    username: Text | None = None
    """The login, if the server asks for one."""
    login: Literal["password", "xoauth2"] = "password"
    """password, or xoauth2: a token of the app in [microsoft], for Exchange Online and High Volume Email."""
    password: SecretStr | None = None
    """Its password. Not in this file: see the head of it."""
    password_file: Path | None = None
    """A file that holds the password and nothing else."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a server with a certificate of your own."""
    connections: Whole = Field(default=4, ge=1, le=200)
    """How many connections at once. Exchange Online allows 3."""
    per_minute: Whole | None = Field(default=None, ge=1)
    """Messages a minute, over all processes. Exchange Online allows 30. Left out: no limit."""
    per_day: Whole | None = Field(default=None, ge=1)
    """Messages in 24 hours, over all processes. Exchange Online allows 10000. Left out: no limit."""
    timeout: Whole = Field(default=60, ge=1, le=600)
    """Seconds to wait for an answer to a command. After the end of a message it is always 600, as RFC 5321 asks."""

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> Smtp:
        if self.username and self.security == "none" and self.host not in THIS_MACHINE:
            raise WrongValueError(
                wanted="encryption", fix='write "starttls" or "tls"', says="would send the password in the clear", key=("security",)
            )
        if self.password is not None and not self.username:
            raise WrongValueError(
                wanted="a login", fix='add username = "…", or take the password out', says="has no username", key=("password",)
            )
        return self

    @model_validator(mode="after")
    def _token_needs_a_mailbox_and_no_password(self) -> Smtp:
        if self.login == "xoauth2" and not self.username:
            raise WrongValueError(
                wanted="a mailbox", fix='add username = "privacy@example.com"', says="needs a username", key=("login",)
            )
        if self.login == "xoauth2" and self.password is not None:
            raise WrongValueError(wanted="no password", fix="take it out", says='has no use: login is "xoauth2"', key=("password",))
        return self

    @model_validator(mode="after")
    def _keys_agree(self) -> Smtp:
        if self.port == 465 and self.security != "tls":
            raise WrongValueError(
                wanted="another port",
                fix='write security = "tls", or port = 587',
                says=f'is for tls from the first byte, but security is "{self.security}"',
                key=("port",),
            )
        if self.ca_file and self.security == "none":
            raise WrongValueError(
                wanted="encryption", fix='write "starttls" or "tls"', says="has no use for ca_file", key=("security",)
            )
        if self.per_minute and self.per_day and self.per_minute > self.per_day:
            raise WrongValueError(
                wanted=f"at most per_day, which is {self.per_day}",
                fix="make per_day larger, or per_minute smaller",
                says=f"is more than a whole day may have ({self.per_day})",
                key=("per_minute",),
            )
        return self


class MailFolder(Section):
    """Messages written to a folder, for trying things out."""

    folder: Path = Path("outgoing")
    """One .eml file for each message."""


class Email(Section):
    """How mail leaves."""

    via: Literal["smtp", "graph", "file"] = "smtp"
    """smtp: a mail server. graph: Microsoft Graph. file: a folder, for trying things out."""
    from_: Mailbox = Field(alias="from")
    """The sender people see. Use an address they know."""
    reply_to: Mailbox | None = None
    """Where answers go; the contact of the organisation where it is left out."""
    smtp: Smtp = Smtp()
    """The mail server, for via = "smtp"."""
    graph: Graph = Graph()
    """The mailboxes, for via = "graph"."""
    file: MailFolder = MailFolder()
    """The folder, for via = "file"."""
    bounces: Bounces = Bounces()
    """Mails that come back."""

    @model_validator(mode="after")
    def _graph_has_a_mailbox(self) -> Email:
        if self.via == "graph" and not self.graph.mailboxes:
            raise WrongValueError(
                wanted="a mailbox to send from",
                fix='write ["privacy@example.com"], with the address of yours',
                says="names no mailbox",
                key=("graph", "mailboxes"),
            )
        return self
