"""What a check found, in words for an admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notifier.errors import NotifierError

_SOON = 21  # days


class State(StrEnum):
    """How it stands. Only a problem keeps the service from doing its work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        area: "Mail server"; findings of one area stand together.
        name: what was looked at: "login".
        found: what is there, as a phrase. Never a secret.
        advice: what to do, or what to know about it.
    """

    area: str
    name: str
    state: State
    found: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """Makes the findings of one area."""

    name: str

    def ok(self, name: str, found: str, advice: str | None = None) -> Finding:
        return Finding(self.name, name, State.OK, found, advice)

    def warning(self, name: str, found: str, advice: str | None) -> Finding:
        return Finding(self.name, name, State.WARNING, found, advice)

    def problem(self, name: str, found: str, advice: str | None) -> Finding:
        return Finding(self.name, name, State.PROBLEM, found, advice)

    def failed(self, name: str, error: NotifierError) -> Finding:
        return self.problem(name, str(error), error.hint)

    def until(self, name: str, what: str, ends: datetime, now: datetime, advice: str, *, soon: int = _SOON) -> Finding:
        """How long something is still valid.

        Args:
            what: "the certificate".
            advice: what to do about it once the end comes near.
            soon: days before the end from which on it is a warning.
        """
        days = (ends - now).days
        if ends <= now:
            return self.problem(name, f"{what} ended on {ends:%Y-%m-%d}", advice)
        found = f"{what} is valid until {ends:%Y-%m-%d}, {days} more {'day' if days == 1 else 'days'}"
        return self.warning(name, found, advice) if days < soon else self.ok(name, found)


def worst(findings: list[Finding]) -> State:
    """The state of all of them together."""
    states = {finding.state for finding in findings}
    return State.PROBLEM if State.PROBLEM in states else State.WARNING if State.WARNING in states else State.OK
