"""The command line from the first minute on: every verb, in the order in which an admin meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
import pytest
from sqlalchemy import insert

import notifier.cli
from notifier.cli.app import _FAMILIES, cli, run
from notifier.service import write_new_keys
from notifier.store import employees, reach
from notifier.store.database import Database
from notifier.store.tables import deliveries

EVERY = cli.read_all()


@dataclass
class Said:
    """What a command did: its exit code, and what it said to whom."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    """Types commands in one folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        code = run(arguments)
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert "inside notifier itself" not in captured.err, (self.folder, arguments, captured.err)
        return Said(code, captured.out, captured.err)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Shell(capsys, tmp_path)


@pytest.fixture
def home(shell: Shell) -> Shell:
    """A folder as `init` leaves it, with a store that holds the sample roster."""
    assert shell("init", "--yes").code == 0
    text = Path("config.toml").read_text("utf-8")
    Path("config.toml").write_text(text.replace('username = "notifier"', '#username = "notifier"'), "utf-8")
    assert shell("roster", "sync").code == 0
    return shell


def verbs(group: click.Group = EVERY, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from verbs(command, (*before, name))


def test_each_module_has_the_verbs_that_are_named_of_it() -> None:
    modules = {one.name: import_module(f"notifier.cli.{one.name}") for one in iter_modules(notifier.cli.__path__)}
    found = {name: {verb.name for verb in module.COMMANDS} for name, module in modules.items() if hasattr(module, "COMMANDS")}
    assert found == {family: set(verbs) for family, verbs in _FAMILIES.items()}


def test_a_verb_does_not_wait_for_what_it_does_not_need(tmp_path: Path) -> None:
    """`status` talks to nobody but the store."""
    heavy = ("aiohttp", "dns", "ldap3", "msal", "slack_sdk", "starlette", "uvicorn")
    ask = f"import sys; from notifier.cli.app import run; run(['status']); print([one for one in {heavy} if one in sys.modules])"
    said = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603
    assert "notifier init" in said.stderr, "there is no configuration"
    assert said.stdout == "[]\n"


@pytest.mark.parametrize("verb", list(verbs()), ids=" ".join)
def test_every_verb_explains_itself(shell: Shell, verb: tuple[str, ...]) -> None:
    said = shell(*verb, "--help")
    assert said.code == 0
    assert said.out.startswith("Usage: notifier " + " ".join(verb))
    assert len(said.out.splitlines()) > 4
    assert shell(*verb, "-h").out == said.out


@pytest.mark.parametrize("verb", [(), *verbs()], ids=" ".join)
def test_an_unknown_option_is_a_usage_error(shell: Shell, verb: tuple[str, ...]) -> None:
    said = shell(*verb, "--no-such-option")
    assert said.code == 2
    assert "--no-such-option" in said.err
    assert said.out == ""


def test_an_unknown_verb_is_a_usage_error(shell: Shell) -> None:
    said = shell("sned")
    assert (said.code, "sned" in said.err) == (2, True)


def test_init_never_replaces_anything(shell: Shell) -> None:
    said = shell("init", "--yes", "new", "--json")
    assert said.code == 0
    assert {Path(path).name for path in said.data["written"]} == {"config.toml", "roster.csv", "link-keys"}
    assert Path("new/link-keys").stat().st_mode & 0o777 == 0o600
    before = {path: path.read_bytes() for path in Path("new").iterdir()}

    again = shell("init", "--yes", "new", "--json")
    assert (again.code, again.data) == (0, {"written": []})
    assert {path: path.read_bytes() for path in Path("new").iterdir()} == before


def test_init_takes_the_answers_it_is_given(shell: Shell) -> None:
    assert shell("init", "--yes", "--name", 'The "Other" \\ Firm', "--language", "fr", "--smtp-host", "mail.example.org").code == 0
    values = {row["key"]: row["value"] for row in shell("config", "show", "--json").data}
    assert values["organisation.name"] in {'The "Other" \\ Firm', '"The \\"Other\\" \\\\ Firm"'}
    assert "fr" in values["organisation.default_language"]
    assert "mail.example.org" in values["email.smtp.host"]


def test_init_into_a_place_that_cannot_be_written(shell: Shell) -> None:
    Path("file").write_text("", "utf-8")
    said = shell("init", "--yes", "file/below")
    assert said.code == 77
    assert "file/below" in said.err


def test_the_first_five_minutes(home: Shell) -> None:
    """What stands in the sample goes through every verb that looks and none that sends."""
    assert home("check").code == 0
    assert home("check", "--json").data["problems"] == []
    assert home("roster", "check").code == 0
    reading = home("roster", "check", "roster.csv", "--json").data
    assert reading
    dry = home("roster", "sync", "--dry-run", "--json")
    assert dry.code == 0
    assert dry.data
    assert home("config", "show").code == 0
    assert home("migrate", "--json").data["backup"] is None

    status = home("status", "--json").data
    assert status["running"] is False
    assert status["campaigns"][0]["people"] == 3
    assert "No daemon has run" in home("status").out
    plan = home("plan", "--json", "--days", "400").data
    assert set(plan) == {"waves", "warnings"}
    assert home("plan").code == 0
    assert home("queue", "list", "--json").lines == []
    assert home("queue", "retry", "--state", "refused", "--json").data == {"retried": 0, "would_retry": 0}


def test_preview_writes_the_message(home: Shell) -> None:
    said = home("preview", "--for", "1002", "--message", "notice", "--language", "fr", "--output", "pre", "--json")
    assert said.code == 0
    assert said.data["language"] == "fr"
    assert {Path(path).name for path in said.data["files"].values()} == {"notice.fr.html", "notice.fr.txt", "notice.fr.eml"}
    printed = home("preview", "--for", "anna.muster@example.com")
    assert (printed.code, "Subject: " in printed.out) == (0, True)


def test_explain_acknowledge_and_undo(home: Shell) -> None:
    story = home("explain", "1001", "--json").data
    assert story["employee"]["id"] == "1001"
    assert [step["days_before"] for step in story["steps"]] == sorted(
        (step["days_before"] for step in story["steps"]), reverse=True
    )
    assert home("explain", "anna.muster@example.com").code == 0

    assert home("acknowledge", "1001", "done", "--json").data["changed"] is True
    assert home("acknowledge", "1001", "done", "--json").data["changed"] is False
    assert home("status", "--json").data["campaigns"][0]["settled"] == 1
    (given,) = home("explain", "1001", "--json").data["answers"]["linkedin-ai-training"]
    assert (given["answer"], given["assurance"], given["channel"]) == ("done", "attested", "cli")
    assert home("acknowledge", "1001", "--undo", "--json").data["changed"] is True
    assert home("acknowledge", "1001", "--undo", "--json").data["changed"] is False
    assert home("status", "--json").data["campaigns"][0]["settled"] == 0
    assert "taken back" in home("explain", "1001").out


def test_who_cannot_be_reached_is_told_and_tried_again(home: Shell) -> None:
    """Refused for good, told by each verb that looks, and let go again once the cause is mended."""
    assert "reached by: e-mail\n" in home("explain", "1001").out
    assert home("status", "--undeliverable").out == "Every open person was reached, or is going to be.\n"
    assert home("status", "--undeliverable", "--json").lines == []
    refuse(home.folder, "1001", "550 5.1.1 no such user")
    assert "(summaries)" in home("status").out  # a letter of no single campaign is told as what it is

    ways = home("explain", "1001", "--json").data["reached_by"]
    assert [(way["channel"], way["reached"], way["why_not"]) for way in ways] == [("email", False, "550 5.1.1 no such user")]
    assert "reached by: e-mail (refused 12 Oct 2025: 550 5.1.1 no such user)" in home("explain", "1001").out
    said = {"campaign": "linkedin-ai-training", "employee_id": "1001", "reasons": ["smtp: 550 5.1.1 no such user"]}
    assert home("status", "--undeliverable", "--json").lines == [said]
    assert "smtp: 550 5.1.1 no such user" in home("status", "--undeliverable").out

    retry = ("queue", "retry", "--person", "1001")
    forgotten = {"email": "550 5.1.1 no such user"}
    assert home(*retry, "--channel", "slack", "--json").data == {"retried": 0, "would_retry": 0, "forgotten": {}}
    assert home(*retry, "--dry-run", "--json").data == {"retried": 0, "would_retry": 1, "forgotten": forgotten}
    assert "Forgotten: email refused this person (550 5.1.1 no such user).\n1 will go again." in home(*retry).out
    assert home(*retry, "--channel", "email", "--json").data == {"retried": 0, "would_retry": 0, "forgotten": {}}
    assert "reached by: e-mail\n" in home("explain", "1001").out
    assert home("status", "--undeliverable", "--json").lines == []
    assert home("queue", "retry", "--state", "refused", "--channel", "email").code == 2
    assert home("queue", "retry", "--person", "nobody").code == 2


def refuse(folder: Path, person: str, words: str) -> None:
    """This person's first reminder was refused for good in October 2025; it is still current. A letter to them has gone."""
    now = datetime(2025, 10, 12, 10, tzinfo=UTC)
    database = Database(f"sqlite:///{folder}/notifier.db")
    with database.write() as connection:
        found = employees.find(connection, person)
        assert found is not None
        row = {"campaign": "linkedin-ai-training", "employee_key": found.key, "kind": "reminder", "occasion": 30}
        row |= {"channel": "smtp", "message": "notice", "state": "refused", "reason": words, "finished_at": now}
        instants = dict.fromkeys(("created_at", "due_at", "next_at", "closes_at"), now)
        connection.execute(insert(deliveries).values(row | instants | {"expires_at": datetime(2999, 1, 1, tzinfo=UTC)}))
        letter = {"campaign": "", "kind": "organisation", "occasion": 202542, "message": "organisation", "state": "accepted"}
        connection.execute(insert(deliveries).values(row | instants | letter | {"reason": None, "expires_at": now}))
        reach.refuse(connection, [reach.Refusal(found.key, "smtp", found.employee.email, words)], now)
    database.close()


def test_hold_and_resume(home: Shell) -> None:
    assert home("hold", "a wrong text", "--json").data == {"held": "all", "reason": "a wrong text"}
    assert "ON HOLD (all)" in home("status").out
    assert home("hold", "greylisted", "--channel", "smtp").code == 0
    assert home("resume", "--channel", "smtp", "--json").data["lifted"] == 1
    assert home("resume", "--json").data["lifted"] == 1
    assert home("resume", "--json").data["lifted"] == 0


def test_a_hold_of_a_channel_that_does_not_exist_is_refused(home: Shell) -> None:
    """A hold that holds nothing would let a wrong text go on."""
    said = home("hold", "a wrong text", "--channel", "smpt")
    assert (said.code, "smtp" in said.err) == (2, True)
    assert home("status", "--json").data["holds"] == []


def test_backup_makes_a_store_that_can_be_used(home: Shell) -> None:
    said = home("backup", "copy.db", "--json")
    assert said.code == 0
    assert said.data["bytes"] == Path("copy.db").stat().st_size
    assert home("status", "--set", "storage.url=sqlite:///copy.db", "--json").data["campaigns"][0]["people"] == 3
    assert home("backup", "copy.db").code == 75
    assert home("backup", "no/such/folder/copy.db").code == 75


def test_simulate_tells_each_delivery(home: Shell) -> None:
    arguments = (
        "simulate",
        "--from",
        "2025-10-01",
        "--to",
        "2025-11-10",
        "--set",
        "campaigns.linkedin-ai-training.deadline=2025-11-03",
    )
    said = home(*arguments, "--json")
    assert said.code == 0
    names = [
        "employee_id",
        "email",
        "campaign",
        "days_before",
        "message",
        "channel",
        "language",
        "at",
        "state",
        "reason",
        "subject",
    ]
    assert all(list(line) == names for line in said.lines)
    assert {line["employee_id"] for line in said.lines} == {"1001", "1002", "1003"}
    assert "accepted" in home(*arguments).out
    assert home("simulate", "--from", "2025-11-10", "--to", "2025-10-01").code == 2


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: Shell, name: str) -> None:
    said = shell("completion", name)
    assert (said.code, "_NOTIFIER_COMPLETE" in said.out) == (0, True)


