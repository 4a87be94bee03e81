"""Where the organisation stands in a campaign: the figures that officers see in their mail, on their pages and through the API.

    figures(connection, campaign, now=now, zone=zone, minimum_group=10, schedule_of=planner.schedule_of) -> OrganisationFigures
    curve(connection, campaign, now=now, zone=zone) -> tuple[Point, ...]

Everybody is counted who is in the roster today and whom the campaign asks. `people = settled + open`, and while the campaign runs
the last point of the curve says the same. The tables (by country, department, language) are what `domain.progress.table` makes of
the same people: small cells stand together, and near nobody and everybody a figure is two bounds, `at_least` and `at_most`; print
those, or `settled` where it is not None. The other numbers are exact: officers may look persons up anyway, and every look is in the
ledger.

Of a campaign that is over and whose records have been purged, both say what was counted right before (`summary.purging`).

With 100,000 people this is about a second of SQL. A page or a program that asks often takes `summary.board.Board`, which is as
fast as a dictionary and says the same a few seconds late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.domain.countdown import Place, PlannedStep, days_left, local_date
from notifier.domain.progress import Row, Tally, table
from notifier.domain.window import first_instant
from notifier.store import organisation, purging, stories
from notifier.store.database import Connection
from notifier.store.organisation import Cell, Change, RosterHealth
from notifier.store.tables import State

__all__ = ["NextStep", "OrganisationFigures", "Point", "RosterHealth", "ScheduleOf", "curve", "figures"]

ScheduleOf = Callable[[Campaign, Place, date | None], Sequence[PlannedStep]]
"""The countdown of a campaign for people of one calendar, away until that day: `Planner.schedule_of`."""

_DAY = timedelta(days=1)
_LONGEST = 800  # days of a curve


@dataclass(frozen=True, slots=True)
class Point:
    """The people as they were at the end of a day; on the last day, as they are now."""

    day: date
    people: int
    settled: int

    @property
    def open(self) -> int:
        return self.people - self.settled


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step of the countdown that has not begun everywhere.

    Attributes:
        begins_at: when the first people to come get it, UTC; `begins_last_at` the last ones.
        people: the open people of today who get it, should they still be open then.
    """

    days_before: int
    message: str
    begins_at: datetime
    begins_last_at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class OrganisationFigures:
    """One campaign at one moment.

    Attributes:
        campaign: its id.
        at: when it was counted, UTC. `today` is the day then, in the organisation's zone.
        deadline: the start of this day; `days_left` whole days until then, 0 on the day itself and negative after it.
        people: who is asked today; `settled` and `open` of them.
        by_country: ISO 3166 codes; "" where the roster says nothing, in the other tables too.
        by_language: the language that people are written in: "en", "fr", "de"; "" for the organisation's default.
        by_answer: of today's people, answers that count, for every word; those that do not settle ("help", provisional ones) too.
        by_assurance: the same answers by how sure it is that the person themselves gave them.
        curve: the burn-down, a point for each day from the day of the campaign's first step, or of the first answer.
        reminders: how many stand in each state of the outbox.
        undeliverable: open people whom the last reminder could reach on no channel; `store.stories.undeliverable` names them.
        next_steps: what goes out next, in that order.
        roster: how fresh and complete it is.
    """

    campaign: str
    at: datetime
    today: date
    deadline: date
    days_left: int
    people: int
    settled: int
    by_country: tuple[Row, ...]
    by_department: tuple[Row, ...]
    by_language: tuple[Row, ...]
    by_answer: Mapping[Answer, int]
    by_assurance: Mapping[Assurance, int]
    curve: tuple[Point, ...]
    reminders: Mapping[State, int]
    undeliverable: int
    next_steps: tuple[NextStep, ...]
    roster: RosterHealth

    @property
    def open(self) -> int:
        return self.people - self.settled


