"""Promise S7: no name, address, token or password comes out of a log, an error or a health check.

Five hundred people whose every trace can be found again are sent through everything that can go wrong; afterwards all that the
program has said about itself is searched.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import re
import shutil
import signal
import sqlite3
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from notifier import logs
from notifier.channels.base import Outgoing, Receipt
from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.domain.links import LinkKeys, Purpose
from notifier.errors import NotifierError
from notifier.service import Service, build, read_keys, refresh_roster
from notifier.settings import load
from notifier.store import schema, stories
from notifier.web.server import serve
from tests.attacks.marked import Marked, people_in
from tests.daemon_rig import Home, daemon, get, make_home, smtp
from tests.logging_rig import logging_put_back
from tests.pages_rig import Visitor
from tests.smtp_server import Close, Say, ScriptedServer

PEOPLE = [Marked(number) for number in range(20_000, 20_500)]
PASSWORD = "zqpw-Geheim-7f3a91c4"
CAMPAIGN = "linkedin-ai-training"
SPEAKING = PEOPLE[7]
HEADER = ("id", "email", "given name", "family name", "language", "time zone", "manager")
# Refusals as servers word them; some say more about the person than the address.
REFUSALS = (
    Say(f"451 4.7.1 {SPEAKING.email.upper()} greylisted"),
    Say(f"452 4.2.2 mailbox of {SPEAKING.email.replace('@', ' @ ')} is full"),
    Say(f"550 5.1.1 <{SPEAKING.email}>: Recipient address rejected: User unknown in virtual mailbox table"),
    Say(f"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {SPEAKING.email} not found by SMTP address lookup"),
)


def write_roster(path: Path, people: Sequence[Marked] = tuple(PEOPLE), zone: str = "Europe/Zurich", **change: str) -> None:
    """The roster; `change` writes the same into one column of everybody."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for one in people:
            row = dict(zip(HEADER, (one.id, one.email, one.given_name, one.family_name, one.language, zone, ""), strict=True))
            rows.writerow({**row, **change}.values())


def broken_rosters(path: Path) -> Iterator[str]:
    """The roster with one fault after the other, each as it happens."""
    write_roster(path)
    good = path.read_text("utf-8")
    lines = good.splitlines()
    faults: dict[str, bytes] = {
        "the header is lost": "\n".join(lines[1:]).encode(),
        "half of it is gone": "\n".join(lines[: len(lines) // 2]).encode(),
        "nobody is left": lines[0].encode(),
        "addresses without an at": good.replace("@example.com", " at example.com").encode(),
        "addresses with a blank": good.replace("@example.com", "@exam ple.com").encode(),
        "the same address for all": re.sub(r"zq\d{5}a@", f"{SPEAKING.email.partition('@')[0]}@", good).encode(),
        "cut in the middle of a character": good.encode()[: good.encode().index("é".encode()) + 1],
        "another alphabet": good.encode("utf-16-le"),
        "quotes that never end": good.replace(",", ',"', 3000).encode(),
        "columns swapped": good.replace("given name,family name", "family name,given name").encode(),
        "time zones that are names": good.replace("Europe/Zurich", SPEAKING.given_name.replace('"', "")).encode(),
        "languages that are names": re.sub(r",(en|fr|de),", f",{SPEAKING.family_name},", good).encode(),
        "ids that are addresses": re.sub(r"(?m)^e\d{5},", f"{SPEAKING.email},", good).encode(),
        "a manager who is a name": good.replace("Europe/Zurich,", f"Europe/Zurich,{SPEAKING.family_name}").encode(),
        "cells too many": good.replace(",Europe", f",{SPEAKING.family_name},Europe").encode(),
        "no text at all": b"\0" * 5000 + good.encode(),
    }
    for name, content in faults.items():
        path.write_bytes(content)
        yield name


@dataclass
class Said:
    """All that the program has said about itself."""

    secrets: list[str] = field(default_factory=lambda: [PASSWORD, base64.b64encode(PASSWORD.encode()).decode()])
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, what: str) -> None:
        self.texts[where] = self.texts.get(where, "") + what + "\n"

    def know(self, keys: LinkKeys, public_ids: Sequence[str]) -> None:
        """Tokens and keys count too, as a whole and by their telling half."""
        tokens = [keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, one, 1) for one in public_ids]
        self.secrets += [part for token in tokens for part in (token, token[:23], token[-21:])] + list(public_ids)
        self.secrets += [line.split()[1] for line in keys.dump().splitlines() if not line.startswith("#")]

    def hits(self) -> list[str]:
        """Where anything marked was said, with what stands around it."""
        found = []
        secrets = re.compile("|".join(sorted(map(re.escape, self.secrets), key=len, reverse=True)))
        for where, said in self.texts.items():
            for line in said.splitlines():
                found += [f"{where}: {line[:400]}"] if people_in(line) or secrets.search(line) else []
        return found

    @contextmanager
    def failing(self, where: str) -> Iterator[None]:
        """What an exception says, with its hint and everything that led to it."""
        try:
            yield
        except NotifierError as error:
            self.add(where, f"{error} {error!r} {error.hint} {error.args}")
            self.add(where, "".join(traceback.format_exception(error)))


