"""Options that many verbs share, and what they give."""

from __future__ import annotations

import functools
import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from notifier import settings as configuration
from notifier.domain.campaign import Campaign
from notifier.errors import UsageError
from notifier.settings import Loaded, Settings
from notifier.store import employees, schema
from notifier.store.database import Connection, Database
from notifier.store.employees import StoredEmployee
from notifier.store.opening import open_store

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Configured:
    """Where the configuration of this command is to be found. It is read when it is asked for."""

    path: Path | None
    overrides: tuple[str, ...]

    def read(self) -> Loaded:
        """The settings and where each comes from. Raises ConfigurationError."""
        return configuration.read(self.path, environment=os.environ, overrides=self.overrides)

    def settings(self) -> Settings:
        """The settings. Raises ConfigurationError."""
        return self.read().settings

    @contextmanager
    def store(self, settings: Settings | None = None) -> Iterator[Database]:
        """The configured store, of the right version. Raises StoreError."""
        database = open_store(settings or self.settings())
        try:
            schema.require_current(database)
            yield database
        finally:
            database.close()


def configured(command: F) -> F:
    """Give a verb `--config` and `--set`, and hand it a `Configured` as its first argument."""

    @click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The configuration; else NOTIFIER_CONFIG, ./config.toml, /etc/notifier/config.toml.",
    )
    @click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one key of the configuration; repeatable."
    )
    @functools.wraps(command)
    def with_configuration(*args: Any, config_path: Path | None, overrides: tuple[str, ...], **kwargs: Any) -> Any:
        return command(Configured(config_path, overrides), *args, **kwargs)

    return with_configuration  # type: ignore[return-value]


def json_option(command: F) -> F:
    """Give a verb `--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, for machines.")(command)


def find_person(connection: Connection, who: str) -> StoredEmployee:
    """The person with this roster id or e-mail address.

    Raises:
        UsageError: there is nobody.
    """
    person = employees.find(connection, who)
    if person is None:
        msg = f"nobody in the roster has the id or the e-mail address {who!r}"
        raise UsageError(msg, hint="look at `notifier roster check`; people who were set aside are not in the roster")
    return person


def pick_campaign(settings: Settings, name: str | None) -> Campaign:
    """The named campaign, or the only one.

    Raises:
        UsageError: there is no such campaign, or there are several and none was named.
    """
    campaigns = {campaign.id: campaign for campaign in settings.domain_campaigns}
    if name is None and len(campaigns) == 1:
        return next(iter(campaigns.values()))
    if name not in campaigns:
        msg = "there are several campaigns" if name is None else f"there is no campaign {name!r}"
        raise UsageError(msg, hint=f"name one with --campaign: {', '.join(campaigns)}")
    return campaigns[name]


def operator() -> str:
    """Who is typing, for the record: the account's name and the machine's."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
