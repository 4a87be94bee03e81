"""Verbs about what goes out: status, queue, hold, resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from notifier.cli.options import Configured, configured, find_person, json_option, operator
from notifier.cli.output import print_json, print_json_lines, say, table
from notifier.clock import SystemClock
from notifier.domain.countdown import days_left, local_date
from notifier.domain.ladder import EMAIL, SLACK
from notifier.domain.ledger import HOLD_LIFTED, HOLD_PLACED
from notifier.errors import TryLaterError, UsageError
from notifier.settings import Settings
from notifier.store import employees, holds, identity, ledger, outbox, processes, reach, stories
from notifier.store.database import Connection
from notifier.store.tables import State

_MANY = 50
_LETTERS = "(summaries)"  # of managers and officers, which are about no single campaign
_CHANNELS = ("slack", "smtp", "graph", "file", "webhook")


@click.command()
@click.option("--undeliverable", "only_lost", is_flag=True, help="Only list the open people whom no channel could reach, and why.")
@configured
@json_option
def status(where: Configured, only_lost: bool, as_json: bool) -> None:
    """One screen: who runs, what is on hold, how far each campaign is, what waits, what was refused."""
    settings = where.settings()
    if only_lost:
        _list_undeliverable(where, settings, as_json=as_json)
        return
    now = SystemClock().now()
    with where.store(settings) as database, database.read() as connection:
        process = processes.latest(connection)
        in_force = holds.active(connection, now)
        counts = stories.count_states(connection)
        lost = {campaign: len(stories.undeliverable(connection, campaign)) for campaign in settings.campaigns}
        people = {campaign: stories.count_people(connection, campaign) for campaign in settings.campaigns}
        roster = employees.last_sync(connection)
        following = outbox.next_instant(connection, now)
    running = process is not None and process.runs(now)
    progress: list[dict[str, Any]] = [
        {
            "campaign": name,
            "deadline": campaign.deadline,
            "days_left": days_left(campaign.deadline, local_date(now, settings.organisation.default_time_zone)),
            "settled": people[name][0],
            "people": people[name][1],
            "undeliverable": lost[name],
        }
        for name, campaign in settings.campaigns.items()
    ]
    if as_json:
        facts = {"running": running, "process": process, "holds": in_force, "campaigns": progress, "deliveries": counts}
        print_json(facts | {"roster": roster, "next": following})
        return
    zone = ZoneInfo(settings.organisation.default_time_zone)
    if process is None:
        say("No daemon has run on this store yet: start it with `notifier run`.")
    else:
        state = "running" if running else "NOT RUNNING"
        say(f"{state}: process {process.pid} on {process.host}, last heard of {process.seen_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    for hold in in_force:
        ends = f" until {hold.until.astimezone(zone):%H:%M}" if hold.until else ", until `notifier resume`"
        since = f"{hold.since.astimezone(zone):%Y-%m-%d %H:%M}"
        say(f"ON HOLD ({hold.scope}){ends}: {hold.reason} ({hold.actor}, {since})")
    for one in progress:
        settled = f"{one['settled']} of {one['people']} settled"
        unreached = f", {one['undeliverable']} undeliverable (`notifier status --undeliverable`)" if one["undeliverable"] else ""
        say(f"{one['campaign']}: {settled}, deadline {one['deadline']}, {_when(one['days_left'])}{unreached}")
    if roster is not None:
        applied = "applied" if roster.applied else f"REFUSED: {roster.reason}"
        say(f"roster of {roster.at.astimezone(zone):%Y-%m-%d %H:%M}: {roster.accepted} people, {applied}")
    if counts:
        say()
        table(
            ["campaign", "channel", "state", "count"],
            ((c.campaign or _LETTERS, c.channel, c.state, f"{c.count:,}") for c in counts),
            numbers=(3,),
        )


def _list_undeliverable(where: Configured, settings: Settings, *, as_json: bool) -> None:
    with where.store(settings) as database, database.read() as connection:
        found = [(name, one) for name in settings.campaigns for one in stories.undeliverable(connection, name)]
    if as_json:
        print_json_lines({"campaign": name, "employee_id": one.employee_id, "reasons": one.reasons} for name, one in found)
    elif not found:
        say("Every open person was reached, or is going to be.")
    else:
        table(["campaign", "person", "why"], ((name, one.employee_id, "; ".join(one.reasons)) for name, one in found))


def _when(days: int) -> str:
    """Days to go, or gone by, in words."""
    counted = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return "today" if days == 0 else f"{counted} left" if days > 0 else f"{counted} ago"


@click.group()
def queue() -> None:
    """Look at deliveries, and try refused or uncertain ones again."""


@queue.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in State]), help="Only in this state; else all that wait or failed."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@configured
@json_option
def queue_list(where: Configured, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries with the provider's last words."""
    states = (State(state),) if state else (State.PLANNED, State.CLAIMED, State.RETRY, State.UNKNOWN, State.REFUSED)
    with where.store() as database, database.read() as connection:
        found = [story for one in states for story in stories.tell(connection, state=one, most=limit)][:limit]
    if as_json:
        print_json_lines(found)
        return
    table(
        ["id", "person", "message", "channel", "state", "tries", "next or ended (UTC)", "why"],
        (
            (s.id, s.employee_id, s.message, s.channel, s.state, s.attempts, f"{s.at:%Y-%m-%d %H:%M}", s.reply or s.reason)
            for s in found
        ),
        numbers=(0, 5),
    )


