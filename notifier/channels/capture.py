"""A channel that hands messages to a function in place of a provider: for simulations."""

from __future__ import annotations

from collections.abc import Callable

from notifier.channels.base import Outgoing, Receipt


class CaptureChannel:
    """Stands in for the channel of that name; every message is taken at once."""

    concurrency = 8
    resend_when_uncertain = True

    def __init__(self, name: str, captured: Callable[[Outgoing], None] = lambda _: None) -> None:
        self.name = name
        self._captured = captured

    async def send(self, outgoing: Outgoing) -> Receipt:
        self._captured(outgoing)
        return Receipt("captured")

    async def close(self) -> None:
        """There is nothing to let go of."""
