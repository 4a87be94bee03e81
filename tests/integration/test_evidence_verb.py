"""The verbs about evidence, and the entries that other verbs leave in the ledger."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.cli.app import run
from notifier.cli.options import operator
from notifier.service import write_new_keys
from notifier.store import ledger
from notifier.store.database import Database
from tests.evidence_rig import pack, taken_apart

CONFIGURATION = """
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[email]
from = "Privacy Office <privacy@example.com>"
[campaigns.linkedin-ai-training]
deadline = 2099-11-03
steps = [{ days_before = 30, message = "notice" }]
"""
PEOPLE = "id,email,given name,family name,language,time zone,country\n" + "".join(
    f"{n},p{n}@example.com,Zoé,Exemple {n},fr,Europe/Zurich,CH\n" for n in range(1, 4)
)

Do = Callable[..., str]


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Do:
    """Run a verb in a folder with a configuration and three people; what it says, both to people and to machines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIGURATION, "utf-8")
    (tmp_path / "roster.csv").write_text(PEOPLE, "utf-8")
    write_new_keys(tmp_path / "link-keys")

    def do(*arguments: str, code: int = 0) -> str:
        assert run(arguments) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    do("roster", "sync", "--accept-changes", "3")
    return do


def test_what_an_operator_does_on_the_command_line_is_in_the_ledger(do: Do, tmp_path: Path) -> None:
    do("hold", "a wrong text", "--channel", "smtp")
    do("resume")
    do("queue", "retry", "--state", "refused")
    do("queue", "retry", "--person", "2", "--channel", "email")
    do("queue", "retry", "--person", "2", "--dry-run")
    do("acknowledge", "1", "done")
    do("acknowledge", "1", "--undo")
    do("acknowledge", "1", "--undo")
    do("evidence", "export", "e.zip")
    database = Database(f"sqlite:///{tmp_path}/notifier.db")
    with database.read() as connection:
        told = [(one.event, one.actor, one.employee_key, dict(one.facts)) for one in list(ledger.tell(connection))[::-1]]
        reasons = [one.personal["reason"] for one in ledger.tell(connection) if "reason" in (one.personal or {})]
    database.close()
    who = operator()
    assert told[:6] == [
        ("roster changes accepted", who, None, {"accepted": 3, "size": 3}),
        ("hold placed", who, None, {"scope": "smtp"}),
        ("hold lifted", who, None, {"scope": "all", "lifted": 1, "only_one": False}),
        ("queue retry", who, None, {"count": 0, "state": "refused", "named": 0}),
        ("queue retry", who, 2, {"count": 0, "rungs": "email"}),
        ("undone on behalf", who, 1, {}),
    ]
    assert [event for event, *_ in told[6:]] == ["roster applied", "answered", "answer taken back", "evidence exported"]
    assert told[7][1] == who
    assert reasons == ["a wrong text"]


def test_evidence_is_exported_checked_and_shown(do: Do, tmp_path: Path) -> None:
    assert "Nothing is sealed yet" in do("evidence", "head")
    do("acknowledge", "1", "done")
    said = do("evidence", "export", "e.zip", "--lang", "fr")
    assert "e.zip: 4 entries, checked." in said  # the roster, its acceptance, the answer, and the export
    file = tmp_path / "e.zip"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    head = do("evidence", "head").splitlines()[-1]
    assert said.splitlines()[-1] == head
    assert do("evidence", "verify", "e.zip", head).startswith("ok: linkedin-ai-training, ")
    assert json.loads(do("evidence", "head", "--json"))["head"]["hash"] == head
    assert json.loads(do("evidence", "verify", "e.zip", "--json"))["ok"] is True
    assert '<html lang="fr">' in taken_apart(file)["report.html"].decode()
    assert list(tmp_path.glob("*.unfinished")) == []


def test_an_archive_never_replaces_a_file_and_a_wrong_place_is_said(do: Do, tmp_path: Path) -> None:
    (tmp_path / "e.zip").write_text("mine")
    assert "e.zip exists already" in do("evidence", "export", "e.zip", code=1)
    assert (tmp_path / "e.zip").read_text() == "mine"
    assert "could not be written to nowhere/e.zip: No such file" in do("evidence", "export", "nowhere/e.zip", code=1)


def test_a_bad_archive_ends_with_65_and_says_what_is_wrong(do: Do, tmp_path: Path) -> None:
    do("acknowledge", "1", "done")
    exported = json.loads(do("evidence", "export", "e.zip", "--without-names", "--json"))
    assert exported["entries"] == exported["head"]["last"]
    files = taken_apart(tmp_path / "e.zip")
    pack(tmp_path / "bad.zip", files | {"answers.csv": files["answers.csv"].replace(b"done", b"help")})
    said = do("evidence", "verify", "bad.zip", code=65)
    assert "bad.zip does not prove what it says: 2 findings" in said
    assert "answers.csv: the row of position" in said
    assert "is not in this chain" in do("evidence", "verify", "e.zip", "0" * 64, code=65)
