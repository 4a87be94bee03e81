"""The systemd unit keeps its promises: a tight sandbox, and no restart where starting again mends nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from notifier import errors
from notifier.settings import schema

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "notifier.service"


def test_the_sandbox_stays_tight() -> None:
    """systemd's own judgement, from 0 (tight) to 10, is at most 1.5."""
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("no systemd here; .ci/run brings one")
    command = [analyse, "security", "--offline=true", "--threshold=15", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_restart_cannot_mend_stays_stopped() -> None:
    found = re.search(r"^RestartPreventExitStatus=(.+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    lasting = (errors.UsageError, errors.BadDataError, errors.NotPermittedError, errors.ConfigurationError)
    assert {int(code) for code in found[1].split()} == {one.exit_code for one in lasting}


def test_credentials_are_named_after_secrets() -> None:
    named = re.findall(r"LoadCredential=(\w+):", UNIT.read_text("utf-8"))
    assert {tuple(name.split("__")) for name in named} == set(schema.secrets())