STORE_VERBS = [
    ("status",),
    ("explain", "1001"),
    ("queue", "list"),
    ("queue", "retry", "--state", "refused"),
    ("hold", "why"),
    ("resume",),
    ("acknowledge", "1001", "done"),
    ("backup", "copy.db"),
    ("plan",),
    ("roster", "sync", "--dry-run"),
]
VERBS = [*STORE_VERBS, ("check",), ("roster", "check"), ("roster", "sync"), ("config", "show"), ("migrate",), ("run",)]
VERBS += [("preview", "--for", "1001"), ("simulate", "--from", "2025-10-01", "--to", "2025-10-02")]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_without_a_configuration_each_verb_says_so(shell: Shell, verb: tuple[str, ...]) -> None:
    said = shell(*verb, "--config", "nowhere.toml")
    assert said.code == 78
    assert "nowhere.toml" in said.err


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_configuration_of_garbage_is_named(shell: Shell, verb: tuple[str, ...]) -> None:
    Path("config.toml").write_bytes(b"\x00\xff\xfe not = [ toml")
    said = shell(*verb)
    assert said.code == 78
    assert "config.toml" in said.err


@pytest.mark.parametrize("verb", STORE_VERBS, ids=" ".join)
def test_an_empty_store_is_said_in_words(shell: Shell, verb: tuple[str, ...]) -> None:
    shell("init", "--yes")
    Path("config.toml").write_text(Path("config.toml").read_text("utf-8").replace('username = "notifier"', ""), "utf-8")
    said = shell(*verb)
    assert said.code == 78
    assert "the store is empty" in said.err
    assert "notifier migrate" in said.err


