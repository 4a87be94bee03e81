"""Promise S7, part by part: channels, texts, the store, rosters and commands fail in words that name nobody."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from notifier import logs
from notifier.channels.base import Outgoing, Receipt
from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.domain.links import Purpose
from notifier.service import Service, build, refresh_roster
from notifier.settings import load
from notifier.store import schema, stories
from notifier.web.server import serve
from tests.attacks.marked_company import (
    CAMPAIGN,
    PASSWORD,
    PEOPLE,
    SPEAKING,
    Said,
    broken_rosters,
    home_rig,
    public_ids,
    write_roster,
)
from tests.daemon_rig import Home, get, make_home
from tests.logging_rig import logging_put_back
from tests.pages_rig import Visitor


class Moody:
    """A channel of somebody else's making that fails in its own words."""

    name = "smtp"
    concurrency = 2
    resend_when_uncertain = True

    async def send(self, outgoing: Outgoing) -> Receipt:
        if outgoing.delivery_id % 3 == 0:
            msg = f"cannot send to {outgoing.address}: {outgoing.rendered.text}"
            raise RuntimeError(msg)
        if outgoing.delivery_id % 3 == 1:
            raise KeyError(outgoing.address)
        return Receipt("250 ok")

    async def close(self) -> None:
        """Nothing is open."""


BROKEN_TEXTS = {
    "a key that is a name": "{{ {}[given_name] }}",
    "an index that is a name": "{{ name[given_name] }}",
    "an attribute that is a name": "{{ name[link] }}",
    "a number that is a name": "{{ '%d' % name }}",
    "a format that is a name": "{{ ('{' ~ given_name ~ '}').format() }}",
    "a filter with a name": "{{ [1]|sum(attribute=given_name) }}",
    "a division of a name": "{{ name / 2 }}",
    "a name in ASCII": "{{ (name ~ 'é').encode('ascii') }}",
    "a search for a name": "{{ 'x'.index(name) }}",
    "a name as a date": "{{ [name].index('x') }}",
}


def in_house(folder: Path, text_of_notice: str | None = None, people: int = len(PEOPLE)) -> tuple[Service, MovedClock]:
    """A service on a moved clock with so many of them in its store, a moody channel, and perhaps a text of its own making."""
    home = make_home(folder, people=1)
    home.write_configuration('via = "smtp"\n[email.smtp]\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"', "")
    config = home.config.read_text("utf-8").replace("[email]", 'templates = "texts"\n[email]', 1)
    config = re.sub(r"deadline = \S+", "deadline = 2025-11-03", config).replace('templates = "texts"\n', "")
    home.config.write_text(f'templates = "texts"\n{config}', "utf-8")
    shutil.copytree(Path(__file__).parents[2] / "templates" / CAMPAIGN, folder / "texts" / CAMPAIGN)
    if text_of_notice is not None:
        for path in (folder / "texts" / CAMPAIGN).glob("notice.*.md"):
            path.write_text(path.read_text("utf-8") + f"\n{text_of_notice}\n", "utf-8")
    write_roster(home.roster, PEOPLE[:people])
    clock = MovedClock(datetime(2025, 10, 28, 6, tzinfo=UTC))
    service = build(load(home.config, environment={}), clock=clock, channels=(Moody(),))
    schema.create_if_empty(service.database)
    refresh_roster(service.settings, service.database, clock.now()).raise_if_refused()
    return service, clock


async def happen(service: Service, clock: MovedClock, hours: int = 3) -> None:
    """The day of the notice begins, and once an hour all that is due is tried."""
    for hour in range(hours):
        clock.move_to(datetime(2025, 10, 29, hour, tzinfo=UTC))
        service.planner.tick(clock.now())
        await service.dispatcher.run_due()


@contextmanager
def listening(said: Said, where: str, form: Any = "json") -> Iterator[None]:
    """Everything that is logged inside the block, by anybody."""
    stream = io.StringIO()
    with logging_put_back():
        logs.configure("debug", form, stream=stream)
        try:
            yield
        finally:
            said.add(where, stream.getvalue())


@pytest.mark.parametrize("form", ["json", "text"])
async def test_channels_that_fail_in_their_own_words_are_quoted_without_the_person(tmp_path: Path, form: Any) -> None:
    said = Said()
    service, clock = in_house(tmp_path, people=90)
    with listening(said, "log", form):
        await happen(service, clock)
    with service.database.read() as connection:
        assert sum(one.count for one in stories.count_states(connection) if one.state == "accepted") >= 30
    said.know(service.keys, public_ids(tmp_path / "notifier.db"))
    service.database.close()
    assert "channel failed in an unknown way" in said.texts["log"]
    assert said.hits() == []


@pytest.mark.parametrize("broken", BROKEN_TEXTS.values(), ids=BROKEN_TEXTS)
async def test_a_text_that_breaks_over_a_name_is_told_without_the_name(tmp_path: Path, broken: str) -> None:
    """The line of the file is what an author needs."""
    said = Said()
    service, clock = in_house(tmp_path, broken, people=30)
    with listening(said, "log"):
        await happen(service, clock, hours=1)
    said.know(service.keys, public_ids(tmp_path / "notifier.db"))
    service.database.close()
    assert "text cannot be rendered" in said.texts["log"]
    assert "notice.en.md:" in said.texts["log"]
    assert said.hits() == []


