"""The contract of a mailbox that mails come back to.

What is no bounce of ours is left exactly as it was found: people's answers stay unread. What was heard is put away once the store
has it: an interruption between the two means that it is read again, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

AT_ONCE = 100
"""So many mails are looked at in one visit."""


class Visit(Protocol):
    """A mailbox that is open."""

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """At most `AT_ONCE` mails that nobody has looked at, each with a handle, and no more of each than a bounce needs.

        Raises:
            NotPermittedError, TryLaterError: they cannot be read.
        """

    def put_away(self, handle: str) -> None:
        """It was heard, and is not read again."""

    def leave(self, handle: str) -> None:
        """It is none of ours: it stays as it is, and this process does not read it again."""


class Mailbox(Protocol):
    """See the head of this module. It is used from one thread at a time."""

    def visit(self, token: str | None = None) -> AbstractContextManager[Visit]:
        """Open the mailbox for as long as the block lasts.

        Args:
            token: to log in with, where the mailbox wants one.

        Raises:
            LoginRefusedError: of `notifier.bounces.imap`, where another token may help.
            NotPermittedError, TryLaterError: it cannot be opened.
        """

    def try_out(self, token: str | None = None) -> None:
        """See whether mails can be read and put away, and change nothing. Raises as `visit` and `Visit.mails` do."""