def public_ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [one for (one,) in connection.execute("SELECT public_id FROM employees")]


def test_the_search_finds_what_is_there() -> None:
    said = Said()
    keys = LinkKeys({1: b"k" * 32}, 1)
    said.know(keys, [SPEAKING.public_id])
    token = keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, SPEAKING.public_id, 1)
    for what in (
        SPEAKING.given_name,
        SPEAKING.family_name.upper(),
        SPEAKING.email,
        PASSWORD,
        token,
        token[10:],
        SPEAKING.public_id,
    ):
        said.texts = {"log": f"x {what} y"}
        assert len(said.hits()) == 1, what
    said.texts = {"log": "an honest line, delivery=20007"}
    assert said.hits() == []


async def test_a_daemon_says_nothing_of_anybody(tmp_path: Path) -> None:
    """The real process, as talkative as it can be, with a mail server, a browser and a configuration that all misbehave."""
    said = Said()
    environment = {"NOTIFIER_EMAIL__SMTP__PASSWORD": PASSWORD, "NOTIFIER_LOGGING__LEVEL": "debug"}
    async with ScriptedServer(users={"mailer": PASSWORD}) as server:
        home = make_home(tmp_path, people=1, smtp_port=server.port)
        home.write_configuration(f'{smtp(server.port)}\nusername = "mailer"')
        write_roster(home.roster, zone=home.zone)
        server.on("AUTH", Say(f"454 4.7.0 the account of {SPEAKING.email} is busy"))
        async with daemon(home, environment) as running:
            await running.until(lambda: "channel paused" in running.log.read_text("utf-8"))
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
        said.add("log", running.log.read_text("utf-8"))
        with closing(sqlite3.connect(tmp_path / "notifier.db")) as connection:
            connection.execute("DELETE FROM holds")
            connection.commit()
        for moment, refusal in product(("RCPT", "DOT"), REFUSALS):
            server.on(moment, refusal, times=1 if refusal.text.startswith("5") else 4)
            server.on(moment, Say("250 2.0.0 ok"), times=40)  # few enough are refused for the brake to stay open
        server.on("DOT", Close(keep=True), times=2)
        async with daemon(home, environment) as running:
            await running.until(lambda: len(server.messages) > 300)
            said.know(read_keys(tmp_path / "link-keys"), public_ids(tmp_path / "notifier.db"))
            await asyncio.to_thread(knock, home, said)
            good = home.config.read_text("utf-8")
            home.config.write_text(f'{good}\n[nonsense]\npassword = "{PASSWORD}"\n{SPEAKING.family_name} = 1\n', "utf-8")
            running.signal(signal.SIGHUP)
            await running.until(lambda: "the new configuration is not good" in running.log.read_text("utf-8"))
            home.config.write_text(good, "utf-8")
            running.signal(signal.SIGUSR1)
            await running.until(lambda: '"event": "state"' in running.log.read_text("utf-8"))
            said.add("readyz", str(await asyncio.to_thread(get, home, "/readyz")))
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
        said.add("log", running.log.read_text("utf-8"))
    assert server.messages, "mail did go out"
    assert len(running.said("not delivered")) > 10
    assert said.hits() == []


def knock(home: Home, said: Said) -> None:
    """Requests that end in every kind of page, with somebody's data in each part of them."""
    keys, ids = read_keys(home.folder / "link-keys"), public_ids(home.folder / "notifier.db")
    token = keys.sign(Purpose.ACKNOWLEDGE, CAMPAIGN, ids[7], 1)
    bad = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for path in (
        f"/a/{CAMPAIGN}/{bad}",
        f"/a/{CAMPAIGN}/{SPEAKING.email}",
        f"/a/{SPEAKING.family_name}/{token}",
        f"/{SPEAKING.email}",
    ):
        for more in ("", f"?lang={SPEAKING.family_name}&said={token}"):
            get(home, path + more)
    visitor = Visitor(home_rig(home))
    form = {"proof": SPEAKING.family_name, "do": SPEAKING.email, "answer": token}
    visitor.post(f"/a/{CAMPAIGN}/{token}", form, Origin=f"https://{SPEAKING.family_name}.example")
    visitor.post(f"/a/{CAMPAIGN}/{token}", form, Sec_Fetch_Site="cross-site")
    visitor.send("POST", f"/a/{CAMPAIGN}/{token}", SPEAKING.email.encode() * 900, {"Content-Type": "text/plain"})
    visitor.get(f"/a/{CAMPAIGN}/{token}", Cookie=f"notifier_visit={SPEAKING.family_name}", User_Agent=SPEAKING.email, Referer=token)
    visitor.get("/", Host=f"{SPEAKING.family_name}.example\x7f")
    said.add("pages of nobody", visitor.get(f"/a/{CAMPAIGN}/{'A' * 44}").body)


def home_rig(home: Home) -> Any:
    """What `Visitor` needs to know of a server."""

    @dataclass
    class Where:
        base_url: str
        port: int

    return Where(f"http://127.0.0.1:{home.port}", home.port)


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
