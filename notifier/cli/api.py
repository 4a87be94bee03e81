"""Verbs about the programs that read the API: api token, list, revoke."""

from __future__ import annotations

import re

import click

from notifier.cli.admin import ROLE
from notifier.cli.options import Configured, configured, json_option, operator
from notifier.cli.output import print_json, say, table
from notifier.clock import SystemClock
from notifier.domain.operators import Role
from notifier.errors import UsageError
from notifier.store import api_clients, ledger

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@click.group()
def api() -> None:
    """Let a program read the figures, and see which may."""


@api.command()
@click.argument("name")
@click.option("--role", type=ROLE, default=Role.VIEWER.value, show_default=True, help="viewer: figures only; officer: persons too.")
@configured
@json_option
def token(where: Configured, name: str, role: str, as_json: bool) -> None:
    """Make the token that the program NAME presents. It is shown once, and kept nowhere."""
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no name for a program"
        raise UsageError(msg, hint="write small letters, digits and hyphens, like bi-dashboard")
    now, who = SystemClock().now(), operator()
    with where.store() as database, database.write() as connection:
        made = api_clients.add(connection, name, role=Role(role), made_by=who, now=now)
        if made is None:
            msg = f"{name} has a token already"
            raise UsageError(msg, hint=f"`notifier api revoke {name}` ends it; then make a new one")
        ledger.note(connection, event="api token made", now=now, actor=who, facts={"client": name, "role": role})
    if as_json:
        print_json({"name": name, "role": role, "token": made})
    else:
        say(made)


@api.command(name="list")
@configured
@json_option
def list_clients(where: Configured, as_json: bool) -> None:
    """List the programs that have, or had, a token."""
    with where.store() as database, database.read() as connection:
        found = api_clients.every(connection)
    if as_json:
        print_json(found)
    elif not found:
        say("No program has a token.")
    else:
        rows = (
            (
                one.name,
                one.role,
                f"{one.made_at:%Y-%m-%d}",
                one.made_by,
                one.seen_on or "never",
                "revoked" if one.revoked_at else "",
            )
            for one in found
        )
        table(["name", "role", "made", "by", "last seen", ""], rows)


@api.command()
@click.argument("name")
@configured
@json_option
def revoke(where: Configured, name: str, as_json: bool) -> None:
    """End the token of the program NAME, at once."""
    now, who = SystemClock().now(), operator()
    with where.store() as database, database.write() as connection:
        if not api_clients.revoke(connection, name, now):
            msg = f"{name} has no token"
            raise UsageError(msg, hint="`notifier api list` lists those who have")
        ledger.note(connection, event="api token revoked", now=now, actor=who, facts={"client": name})
    if as_json:
        print_json({"name": name, "revoked_at": now})
    else:
        say(f"{name} can no longer read anything.")


COMMANDS = (api,)
