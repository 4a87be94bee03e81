"""Bounces in a Maildir, as Postfix, Exim and Dovecot keep one.

What was heard moves to the subfolder `.processed` of the same Maildir and counts as seen there; nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from notifier.bounces.mailbox import AT_ONCE
from notifier.domain.bounces import LARGEST
from notifier.errors import NotPermittedError

_PROCESSED = ".processed"


class Maildir:
    """See the head of this module."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened before the first visit."""
        self._folder = folder
        self._left: set[str] = set()

    @contextmanager
    def visit(self, token: str | None = None) -> Iterator[Maildir]:  # noqa: ARG002 - a folder asks for none
        """See `Mailbox.visit`."""
        try:
            yield self
        except OSError as error:
            msg = f"email.bounces.folder: {self._folder} cannot be used: {error.strerror or error}"
            hint = "name a Maildir, with new and cur in it, and let the service's user read and write there"
            raise NotPermittedError(msg, hint=hint) from error

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """See `Visit.mails`. The handle is the path inside the Maildir."""
        there = sorted(f"{part}/{path.name}" for part in ("new", "cur") for path in (self._folder / part).iterdir())
        self._left.intersection_update(there)
        fresh = [handle for handle in there if handle not in self._left]
        for handle in fresh[:AT_ONCE]:
            path = self._folder / handle
            with suppress(FileNotFoundError):  # a mail program has moved it meanwhile
                if path.is_file():
                    with path.open("rb") as file:
                        yield handle, file.read(LARGEST)

    def put_away(self, handle: str) -> None:
        """See `Visit.put_away`."""
        target = self._folder / _PROCESSED
        for part in ("cur", "new", "tmp"):
            (target / part).mkdir(parents=True, exist_ok=True)
        (target / "maildirfolder").touch()
        name, _, flags = handle.partition("/")[2].partition(":2,")
        with suppress(FileNotFoundError):
            (self._folder / handle).rename(target / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}")

    def leave(self, handle: str) -> None:
        """See `Visit.leave`."""
        self._left.add(handle)
