"""A channel while messages are sent on it: what is in hand, how fast it goes, and how it stands with its provider."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from notifier.channels.base import Channel
from notifier.store.claims import Claimed
from notifier.store.quota import Limits
from notifier.store.tables import State

_PUT_OFF_IN_A_ROW = 3  # so many messages, each tried before, and the provider is not asked by every sender any more


@dataclass(slots=True)
class Lane:
    """One channel; what is not said to hold over passes is of the present one."""

    channel: Channel
    limits: Limits
    waiting: deque[Claimed] = field(default_factory=deque)
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    outcomes: dict[State, int] = field(default_factory=dict)
    again_at: datetime | None = None
    closed: bool = False  # nothing more to claim in this pass
    paused: bool = False  # closed because the channel itself failed
    resting: set[str] = field(default_factory=set)  # outlets that failed by themselves
    failures: int = 0  # of that kind, in a row, over passes
    put_off: int = 0  # messages told "not now" again, in a row, over passes
    doubtful: bool = False  # a claim may have been stored without our knowing
    group: int = 0  # how many rows the last claim of this pass brought
    claimed_at: float = 0.0
    flying: int = 0  # messages that have been begun and are not recorded yet
    landed: asyncio.Event = field(default_factory=asyncio.Event)  # one of them has been recorded

    @property
    def in_doubt(self) -> bool:
        """Whether the provider takes anything at all: then one message at a time is enough to ask it."""
        return self.failures > 0 or self.put_off >= _PUT_OFF_IN_A_ROW

    def begin_pass(self) -> None:
        """Forget what was true of the pass before only."""
        self.closed = self.paused = False
        self.again_at = None
        self.outcomes = {}
        self.resting = set()
        self.group = 0
