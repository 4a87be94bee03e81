"""One person: where they stand, why each message was sent or was not, and what can be done for them.

Looking is an act like any other: it is in the ledger, under the name of whoever looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.explain import Known, StepStory, Way, explain, ways_to
from notifier.domain.campaign import OFFERED, Answer, Assurance, Campaign
from notifier.domain.countdown import Place, local_date
from notifier.domain.ladder import EMAIL, SLACK, rung_of
from notifier.domain.operators import Role
from notifier.store import acknowledgements, employees, finding, holds, ledger, outbox, reach, stories, teams
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
_BY_HAND = "dashboard"
_HANDED_OVER = "handed over by "


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
    looked = await office.site.database.read_async(lambda connection: _look(office, connection, campaign, key, view.now))
    await office.site.database.write_async(
        lambda connection: _note(connection, view, "person viewed", campaign, looked.person, facts={})
    )
    return _page(office, request, view, campaign, looked)


async def act(office: Office, request: Request) -> Response:
    """POST: one of the acts of ACTS, for this person."""
    role = Role.ADMIN if request.path_params["act"] == "retry" else Role.OFFICER
    view, form = await office.frame.act(request, role)
    campaign, key, do = office.campaign(request), request.path_params["key"], ACTS.get(request.path_params["act"])
    if do is None:
        raise Refused(Notice.NOWHERE)
    task = _Task(office, view, campaign, form)
    said = await office.site.database.write_async(lambda connection: do(connection, task, _person(connection, key)))
    if said is None:
        raise Refused(Notice.NOT_UNDERSTOOD)
    office.has_changed()
    return office.frame.back(view, f"/people/{key}?campaign={campaign.id}", said)


@dataclass(frozen=True, slots=True)
class _Task:
    office: Office
    view: View
    campaign: Campaign
    form: Mapping[str, str]


def _answer(connection: Connection, task: _Task, person: StoredEmployee) -> str | None:
    """What the person said by phone or at a desk. Its entry in the ledger is made of the row, which names the operator."""
    given = task.form.get("answer", "")
    return None if given not in set(OFFERED) else _record(connection, task, person, Answer(given), "answered")


def _exempt(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    return _record(connection, task, person, Answer.EXEMPT, "exempted")


def _record(connection: Connection, task: _Task, person: StoredEmployee, answer: Answer, said: str) -> str:
    recorded = acknowledgements.record(
        connection,
        campaign=task.campaign.id,
        employee_key=person.key,
        answer=answer,
        assurance=Assurance.ATTESTED,
        channel=_BY_HAND,
        receipt_channel=task.office.site.receipt_channel,
        now=task.view.now,
        actor=task.view.operator.actor,
    )
    return said if recorded.changed else "unchanged"


def _undo(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    if not acknowledgements.undo(connection, campaign=task.campaign.id, employee_key=person.key, now=task.view.now):
        return "unchanged"
    _note(connection, task.view, "undone on behalf", task.campaign, person, facts={})
    return "undone"


def _leave(connection: Connection, task: _Task, person: StoredEmployee) -> str | None:
    try:
        until = date.fromisoformat(task.form.get("until", ""))
    except ValueError:
        return None
    if until < local_date(task.view.now, person.employee.time_zone):
        return None
    teams.note_leave(connection, person.key, until, by=task.view.operator.actor, now=task.view.now)
    _note(connection, task.view, "leave noted", None, person, facts={"until": until.isoformat()})
    return "leave"


def _links(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    finding.void_links(connection, person.key)
    _note(connection, task.view, "links voided", None, person, facts={})
    return "links"


def _retry(connection: Connection, task: _Task, person: StoredEmployee) -> str:
    count = outbox.retry_person(connection, employee_key=person.key, rungs=(SLACK, EMAIL), now=task.view.now)
    _note(connection, task.view, "queue retry", None, person, facts={"count": count})
    return "retried"


ACTS: Mapping[str, Callable[[Connection, _Task, StoredEmployee], str | None]] = {
    "answer": _answer,
    "exempt": _exempt,
    "undo": _undo,
    "leave": _leave,
    "links": _links,
    "retry": _retry,
}


def _note(
    connection: Connection,
    view: View,
    event: str,
    campaign: Campaign | None,
    person: StoredEmployee,
    *,
    facts: Mapping[str, str | int],
) -> None:
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


def _person(connection: Connection, key: int) -> StoredEmployee:
    person = employees.by_key(connection, key)
    if person is None:
        raise Refused(Notice.NOWHERE)
    return person


def _look(office: Office, connection: Connection, campaign: Campaign, key: int, now: datetime) -> Looked:
    person, outlook = _person(connection, key), office.desk.outlook
    told = [story for story in stories.tell(connection, employee_key=key) if story.campaign in {campaign.id, ""}]
    answers = acknowledgements.history(connection, campaign=campaign.id, employee_key=key)
    schedule = outlook.schedule_of(campaign, Place.of(person.employee), person.employee.leave_until)
    known = Known(person, campaign, schedule, told, answers, holds.active(connection, now), now)
    rungs = dict.fromkeys(rung_of(channel) for channel in outlook.ladders.channels)
    return Looked(
        person,
        answers,
        told,
        ways_to(person.employee.email, list(rungs), reach.of_people(connection, [key])),
        list(ledger.tell(connection, employee_key=key, most=_MOST_ENTRIES)),
        explain(known, outlook.working_days),
        outbox.count_retryable_of(connection, employee_key=key, rungs=(SLACK, EMAIL), now=now),
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
        return str(view.say("Open")) if current is None else f"{view.say('Open')}: {view.answer(current.answer)}"
    return f"{view.say('Settled')}: {view.answer(current.answer)}"


def _steps(view: View, looked: Looked) -> Iterator[Line]:
    """Each step of the countdown, with the reason why it was sent or was not."""
    for step in looked.steps:
        yield Line(
            at=step.at,
            what=f"{step.message}: {_state(view, step.state)}",
            why=_why(view, step.why),
            words=step.reply if step.reply and step.reply not in step.why else "",
            is_to_come=step.at > view.now,
        )


def _why(view: View, why: str) -> list[tuple[str, str]]:
    """A sentence of `delivery.explain` piece by piece, each in the viewer's language where it is known there, else in English."""
    told = []
    for piece in why.split("; "):
        begin, _, channel = piece.rpartition(_HANDED_OVER)
        if channel in words.CHANNELS and begin in {"", "also "}:
            said = view.say("handed over by %(channel)s", channel=view.channel(channel))
            told.append((str(said), view.language))
        else:
            translated = view.translated(piece)
            told.append((translated, view.language if translated != piece else "en"))
    return told


def _state(view: View, state: str) -> str:
    return view.state(State(state)) if state in set(State) else view.translated(state)


def _answers(view: View, looked: Looked) -> Iterator[Line]:
    for answer in looked.answers:
        how = [(str(view.say(words.ASSURANCES[answer.assurance])), view.language)]
        what = f"{view.say('answer')}: {view.answer(answer.answer)}"
        yield Line(answer.answered_at, what, how, words=answer.actor or "")
        if answer.revoked_at is not None:
            yield Line(answer.revoked_at, f"{view.say('taken back')}: {view.answer(answer.answer)}")


def _others(view: View, looked: Looked) -> Iterator[Line]:
    """Receipts, nudges, summaries: everything that is no step of the countdown."""
    for story in looked.told:
        if story.kind in {Kind.REMINDER, Kind.REWRITE}:
            continue
        what = f"{view.say(words.KINDS[story.kind])}: {view.state(story.state)}"
        said = story.reply or story.reason or ""
        yield Line(story.at, what, [(view.channel(story.channel), view.language)], words=said, is_to_come=story.at > view.now)
