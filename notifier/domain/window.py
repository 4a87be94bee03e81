"""The hours in which people may be written to, on their own clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` (included) to `closes` (excluded), within one day."""

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read "09:00-17:00".

        Raises:
            ValueError: it has another form, an hour that does not exist, or it closes before it opens.
        """
        match = _WINDOW.fullmatch(text.strip())
        if match is None:
            msg = "expected hours like 09:00-17:00"
            raise ValueError(msg)
        first_hour, first_minute, last_hour, last_minute = (int(part) for part in match.groups())
        window = cls(time(first_hour, first_minute), time(last_hour, last_minute))
        if window.opens >= window.closes:
            msg = "the window must open before it closes, within one day"
            raise ValueError(msg)
        return window
