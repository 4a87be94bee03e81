"""Verbs that run and keep the service: run, migrate, backup."""

from __future__ import annotations

import os
from pathlib import Path

import click
import uvloop

from notifier import logs
from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import print_json, say
from notifier.clock import SystemClock
from notifier.daemon import Daemon
from notifier.store import schema
from notifier.store.backup import backup as write_backup
from notifier.store.database import Database
from notifier.store.opening import open_store


@click.command()
@configured
def run(where: Configured) -> None:
    """Plan, send and answer, until told to stop: the service."""
    settings = where.settings()
    logs.configure(settings.logging.level, settings.logging.format)
    uvloop.run(Daemon(where.settings, SystemClock()).run())


@click.command()
@click.option("--no-backup", is_flag=True, help="Do not copy the store first.")
@configured
@json_option
def migrate(where: Configured, no_backup: bool, as_json: bool) -> None:
    """Bring the store to this program's version, after a backup."""
    database = open_store(where.settings())
    try:
        before = schema.current(database)
        copy = None
        if before is not None and before != schema.head() and not no_backup:
            copy = _backup_beside(database)
        before, after = schema.migrate(database)
    finally:
        database.close()
    if as_json:
        print_json({"before": before, "after": after, "backup": copy})
    elif before == after:
        say(f"The store is up to date ({after}).")
    else:
        say(f"The store is now of version {after}" + (f"; a copy of the old one is in {copy}." if copy else "."))


@click.command()
@click.argument("target", type=click.Path(path_type=Path), required=False)
@configured
@json_option
def backup(where: Configured, target: Path | None, as_json: bool) -> None:
    """Copy the store to TARGET while everything goes on running. Keep the link keys with it, elsewhere."""
    settings = where.settings()
    with where.store(settings) as database:
        target = target or _name_beside(database)
        size = write_backup(database, target)
    if as_json:
        print_json({"backup": target, "bytes": size})
    else:
        say(f"{target} ({size / 1e6:.1f} MB)")
        say(f"Links need {settings.links.keys_file} too; keep a copy of it in another safe place.")


def _backup_beside(database: Database) -> Path:
    target = _name_beside(database)
    write_backup(database, target)
    return target


def _name_beside(database: Database) -> Path:
    """A name for a backup: beside an SQLite store, else in the working directory."""
    stamp = SystemClock().now().strftime("%Y%m%dT%H%M%SZ")
    if database.path is None:
        return Path(os.curdir) / f"notifier-{stamp}.dump"
    path = Path(database.path)
    return path.with_name(f"{path.stem}-{stamp}.backup.db")


COMMANDS = (run, migrate, backup)
