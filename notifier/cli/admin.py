"""Verbs about those who are signed in to the pages: admin link, sessions, sign-out."""

from __future__ import annotations

from datetime import datetime

import click

from notifier.cli.options import Configured, configured, json_option, operator
from notifier.cli.output import print_json, say, table
from notifier.clock import SystemClock
from notifier.domain.operators import OPERATORS, SIGN_IN_LINK_LASTS, Role
from notifier.errors import UsageError
from notifier.store import ledger, sessions

ROLE = click.Choice([role.value for role in OPERATORS])


@click.group()
def admin() -> None:
    """Let somebody in to the pages of operators, and see who is."""


@admin.command()
@click.option("--role", type=ROLE, default=Role.ADMIN.value, show_default=True, help="What it lets them do.")
@configured
@json_option
def link(where: Configured, role: str, as_json: bool) -> None:
    """Make a link that signs in once, within ten minutes. Whoever has it can use it: do not send it by mail."""
    settings, now, who = where.settings(), SystemClock().now(), operator()
    with where.store(settings) as database, database.write() as connection:
        token = sessions.make_link(connection, role=Role(role), made_by=who, now=now)
        ledger.note(connection, event="sign-in link made", now=now, actor=who, facts={"role": role})
    address = f"{settings.web.base_url}/admin/link/{token}"
    if as_json:
        print_json({"link": address, "role": role, "ends_at": now + SIGN_IN_LINK_LASTS})
    else:
        say(address)


@admin.command(name="sessions")
@configured
@json_option
def list_sessions(where: Configured, as_json: bool) -> None:
    """List who is signed in."""
    with where.store() as database, database.read() as connection:
        found = sessions.every_open(connection, SystemClock().now())
    if as_json:
        print_json([_as_data(one) for one in found])
    elif not found:
        say("Nobody is signed in.")
    else:
        rows = [_row(one) for one in found]
        table(["id", "name", "role", "signed in by", "since (UTC)", "last seen (UTC)"], rows, numbers=(0,))


@admin.command(name="sign-out")
@click.argument("session", type=int, required=False)
@click.option("--all", "everybody", is_flag=True, help="Sign everybody out.")
@configured
@json_option
def sign_out(where: Configured, session: int | None, everybody: bool, as_json: bool) -> None:
    """End SESSION (its id in `admin sessions`), or every one with --all."""
    if everybody == (session is not None):
        msg = "name either a session or --all"
        raise UsageError(msg, hint="`notifier admin sessions` lists them with their ids")
    now, who = SystemClock().now(), operator()
    with where.store() as database, database.write() as connection:
        ended = sessions.revoke(connection, now, session)
        for one in ended:
            personal = {"name": one.name}
            ledger.note(connection, event="session ended", now=now, actor=who, facts={"session": one.session}, personal=personal)
    if session is not None and not ended:
        msg = f"nobody is signed in with session {session}"
        raise UsageError(msg, hint="`notifier admin sessions` lists those who are")
    if as_json:
        print_json({"ended": [one.session for one in ended]})
    else:
        say(f"{len(ended)} signed out." if ended else "Nobody was signed in.")


def _as_data(one: sessions.Session) -> dict[str, object]:
    who = one.operator
    known = {"id": who.session, "name": who.name, "issuer": who.issuer, "subject": who.subject, "role": who.role}
    return {**known, "began_at": one.began_at, "seen_at": one.seen_at, "ends_at": one.ends_at}


def _row(one: sessions.Session) -> tuple[object, ...]:
    who = one.operator
    by = "link" if who.issuer == sessions.LINK_ISSUER else who.issuer
    return who.session, who.name, who.role, by, _minute(one.began_at), _minute(one.seen_at)


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"


COMMANDS = (admin,)
