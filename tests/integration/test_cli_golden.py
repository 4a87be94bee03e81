"""What a person reads: outputs that stay the same as long as nobody means to change them.

To change one on purpose: run the command in a folder made by `folder` below, read what it says, and put it into tests/golden/cli.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.cli.app import run
from notifier.service import write_new_keys

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"

CONFIGURATION = """
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[email]
from = "Privacy Office <privacy@example.com>"
[campaigns.linkedin-ai-training]
deadline = 2025-11-03
steps = [
  { days_before = 30, message = "notice" },
  { days_before = 1, message = "last-call" },
  { days_before = -3, message = "overdue" },
]
"""
ROSTER = """id,email,given name,family name,language,time zone,country,region,leave until
1,ada@example.com,Ada,Beispiel,de,Europe/Zurich,CH,ZH,
2,chloe@example.com,Chloé,Exemple,fr,Europe/Zurich,CH,GE,2025-10-31
3,liam@example.com,Liam,Sydney,,Australia/Sydney,AU,NSW,
,nobody@example.com,No,Id,,,,,
5,not-an-address,No,Address,,,,,
"""
SAID = {
    "simulate": ("simulate", "--from", "2025-10-01", "--to", "2025-11-10"),
    "queue-list-empty": ("queue", "list"),
    "hold": ("hold", "a wrong text"),
    "resume": ("resume",),
    "queue-retry-nothing": ("queue", "retry", "--state", "refused"),
    "nobody-by-that-name": ("explain", "nobody"),
    "no-such-campaign": ("acknowledge", "1", "done", "--campaign", "other"),
    "no-configuration": ("status", "--config", "nowhere.toml"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIGURATION, "utf-8")
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
    write_new_keys(tmp_path / "link-keys")
    return tmp_path


@pytest.mark.parametrize("name", SAID)
def test_what_a_command_says(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    run(["roster", "sync"])
    if name == "resume":
        run(["hold", "a wrong text"])
    capsys.readouterr()
    code = run(SAID[name])
    captured = capsys.readouterr()
    said = f"$ notifier {' '.join(SAID[name])}\n{captured.out}{captured.err}[{code}]\n".replace(str(folder), "FOLDER")
    assert said == (GOLDEN / f"{name}.txt").read_text("utf-8")
