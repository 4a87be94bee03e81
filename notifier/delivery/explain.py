"""Why somebody was written to, or was not: the story of every step, for the question each help desk gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from notifier.delivery.forecast import in_audience
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import Place, PlannedStep, WorkingDays
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.employees import StoredEmployee
from notifier.store.holds import Hold
from notifier.store.outbox import WAITING
from notifier.store.reach import Reached, reached_on
from notifier.store.stories import Story
from notifier.store.tables import Kind, State


@dataclass(frozen=True, slots=True)
class StepStory:
    """One step for one person.

    Attributes:
        day: the day it goes out, where the person is.
        at: the instant of what is told: sent, ended, or due. UTC.
        state: a delivery's state, or "not planned" where no row exists, or "waiting" for what is still to come.
        why: a sentence.
    """

    campaign: str
    days_before: int
    message: str
    day: date
    at: datetime
    state: str
    why: str
    subject: str | None = None
    language: str | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One rung of the ladder ("slack", "email") for one person, as things stand.

    Attributes:
        reached: whether a message would go there now.
        why_not: the provider's words where the person was refused there, or that nobody was found; None where it is reached.
        refused_at: since when, where the person was refused.
    """

    channel: str
    reached: bool
    why_not: str | None = None
    refused_at: datetime | None = None


def ways_to(email: str, rungs: Sequence[str], reached: Sequence[Reached]) -> list[Way]:
    """By which rungs somebody is reached, in the order in which they are tried.

    Args:
        reached: what is known of the person.
    """
    known = {one.channel: one for one in reached}
    ways = []
    for rung in rungs:
        one = known.get(rung)
        if reached_on(reached, email, [rung]):
            ways.append(Way(rung, reached=True))
        elif one is not None and one.refused_at is not None:
            ways.append(Way(rung, reached=False, why_not=one.refused_because, refused_at=one.refused_at))
        else:
            ways.append(Way(rung, reached=False, why_not="not found there"))
    return ways


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the person in one campaign, at `now`."""

    person: StoredEmployee
    campaign: Campaign
    steps: Sequence[PlannedStep]
    stories: Sequence[Story]
    answers: Sequence[Acknowledgement]
    holds: Sequence[Hold]
    now: datetime


def explain(known: Known, working_days: WorkingDays) -> list[StepStory]:
    """The story of each step, in the order of the countdown."""
    rows: dict[int, list[Story]] = {}
    for story in known.stories:
        if story.kind is Kind.REMINDER:
            rows.setdefault(story.occasion, []).append(story)
    return [_tell(known, planned, rows.get(planned.step.days_before, []), working_days) for planned in known.steps]


def _tell(known: Known, planned: PlannedStep, rows: Sequence[Story], working_days: WorkingDays) -> StepStory:
    if not rows:
        state, why = _without_row(known, planned)
        at, subject, language, reply = planned.opens_at, None, None, None
    else:
        row, others = _foremost(rows)
        state, why = row.state.value, _with_row(known, row) + "".join(map(_beside, others))
        at, subject, language, reply = row.at, row.subject, row.language, row.reply
    return StepStory(
        campaign=known.campaign.id,
        days_before=planned.step.days_before,
        message=planned.step.message,
        day=planned.day,
        at=at,
        state=state,
        why=why + _moved(known, planned, working_days),
        subject=subject,
        language=language,
        reply=reply,
    )


def _foremost(rows: Sequence[Story]) -> tuple[Story, list[Story]]:
    """Of the rows of one step the one that counts, the one planned last among those that went out or may go; and the others."""
    alive = [row for row in rows if row.state not in {State.REFUSED, State.CANCELLED}]
    foremost = max(alive or rows, key=lambda row: row.id)
    return foremost, sorted((row for row in rows if row is not foremost), key=lambda row: row.id)


def _beside(row: Story) -> str:
    """What is to be said of a row on another channel."""
    if row.state is State.REFUSED:
        return f"; {row.channel} could not reach the person: {row.reason or row.reply}"
    return f"; also handed over by {row.channel}" if row.state is State.ACCEPTED else ""


def _with_row(known: Known, row: Story) -> str:
    if row.state is State.ACCEPTED:
        return f"handed over by {row.channel}"
    if row.state is State.CLAIMED:
        return "being sent"
    if row.state in WAITING:
        return _waiting(known, row)
    return row.reason or ""


def _waiting(known: Known, row: Story) -> str:
    for hold in known.holds:
        if hold.stops(row.channel):
            return f"waiting: sending is on hold ({hold.reason})"
    if row.state is State.RETRY:
        tries = "once" if row.attempts == 1 else f"{row.attempts} times"
        return f"tried {tries}, will be tried again: {row.reason or row.reply}"
    if row.next_at > known.now:
        return "waiting for the window"
    return row.reason or "due; it goes out as fast as the provider allows"


def _without_row(known: Known, planned: PlannedStep) -> tuple[str, str]:
    person, campaign = known.person, known.campaign
    employee = person.employee
    reasons = (
        (not in_audience(campaign.audience, employee.country or "", employee.department), "the campaign is not for this person"),
        (planned.superseded_by is not None, _superseded(planned)),
        (planned.expires_at <= planned.opens_at, "its time is over before the person is back from leave"),
        (person.joined_at >= planned.expires_at, "the person joined later"),
        (planned.opens_at <= known.now and _settled_at(known, planned.opens_at), "the person had answered"),
        (person.left_at is not None and person.left_at <= planned.opens_at, "the person had left the organisation"),
        (planned.expires_at <= known.now, "the service was not running while this was due"),
    )
    for holds_true, why in reasons:
        if holds_true:
            return "not planned", why
    if _settled_at(known, known.now):
        return "not needed", "the person has answered"
    if planned.opens_at > known.now:
        return "waiting", "not due yet"
    return "waiting", "due; the planner has not come to it yet"


def _settled_at(known: Known, instant: datetime) -> bool:
    return any(
        answer.settles and answer.answered_at <= instant and (answer.revoked_at is None or answer.revoked_at > instant)
        for answer in known.answers
    )


def _superseded(planned: PlannedStep) -> str:
    winner = planned.superseded_by
    return f"the step {_relative(winner.days_before)} goes out on the same day" if winner else ""


def _relative(days_before: int) -> str:
    if days_before == 0:
        return "on the deadline"
    counted = "1 day" if abs(days_before) == 1 else f"{abs(days_before)} days"
    return f"{counted} {'before' if days_before > 0 else 'after'} the deadline"


def _moved(known: Known, planned: PlannedStep, working_days: WorkingDays) -> str:
    if planned.moved_because is None:
        return ""
    place = Place.of(known.person.employee)
    holiday = working_days.holiday_name(planned.nominal, place, "en") if planned.moved_because == "holiday" else None
    because = f"{planned.moved_because}: {holiday}" if holiday else planned.moved_because
    return f"; moved from {planned.nominal:%a %d %b} ({because})"