def figures(
    connection: Connection, campaign: Campaign, *, now: datetime, zone: ZoneInfo, minimum_group: int, schedule_of: ScheduleOf
) -> OrganisationFigures:
    """Count.

    Args:
        zone: the organisation's, in which days begin and end.
        minimum_group: cells with fewer people stand together.
    """
    if (kept := _final(connection, campaign, now, zone)) is not None:
        return kept
    cells = organisation.cells(connection, campaign)
    answers = organisation.answers(connection, campaign)
    today = local_date(now, zone.key)
    return OrganisationFigures(
        campaign=campaign.id,
        at=now,
        today=today,
        deadline=campaign.deadline,
        days_left=days_left(campaign.deadline, today),
        people=sum(cell.people for cell in cells),
        settled=sum(cell.people for cell in cells if cell.settled),
        by_country=_table(cells, lambda cell: cell.country, minimum_group),
        by_department=_table(cells, lambda cell: cell.department or "", minimum_group),
        by_language=_table(cells, lambda cell: _language(cell, campaign), minimum_group),
        by_answer={word: sum(count for (said, _), count in answers.items() if said is word) for word in Answer},
        by_assurance={word: sum(count for (_, sure), count in answers.items() if sure is word) for word in Assurance},
        curve=curve(connection, campaign, now=now, zone=zone),
        reminders=organisation.states(connection, campaign.id),
        undeliverable=len(stories.undeliverable(connection, campaign.id)),
        next_steps=_next_steps(cells, campaign, now, schedule_of),
        roster=organisation.roster_health(connection),
    )


def curve(connection: Connection, campaign: Campaign, *, now: datetime, zone: ZoneInfo) -> tuple[Point, ...]:
    """The people at the end of each day, from the day of the first step (or answer) to today; empty before that day.

    It ends with the last day on which the campaign is answered. A point is what a count at that moment would have said, but that
    everybody counts as what they are today: where the roster moved somebody in or out of the audience, or who came back after they
    had left.
    """
    if (kept := _final(connection, campaign, now, zone)) is not None:
        return kept.curve
    today = min(local_date(now, zone.key), campaign.closes_on - _DAY)
    changes = organisation.changes(connection, campaign)
    first_days = [local_date(change.at, zone.key) for change in changes if change.settled][:1]
    first_days += [campaign.deadline - timedelta(days=step.days_before) for step in campaign.steps[:1]]
    if not first_days:
        return ()
    return tuple(_points(changes, max(min(first_days), today - _LONGEST * _DAY), today, zone))


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant up to which a day's point counts."""
    return first_instant(day + _DAY, time.min, zone.key)


_JSON = TypeAdapter(OrganisationFigures)


def written(counted: OrganisationFigures) -> str:
    """The figures as JSON."""
    return _JSON.dump_json(counted).decode("utf-8")


def _final(connection: Connection, campaign: Campaign, now: datetime, zone: ZoneInfo) -> OrganisationFigures | None:
    if local_date(now, zone.key) < campaign.closes_on:
        return None  # whatever was kept is of an earlier countdown with the same name
    content = purging.final(connection, campaign.id)
    return None if content is None else _JSON.validate_json(content)


def _points(changes: Sequence[Change], first: date, last: date, zone: ZoneInfo) -> Iterator[Point]:
    people = settled = at = 0
    day = first
    while day <= last:
        ends_at = end_of(day, zone)
        while at < len(changes) and changes[at].at < ends_at:
            people, settled, at = people + changes[at].people, settled + changes[at].settled, at + 1
        yield Point(day, people, settled)
        day += _DAY


def _table(cells: Sequence[Cell], of: Callable[[Cell], str], minimum: int) -> tuple[Row, ...]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for cell in cells:
        tallies[of(cell)] += Tally(cell.people, 0, cell.people if cell.settled else 0)
    return table(tallies, minimum)


def _language(cell: Cell, campaign: Campaign) -> str:
    return cell.language or campaign.language_by_country.get(cell.country, "")


def _next_steps(cells: Sequence[Cell], campaign: Campaign, now: datetime, schedule_of: ScheduleOf) -> tuple[NextStep, ...]:
    people: dict[tuple[Place, date | None], int] = defaultdict(int)
    for cell in cells:
        if not cell.settled:
            people[Place(cell.time_zone, cell.country, cell.region), cell.leave_until] += cell.people
    coming: dict[int, list[tuple[PlannedStep, int]]] = {}
    for (place, leave_until), count in people.items():
        for planned in schedule_of(campaign, place, leave_until):
            if now < planned.opens_at < planned.expires_at:
                coming.setdefault(planned.step.days_before, []).append((planned, count))
    steps = [
        NextStep(
            days_before,
            groups[0][0].step.message,
            min(planned.opens_at for planned, _ in groups),
            max(planned.opens_at for planned, _ in groups),
            sum(count for _, count in groups),
        )
        for days_before, groups in coming.items()
    ]
    return tuple(sorted(steps, key=lambda step: (step.begins_at, -step.days_before)))
