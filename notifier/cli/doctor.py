"""The verb that looks at the real world: doctor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click
from rich.text import Text

from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import print_json, progress, say, stdout
from notifier.clock import SystemClock
from notifier.doctor.checks import diagnose
from notifier.doctor.findings import Finding, State, worst
from notifier.doctor.parts import Parts, parts_of
from notifier.doctor.trial import send_trial
from notifier.domain.ladder import SLACK
from notifier.errors import UsageError
from notifier.service import ladders_of
from notifier.settings import Settings

_LABELS = {
    State.OK: ("ok", "green"),
    State.WARNING: ("warning", "yellow"),
    State.PROBLEM: ("PROBLEM", "bold red"),
}


@click.command()
@click.option(
    "--send-test",
    "address",
    metavar="ADDRESS",
    help="In place of looking: send one real test message on each channel to this person.",
)
@click.option("--yes", is_flag=True, help="With --send-test: do not ask first.")
@click.option("--name-server", metavar="ADDRESS", help="Ask this name server for SPF, DMARC and MX: 9.9.9.9, or 127.0.0.1:5353.")
@configured
@json_option
def doctor(where: Configured, address: str | None, yes: bool, name_server: str | None, as_json: bool) -> int:
    """Log in everywhere and look at everything that reminders depend on, without sending. Says what to do about what is wrong."""
    settings = where.settings()
    parts = parts_of(settings, SystemClock(), name_server)
    if address is None:
        findings = _look(settings, parts)
    else:
        _confirm(settings, address, yes=yes)
        findings = asyncio.run(send_trial(settings, parts, address))
    state = worst(findings)
    if as_json:
        print_json({"state": state, "findings": findings})
    else:
        _show(findings)
    return 1 if state is State.PROBLEM else 0


def _look(settings: Settings, parts: Parts) -> list[Finding]:
    with progress("looking", None) as update:
        return asyncio.run(diagnose(settings, parts, done=update))


def _confirm(settings: Settings, address: str, *, yes: bool) -> None:
    if yes:
        return
    channels = ", ".join("Slack" if name == SLACK else name for name in ladders_of(settings).channels)
    if not sys.stdin.isatty():
        msg = "a real message would be sent, and nobody can be asked here"
        raise UsageError(msg, hint="add --yes to send it")
    click.confirm(f"Send a real test message to {address} by {channels}?", abort=True, err=True)


def _show(findings: Sequence[Finding]) -> None:
    console = stdout()
    width = max((len(finding.name) for finding in findings), default=0)
    area = None
    for finding in findings:
        if finding.area != area:
            if area is not None:
                say()
            area = finding.area
            console.print(Text(area, style="bold"))
        label, style = _LABELS[finding.state]
        console.print(Text.assemble("  ", (f"{label:7}", style), f"  {finding.name:{width}}  {finding.found}"))
        if finding.advice:
            say(f"           → {finding.advice}")
    counted = {state: sum(finding.state is state for finding in findings) for state in State}
    say()
    say(f"{_count(counted[State.PROBLEM], 'problem')}, {_count(counted[State.WARNING], 'warning')}, {counted[State.OK]} ok.")


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


COMMANDS = (doctor,)
