"""Why a delivery ended unsent, in the words that stand in its row. Some of them decide whether it may come back."""

from __future__ import annotations

ANSWERED = "answered"
LEFT = "left the organisation"
UNCONFIGURED = "no longer in the configuration"
UNREACHABLE = "no channel reaches this person"