@pytest.mark.parametrize(
    "verb", [*STORE_VERBS, ("roster", "sync"), ("migrate",), ("preview", "--for", "1001"), ("run",)], ids=" ".join
)
def test_a_store_that_is_none_is_said_in_words(home: Shell, verb: tuple[str, ...]) -> None:
    """Somebody wrote another file over it, or storage.url names the wrong one."""
    for path in Path().glob("notifier.db*"):
        path.unlink()
    Path("notifier.db").write_bytes(b"this is no database\n" * 500)
    said = home(*verb)
    assert said.code == 75
    assert "not a database" in said.err
    assert "→" in said.err


@pytest.mark.parametrize("verb", [*STORE_VERBS, ("roster", "sync"), ("migrate",), ("run",)], ids=" ".join)
def test_a_store_in_a_folder_that_is_not_there(home: Shell, verb: tuple[str, ...]) -> None:
    said = home(*verb, "--set", f"storage.url=sqlite:///{os.fspath(home.folder)}/missing/notifier.db")
    assert said.code == 75
    assert "unable to open" in said.err


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100, b"a,b\n1,2\n", b"PK\x03\x04 broken zip"],
    ids=["empty", "zeroes", "other columns", "half a workbook"],
)
@pytest.mark.parametrize(
    "verb", [("check",), ("roster", "check"), ("roster", "check", "roster.csv"), ("roster", "sync")], ids=" ".join
)
def test_a_broken_roster_is_bad_data(home: Shell, verb: tuple[str, ...], content: bytes) -> None:
    Path("roster.csv").write_bytes(content)
    said = home(*verb)
    assert said.code == 65
    assert "roster.csv" in said.err


