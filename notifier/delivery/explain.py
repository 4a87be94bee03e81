"""Why somebody was written to, or was not: the story of every step, for the question each help desk gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from notifier.delivery.forecast import in_audience
from notifier.delivery.phrases import Phrase, phrase
from notifier.domain.campaign import Campaign
from notifier.domain.countdown import MovedBecause, Place, PlannedStep, WorkingDays
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
        reasons: a sentence in pieces.
    """

    campaign: str
    days_before: int
    message: str
    day: date
    at: datetime
    state: str
    reasons: tuple[Phrase, ...]
    subject: str | None = None
    language: str | None = None
    reply: str | None = None

    @property
    def why(self) -> str:
        """The sentence, in English."""
        return "; ".join(map(str, self.reasons))


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


def explain(known: Known, working_days: WorkingDays, language: str = "en") -> list[StepStory]:
    """The story of each step, in the order of the countdown.

    Args:
        language: of the names of holidays; everything else can be translated afterwards.
    """
    rows: dict[int, list[Story]] = {}
    for story in known.stories:
        if story.kind is Kind.REMINDER:
            rows.setdefault(story.occasion, []).append(story)
    stories = []
    for planned in known.steps:
        moved = _moved(planned, Place.of(known.person.employee), working_days, language)
        stories.append(_tell(known, planned, rows.get(planned.step.days_before, []), moved))
    return stories


def _tell(known: Known, planned: PlannedStep, rows: Sequence[Story], moved: Sequence[Phrase]) -> StepStory:
    reasons: list[Phrase]
    if not rows:
        state, why = _without_row(known, planned)
        reasons = [why]
        at, subject, language, reply = planned.opens_at, None, None, None
    else:
        row, others = _foremost(rows)
        state, reasons = row.state.value, [one for one in (_with_row(known, row), *map(_beside, others)) if one is not None]
        at, subject, language, reply = row.at, row.subject, row.language, row.reply
    return StepStory(
        campaign=known.campaign.id,
        days_before=planned.step.days_before,
        message=planned.step.message,
        day=planned.day,
        at=at,
        state=state,
        reasons=(*reasons, *moved),
        subject=subject,
        language=language,
        reply=reply,
    )


def _foremost(rows: Sequence[Story]) -> tuple[Story, list[Story]]:
    """Of the rows of one step the one that counts, the one planned last among those that went out or may go; and the others."""
    alive = [row for row in rows if row.state not in {State.REFUSED, State.CANCELLED}]
    foremost = max(alive or rows, key=lambda row: row.id)
    return foremost, sorted((row for row in rows if row is not foremost), key=lambda row: row.id)


def _beside(row: Story) -> Phrase | None:
    """What is to be said of a row on another channel."""
    if row.state is State.REFUSED:
        return phrase("%(channel)s could not reach the person: %(words)s", channel=row.channel, words=_words(row))
    return phrase("also handed over by %(channel)s", channel=row.channel) if row.state is State.ACCEPTED else None


def _with_row(known: Known, row: Story) -> Phrase | None:
    if row.state is State.ACCEPTED:
        return phrase("handed over by %(channel)s", channel=row.channel)
    if row.state is State.CLAIMED:
        return phrase("being sent")
    if row.state in WAITING:
        return _waiting(known, row)
    return Phrase(row.reason) if row.reason else None


def _waiting(known: Known, row: Story) -> Phrase:
    for hold in known.holds:
        if hold.stops(row.channel):
            return phrase("waiting: sending is on hold (%(reason)s)", reason=hold.reason)
    if row.state is State.RETRY and row.attempts == 1:
        return phrase("tried once, will be tried again: %(words)s", words=_words(row))
    if row.state is State.RETRY:
        return phrase("tried %(count)s times, will be tried again: %(words)s", count=row.attempts, words=_words(row))
    if row.next_at > known.now:
        return phrase("waiting for the window")
    return Phrase(row.reason) if row.reason else phrase("due, it goes out as fast as the provider allows")


def _words(row: Story) -> str:
    return str(row.reason or row.reply)


def _without_row(known: Known, planned: PlannedStep) -> tuple[str, Phrase]:
    person, campaign = known.person, known.campaign
    employee = person.employee
    reasons = (
        (
            not in_audience(campaign.audience, employee.country or "", employee.department),
            phrase("the campaign is not for this person"),
        ),
        (planned.superseded_by is not None, _superseded(planned)),
        (planned.expires_at <= planned.opens_at, phrase("its time is over before the person is back from leave")),
        (person.joined_at >= planned.expires_at, phrase("the person joined later")),
        (planned.opens_at <= known.now and _settled_at(known, planned.opens_at), phrase("the person had answered")),
        (person.left_at is not None and person.left_at <= planned.opens_at, phrase("the person had left the organisation")),
        (planned.expires_at <= known.now, phrase("the service was not running while this was due")),
    )
    for holds_true, why in reasons:
        if holds_true:
            return "not planned", why
    if _settled_at(known, known.now):
        return "not needed", phrase("the person has answered")
    if planned.opens_at > known.now:
        return "waiting", phrase("not due yet")
    return "waiting", phrase("due, the planner has not come to it yet")


def _settled_at(known: Known, instant: datetime) -> bool:
    return any(
        answer.settles and answer.answered_at <= instant and (answer.revoked_at is None or answer.revoked_at > instant)
        for answer in known.answers
    )


def _superseded(planned: PlannedStep) -> Phrase:
    winner = planned.superseded_by
    return phrase("the step %(step)s goes out on the same day", step=_relative(winner.days_before)) if winner else Phrase("")


def _relative(days_before: int) -> Phrase:
    if days_before == 0:
        return phrase("on the deadline")
    if abs(days_before) == 1:
        return phrase("1 day before the deadline") if days_before > 0 else phrase("1 day after the deadline")
    if days_before > 0:
        return phrase("%(count)s days before the deadline", count=days_before)
    return phrase("%(count)s days after the deadline", count=-days_before)


def _moved(planned: PlannedStep, place: Place, working_days: WorkingDays, language: str) -> list[Phrase]:
    if planned.moved_because is None:
        return []
    holiday = working_days.holiday_name(planned.nominal, place, language) if planned.moved_because == "holiday" else None
    because = phrase("holiday: %(name)s", name=holiday) if holiday else _MOVED[planned.moved_because]
    return [phrase("moved from %(day)s (%(because)s)", day=planned.nominal, because=because)]


_MOVED: Mapping[MovedBecause, Phrase] = {
    "weekend": phrase("weekend"),
    "holiday": phrase("holiday"),
    "clock change": phrase("clock change"),
    "leave": phrase("leave"),
}