STORE_FAULTS = {
    "a trigger that refuses": "CREATE TRIGGER t BEFORE INSERT ON acknowledgements BEGIN SELECT RAISE(FAIL, 'injected'); END",
    "a table that is gone": "DROP TABLE acknowledgements",
    "a column that is gone": "ALTER TABLE employees RENAME COLUMN language_choice TO lost",
}


@pytest.mark.parametrize("fault", STORE_FAULTS.values(), ids=STORE_FAULTS)
async def test_a_store_that_fails_is_told_without_what_was_to_be_stored(tmp_path: Path, fault: str) -> None:
    said = Said()
    service, _ = in_house(tmp_path)
    said.know(service.keys, ids := public_ids(tmp_path / "notifier.db"))
    token = service.keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, ids[7], 1)
    visitors = MovedClock(datetime(2025, 10, 28, 6, tzinfo=UTC))
    with listening(said, "log"):
        async with serve(service.web_app(visitor_clock=visitors), "127.0.0.1", 0) as here:
            home = Home(tmp_path, here.port, "UTC")
            visitor = Visitor(home_rig(home))
            visitor._rig.base_url = service.settings.web.base_url
            page = await asyncio.to_thread(visitor.get, f"/a/{CAMPAIGN}/{token}")
            with service.database.write() as connection:
                connection.execute(text(fault))
            visitors.move_to(datetime(2025, 10, 28, 7, tzinfo=UTC))
            form = {"proof": page.proof, "do": "answer", "answer": "done"}
            failed = await asyncio.to_thread(visitor.post, f"/a/{CAMPAIGN}/{token}", form)
            assert failed.status in {500, 503}
            said.add("readyz", str(await asyncio.to_thread(get, home, "/readyz")))
    service.database.close()
    assert "page." in said.texts["log"]
    assert said.hits() == []


HEADLESS = "the header is lost"


def test_a_roster_that_fails_is_told_without_its_people(tmp_path: Path) -> None:
    """What the daemon writes into its log: the error with its hint, or why nothing was applied; addresses are [address] there."""
    said = Said()
    service, clock = in_house(tmp_path)
    refused = []
    for fault in broken_rosters(tmp_path / "roster.csv"):
        with said.failing(fault):
            outcome = refresh_roster(service.settings, service.database, clock.now())
            said.add(fault, str(outcome.refused))
            refused.append(outcome.refused)
    service.database.close()
    assert len(said.texts) > 10
    assert sum(one is not None for one in refused) >= 4
    said.texts = {where: logs.redact(what) for where, what in said.texts.items()}
    assert said.hits() == []


def test_commands_that_fail_name_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json and without; standard error of every command, and the file that keeps what nobody foresaw.

    One thing may be named: `roster sync` says which address of the file stands there twice.
    """
    said = Said()
    service, _ = in_house(tmp_path)
    said.know(service.keys, public_ids(tmp_path / "notifier.db"))
    service.database.close()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = ["--config", str(tmp_path / "config.toml")]
    keys = (tmp_path / "link-keys").read_text("ascii")
    for fault in broken_rosters(tmp_path / "roster.csv"):
        if fault != HEADLESS:
            said.add(f"roster sync, {fault}", logs.redact(_stderr(capsys, ["roster", "sync", *config, "--json"])))
    (tmp_path / "link-keys").write_text(keys.replace("\n1 ", "\n1 x"), "ascii")
    said.add("plan without keys", _stderr(capsys, ["plan", *config, "--json"]))
    said.add("preview without keys", _stderr(capsys, ["explain", SPEAKING.id, *config, "--json"]))
    (tmp_path / "link-keys").write_text(keys, "ascii")
    for arguments in (
        ["explain", "nobody", *config, "--json"],
        ["acknowledge", SPEAKING.id, "perhaps", *config, "--json"],
        ["acknowledge", SPEAKING.id, "done", "--campaign", "other", *config, "--json"],
        ["explain", SPEAKING.id, *config, "--set", f"email.smtp.password={PASSWORD}", "--json"],
        ["config", "show", *config, "--set", f"email.smtp.password={PASSWORD}", "--json"],
    ):
        said.add(" ".join(arguments[:2]), _stderr(capsys, arguments))
    with closing(sqlite3.connect(tmp_path / "notifier.db")) as connection:
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON acknowledgements BEGIN SELECT RAISE(FAIL, 'injected'); END")
        connection.commit()
    said.add("acknowledge, refused by the store", _stderr(capsys, ["acknowledge", SPEAKING.id, "done", *config, "--json"]))
    said.add("the fault that was kept", "".join(path.read_text("utf-8") for path in tmp_path.glob("notifier-fault-*")))
    assert said.hits() == []
    assert "IntegrityError" in said.texts["the fault that was kept"], "there is such a file"


def _stderr(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    run(arguments)
    return capsys.readouterr().err
