"""`notifier summary organisation`: the figures on a terminal, for machines, and as a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from notifier.cli.app import run
from notifier.domain.campaign import Answer, Assurance
from notifier.service import write_new_keys
from notifier.store import acknowledgements
from notifier.store.database import Database
from tests import people

CONFIG = """
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
default_time_zone = "Europe/Zurich"
[web]
base_url = "http://127.0.0.1:8080"
[storage]
url = "sqlite:///store.db"
[links]
keys_file = "keys"
[email]
from = "Privacy Office <privacy@example.com>"
via = "file"
[roster]
path = "roster.csv"
[summaries]
minimum_group = 5
[campaigns.linkedin-ai-training]
deadline = {deadline}
[[campaigns.linkedin-ai-training.steps]]
days_before = 30
message = "notice"
"""


@pytest.fixture
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now = datetime.now(UTC)
    Path("config.toml").write_text(CONFIG.format(deadline=(now + timedelta(days=20)).date()))
    write_new_keys(Path("keys"))
    assert run(["migrate"]) == 0
    store = Database("sqlite:///store.db")
    with store.write() as connection:
        known = people.move_in(connection, now - timedelta(days=15))
        for id_ in ("1", "2", "3"):
            acknowledgements.record(
                connection,
                campaign="linkedin-ai-training",
                employee_key=known[id_].key,
                answer=Answer.DONE,
                assurance=Assurance.LINK,
                channel="page",
                receipt_channel="file",
                now=now - timedelta(hours=1),
            )
    store.close()


@pytest.mark.usefixtures("_house")
def test_the_figures_on_a_terminal_for_machines_and_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["summary", "organisation", "--xlsx", "figures.xlsx"]) == 0
    said = capsys.readouterr().out
    for line in ("linkedin-ai-training  12      3        9", "Support", "at most 2 of 5 settled", "Roster"):
        assert " ".join(line.split()) in " ".join(said.split())
    assert [sheet.title for sheet in openpyxl.load_workbook("figures.xlsx")][:2] == ["Campaign", "By country"]
    assert run(["summary", "organisation", "--json"]) == 0
    (figures,) = json.loads(capsys.readouterr().out)
    assert (figures["people"], figures["settled"], figures["by_answer"]["done"]) == (12, 3, 3)
    assert figures["by_department"][0] == {"cells": ["Support"], "figure": {"people": 5, "at_least": 0, "at_most": 2}}
    assert figures["curve"][-1]["settled"] == 3


@pytest.mark.usefixtures("_house")
def test_what_goes_wrong_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["summary", "organisation", "--xlsx", "nowhere/figures.xlsx"]) == 2
    assert "cannot write nowhere/figures.xlsx" in capsys.readouterr().err
    assert run(["summary", "organisation", "--send"]) == 2
    assert "summaries.organisation names nobody" in capsys.readouterr().err
    assert run(["summary", "organisation", "--campaign", "other"]) == 2
    assert "there is no campaign 'other'" in capsys.readouterr().err


@pytest.mark.usefixtures("_house")
def test_it_can_be_sent_at_once_and_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    officers = ["--set", 'summaries.organisation=["ciso@example.com", "dpo@example.com"]']
    assert run(["summary", "organisation", "--send", *officers]) == 0
    assert "2 messages to compliance officers planned" in capsys.readouterr().err
    assert run(["summary", "organisation", "--send", "--json", *officers]) == 0
    assert "0 messages to compliance officers planned" in capsys.readouterr().err
