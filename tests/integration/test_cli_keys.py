"""Keys are rotated without breaking a link that is out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notifier.cli.app import run
from notifier.domain.links import Purpose, parse
from notifier.service import read_keys

PUBLIC_ID = "A" * 22


def test_links_that_went_out_keep_working(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path), "--yes"]) == 0
    keys_file = tmp_path / "link-keys"
    before = read_keys(keys_file).sign(Purpose.ACKNOWLEDGE, "c", PUBLIC_ID, 1)
    capsys.readouterr()

    assert run(["keys", "rotate", "--config", str(tmp_path / "config.toml"), "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"keys_file": str(keys_file), "current": 2}
    keys = read_keys(keys_file)
    after = keys.sign(Purpose.ACKNOWLEDGE, "c", PUBLIC_ID, 1)
    assert after != before
    for token in (before, after):
        parsed = parse(token)
        assert parsed is not None
        assert keys.matches(parsed, Purpose.ACKNOWLEDGE, "c", 1)
    assert keys_file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob("link-keys*")] == ["link-keys"]


def test_keys_that_are_missing_are_not_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new file in place of a lost one would break every link that is out."""
    assert run(["init", str(tmp_path), "--yes"]) == 0
    (tmp_path / "link-keys").unlink()

    assert run(["keys", "rotate", "--config", str(tmp_path / "config.toml")]) == 78

    assert "restore this file from its backup" in capsys.readouterr().err
    assert not (tmp_path / "link-keys").exists()
