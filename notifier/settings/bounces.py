"""The keys that say where mails come back to that could not be delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from notifier.settings.kinds import THIS_MACHINE, Text, Whole, WrongValueError
from notifier.settings.section import Section


class Imap(Section):
    """The mailbox that mails come back to: the one that email.from or email.graph.mailboxes names."""

    host: Text | None = None
    """The server's name; outlook.office365.com is that of Exchange Online."""
    port: Whole = Field(default=993, ge=1, le=65535)
    """993 for tls, 143 for starttls and none."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """tls (encrypted from the first byte), starttls, or none (only for a server on this machine)."""
    username: Text | None = None
    """The login; with xoauth2 the address of the mailbox."""
    login: Literal["password", "xoauth2"] = "password"
    """password, or xoauth2: a token of the app in [microsoft], for Exchange Online."""
    password: SecretStr | None = None
    """Its password. Not in this file: see the head of it."""
    password_file: Path | None = None
    """A file that holds the password and nothing else."""
    folder: Text = "INBOX"
    """Which folder of the mailbox is read."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a server with a certificate of your own."""

    @model_validator(mode="after")
    def _nothing_in_the_clear(self) -> Imap:
        if self.host and self.security == "none" and self.host not in THIS_MACHINE:
            raise WrongValueError(
                wanted="encryption", fix='write "tls" or "starttls"', says="would send the login in the clear", key=("security",)
            )
        if self.port == 993 and self.security != "tls":
            raise WrongValueError(
                wanted="another port",
                fix='write security = "tls", or port = 143',
                says=f'is for tls from the first byte, but security is "{self.security}"',
                key=("port",),
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Imap:
        if self.login == "xoauth2" and self.password is not None:
            raise WrongValueError(wanted="no password", fix="take it out", says='has no use: login is "xoauth2"', key=("password",))
        return self


class Bounces(Section):
    """Mails that come back because they could not be delivered. Whom they were for is then told on the next channel."""

    via: Literal["none", "maildir", "imap"] = "none"
    """none: nobody looks. maildir: a folder of a mail server on this machine. imap: a mailbox on any server."""
    folder: Path | None = None
    """For via = "maildir": the Maildir, with new and cur in it."""
    imap: Imap = Imap()
    """The mailbox, for via = "imap"."""

    @model_validator(mode="after")
    def _place_is_named(self) -> Bounces:
        needed: dict[str, dict[tuple[str, ...], tuple[object, str]]] = {
            "maildir": {("folder",): (self.folder, "/var/mail/privacy/Maildir")},
            "imap": {
                ("imap", "host"): (self.imap.host, "imap.example.com"),
                ("imap", "username"): (self.imap.username, "privacy@example.com"),
            },
        }
        for key, (value, example) in needed.get(self.via, {}).items():
            if value is None:
                raise WrongValueError(
                    wanted=f'a value, since email.bounces.via is "{self.via}"',
                    fix=f'write one like "{example}"',
                    says="is missing",
                    key=key,
                )
        return self
