"""What is asked, of whom, by which date, in which texts; and what can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

RECEIPT = "receipt"  # the text that confirms an answer


class Answer(StrEnum):
    """What an employee says (one of OFFERED), or that an operator has taken them out. All but HELP settle the reminder."""

    DONE = "done"
    ALREADY_OFF = "already_off"
    NO_ACCOUNT = "no_account"
    PREFER_NOT_TO_SAY = "prefer_not_to_say"
    HELP = "help"
    EXEMPT = "exempt"  # said by an operator; no employee is asked for it, and no receipt follows

    @property
    def settles(self) -> bool:
        return self is not Answer.HELP


OFFERED = tuple(answer for answer in Answer if answer is not Answer.EXEMPT)
"""What an employee can say, in the order in which it is offered."""


class Assurance(StrEnum):
    """How sure one can be that the person themselves answered, strongest first."""

    SSO = "sso"
    SLACK = "slack"
    LINK = "link"
    PROVISIONAL = "provisional"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Step:
    """One point of the countdown.

    Attributes:
        days_before: whole days before the deadline; negative for days after it.
        message: the name of the text it sends ("notice", "reminder", "last-call", "overdue").
        channels: its own ladder ("slack", "email"); empty for that of the organisation.
        everywhere: it goes out on every channel that reaches the person, not only on the first.
    """

    days_before: int
    message: str
    channels: tuple[str, ...] = ()
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Audience:
    """Who a campaign is for. An empty tuple means no restriction."""

    countries: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    not_departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as configured.

    Attributes:
        id: its name in the configuration, in links and in the folder of its texts.
        deadline: the *start* of this day, where each employee is; the last safe day is the day before.
        steps: sorted from the earliest to the latest (falling `days_before`).
        language_by_country: the language for people whose roster row names none, by country code.
        closes_after_days: days after the deadline until which links are answered and late steps may be sent.
    """

    id: str
    deadline: date
    steps: tuple[Step, ...]
    audience: Audience = Audience()
    language_by_country: Mapping[str, str] = field(default_factory=dict)
    closes_after_days: int = 90

    @property
    def closes_on(self) -> date:
        """The first day on which the campaign is over: no link is answered any more."""
        return self.deadline + timedelta(days=self.closes_after_days)
