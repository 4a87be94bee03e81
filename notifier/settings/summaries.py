"""The keys that say what managers and compliance officers are told, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from notifier.domain.teams import Detail
from notifier.settings.kinds import Country, Says, Whole, WrongValueError
from notifier.settings.microsoft import Address
from notifier.settings.refresh import WEEKDAYS
from notifier.settings.section import Section, first_repeated

_SENTENCE = re.compile(rf"({'|'.join(WEEKDAYS)})\s+(\d{{1,2}}):(\d{{2}})", re.IGNORECASE)
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class WeeklyTime:
    """A moment that comes back every week, on the reader's own clock.

    Attributes:
        weekday: Monday is 0.
    """

    weekday: int
    at: time


def parse_weekly(text: str) -> WeeklyTime | None:
    """Read "mon 08:00"; None for "never" and for anything else."""
    match = _SENTENCE.fullmatch(text.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        return None
    return WeeklyTime(WEEKDAYS.index(match[1].lower()), time(int(match[2]), int(match[3])))


def _weekly(text: str) -> str:
    if text.strip().lower() == _NEVER:
        return _NEVER
    if parse_weekly(text) is None:
        hour = re.search(r"\b([01]?\d|2[0-3]):([0-5]\d)\b", text)
        day = next((name for name in WEEKDAYS if re.search(rf"\b{name}", text, re.IGNORECASE)), "mon")
        written = f"{day} {int(hour[1]):02}:{hour[2]}" if hour else f"{day} 08:00"
        raise WrongValueError(wanted="a day of the week and a time of day", fix=f'write "{written}", or "{_NEVER}"')
    return text


WeeklyText = Annotated[str, AfterValidator(_weekly), Says("a day of the week and a time of day", '"mon 08:00"')]
DetailName = Literal["counts", "open_names"]


class Summaries(Section):
    """What managers and compliance officers are told once a week."""

    managers: WeeklyText = "mon 08:00"
    """When managers are told how far their people are, on their own clock; on a holiday, the next working day. Or "never"."""
    organisation: tuple[Address, ...] = ()
    """Who is told how far the organisation is: compliance officers, by mail. They need not be in the roster."""
    organisation_at: WeeklyText = "mon 08:00"
    """When they are told, in organisation.default_time_zone; or "never"."""
    manager_detail: DetailName = "counts"
    """counts: managers see how many are open. open_names: which of their direct reports are. Ask your works council first."""
    manager_detail_by_country: dict[Country, DetailName] = Field(default_factory=dict)
    """The same for people in some countries, in place of manager_detail: DE = "counts"."""
    minimum_group: Whole = Field(default=10, ge=5, le=1000)
    """Counts are shown for so many people and more; smaller teams see the group around. A campaign keeps what it began with."""

    @field_validator("organisation")
    @classmethod
    def _each_once(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        if (index := first_repeated([address.casefold() for address in addresses])) is not None:
            raise WrongValueError(
                wanted="each address once",
                fix=f'take one "{addresses[index]}" out',
                says="stands there more than once",
                key=(index,),
            )
        return addresses

    @property
    def detail(self) -> Detail:
        """What managers see of people whose country has no rule of its own."""
        return Detail(self.manager_detail)

    @property
    def detail_by_country(self) -> dict[str, Detail]:
        """What managers see of people in these countries."""
        return {country: Detail(name) for country, name in self.manager_detail_by_country.items()}
