"""The keys that say where employees come from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from notifier.settings.kinds import THIS_MACHINE, RefreshText, Text, Whole, WrongValueError
from notifier.settings.section import Section


class EntraDirectory(Section):
    """Microsoft Entra ID, asked through Microsoft Graph with the app of [microsoft]."""

    id_from: Literal["employeeId", "id"] = "id"
    """What employees are known by: id (the directory's own) or employeeId (the number from HR, where everybody has one)."""
    per_second: Whole = Field(default=10, ge=1, le=100)
    """How many questions a second. A page of people is one."""


class LdapDirectory(Section):
    """A directory that speaks LDAP: Active Directory, OpenLDAP and their like."""

    url: Text | None = None
    """ldaps://HOST, or ldap://HOST, which is encrypted by STARTTLS before the login."""
    login: Text | None = None
    """Who asks: a distinguished name, or with Active Directory a login name like notifier@example.com."""
    password: SecretStr | None = None
    """Its password. Not in this file: see the head of it."""
    password_file: Path | None = None
    """A file that holds the password and nothing else."""
    base: Text | None = None
    """The entry that people are below."""
    people: Text = "(&(objectClass=person)(mail=*))"
    """Which entries are people, as an LDAP filter."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a directory with a certificate of your own."""
    security: Literal["tls", "none"] = "tls"
    """tls, or none (only for a directory on this machine)."""

    @field_validator("url")
    @classmethod
    def _is_a_directory(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url is not None and (parts.scheme not in {"ldap", "ldaps"} or not parts.hostname):
            raise WrongValueError(wanted="the address of a directory", fix='write one like "ldaps://dc.example.com"')
        return url

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> LdapDirectory:
        if self.url and self.security == "none" and urlsplit(self.url).hostname not in THIS_MACHINE:
            raise WrongValueError(
                wanted="encryption",
                fix='write "tls"',
                says="would send the password and the people in the clear",
                key=("security",),
            )
        if self.password is not None and self.login is None:
            raise WrongValueError(
                wanted="a login", fix='add login = "…", or take the password out', says="has no login", key=("password",)
            )
        return self


class SqlQuery(Section):
    """Any database that SQLAlchemy has a driver for."""

    url: Text | None = None
    """Where it is, as SQLAlchemy writes it: postgresql+psycopg://USER@HOST/NAME, mysql+pymysql://… and the like."""
    password: SecretStr | None = None
    """The database's password. Not in this file: see the head of it."""
    password_file: Path | None = None
    """A file that holds the password and nothing else."""
    query: Text | None = None
    """One row for each person; columns are recognised by their names, as in a file. Nothing it changes is kept."""

    @field_validator("url")
    @classmethod
    def _is_a_database(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parsed = urlsplit(url)
        if not re.fullmatch(r"[a-z0-9]+(\+[a-z0-9_]+)?", parsed.scheme) or not (parsed.netloc or parsed.path.strip("/")):
            raise WrongValueError(
                wanted="the address of a database", fix='write one like "postgresql+psycopg://reader@db.example.com/staff"'
            )
        if parsed.password:
            raise WrongValueError(
                wanted="an address without a password",
                fix="name the file it stands in with password_file",
                says="holds a password",
            )
        return url


class Roster(Section):
    """Where employees come from."""

    source: Literal["file", "entra", "ldap", "sql"] = "file"
    """file: a CSV, TSV or XLSX file. entra: Microsoft Entra ID. ldap: Active Directory, OpenLDAP. sql: a database."""
    path: Path = Path("roster.csv")
    """The file; a new version may replace it at any time."""
    refresh: RefreshText = "every day 05:00"
    """When it is read again, in the default time zone: "every day 05:00", "every mon 05:00", "every hour", or "never"."""
    columns: dict[str, Text] = Field(default_factory=dict)
    """Which column holds what, where headers are not recognised by themselves: email = "Work mail"."""
    largest_change: Whole = Field(default=20, ge=0)
    """Up to this many leavers are accepted without asking, and up to a tenth of the roster if that is more."""
    entra: EntraDirectory = EntraDirectory()
    """Microsoft Entra ID, for source = "entra"."""
    ldap: LdapDirectory = LdapDirectory()
    """The directory, for source = "ldap"."""
    sql: SqlQuery = SqlQuery()
    """The database, for source = "sql"."""

    @model_validator(mode="after")
    def _source_is_described(self) -> Roster:
        needed = {
            "ldap": {"url": (self.ldap.url, "ldaps://dc.example.com"), "base": (self.ldap.base, "dc=example,dc=com")},
            "sql": {
                "url": (self.sql.url, "postgresql+psycopg://reader@db.example.com/staff"),
                "query": (self.sql.query, "SELECT id, email, given_name, family_name, country FROM staff"),
            },
        }
        for key, (value, example) in needed.get(self.source, {}).items():
            if value is None:
                raise WrongValueError(
                    wanted=f"a value, since roster.source is {self.source!r}",
                    fix=f'write one like "{example}"',
                    says="is missing",
                    key=(self.source, key),
                )
        return self
