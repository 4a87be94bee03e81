"""What a failed try means, and when to try again: pure arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """What became of a message that was not simply taken. What each means stands in `channels/base.py`."""

    PERMANENT = "permanent"
    CONTENT = "content"
    TEMPORARY = "temporary"
    UNCERTAIN = "uncertain"
    SENDER = "sender"


_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=4)
_SPREAD = 0.2
_SCATTERED_TRIES = 2
_GATHERED = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def spread(number: int, attempt: int) -> float:
    """A number in [-1, 1] that differs between messages and tries and is the same for the same ones.

    Args:
        number: of the message.
    """
    return ((number * 2_654_435_761 + attempt * 40_503) % 2001) / 1000 - 1


def pause_before(attempt: int, spread: float) -> timedelta:
    """How long to wait after the `attempt`-th failed try (1 for the first).

    1, 2, 4 … minutes, at most 4 hours, each shortened or lengthened by up to a fifth so that a storm does not come back as one.

    Args:
        attempt: failed tries so far, at least 1.
        spread: any number in [-1, 1]; the same number gives the same pause.
    """
    doublings = min(attempt - 1, 16)
    pause = min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
    return pause * (1 + _SPREAD * spread)


def next_try(now: datetime, attempt: int, spread: float) -> datetime:
    """When to try again after the `attempt`-th failed try: after `pause_before`.

    What has failed three times waits on to the next five minutes of the clock. A provider that says "not now" to everybody for
    hours is then asked once in five minutes for all of them, and not whenever one of a thousand messages is due.
    """
    earliest = now + pause_before(attempt, spread)
    if attempt <= _SCATTERED_TRIES:
        return earliest
    return earliest + (_EPOCH - earliest) % _GATHERED
