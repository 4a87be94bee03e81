"""Mail into a folder: one `.eml` file for each message, with the bytes that would have gone over the wire.

A file is there whole or not at all, also after a crash: it is written beside its place, flushed, then renamed. A repeat replaces
it with the same bytes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from datetime import UTC
from pathlib import Path

from notifier.channels.base import DeliveryFailed, Outgoing, Receipt
from notifier.channels.mail_bytes import mail_bytes
from notifier.domain.retry import Verdict

_PAUSE = 60.0
_UNSAFE = re.compile(r"[^A-Za-z0-9@._+-]")
_LONGEST_ID = 120

_MEND = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EACCES: "no permission to write there; let the service's user write into the folder",
    errno.EPERM: "no permission to write there; let the service's user write into the folder",
    errno.EROFS: "the file system is read-only; choose a folder on another one",
    errno.ENOTDIR: "a part of its path is not a folder; choose another one",
    errno.EEXIST: "it is a file, not a folder; choose another one",
}


class FileChannel:
    """See `channels/base.py` for the contract."""

    name = "file"
    concurrency = 4
    resend_when_uncertain = True

    def __init__(self, folder: Path, *, sender: str, reply_to: str) -> None:
        """Nothing is created before the first message.

        Args:
            folder: where the files go; made when it is missing, for its owner's eyes only.
            sender, reply_to: "Name <address>".
        """
        self._folder = folder
        self._sender = sender
        self._reply_to = reply_to

    async def send(self, outgoing: Outgoing) -> Receipt:
        raw = mail_bytes(outgoing, sender=self._sender, reply_to=self._reply_to)
        name = file_name(outgoing)
        try:
            await asyncio.to_thread(_write, self._folder, name, raw)
        except OSError as error:
            reason = _MEND.get(error.errno or 0, error.strerror or str(error))
            raise DeliveryFailed(Verdict.SENDER, f"cannot write into {self._folder}: {reason}", pause_seconds=_PAUSE) from error
        return Receipt(f"written to {name}")

    async def close(self) -> None:
        """Nothing is kept open."""


def file_name(outgoing: Outgoing) -> str:
    """Sorts by the date of the message; holds nothing personal: "20251003T070000Z-0000000042-4f1c@example.com.eml"."""
    dated = outgoing.dated.astimezone(UTC)
    message_id = _UNSAFE.sub("_", outgoing.message_id)[:_LONGEST_ID]
    return f"{dated:%Y%m%dT%H%M%SZ}-{outgoing.delivery_id:010d}-{message_id}.eml"


def _write(folder: Path, name: str, raw: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{name}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