@queue.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.option("--state", type=click.Choice([State.REFUSED.value, State.UNKNOWN.value]), help="All in this state.")
@click.option("--person", help="All that was refused of this person (roster id or e-mail), who counts as reachable again.")
@click.option("--channel", "rung", type=click.Choice([EMAIL, SLACK]), help="With --person: only there.")
@click.option("--dry-run", is_flag=True, help="Only say how many.")
@click.option("--yes", is_flag=True, help=f"Do not ask before more than {_MANY}.")
@configured
@json_option
def queue_retry(
    where: Configured,
    ids: tuple[int, ...],
    state: str | None,
    person: str | None,
    rung: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Let refused or uncertain deliveries go again, as long as their step is current."""
    if [bool(ids), state is not None, person is not None].count(True) != 1 or (rung is not None and person is None):
        msg = "name ids, or --state, or --person; --channel goes with --person"
        raise UsageError(msg, hint="`notifier queue list --state refused` shows the ids")
    now = SystemClock().now()
    if person is not None:
        _retry_person(where, person, (rung,) if rung else (SLACK, EMAIL), dry_run=dry_run, as_json=as_json)
        return
    with where.store() as database:
        with database.read() as connection:
            count = outbox.count_retryable(connection, ids=ids, state=State(state) if state else None, now=now)
        if not dry_run and count > _MANY and not yes:
            click.confirm(f"Send {count:,} messages again?", abort=True, err=True)
        if not dry_run:
            with database.write() as connection:
                count = outbox.retry(connection, ids=ids, state=State(state) if state else None, now=now)
                _note(connection, now, {"count": count, "state": state, "named": len(ids)})
    _tell_retried(count, dry_run=dry_run, as_json=as_json)


def _retry_person(where: Configured, person: str, rungs: Sequence[str], *, dry_run: bool, as_json: bool) -> None:
    now = SystemClock().now()
    with where.store() as database:
        with database.read() as connection:
            key = find_person(connection, person).key
            count = outbox.count_retryable_of(connection, employee_key=key, rungs=rungs, now=now)
            refused = [one for one in reach.of_people(connection, [key]) if one.refused_at and one.channel in rungs]
        if not dry_run:
            with database.write() as connection:
                count = outbox.retry_person(connection, employee_key=key, rungs=rungs, now=now)
                _note(connection, now, {"count": count, "rungs": ", ".join(rungs)}, key)
    forgotten = {one.channel: one.refused_because for one in refused}
    if not as_json:
        for channel, because in forgotten.items():
            say(f"{'Would be forgotten' if dry_run else 'Forgotten'}: {channel} refused this person ({because}).")
    _tell_retried(count, dry_run=dry_run, as_json=as_json, forgotten=forgotten)


def _note(connection: Connection, now: datetime, facts: Mapping[str, str | int | None], employee_key: int | None = None) -> None:
    ledger.note(connection, event="queue retry", now=now, actor=operator(), employee_key=employee_key, facts=facts)


def _tell_retried(count: int, *, dry_run: bool, as_json: bool, **more: object) -> None:
    if as_json:
        print_json({"retried": 0 if dry_run else count, "would_retry": count if dry_run else 0} | more)
    else:
        say(f"{count} would go again; nothing was changed." if dry_run else f"{count} will go again.")


@click.command()
@click.argument("reason")
@click.option("--channel", type=click.Choice(_CHANNELS), help="Only this channel; else everything.")
@configured
@json_option
def hold(where: Configured, reason: str, channel: str | None, as_json: bool) -> None:
    """Stop sending within a second, and say why. Planning, pages and answers go on."""
    scope, now = channel or holds.EVERYTHING, SystemClock().now()
    with where.store() as database, database.write() as connection:
        holds.place(connection, scope=scope, reason=reason, actor=operator(), now=now)
        facts, personal = {"scope": scope}, {"reason": reason}
        ledger.note(connection, event=HOLD_PLACED, now=now, actor=operator(), facts=facts, personal=personal)
    if as_json:
        print_json({"held": scope, "reason": reason})
    else:
        say("Sending is on hold. `notifier resume` lets it go on.")


@click.command()
@click.option("--channel", type=click.Choice(_CHANNELS), help="Only this channel; else everything.")
@click.option("--i-am-the-only-one", "only_one", is_flag=True, help="This store was moved on purpose; no copy of it sends.")
@configured
@json_option
def resume(where: Configured, channel: str | None, only_one: bool, as_json: bool) -> None:
    """Lift holds; what waits goes out at once if its window is open."""
    now = SystemClock().now()
    with where.store() as database:
        if only_one:
            identity.settle_here(database)
        with database.write() as connection:
            lifted = holds.lift(connection, scope=channel, actor=operator(), now=now)
            lifted += holds.lift(connection, scope=holds.COPY, actor=operator(), now=now) if only_one else 0
            facts: dict[str, str | int] = {"scope": channel or holds.EVERYTHING, "lifted": lifted, "only_one": only_one}
            ledger.note(connection, event=HOLD_LIFTED, now=now, actor=operator(), facts=facts)
            left = holds.active(connection, now, (holds.COPY,))
    if as_json:
        print_json({"lifted": lifted, "still_held": left})
    elif left:
        raise TryLaterError(left[0].reason, hint="if no other copy of it sends: `notifier resume --i-am-the-only-one`")
    else:
        say(f"{lifted} lifted; sending goes on." if lifted else "Nothing was on hold.")


COMMANDS = (status, queue, hold, resume)
