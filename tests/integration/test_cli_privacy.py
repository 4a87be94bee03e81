"""`notifier person` and `notifier privacy`: from a shell, against a store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.cli.app import run
from notifier.store import employees, ledger
from notifier.store.database import Database
from tests import people
from tests.integration.test_cli_organisation import CONFIG

CHLOE = people.CHLOE.email


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Database:
    monkeypatch.chdir(tmp_path)
    now = datetime.now(UTC)
    Path("config.toml").write_text(CONFIG.format(deadline=(now + timedelta(days=20)).date()))
    assert run(["migrate"]) == 0
    database = Database("sqlite:///store.db")
    with database.write() as connection:
        people.move_in(connection, now)
    capsys.readouterr()
    return database


def events(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry.event for entry in ledger.tell(connection)]


def test_a_person_is_exported_and_that_is_noted(store: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["person", "export", CHLOE, "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored["employees"][0]["given_name"] == "Chloé"
    assert run(["person", "export", "3"]) == 0
    said = capsys.readouterr().out
    assert "  given_name: Chloé" in said
    assert "  event: person exported" in said
    assert events(store) == ["person exported"] * 2
    assert run(["person", "export", "nobody@example.com"]) == 2
    store.close()


def test_an_erasure_asks_says_and_does(store: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["person", "erase", CHLOE, "--yes"]) == 2
    assert "add --although-active" in capsys.readouterr().err
    assert run(["person", "erase", CHLOE, "--although-active"]) == 2  # there is no terminal to ask on
    assert "add --yes" in capsys.readouterr().err
    assert run(["person", "erase", CHLOE, "--dry-run"]) == 0
    assert "Would be taken away" in capsys.readouterr().out
    with store.read() as connection:
        assert employees.find(connection, CHLOE) is not None
    assert run(["person", "erase", CHLOE, "--although-active", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "employees: 1" in said
    assert "they come back at the next reading, as somebody new" in said
    with store.read() as connection:
        assert employees.find(connection, CHLOE) is None
        assert employees.count_active(connection) == 11
    assert events(store) == ["personal data dropped"]
    assert run(["person", "erase", "10", "--yes", "--json"]) == 0  # Jörg has left
    assert json.loads(capsys.readouterr().out)["comes_back"] is False
    store.close()


def test_the_report_is_printed_and_written(store: Database, capsys: pytest.CaptureFixture[str]) -> None:
    store.close()
    assert run(["privacy", "report"]) == 0
    assert capsys.readouterr().out.startswith("# What is stored about people: the reminders at Example SA\n")
    assert run(["privacy", "report", "--lang", "fr", "--html", "rapport.html"]) == 0
    assert 'lang="fr"' in Path("rapport.html").read_text("utf-8")
    assert run(["privacy", "report", "--html", "nowhere/report.html"]) == 2
    assert "cannot write nowhere/report.html" in capsys.readouterr().err
