"""Weekly letters through all parts: planned, killed, carried, read; and looked at beforehand."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from notifier.channels.file import FileChannel
from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.content.typography import NO_BREAK
from notifier.domain.campaign import Campaign, Step
from notifier.service import build, write_new_keys
from notifier.settings import load
from notifier.store import outcomes, schema
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.tables import State, metadata
from tests.ladder_rig import claim
from tests.summary_rig import BY_SMTP, CAMPAIGN, MONDAY, change, move_in, settle, team, told, weekly
from tests.unit.test_manager_mail import WRITER

WEEK = timedelta(days=7)
KILLS = 200
CONFIG = """
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[storage]
url = "sqlite:///store.db"
[email]
via = "file"
from = "Privacy Office <privacy@example.com>"
[summaries]
manager_detail_by_country = {{ DE = "open_names" }}
[campaigns.linkedin-ai-training]
deadline = {deadline}
escalation = 3
[[campaigns.linkedin-ai-training.steps]]
days_before = 30
message = "notice"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[date], Path]:
    """Writes the configuration, with the keys and an empty store beside it."""
    monkeypatch.chdir(tmp_path)

    def write(deadline: date) -> Path:
        file = tmp_path / "config.toml"
        file.write_text(CONFIG.format(deadline=deadline), encoding="utf-8")
        write_new_keys(tmp_path / "link-keys")
        return file

    return write


async def test_letters_go_out_like_any_message(config: Callable[[date], Path], tmp_path: Path) -> None:
    settings = load(config(CAMPAIGN.deadline), environment={})
    clock = MovedClock(MONDAY + timedelta(hours=1))
    folder = tmp_path / "outgoing"
    channel = FileChannel(folder, sender=settings.email.from_, reply_to="privacy@example.com")
    service = build(settings, clock=clock, channels=[channel])
    schema.create_if_empty(service.database)
    keys = move_in(service.database)
    settle(service.database, *team(keys, "b")[:7])
    assert service.summaries.tick(clock.now()) == 4
    done = await service.dispatcher.run_due()
    assert done.outcomes == {State.ACCEPTED: 4}
    mails = {str(mail["To"]).rpartition("<")[2].rstrip(">"): mail for mail in map(parsed, folder.iterdir())}
    bruno = mails["2@example.com"]
    assert (
        bruno["Subject"].replace(NO_BREAK, " ")
        == "7 sur 12 réglés, 5 à régler, encore 28 jours – LinkedIn et l’entraînement de l’IA"
    )
    assert bruno["References"].startswith("<summary.campaign@")
    body = bruno.get_body(("plain",))
    assert body is not None
    assert re.findall(r"Exemple \w+", body.get_content()) == []
    assert mails["3@example.com"]["Subject"].startswith("14 offen bei Ihren direkten Mitarbeitenden, noch 28 Tage")
    clock.move_to(datetime(2025, 10, 31, 10, tzinfo=UTC))
    assert service.summaries.tick(clock.now()) == 4 + 4  # the week's, after an outage, and the escalation
    assert service.summaries.next_instant(clock.now()) == datetime(2025, 11, 3, 7, tzinfo=UTC)
    service.database.close()


