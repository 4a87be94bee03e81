"""What the doctor says of the machine: files, disk, Python, limits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.doctor import machine, secrets_kept
from notifier.doctor.findings import Finding, State
from tests.doctor_rig import settings_in, smtp_table

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
OLD = dict.fromkeys(machine.TRAPS, "99") | {"aiosmtplib": "5.1.1"}


def test_files_with_secrets_are_closed(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    password.chmod(0o600)
    table = smtp_table(25, username="notifier", password="secret", password_file=password)
    settings = settings_in(tmp_path, email=table)
    assert {key for key, _ in secrets_kept.secret_files(settings)} == {"links.keys_file", "email.smtp.password_file"}
    assert [one.state for one in secrets_kept.look_at_secret_files(settings)] == [State.OK]
    for mode, words in ((0o604, "everybody on this machine may read"), (0o620, "others may write")):
        password.chmod(mode)
        (one,) = secrets_kept.look_at_secret_files(settings)
        assert (one.state, words in one.found, one.advice) == (State.PROBLEM, True, f"chmod 600 {password}")
    password.unlink()
    settings.links.keys_file.unlink()
    (one,) = secrets_kept.look_at_secret_files(settings)
    assert "is missing" in one.found


MOUNTS = """22 1 0:21 / / rw,relatime shared:1 - {root} /dev/sda1 rw
23 22 0:22 / /srv rw - ext4 /dev/sdb1 rw
24 23 0:23 / /srv/our\\040files rw,relatime master:1 - nfs4 server:/files rw
"""


@pytest.mark.parametrize(
    ("folder", "root", "kind", "state"),
    [
        ("/var/lib", "overlay", "overlay", State.WARNING),
        ("/var/lib", "xfs", "xfs", State.OK),
        ("/srv/our files/x", "xfs", "nfs4", State.PROBLEM),
        ("/srv/our", "xfs", "ext4", State.OK),
        ("/srv2", "cifs", "cifs", State.PROBLEM),
    ],
)
def test_the_filesystem_of_the_store(tmp_path: Path, folder: str, root: str, kind: str, state: State) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(root=root))
    assert machine.filesystem_of(Path(folder), mounts.read_text()) == kind
    (one,) = machine.look_at_filesystem(Path(folder) / "notifier.db", mounts)
    assert (one.state, one.found.startswith(kind)) == (state, True)
    assert machine.look_at_filesystem(Path(folder) / "notifier.db", tmp_path / "none")[0].state is State.OK


@pytest.mark.parametrize(
    ("look", "state", "words"),
    [
        (lambda: machine.look_at_python(guarded=True), "ok", "refuses broken mail headers itself"),
        (lambda: machine.look_at_python(guarded=False), "warning", "CVE-2024-6923"),
        (machine.look_at_libraries, "ok", "aiosmtplib 5."),
        (
            lambda: machine.look_at_libraries(dict.fromkeys(machine.TRAPS, "99") | {"aiosmtplib": "5.1.1"}),
            "problem",
            "CVE-2026-55558",
        ),
        (lambda: machine.look_at_time_zones(NOW, ()), "ok", "rules of 20"),
    ],
)
def test_python_and_its_libraries(look: Callable[[], list[Finding]], state: str, words: str) -> None:
    (one,) = look()
    assert (one.state.value, words in one.found) == (state, True), one


def test_old_rules_of_time_zones(tmp_path: Path) -> None:
    (tmp_path / "tzdata.zi").write_text("# version 2024a\n")
    (one,) = machine.look_at_time_zones(NOW, [str(tmp_path)])
    assert (one.state, one.found) == (State.WARNING, "rules of 2024a")


def test_room_for_files_and_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_in(tmp_path)
    assert [machine.look_at_open_files(settings, limit)[0].state for limit in (64, 1024)] == [State.WARNING, State.OK]
    for free, state in ((5_000_000, State.PROBLEM), (500_000_000, State.WARNING), (5_000_000_000, State.OK)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(0, 0, free))
        assert [one.state for one in machine.look_at_disk(tmp_path / "notifier.db")] == [state]
