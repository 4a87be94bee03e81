"""Mail into a folder."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from notifier.channels.base import DeliveryFailed
from notifier.channels.file import FileChannel, file_name
from notifier.channels.smtp import SmtpChannel
from notifier.domain.retry import Verdict
from tests.not_root import not_root
from tests.outgoing import REPLY_TO, SENDER, outgoing
from tests.smtp_server import ScriptedServer


def channel_into(folder: Path) -> FileChannel:
    return FileChannel(folder, sender=SENDER, reply_to=REPLY_TO)


async def test_one_file_for_each_message_sorted_by_date(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "outgoing"
    channel = channel_into(folder)
    for number in (2, 10, 1):
        await channel.send(outgoing(number))
    await channel.send(outgoing(2))
    assert sorted(path.name for path in folder.iterdir()) == [
        "20251003T070000Z-0000000001-00000001.4f1c@notifier.example.com.eml",
        "20251003T070000Z-0000000002-00000002.4f1c@notifier.example.com.eml",
        "20251003T070000Z-0000000010-0000000a.4f1c@notifier.example.com.eml",
    ]


async def test_the_bytes_are_those_that_smtp_would_send(tmp_path: Path) -> None:
    await channel_into(tmp_path).send(outgoing(5))
    async with ScriptedServer() as server:
        smtp = SmtpChannel(
            host="127.0.0.1", port=server.port, security="none", sender=SENDER, reply_to=REPLY_TO, helo="notifier.example.com"
        )
        await smtp.send(outgoing(5))
        await smtp.close()
        assert _only(tmp_path).read_bytes() == server.messages[0].raw


async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """A mail holds a personal link."""
    folder = tmp_path / "outgoing"
    await channel_into(folder).send(outgoing())
    (path,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_name_is_safe_whatever_the_message_id_holds() -> None:
    message = outgoing()
    zone = timezone(timedelta(hours=2))
    hostile = replace(
        message, delivery_id=1, message_id="../../etc/\x00é" + "x" * 400, dated=datetime(2025, 10, 3, 1, 30, tzinfo=zone)
    )
    name = file_name(hostile)
    assert name.startswith("20251002T233000Z-0000000001-.._.._etc___xxx")
    assert len(name) < 200
    assert "/" not in name


async def test_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failure = await _failure(channel_into(tmp_path / "file" / "outgoing"))
    assert failure.reply == f"cannot write into {tmp_path}/file/outgoing: a part of its path is not a folder; choose another one"


async def test_a_missing_permission_is_named(tmp_path: Path) -> None:
    locked = _locked(tmp_path / "outgoing")
    with not_root():
        failure = await _failure(channel_into(locked))
    assert "no permission to write there" in failure.reply


async def test_a_write_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """As on a full disk: half a file must never look like a mail, and the old one stays."""
    channel = channel_into(tmp_path)
    await channel.send(outgoing(1))
    whole = _only(tmp_path).read_bytes()
    with _largest_file(200):
        failure = await _failure(channel)
    assert failure.verdict is Verdict.SENDER
    assert _only(tmp_path).read_bytes() == whole


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
async def test_a_full_disk_is_told_in_plain_words(tmp_path: Path) -> None:
    name = file_name(outgoing())
    (tmp_path / f".{name}.part").symlink_to("/dev/full")
    failure = await _failure(channel_into(tmp_path))
    assert (failure.verdict, failure.pause_seconds) == (Verdict.SENDER, 60)
    assert failure.reply == f"cannot write into {tmp_path}: the disk is full; free some space"
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the shortest way to say it


def _only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def _locked(folder: Path) -> Path:
    folder.mkdir(mode=0o500)
    return folder


async def _failure(channel: FileChannel) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await channel.send(outgoing())
    return caught.value
