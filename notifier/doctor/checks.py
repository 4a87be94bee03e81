"""Which checks there are, for these settings: everything that is used, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path

from notifier.doctor import (
    bounces,
    machine,
    mail_server,
    microsoft,
    operators,
    programs,
    roster,
    secrets_kept,
    sender_domain,
    slack,
    store,
    web,
)
from notifier.doctor.examination import PATIENCE_SECONDS, Check, examine, in_thread
from notifier.doctor.findings import Area, Finding
from notifier.doctor.parts import Parts
from notifier.doctor.seen_clocks import SeenClocks
from notifier.domain.ladder import SLACK
from notifier.errors import NotifierError
from notifier.service import directory_of, ladders_of, read_keys
from notifier.settings import Settings

_FOLDER = Area("Mail folder")


async def diagnose(
    settings: Settings, parts: Parts, *, patience: float = PATIENCE_SECONDS, done: Callable[[int], None] = lambda _: None
) -> list[Finding]:
    """Run every check that these settings call for. Nothing is sent, and nothing is changed.

    Args:
        patience: seconds for each check.
        done: called after each with how many are done.

    Returns:
        What they found, those of one area together.
    """
    clocks, now = SeenClocks(parts.clock), parts.clock.now()
    checks = [*_checks(settings, parts, clocks, now)]
    count = 0

    def one_more() -> None:
        nonlocal count
        count += 1
        done(count)

    findings = await examine(checks, patience=patience, done=one_more)
    findings += machine.look_at_clock(clocks.ahead)
    areas = list(dict.fromkeys(finding.area for finding in findings))
    return sorted(findings, key=lambda finding: areas.index(finding.area))


def _checks(settings: Settings, parts: Parts, clocks: SeenClocks, now: datetime) -> Iterator[Check]:
    yield from _of_mail(settings, parts, clocks, now)
    yield Check(bounces.AREA, "mailbox", lambda: bounces.look_at_mailbox(parts.bounces(), settings))
    if SLACK in ladders_of(settings).channels:
        yield from _of_slack(settings, parts, clocks)
    yield _of_roster(settings, parts, clocks)
    yield Check(web.AREA, "addresses", _at_once(lambda: web.look_at_addresses(settings)))
    yield Check(web.AREA, "reachable", lambda: _reachable(settings, parts, clocks, now))
    yield Check(operators.AREA, "service", lambda: operators.look_at_provider(parts.sign_in(), settings.web.base_url, now))
    yield Check(programs.AREA, "address", lambda: programs.look_at_webhook(parts.programs()))
    yield Check(store.AREA, "store", lambda: _with_store(parts, now))
    yield from _of_machine(settings, parts, now)


def _of_mail(settings: Settings, parts: Parts, clocks: SeenClocks, now: datetime) -> Iterator[Check]:
    email = settings.email
    if email.via == "smtp":
        yield Check(mail_server.AREA, "connection", lambda: mail_server.look_at_server(parts.smtp(), settings, now))
    if microsoft.needs_app(settings):
        yield Check(microsoft.AREA, "credential", _at_once(lambda: microsoft.look_at_credential(settings, now)))
    if microsoft.needs_graph(settings):
        yield Check(microsoft.AREA, "login", lambda: microsoft.look_at_app(parts.graph(), settings, clocks))
    if email.via == "file":
        found = f"mail is written to {email.file.folder}, not sent"
        advice = 'write email.via = "smtp" or "graph" before people are to read it'
        yield Check(_FOLDER, "folder", _at_once(lambda: [_FOLDER.warning("folder", found, advice)]))
    else:
        sender = parseaddr(email.from_)[1]
        yield Check(sender_domain.AREA, "name servers", lambda: sender_domain.look_at_domain(sender, parts.name_server))


def _of_slack(settings: Settings, parts: Parts, clocks: SeenClocks) -> Iterator[Check]:
    yield Check(slack.AREA, "bot token", lambda: slack.look_at_bot(parts.slack(), clocks))
    if settings.slack.answers == "buttons":
        if settings.slack.app_token is not None or settings.slack.signing_secret is None:
            yield Check(slack.AREA, "app token", lambda: slack.look_at_socket(parts.app()))
        else:
            yield Check(slack.AREA, "signing secret", _at_once(lambda: slack.look_at_signing_secret(settings)))


def _of_roster(settings: Settings, parts: Parts, clocks: SeenClocks) -> Check:
    looks: dict[str, Callable[[], Awaitable[Sequence[Finding]]]] = {
        "file": _at_once(lambda: roster.look_at_file(settings.roster.path)),
        "entra": lambda: microsoft.look_at_people(parts.graph(), clocks, roster.AREA),
        "ldap": lambda: roster.look_at_directory(directory_of(settings)),
        "sql": lambda: roster.look_at_query(settings),
    }
    return Check(roster.AREA, "source", looks[settings.roster.source])


def _of_machine(settings: Settings, parts: Parts, now: datetime) -> Iterator[Check]:
    looks: dict[str, Callable[[], Sequence[Finding]]] = {
        "secrets": lambda: secrets_kept.look_at_secret_files(settings),
        "time zones": lambda: machine.look_at_time_zones(now),
        "Python": machine.look_at_python,
        "libraries": machine.look_at_libraries,
        "open files": lambda: machine.look_at_open_files(settings),
    }
    database = parts.store()
    path = Path(database.path) if database.path else None
    database.close()
    if path is not None:
        looks |= {"disk": lambda: machine.look_at_disk(path), "filesystem": lambda: machine.look_at_filesystem(path)}
    for name, look in looks.items():
        yield Check(machine.AREA, name, _at_once(look))


def _at_once(look: Callable[[], Sequence[Finding]]) -> Callable[[], Awaitable[Sequence[Finding]]]:
    """In a thread all the same: a disk of the network may hang."""
    return lambda: in_thread(look)


async def _with_store(parts: Parts, now: datetime) -> Sequence[Finding]:
    def look() -> list[Finding]:
        database = parts.store()
        try:
            return store.look_at_store(database, now)
        finally:
            database.close()

    return await in_thread(look)


async def _reachable(settings: Settings, parts: Parts, clocks: SeenClocks, now: datetime) -> Sequence[Finding]:
    def is_running() -> bool | None:
        database = parts.store()
        try:
            return store.is_running(database, now)
        except NotifierError:
            return None  # the store's own check says why
        finally:
            database.close()

    keys = read_keys(settings.links.keys_file)
    running = await in_thread(is_running)
    tls = await in_thread(parts.tls)
    return await web.look_from_outside(settings.web.base_url, keys, running=running, clocks=clocks, now=now, tls=tls)
