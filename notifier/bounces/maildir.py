"""Bounces in a Maildir, as Postfix, Exim and Dovecot keep one.

What was heard moves to the subfolder `.processed` of the same Maildir and counts as seen there; nothing is ever deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from notifier.bounces.mailbox import AT_ONCE
from notifier.domain.bounces import LARGEST
from notifier.errors import ConfigurationError, NotPermittedError

_PROCESSED = ".processed"
_HINT = "name a Maildir, with new and cur in it, and let the service's user read and write there"


def require_maildir(folder: Path) -> None:
    """Raises ConfigurationError where it has not the form of a Maildir, NotPermittedError where that cannot be seen."""
    try:
        missing = [part for part in ("new", "cur") if not (folder / part).is_dir()]
        what = "a file" if folder.is_file() else f"a folder without {' and '.join(missing)}" if folder.exists() else "not there"
    except OSError as error:
        msg = f"email.bounces.folder: {folder} cannot be looked at: {error.strerror or error}"
        raise NotPermittedError(msg, hint=_HINT) from error
    if missing:
        msg = f"email.bounces.folder: {folder} is no Maildir; it is {what}"
        raise ConfigurationError(msg, hint="name the folder that new and cur stand in; other mailboxes are read with imap")


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
            raise NotPermittedError(msg, hint=_HINT) from error

    def try_out(self, token: str | None = None) -> None:
        """See `Mailbox.try_out`.

        Raises:
            ConfigurationError: it is no Maildir.
        """
        require_maildir(self._folder)
        with self.visit(token) as visit:
            next(visit.mails(), None)
        processed = self._folder / _PROCESSED / "cur"
        target = processed if processed.exists() else self._folder
        for folder in (target, self._folder / "new", self._folder / "cur"):
            if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                msg = f"email.bounces.folder: this user may not write into {folder}"
                raise NotPermittedError(msg, hint="let the service's user read and write there: what was heard is moved")

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
