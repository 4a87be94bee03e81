"""The verb `notifier doctor`, typed by an admin."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from notifier.cli.app import run


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 78
    assert run(["init", "--yes"]) == 0
    by_file = ("doctor", "--set", "email.via=file")
    capsys.readouterr()
    assert run([*by_file, "--json", "--set", "web.base_url=http://127.0.0.1:9"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"state", "findings"}
    assert {tuple(one) for one in report["findings"]} == {("area", "name", "state", "found", "advice")}
    assert {one["state"] for one in report["findings"]} == {"ok", "warning"}

    Path("link-keys").chmod(0o644)
    assert run([*by_file, "--set", "web.base_url=http://127.0.0.1:9"]) == 1
    out = capsys.readouterr().out
    assert "\nMachine\n  PROBLEM  secrets" in out
    assert f"everybody on this machine may read {tmp_path}/link-keys\n           → chmod 600 {tmp_path}/link-keys\n" in out
    assert "1 problem, " in out
    assert not Path("outgoing").exists()

    to = (*by_file, "--send-test", "zoe@example.com")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(to) == 2
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    assert run(to) == 130
    assert not Path("outgoing").exists()
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    assert run(to) == 0
    assert run([*to, "--yes"]) == 0
    assert len(list(Path("outgoing").iterdir())) == 2
    assert "Traceback" not in capsys.readouterr().err
