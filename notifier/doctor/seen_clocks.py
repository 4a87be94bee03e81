"""What other machines' clocks said, as their answers came in (the Date header of HTTP, RFC 9110, 6.6.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime

from notifier.clock import Clock


class SeenClocks:
    """How far this machine's clock is from those of others.

    Attributes:
        ahead: by whom was asked, seconds that our clock is ahead of theirs; those of their answer's way are no matter.
    """

    def __init__(self, clock: Clock) -> None:
        self.ahead: dict[str, float] = {}
        self._clock = clock

    @contextmanager
    def watching(self, who: str) -> Iterator[Callable[[str], None]]:
        """While a question is asked. Yields what to tell the Date header of the answer to."""
        asked = self._clock.now()

        def said(header: str) -> None:
            try:
                theirs = parsedate_to_datetime(header)
            except ValueError:
                return  # none, or none that can be read
            if theirs.tzinfo is None:
                theirs = theirs.replace(tzinfo=UTC)  # "-0000" says that the zone is not known
            answered = self._clock.now()
            # The header was written somewhen between the question and the answer, and names whole seconds.
            earliest, latest = (asked - theirs).total_seconds() - 1, (answered - theirs).total_seconds()
            self.ahead[who] = earliest if earliest > 0 else min(latest, 0.0)

        yield said