def test_a_roster_of_nobody_is_not_good(home: Shell) -> None:
    """An export that went wrong and left the header only."""
    Path("roster.csv").write_text("id;mail\n;;;\n", "utf-16")
    said = home("check")
    assert (said.code, "nobody" in said.err) == (65, True)
    assert home("roster", "sync").code == 65


def test_a_folder_that_is_no_maildir_is_not_good(home: Shell) -> None:
    """The file of a mailbox, as mail programs of the old kind keep it."""
    Path("privacy").write_text("From MAILER-DAEMON\n", "utf-8")
    text = Path("config.toml").read_text("utf-8")
    table = "[email.bounces]\n"
    Path("config.toml").write_text(text.replace(table, f'{table}via = "maildir"\nfolder = "privacy"\n'), "utf-8")
    said = home("check")
    assert (said.code, f"email.bounces.folder: {home.folder}/privacy is no Maildir; it is a file" in said.err) == (78, True)


def test_a_missing_roster_is_bad_data(home: Shell) -> None:
    Path("roster.csv").unlink()
    for verb in (("check",), ("roster", "check"), ("roster", "sync"), ("simulate", "--from", "2025-10-01", "--to", "2025-10-02")):
        said = home(*verb)
        assert (said.code, "roster.csv" in said.err) == (65, True), verb


