"""One person: where they stand, why each message was sent or was not, and what can be done for them.

Looking is an act like any other: it is in the ledger, under the name of whoever looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.explain import Known, StepStory, Way, explain, ways_to
from notifier.delivery.phrases import Phrase
from notifier.domain.campaign import OFFERED, Campaign
from notifier.domain.countdown import Place, local_date
from notifier.domain.ladder import EMAIL, SLACK, rung_of
from notifier.domain.operators import Role
from notifier.store import acknowledgements, employees, holds, ledger, outbox, reach, stories
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.ledger import Entry
from notifier.store.stories import Story
from notifier.store.tables import Kind, State
from notifier.web.dashboard import words
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View
from notifier.web.notices import Notice, Refused

_MOST_ENTRIES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, or is going to.

    Attributes:
        what: in a word or two.
        why: a sentence in pieces, each with its language.
        words: the provider's own, or "".
    """

    at: datetime
    what: str
    why: Sequence[tuple[str, str]] = ()
    words: str = ""
    is_to_come: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of a person in one campaign."""

    person: StoredEmployee
    answers: Sequence[Acknowledgement]
    told: Sequence[Story]
    ways: Sequence[Way]
    entries: Sequence[Entry]
    steps: Sequence[StepStory]
    retryable: int

    @property
    def current(self) -> Acknowledgement | None:
        return next((answer for answer in self.answers if answer.revoked_at is None), None)


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.OFFICER)
    campaign, key = office.campaign(request), request.path_params["key"]
    looked = await office.site.database.read_async(lambda connection: _look(office, connection, campaign, key, view))
    await office.site.database.write_async(
        lambda connection: note(connection, view, "person viewed", campaign, looked.person, facts={})
    )
    return _page(office, request, view, campaign, looked)


def note(
    connection: Connection,
    view: View,
    event: str,
    campaign: Campaign | None,
    person: StoredEmployee,
    *,
    facts: Mapping[str, str | int],
) -> None:
    """Write a look at the person, or an act for them, into the ledger."""
    ledger.note(
        connection,
        event=event,
        now=view.now,
        actor=view.operator.actor,
        campaign=campaign.id if campaign else "",
        employee_key=person.key,
        facts=facts,
        personal={"employee_id": person.employee.id},
    )


def find(connection: Connection, key: int) -> StoredEmployee:
    """Whom the address names. Raises Refused where there is nobody."""
    person = employees.by_key(connection, key)
    if person is None:
        raise Refused(Notice.NOWHERE)
    return person


def _look(office: Office, connection: Connection, campaign: Campaign, key: int, view: View) -> Looked:
    person, outlook = find(connection, key), office.desk.outlook
    told = [story for story in stories.tell(connection, employee_key=key) if story.campaign in {campaign.id, ""}]
    answers = acknowledgements.history(connection, campaign=campaign.id, employee_key=key)
    schedule = outlook.schedule_of(campaign, Place.of(person.employee), person.employee.leave_until)
    known = Known(person, campaign, schedule, told, answers, holds.active(connection, view.now), view.now)
    rungs = dict.fromkeys(rung_of(channel) for channel in outlook.ladders.channels)
    return Looked(
        person,
        answers,
        told,
        ways_to(person.employee.email, list(rungs), reach.of_people(connection, [key])),
        list(ledger.tell(connection, employee_key=key, most=_MOST_ENTRIES)),
        explain(known, outlook.working_days, view.language),
        outbox.count_retryable_of(connection, employee_key=key, rungs=(SLACK, EMAIL), now=view.now),
    )


def _page(office: Office, request: Request, view: View, campaign: Campaign, looked: Looked) -> Response:
    employee = looked.person.employee
    lines = sorted((*_steps(view, looked), *_answers(view, looked), *_others(view, looked)), key=lambda line: line.at)
    current = looked.current
    return office.frame.show(
        request,
        view,
        "person.html",
        employee.name,
        person=looked.person,
        employee=employee,
        their_time=words.instant(view.now, ZoneInfo(employee.time_zone), view.language, view.today),
        campaign=campaign,
        others=[name for name in office.site.campaigns if name != campaign.id],
        current=current,
        standing=_standing(view, current),
        ways=[(view.channel(way.channel), way) for way in looked.ways],
        lines=lines,
        entries=[entry for entry in looked.entries if entry.actor],
        retryable=looked.retryable,
        was_refused=looked.retryable > 0 or any(way.refused_at for way in looked.ways),
        answers=[(answer.value, view.answer(answer)) for answer in OFFERED],
        first_day=local_date(view.now, employee.time_zone).isoformat(),
        by_hand=(f"{view.root}/people/{looked.person.key}/", f"?campaign={campaign.id}"),
    )


def _standing(view: View, current: Acknowledgement | None) -> str:
    if current is None or not current.settles:
        return str(view.say("Open")) if current is None else view.pair(view.say("Open"), view.answer(current.answer))
    return view.pair(view.say("Settled"), view.answer(current.answer))


def _steps(view: View, looked: Looked) -> Iterator[Line]:
    """Each step of the countdown, with the reason why it was sent or was not."""
    for step in looked.steps:
        yield Line(
            at=step.at,
            what=view.pair(step.message, _state(view, step.state)),
            why=_why(view, step.reasons),
            words=step.reply if step.reply and step.reply not in step.why else "",
            is_to_come=step.at > view.now,
        )


def _why(view: View, reasons: Iterable[Phrase]) -> list[tuple[str, str]]:
    """Each piece with its language: the viewer's, or English for what a provider or an operator said in their own words."""
    told = [(phrase, _said(view, phrase)) for phrase in reasons]
    return [(said, view.language if phrase.values or said != phrase.text else "en") for phrase, said in told]


def _said(view: View, phrase: Phrase) -> str:
    values = {name: _value(view, name, value) for name, value in phrase.values.items()}
    return view.translated(phrase.text) % values if values else view.translated(phrase.text)


def _value(view: View, name: str, value: str | int | date | Phrase) -> str:
    if isinstance(value, Phrase):
        return _said(view, value)
    if isinstance(value, date):
        return view.day(value)
    return view.channel(str(value)) if name == "channel" else str(value)


def _state(view: View, state: str) -> str:
    return view.state(State(state)) if state in set(State) else view.translated(state)


def _answers(view: View, looked: Looked) -> Iterator[Line]:
    for answer in looked.answers:
        how = [(str(view.say(words.ASSURANCES[answer.assurance])), view.language)]
        what = view.pair(view.say("answer"), view.answer(answer.answer))
        yield Line(answer.answered_at, what, how, words=answer.actor or "")
        if answer.revoked_at is not None:
            yield Line(answer.revoked_at, view.pair(view.say("taken back"), view.answer(answer.answer)))


def _others(view: View, looked: Looked) -> Iterator[Line]:
    """Receipts, nudges, summaries: everything that is no step of the countdown."""
    for story in looked.told:
        if story.kind in {Kind.REMINDER, Kind.REWRITE}:
            continue
        what = view.pair(view.say(words.KINDS[story.kind]), view.state(story.state))
        said = story.reply or story.reason or ""
        yield Line(story.at, what, [(view.channel(story.channel), view.language)], words=said, is_to_come=story.at > view.now)