def parsed(file: Path) -> EmailMessage:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_what_would_go_can_be_looked_at(config: Callable[[date], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the machine's own clock, twenty days before a deadline."""
    file = str(config(datetime.now(UTC).date() + timedelta(days=20)))
    database = Database(f"sqlite:///{tmp_path}/store.db")
    schema.create_if_empty(database)
    keys = move_in(database)
    settle(database, *team(keys, "b")[:7])

    def said(*words: str, code: int = 0) -> str:
        assert run([*words, "--config", file]) == code
        heard = capsys.readouterr()
        return (heard.out or heard.err).replace(NO_BREAK, " ")

    shown = said("summary", "preview", "--for", "2@example.com", "--html", str(tmp_path / "mail.html"))
    assert "Subject: 7 sur 12 réglés, 5 à régler, encore 20 jours" in shown
    assert "<html" in (tmp_path / "mail.html").read_text(encoding="utf-8")
    facts = json.loads(said("summary", "preview", "--for", "2", "--lang", "de", "--json"))
    assert facts["subject"].startswith("7 von 12 erledigt, 5 offen, noch 20 Tage")
    assert facts["letter"]["campaigns"][0]["bars"][0]["figure"] == {"people": 12, "at_least": 7, "at_most": 7}
    assert "would be told nothing" in said("summary", "preview", "--for", "b1")
    assert "nobody in the roster" in said("summary", "preview", "--for", "nobody", code=2)
    assert told(database) == []
    assert json.loads(said("summary", "send", "--dry-run", "--json")) == {"dry_run": True, "managers": 4}
    assert said("summary", "send", "--to", "2") == "1 messages to managers planned.\n"
    assert json.loads(said("summary", "send", "--dry-run", "--json"))["managers"] == 3
    assert said("summary", "send") == "3 messages to managers planned.\n"
    assert len(told(database)) == 4
    never = said("summary", "send", "--set", 'summaries.managers="never"', code=2)
    assert "managers are told nothing" in never
    database.close()


class Killed(BaseException):
    """The process ends here; what it has not committed is undone."""


class Executioner:
    """Kills once, at one of these places, whichever comes."""

    PLACES = ("INSERT INTO letters", "INSERT INTO deliveries", "INSERT INTO plan_marks", "UPDATE deliveries", "handed over")

    def __init__(self, database: Database) -> None:
        self.place: str | None = None
        event.listen(database.engine, "before_cursor_execute", lambda *args: self.pass_by(str(args[2])))

    def pass_by(self, what: str) -> None:
        if self.place is not None and what.startswith(self.place):
            self.place = None
            raise Killed


def test_killed_two_hundred_times_none_is_lost_and_at_most_one_repeated_each(tmp_path: Path) -> None:
    """One sender: so one letter is in hand when it dies, or none, and its repeat is the same bytes."""
    database = Database(f"sqlite:///{tmp_path}/store.db")
    event.listen(database.engine, "connect", no_waiting_for_the_disk)  # the process dies here, not the machine
    with database.write() as connection:
        metadata.create_all(connection)
    keys = move_in(database)
    for manager in ("3", "4"):
        change(database, keys[manager], active=False)
    long = replace(CAMPAIGN, deadline=date(2031, 1, 1), steps=(Step(3000, "notice"),))
    executioner, random = Executioner(database), Random(4)
    wire: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], tuple[str, str]] = {}
    killed = in_hand = weeks = 0
    while killed < KILLS:
        now = MONDAY + weeks * WEEK + timedelta(days=4)  # whichever days of that week are holidays
        weeks += 1
        for life in count():
            place = executioner.place = random.choice(Executioner.PLACES)
            try:
                live(database, f"{weeks}/{life}", now, long, wire, first, executioner)
                break
            except Killed:
                killed += 1
                in_hand += place == "handed over"
    assert len(wire) == 2 * weeks
    assert set(wire.values()) <= {1, 2, 3, 4}
    assert wire.total() - len(wire) == in_hand > 20
    database.close()


def live(
    database: Database,
    owner: str,
    now: datetime,
    campaign: Campaign,
    wire: Counter[tuple[int, int]],
    first: dict[tuple[int, int], tuple[str, str]],
    executioner: Executioner,
) -> None:
    """One life of the process: it takes back what the one before had in hand, plans, and hands over one letter after the other."""
    with database.write() as connection:
        outcomes.release_dead(connection, owner=owner, resend=["smtp"], now=now, alone=True)
    weekly(database, campaign, ladder=BY_SMTP).tick(now)
    while rows := claim(database, "smtp", now=now, owner=owner, most=1):
        (row,) = rows
        rendered, key = WRITER.compose(row).rendered, (row.employee_key, row.occasion)
        assert first.setdefault(key, (row.message_id, rendered.html)) == (row.message_id, rendered.html)
        wire[key] += 1
        executioner.pass_by("handed over")
        with database.write() as connection:
            assert outcomes.record(connection, owner=owner, outcome=Outcome(row.id, row.epoch, State.ACCEPTED, None), now=now)


def no_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")
