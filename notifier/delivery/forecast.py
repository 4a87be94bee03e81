"""What will go out when, and whether it can: the waves of the coming steps at the speed the provider allows.

A model of the dispatcher on paper: each channel on its own, first come, first served, never faster than the limits of its outlets
together, only inside the window of the people's own zone; what the window closes on goes on at its next opening, until the step is
no longer current. Nobody is taken to be refused who has not been yet.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count as count_from

from notifier.domain.campaign import Audience, Campaign
from notifier.domain.countdown import Place, PlannedStep, local_date
from notifier.domain.employee import choose_language
from notifier.domain.ladder import Ladder, rung_of
from notifier.store.quota import Limits
from notifier.store.stories import OpenGroup

_DAY = timedelta(days=1)

NextOpening = Callable[[datetime, Place, date | None], tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Demand:
    """Messages that may go at the same time: one step, one channel, one language, one place."""

    campaign: str
    days_before: int
    message: str
    channel: str
    language: str
    place: Place
    leave_until: date | None
    count: int
    opens_at: datetime
    closes_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class Wave:
    """What goes out on one day for one step, in one language.

    Attributes:
        day: where the people are.
        late: of `count`, how many could not go in the window of the step's own day.
        lost: how many cannot go at all before the step is over; not part of `count`.
        opened_at: when the window of those who come last had opened: their last message has gone at `ends_at`.
    """

    day: date
    campaign: str
    days_before: int
    message: str
    channel: str
    language: str
    count: int = 0
    late: int = 0
    lost: int = 0
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a channel is, all its outlets together. None: no limit."""

    per_minute: int | None
    per_day: int | None
    outlets: int

    @classmethod
    def of(cls, limits: Limits) -> Pace:
        each = limits.each_outlet.values()
        return cls(_sum(one.per_minute for one in each), _sum(one.per_day for one in each), len(each))


def _sum(limits: Iterable[int | None]) -> int | None:
    known = list(limits)
    return None if None in known else sum(limit for limit in known if limit is not None)


@dataclass(slots=True)
class _Line:
    """A channel's queue on paper."""

    limits: Pace
    free_at: datetime
    sent: deque[tuple[datetime, int]] = field(default_factory=deque)  # of the last 24 hours

    def send(self, wanted: int, start: datetime, until: datetime) -> tuple[int, datetime]:
        """Send up to `wanted` between `start` and `until`. Returns how many went, and when the last one had gone."""
        start = max(start, self.free_at)
        room = self._room_today(start)
        if self.limits.per_minute is not None:
            room = min(room, max(0, int((until - start) / self._interval)))
        count = min(wanted, room) if start < until else 0
        if count:
            self.sent.append((start, count))
            self.free_at = start + (self._interval * count if self.limits.per_minute is not None else timedelta())
        return count, self.free_at if count else start

    def free_again_at(self, now: datetime) -> datetime:
        """When the limit of the day has room again."""
        return self.sent[0][0] + _DAY if self.sent and not self._room_today(now) else now

    @property
    def _interval(self) -> timedelta:
        return timedelta(minutes=1) / (self.limits.per_minute or 1)

    def _room_today(self, now: datetime) -> int:
        while self.sent and self.sent[0][0] <= now - _DAY:
            self.sent.popleft()
        used = sum(count for _, count in self.sent)
        return 10**9 if self.limits.per_day is None else max(0, self.limits.per_day - used)


def demands(
    campaign: Campaign,
    step_index: int,
    groups: Sequence[OpenGroup],
    schedule_of: Callable[[Place, date | None], Sequence[PlannedStep]],
    now: datetime,
    default_language: str,
    ladder: Ladder,
) -> Iterator[Demand]:
    """What one step asks of the channels from `now` on.

    Args:
        groups: the open people who have not had this step.
    """
    for group in groups:
        if not in_audience(campaign.audience, group.country, group.department):
            continue
        place = Place(group.time_zone, group.country, group.region)
        planned = schedule_of(place, group.leave_until)[step_index]
        if planned.superseded_by is not None or planned.expires_at <= max(now, planned.opens_at):
            continue
        language = choose_language(
            chosen=None,
            roster=group.language,
            country=group.country,
            by_country=campaign.language_by_country,
            default=default_language,
        )
        for channel in ladder.chosen([one for one in ladder.channels if rung_of(one) in group.rungs]):
            yield Demand(
                campaign.id,
                planned.step.days_before,
                planned.step.message,
                channel,
                language,
                place,
                group.leave_until,
                group.count,
                planned.opens_at,
                planned.closes_at,
                planned.expires_at,
            )


def forecast(wanted: Sequence[Demand], *, limits: Mapping[str, Limits], now: datetime, next_opening: NextOpening) -> list[Wave]:
    """The waves in the order in which they begin.

    Args:
        limits: by channel; one that is not named has none.
    """
    found = []
    for channel in dict.fromkeys(one.channel for one in wanted):
        line = _Line(Pace.of(limits.get(channel, Limits())), now)
        found += _forecast([one for one in wanted if one.channel == channel], line, now, next_opening)
    return sorted(found, key=lambda wave: (wave.day, -wave.days_before, wave.campaign, wave.channel, wave.language))


def _forecast(wanted: Sequence[Demand], line: _Line, now: datetime, next_opening: NextOpening) -> list[Wave]:
    waves: dict[tuple[date, str, int, str], Wave] = {}
    queue = [(one.opens_at, number, one, one.count, False) for number, one in enumerate(wanted)]
    heapq.heapify(queue)
    numbers = count_from(len(queue))
    while queue:
        opens_at, _, one, count, late = heapq.heappop(queue)
        start = max(opens_at, now)
        closes_at = one.closes_at
        if late or start >= closes_at:
            free_at, late = line.free_again_at(start), True
            start, closes_at = next_opening(max(start, free_at), one.place, one.leave_until)
            start = max(start, free_at)  # a window that is open already began before
        start = max(start, now)
        wave = _wave(waves, one, local_date(start, one.place.time_zone))
        if start >= one.expires_at:
            wave.lost += count
            continue
        went, ended_at = line.send(count, start, min(closes_at, one.expires_at))
        if went:
            wave.count += went
            wave.late += went if late else 0
            wave.begins_at = min(wave.begins_at or start, start)
            wave.ends_at, wave.opened_at = ended_at, start
        if went < count:
            heapq.heappush(queue, (closes_at, next(numbers), one, count - went, True))
    return [wave for wave in waves.values() if wave.count or wave.lost]


def in_audience(audience: Audience, country: str, department: str | None) -> bool:
    """Whether a campaign is for somebody there."""
    return (
        (not audience.countries or country in audience.countries)
        and (not audience.departments or department in audience.departments)
        and department not in audience.not_departments
    )


def _wave(waves: dict[tuple[date, str, int, str], Wave], one: Demand, day: date) -> Wave:
    key = (day, one.campaign, one.days_before, one.language)
    if key not in waves:
        waves[key] = Wave(day, one.campaign, one.days_before, one.message, one.channel, one.language)
    return waves[key]
