"""`simulate` against an oracle that watches the clock on the wall: 12 zones, 10 regions, two months, from the outside."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifier.cli.app import run
from notifier.service import write_new_keys
from tests.oracle import Wall, expected_steps, may_go_out

DEADLINE = date(2025, 11, 3)
STEPS = {30: "notice", 14: "reminder", 7: "reminder", 2: "last-call", 1: "last-call", -3: "overdue"}
PLACES = (
    ("Europe/Zurich", "CH", "GE"),
    ("Europe/Zurich", "CH", "TI"),
    ("Europe/Berlin", "DE", "BY"),
    ("Europe/Berlin", "DE", "BE"),
    ("Europe/Paris", "FR", ""),
    ("Europe/London", "GB", "ENG"),
    ("Europe/Madrid", "ES", "MD"),
    ("America/New_York", "US", "NY"),
    ("America/Los_Angeles", "US", "CA"),
    ("America/Sao_Paulo", "BR", "SP"),
    ("Asia/Tokyo", "JP", ""),
    ("Asia/Singapore", "SG", ""),
    ("Australia/Sydney", "AU", "NSW"),
    ("Pacific/Auckland", "NZ", "AUK"),
    ("America/St_Johns", "CA", "NL"),
)
LEAVES = (None, date(2025, 10, 15), date(2025, 10, 31), date(2025, 11, 5))


@dataclass(frozen=True)
class Person:
    id: str
    wall: Wall
    leave_until: date | None


PEOPLE = tuple(
    Person(f"{place}-{leave}", Wall(zone, country, region), LEAVES[leave])
    for place, (zone, country, region) in enumerate(PLACES)
    for leave in range(len(LEAVES))
)


@dataclass(frozen=True)
class Delivery:
    employee_id: str
    days_before: int | None
    message: str
    state: str
    at: datetime
    subject: str | None


@pytest.fixture
def config(tmp_path: Path) -> Path:
    steps = "".join(
        f'[[campaigns.linkedin-ai-training.steps]]\ndays_before = {days}\nmessage = "{message}"\n'
        for days, message in STEPS.items()
    )
    (tmp_path / "config.toml").write_text(
        f"""
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[email]
from = "Privacy Office <privacy@example.com>"
[campaigns.linkedin-ai-training]
deadline = {DEADLINE}
{steps}
""",
        "utf-8",
    )
    lines = ["id,email,given name,family name,time zone,country,region,leave until"]
    lines += [
        f"{p.id},p{p.id}@example.com,Zoé,Exemple,{p.wall.time_zone},{p.wall.country},{p.wall.region},{p.leave_until or ''}"
        for p in PEOPLE
    ]
    (tmp_path / "roster.csv").write_text("\n".join(lines) + "\n", "utf-8")
    write_new_keys(tmp_path / "link-keys")
    return tmp_path / "config.toml"


def simulate(config: Path, capsys: pytest.CaptureFixture[str], *more: str, until: str = "2025-11-20") -> list[Delivery]:
    capsys.readouterr()
    arguments = ("simulate", "--config", str(config), "--from", "2025-09-20", "--to", until, "--json", *more)
    assert run(arguments) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [
        Delivery(
            one["employee_id"], one["days_before"], one["message"], one["state"], datetime.fromisoformat(one["at"]), one["subject"]
        )
        for one in found
    ]


def reminders(told: Sequence[Delivery], person: Person) -> list[Delivery]:
    """What this person was sent, in order."""
    mine = [one for one in told if one.employee_id == person.id and one.days_before is not None and one.state == "accepted"]
    return sorted(mine, key=lambda one: one.at)


def test_everybody_gets_what_the_calendar_on_the_wall_says(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step at the opening of the window of its day, and nothing else: nobody is forgotten and nobody disturbed.

    The simulation leaves nothing behind in the folder.
    """
    before = {path: path.read_bytes() for path in config.parent.iterdir()}
    told = simulate(config, capsys)
    assert {path: path.read_bytes() for path in config.parent.iterdir()} == before
    for person in PEOPLE:
        steps = expected_steps(person.wall, DEADLINE, STEPS, leave_until=person.leave_until)
        expected = [(step.days_before, step.opens) for step in steps if step.state == "due"]
        assert [(one.days_before, one.at.astimezone(UTC)) for one in reminders(told, person)] == expected, person
        for one in reminders(told, person):
            assert may_go_out(person.wall, one.at, person.leave_until)
            assert one.at.utcoffset() == one.at.astimezone(ZoneInfo(person.wall.time_zone)).utcoffset()
            assert one.message == STEPS[one.days_before or 0]
        days = [one.at.date() for one in reminders(told, person)]
        assert len(days) == len(set(days))


def test_at_a_slow_providers_pace_the_rules_hold_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message in ten minutes of the window: waves run over their day, and still nobody gets one at a wrong time."""
    told = simulate(config, capsys, "--set", "email.smtp.per_minute=1", "--set", "email.smtp.per_day=45")
    sent = [one for one in told if one.state == "accepted"]
    assert len(sent) > 100
    for person in PEOPLE:
        mine = reminders(told, person)
        assert all(may_go_out(person.wall, one.at, person.leave_until) for one in mine), person
        assert [one.days_before for one in mine] == sorted({one.days_before for one in mine}, reverse=True)
        assert len({one.at.date() for one in mine}) == len(mine)
        for one in mine:
            left = (DEADLINE - one.at.date()).days
            assert left > 0 or one.message == "overdue"
            counted = re.search(r"(\d+) days", one.subject or "")
            assert counted is None or int(counted[1]) == abs(left), one
    times = sorted(one.at for one in sent)
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(times))
    assert max(sum(start <= one < start + timedelta(days=1) for one in times) for start in times) <= 45


def test_nothing_follows_an_answer(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A receipt says that somebody has settled: no reminder comes after it, and what waited is cancelled."""
    told = simulate(config, capsys, "--answer-rate", "0.4", "--seed", "7")
    settled_at: dict[str, datetime] = {}
    for one in told:
        if one.message == "receipt":
            settled_at[one.employee_id] = min(one.at, settled_at.get(one.employee_id, one.at))
    assert 10 < len(settled_at) < len(PEOPLE)
    for person in PEOPLE:
        steps = expected_steps(person.wall, DEADLINE, STEPS, leave_until=person.leave_until)
        due = [step.days_before for step in steps if step.state == "due"]
        mine = [one.days_before for one in reminders(told, person)]
        if person.id not in settled_at:
            assert mine == due, person
        else:
            assert mine == due[: len(mine)], person
            assert all(one.at <= settled_at[person.id] for one in reminders(told, person)), person


def test_on_slack_everybody_counts_as_being_there(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who would get mail instead cannot be known without asking Slack; that is said."""
    day = ("--from", "2025-10-03", "--to", "2025-10-03")
    assert run(("simulate", "--config", str(config), *day, "--set", 'sending.ladder=["slack", "email"]', "--json")) == 0
    said = capsys.readouterr()
    assert {json.loads(line)["channel"] for line in said.out.splitlines()} == {"slack"}
    assert "everybody counts as being on Slack" in said.err


def test_the_same_seed_tells_the_same_story(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def story(seed: str) -> list[Delivery]:
        return simulate(config, capsys, "--answer-rate", "0.5", "--seed", seed, until="2025-10-12")

    first = story("3")
    assert story("3") == first
    assert story("4") != first
