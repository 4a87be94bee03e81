"""What the demonstration tells about itself, from the store: figures, and what happened to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.delivery.explain import Known, StepStory, explain
from notifier.demo.company import Story as Part
from notifier.demo.evidence import Evidence
from notifier.demo.places import COUNTRY_NAMES
from notifier.domain.countdown import Place, days_left, local_date
from notifier.service import Service
from notifier.store import acknowledgements, employees, stories
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.stories import Story
from notifier.store.tables import Kind, State


@dataclass(frozen=True, slots=True)
class Figures:
    """Where a group stands."""

    people: int
    settled: int

    @property
    def open(self) -> int:
        return self.people - self.settled


@dataclass(frozen=True, slots=True)
class Event:
    """One thing about a person.

    Attributes:
        at: in their own time.
        happened: False for a step of which nothing came, and for what is still to come.
    """

    at: datetime
    what: str
    happened: bool = True


@dataclass(frozen=True, slots=True)
class PersonStory:
    name: str
    email: str
    in_short: str
    state: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class CountryFigures:
    country: str
    people: int
    settled: int
    open: int


@dataclass(frozen=True, slots=True)
class Closing:
    """The closing table.

    Attributes:
        days_left: until the deadline, for the organisation; negative after it.
        messages: how many were delivered, by message and language.
        deliveries: how many stand in each state.
    """

    at: datetime
    days_left: int
    people: int
    settled: int
    open: int
    messages: dict[str, dict[str, int]]
    deliveries: dict[str, int]
    countries: tuple[CountryFigures, ...]
    stories: tuple[PersonStory, ...]
    evidence: Evidence


def campaign_of(service: Service) -> str:
    """The campaign of the demonstration: there is one."""
    return next(iter(service.campaigns))


def days_left_at(service: Service, now: datetime) -> int:
    """Whole days until the deadline, for the organisation."""
    zone = service.settings.organisation.default_time_zone
    return days_left(service.campaigns[campaign_of(service)].deadline, local_date(now, zone))


def figures(connection: Connection, campaign: str) -> Figures:
    """Where everybody stands."""
    settled, everybody = stories.count_people(connection, campaign)
    return Figures(everybody, settled)


def kinds_since(connection: Connection, instant: datetime) -> dict[tuple[str, datetime], Kind]:
    """What was delivered since an instant, by address and time: the clock stands still from a mail's arrival to its record."""
    told = stories.tell(connection, state=State.ACCEPTED, finished_since=instant)
    return {(story.email, story.at): story.kind for story in told}


def close(service: Service, parts: Sequence[Part], now: datetime, evidence: Evidence) -> Closing:
    """Everything the closing table says."""
    campaign = campaign_of(service)
    with service.database.read() as connection:
        total = figures(connection, campaign)
        states: Counter[str] = Counter()
        for one in stories.count_states(connection):
            states[one.state.value] += one.count
        return Closing(
            at=now.astimezone(ZoneInfo(service.settings.organisation.default_time_zone)),
            days_left=days_left_at(service, now),
            people=total.people,
            settled=total.settled,
            open=total.open,
            messages=_messages(connection),
            deliveries=dict(states),
            countries=_countries(connection, campaign),
            stories=tuple(told for part in parts if (told := _told(connection, service, part, now)) is not None),
            evidence=evidence,
        )


def state_of(connection: Connection, person: StoredEmployee, campaign: str) -> str:
    """ "settled", "open", or "left"."""
    if not person.employee.active:
        return "left"
    current = acknowledgements.current(connection, campaign=campaign, employee_key=person.key)
    return "settled" if current is not None and current.settles else "open"


def events_of(connection: Connection, service: Service, person: StoredEmployee, now: datetime) -> tuple[Event, ...]:
    """What happened to a person, and what is still to come, in the order in which it does."""
    campaign = service.campaigns[campaign_of(service)]
    told = list(stories.tell(connection, employee_key=person.key, campaign=campaign.id))
    answers = acknowledgements.history(connection, campaign=campaign.id, employee_key=person.key)
    schedule = service.planner.schedule_of(campaign, Place.of(person.employee), person.employee.leave_until)
    steps = explain(Known(person, campaign, schedule, told, answers, (), now), service.working_days)
    tries = {story.occasion: story.attempts for story in told if story.kind is Kind.REMINDER}
    events = [Event(person.joined_at, "in the roster")]
    events += [Event(step.at, _step(step, tries.get(step.days_before, 0)), step.state in set(State)) for step in steps]
    for answer in answers:
        stays_open = "" if answer.settles else ", which leaves it open"
        events.append(Event(answer.answered_at, f"answers “{answer.answer.value.replace('_', ' ')}”{stays_open}"))
        if answer.revoked_at is not None and answer.revoked_because is not None:
            events.append(Event(answer.revoked_at, f"the answer before ended: {answer.revoked_because.value.replace('_', ' ')}"))
    events += [Event(story.at, _receipt(story)) for story in told if story.kind is Kind.RECEIPT]
    if person.left_at is not None:
        events.append(Event(person.left_at, "no longer in the roster"))
    zone = ZoneInfo(person.employee.time_zone)
    return tuple(replace(one, at=one.at.astimezone(zone)) for one in sorted(events, key=lambda one: one.at))


def _told(connection: Connection, service: Service, part: Part, now: datetime) -> PersonStory | None:
    """None for somebody who has not joined yet."""
    person = employees.find(connection, part.person.id)
    if person is None:
        return None
    state, events = state_of(connection, person, campaign_of(service)), events_of(connection, service, person, now)
    return PersonStory(part.person.name, part.person.email, part.in_short, state, tuple(one for one in events if one.happened))


def _step(step: StepStory, tries: int) -> str:
    language = f" ({step.language})" if step.language else ""
    again = f" after {tries} tries" if tries > 1 else ""
    return f"{step.message}{language} {step.state}{again}: {step.why}"


def _receipt(story: Story) -> str:
    language = f" ({story.language})" if story.language else ""
    return f"{story.message}{language} {story.state.value}"


def _messages(connection: Connection) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    for story in stories.tell(connection, state=State.ACCEPTED):
        counted.setdefault(story.message, Counter())[story.language or ""] += 1
    return {message: dict(sorted(languages.items())) for message, languages in counted.items()}


def _countries(connection: Connection, campaign: str) -> tuple[CountryFigures, ...]:
    everybody = Counter(one.employee.country or "" for one in employees.load(connection).values() if one.employee.active)
    still_open: Counter[str] = Counter()
    for group in stories.open_groups(connection, campaign):
        still_open[group.country] += group.count
    return tuple(
        CountryFigures(COUNTRY_NAMES.get(country, country), count, count - still_open[country], still_open[country])
        for country, count in sorted(everybody.items(), key=lambda one: COUNTRY_NAMES.get(one[0], one[0]))
    )