@pytest.mark.parametrize(
    "verb", [("explain", "nobody"), ("acknowledge", "nobody", "done"), ("preview", "--for", "nobody")], ids=" ".join
)
def test_an_unknown_person_is_named(home: Shell, verb: tuple[str, ...]) -> None:
    said = home(*verb)
    assert said.code == 2
    assert "'nobody'" in said.err


def test_what_makes_no_sense_is_a_usage_error(home: Shell) -> None:
    for verb in (
        ("acknowledge", "1001"),
        ("acknowledge", "1001", "maybe"),
        ("acknowledge", "1001", "done", "--undo"),
        ("acknowledge", "1001", "done", "--campaign", "other"),
        ("queue", "retry"),
        ("queue", "retry", "7", "--state", "refused"),
        ("queue", "list", "--state", "lost"),
        ("preview", "--for", "1001", "--campaign", "other"),
        ("plan", "--days", "0"),
        ("simulate", "--from", "yesterday", "--to", "2025-10-02"),
        ("simulate", "--from", "2025-10-01", "--to", "2025-10-02", "--answer-rate", "2"),
        ("completion", "tcsh"),
    ):
        said = home(*verb)
        assert (said.code, bool(said.err)) == (2, True), verb


def test_a_text_that_does_not_exist_is_named(home: Shell) -> None:
    said = home("preview", "--for", "1001", "--message", "no-such-text")
    assert said.code in {65, 78}
    assert "no-such-text" in said.err


def test_missing_and_broken_link_keys_are_named(home: Shell) -> None:
    Path("link-keys").unlink()
    for verb in (("check",), ("plan",), ("explain", "1001"), ("preview", "--for", "1001"), ("run",)):
        said = home(*verb)
        assert (said.code, "link-keys" in said.err) == (78, True), verb
    Path("link-keys").write_bytes(b"\xff\xfenonsense")
    for verb in (("check",), ("plan",)):
        said = home(*verb)
        assert (said.code, "link-keys" in said.err) == (78, True), verb
    Path("link-keys").unlink()
    write_new_keys(Path("link-keys"))
    assert home("plan").code == 0


def test_a_halved_roster_is_refused_until_it_is_meant(home: Shell) -> None:
    header, *_ = Path("roster.csv").read_text("utf-8").splitlines()
    many = [f"{n},p{n}@example.com,Zoé,Exemple,fr,Europe/Zurich,CH,GE,Sales," for n in range(100)]
    Path("roster.csv").write_text("\n".join([header, *many]) + "\n", "utf-8")
    assert home("roster", "sync").code == 0
    Path("roster.csv").write_text("\n".join([header, *many[:50]]) + "\n", "utf-8")

    assert "would be refused" in home("roster", "sync", "--dry-run").out
    refused = home("roster", "sync")
    assert (refused.code, "--accept-changes" in refused.err) == (65, True)
    assert home("status", "--json").data["campaigns"][0]["people"] == 100
    assert home("roster", "sync", "--accept-changes", "50", "--json").code == 0
    assert home("status", "--json").data["campaigns"][0]["people"] == 50
