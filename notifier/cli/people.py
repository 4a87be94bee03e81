"""Verbs about one person: explain, acknowledge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from notifier.cli.options import Configured, configured, find_person, json_option, operator, pick_campaign
from notifier.cli.output import print_json, say, table
from notifier.clock import SystemClock
from notifier.delivery.explain import Known, StepStory, Way, ways_to
from notifier.delivery.explain import explain as tell_steps
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.countdown import Place
from notifier.domain.ladder import EMAIL, SLACK, rung_of
from notifier.errors import UsageError
from notifier.service import build, ladders_of
from notifier.store import acknowledgements, holds, ledger, reach, stories
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.tables import Kind


@click.command()
@click.argument("person")
@configured
@json_option
def explain(where: Configured, person: str, as_json: bool) -> None:
    """Tell why PERSON (roster id or e-mail) was written to, or was not: every step, every answer."""
    settings = where.settings()
    now = SystemClock().now()
    with where.store(settings) as database, database.read() as connection:
        service = build(settings, clock=SystemClock(), database=database, channels=())
        who = find_person(connection, person)
        told = list(stories.tell(connection, employee_key=who.key))
        in_force = holds.active(connection, now)
        known = reach.of_people(connection, [who.key])
        answers = {name: acknowledgements.history(connection, campaign=name, employee_key=who.key) for name in service.campaigns}
    steps: list[StepStory] = []
    for name, campaign in service.campaigns.items():
        schedule = service.planner.schedule_of(campaign, Place.of(who.employee), who.employee.leave_until)
        mine = [story for story in told if story.campaign == name]
        steps += tell_steps(Known(who, campaign, schedule, mine, answers[name], in_force, now), service.working_days)
    receipts = [story for story in told if story.kind is Kind.RECEIPT]
    rungs = dict.fromkeys(rung_of(channel) for channel in ladders_of(settings).channels)
    ways = ways_to(who.employee.email, list(rungs), known)
    if as_json:
        facts = {"employee": who.employee, "reached_by": ways, "steps": steps, "answers": answers, "receipts": receipts}
        print_json(facts)
        return
    _print_story(who, ways, steps, [answer for all_of in answers.values() for answer in all_of], receipts)


def _print_story(
    who: StoredEmployee,
    ways: Sequence[Way],
    steps: Sequence[StepStory],
    answers: Sequence[Acknowledgement],
    receipts: Sequence[stories.Story],
) -> None:
    employee, zone = who.employee, ZoneInfo(who.employee.time_zone)
    place = "-".join(part for part in (employee.country, employee.region) if part)
    state = "" if employee.active else ", left the organisation"
    say(f"{employee.name} <{employee.email}>, id {employee.id}, {employee.time_zone} {place}{state}")
    if employee.leave_until:
        say(f"on leave until {employee.leave_until}")
    say("reached by: " + ", ".join(_way(way, zone) for way in ways))
    say()
    table(
        ["campaign", "days before", "message", "when (their time)", "state", "why"],
        (
            (one.campaign, one.days_before, one.message, f"{one.at.astimezone(zone):%a %Y-%m-%d %H:%M}", one.state, one.why)
            for one in steps
        ),
        numbers=(1,),
    )
    for answer in answers:
        say(_answered(answer, zone))
    for receipt in receipts:
        say(f"receipt {receipt.state} {receipt.at.astimezone(zone):%Y-%m-%d %H:%M}")
    if not answers:
        say("no answer yet")


def _way(way: Way, zone: ZoneInfo) -> str:
    """ "e-mail (refused 12 Oct 2025: 550 5.1.1 …)", or the name alone where nothing stands in the way."""
    name = {SLACK: "Slack", EMAIL: "e-mail"}.get(way.channel, way.channel)
    if way.reached:
        return name
    when = f"refused {way.refused_at.astimezone(zone):%d %b %Y}: " if way.refused_at else ""
    return f"{name} ({when}{way.why_not})"


def _answered(answer: Acknowledgement, zone: ZoneInfo) -> str:
    by = f" by {answer.actor}" if answer.actor else ""
    line = f"answered {answer.answer} ({answer.assurance}{by}) {answer.answered_at.astimezone(zone):%Y-%m-%d %H:%M}"
    if answer.revoked_at is None:
        return line
    return f"{line}, taken back {answer.revoked_at.astimezone(zone):%Y-%m-%d %H:%M} ({answer.revoked_because})"


@click.command()
@click.argument("person")
@click.argument("answer", type=click.Choice([answer.value for answer in Answer]), required=False)
@click.option("--undo", is_flag=True, help="Take the person's answer back; reminders go on.")
@click.option("--campaign", help="Which campaign, if there are several.")
@configured
@json_option
def acknowledge(where: Configured, person: str, answer: str | None, undo: bool, campaign: str | None, as_json: bool) -> None:
    """Record ANSWER for PERSON, who gave it by phone or at a desk. It is kept as attested, with your name."""
    if undo == (answer is not None):
        msg = "name either an answer or --undo"
        raise UsageError(msg, hint=f"the answers are {', '.join(Answer)}; --undo takes one back")
    settings = where.settings()
    chosen = pick_campaign(settings, campaign)
    now = SystemClock().now()
    with where.store(settings) as database, database.write() as connection:
        who = find_person(connection, person)
        if answer is None:
            changed = acknowledgements.undo(connection, campaign=chosen.id, employee_key=who.key, now=now)
            if changed:
                _note_undone(connection, chosen.id, who, now)
            done = f"Taken back; {who.employee.name} is open again." if changed else "There was no answer to take back."
        else:
            recorded = acknowledgements.record(
                connection,
                campaign=chosen.id,
                employee_key=who.key,
                answer=Answer(answer),
                assurance=Assurance.ATTESTED,
                channel="cli",
                receipt_channel=settings.email.via,
                now=now,
                actor=operator(),
            )
            changed = recorded.changed
            done = f"Recorded {answer} for {who.employee.name}, attested by {operator()}."
            if not changed:
                done = f"{answer} stood there already; nothing was changed."
    if as_json:
        print_json({"employee_id": who.employee.id, "campaign": chosen.id, "answer": answer, "undo": undo, "changed": changed})
    else:
        say(done)


def _note_undone(connection: Connection, campaign: str, who: StoredEmployee, now: datetime) -> None:
    """An answer names who recorded it in its row; that one was taken back says so, but not by whom."""
    event = "undone on behalf"
    ledger.note(connection, event=event, now=now, actor=operator(), campaign=campaign, employee_key=who.key, facts={})


COMMANDS = (explain, acknowledge)
