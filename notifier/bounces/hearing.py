"""Bounces are heard: from a mailbox into the store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from notifier.bounces.imap import LoginRefusedError
from notifier.bounces.mailbox import AT_ONCE, Mailbox
from notifier.domain.bounces import read_bounce
from notifier.domain.ladder import Ladders
from notifier.store import bounces
from notifier.store.bounces import Heard
from notifier.store.database import Database

TokenProvider = Callable[[str | None], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Hearing:
    """What one visit brought, in mails.

    Attributes:
        refused: deliveries that count as refused now.
        known: bounces that said nothing new.
        is_all: nothing is left to be looked at.
    """

    refused: int
    known: int
    is_all: bool


class BounceReader:
    """Reads one mailbox.

    Args:
        tokens: gives a token to log in with, and another one in place of one that was refused.
    """

    def __init__(self, mailbox: Mailbox, database: Database, ladders: Ladders, tokens: TokenProvider | None = None) -> None:
        self._mailbox = mailbox
        self._database = database
        self._ladders = ladders
        self._tokens = tokens

    async def read(self, now: datetime) -> Hearing:
        """Look at mails that nobody has looked at.

        Raises:
            NotPermittedError, TryLaterError, ConfigurationError: the mailbox cannot be read.
            StoreError: the store cannot be written; the mail is read again.
        """
        token = await self._tokens(None) if self._tokens else None
        try:
            return await asyncio.to_thread(self._visit, token, now)
        except LoginRefusedError:
            if self._tokens is None:
                raise
        return await asyncio.to_thread(self._visit, await self._tokens(token), now)

    def _visit(self, token: str | None, now: datetime) -> Hearing:
        heard: Counter[Heard] = Counter()
        with self._mailbox.visit(token) as visit:
            for handle, raw in visit.mails():
                meant = self._hear(raw, now)
                heard[meant] += 1
                if meant is Heard.FOREIGN:
                    visit.leave(handle)
                elif meant is not Heard.TOO_EARLY:
                    visit.put_away(handle)
        return Hearing(heard[Heard.NEWS], heard[Heard.KNOWN], heard.total() < AT_ONCE or heard[Heard.TOO_EARLY] > 0)

    def _hear(self, raw: bytes, now: datetime) -> Heard:
        bounce = read_bounce(raw)
        if bounce is None:
            return Heard.FOREIGN
        with self._database.write() as connection:
            return bounces.hear(connection, bounce, now, self._ladders)
