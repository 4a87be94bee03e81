"""What a help desk reads about each step: every state has its sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.delivery.explain import Known, StepStory, explain
from notifier.domain.campaign import Answer, Assurance, Audience, Campaign, Step
from notifier.domain.countdown import Place, WorkingDays, schedule
from notifier.domain.employee import Employee
from notifier.domain.window import Window
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.employees import StoredEmployee
from notifier.store.holds import Hold
from notifier.store.stories import Story
from notifier.store.tables import Kind, State

ZURICH = ZoneInfo("Europe/Zurich")
STEPS = (Step(30, "notice"), Step(2, "reminder"), Step(1, "last-call"), Step(-3, "overdue"))
CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), STEPS)
JOINED = datetime(2025, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
CHLOE = Employee("3", "chloe@example.com", "Chloé", "Dupont", "Europe/Zurich", "fr", "CH", "GE", "Sales", None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH).astimezone(UTC)


OPENS, OVER = at("2025-10-03T09:00"), at("2025-10-31T09:00")


def row(state: State, days_before: int = 30, **more: Any) -> Story:
    story = Story(
        id=1,
        employee_key=1,
        employee_id="3",
        email="chloe@example.com",
        time_zone="Europe/Zurich",
        campaign=CAMPAIGN.id,
        kind=Kind.REMINDER,
        occasion=days_before,
        message="notice",
        channel="smtp",
        language=None,
        subject=None,
        state=state,
        reason=None,
        reply=None,
        attempts=0,
        due_at=at("2025-10-03T09:00"),
        next_at=at("2025-10-03T09:00"),
        finished_at=None,
    )
    return replace(story, **more)


def answer(when: datetime, revoked_at: datetime | None = None) -> Acknowledgement:
    return Acknowledgement(
        id=1,
        campaign=CAMPAIGN.id,
        employee_key=1,
        answer=Answer.DONE,
        assurance=Assurance.LINK,
        settles=True,
        channel="page",
        answered_at=when,
        actor=None,
        revoked_at=revoked_at,
        revoked_because=None,
    )


def told(now: str, *rows: Story, employee: Employee = CHLOE, campaign: Campaign = CAMPAIGN, **more: Any) -> list[StepStory]:
    person = StoredEmployee(
        key=1,
        employee=employee,
        calendar_id=1,
        language_choice=None,
        public_id="A" * 22,
        link_version=1,
        joined_at=more.pop("joined_at", JOINED),
        left_at=more.pop("left_at", None),
    )
    place, language = Place(employee.time_zone, employee.country or "", employee.region or ""), more.pop("language", "en")
    steps = schedule(campaign, place, Window(time(9), time(17)), WorkingDays(), employee.leave_until)
    known = Known(person, campaign, steps, rows, more.pop("answers", ()), more.pop("holds", ()), at(now))
    assert not more
    return explain(known, WorkingDays(), language)


def test_each_step_is_told_in_the_order_of_the_countdown() -> None:
    assert [(one.days_before, one.message) for one in told("2025-09-01T12:00")] == [
        (30, "notice"),
        (2, "reminder"),
        (1, "last-call"),
        (-3, "overdue"),
    ]


def test_a_step_on_the_day_of_another_names_it() -> None:
    """Saturday and Sunday before move to the Friday, and the later one goes out."""
    reminder, last = told("2025-09-01T12:00")[1:3]
    assert (reminder.state, reminder.day) == ("not planned", date(2025, 10, 31))
    assert reminder.why == "the step 1 day before the deadline goes out on the same day; moved from Sat 01 Nov (weekend)"
    assert (last.state, last.why) == ("waiting", "not due yet; moved from Sun 02 Nov (weekend)")


def test_a_step_on_the_day_of_the_deadlines_own_names_it() -> None:
    """The deadline is a Sunday: the step of that day and the one before it both move to the Friday."""
    campaign = Campaign("x", date(2025, 11, 2), (Step(1, "last-call"), Step(0, "last-call")))
    first, last = told("2025-09-01T12:00", campaign=campaign)
    assert first.why.startswith("the step on the deadline goes out on the same day")
    assert (last.state, last.day) == ("waiting", date(2025, 10, 31))


def test_a_holiday_is_named() -> None:
    """1 November is All Saints' Day in Bavaria, and in 2024 it is a Friday."""
    bavarian = replace(CHLOE, country="DE", region="BY", time_zone="Europe/Berlin")
    campaign = Campaign("x", date(2024, 11, 2), (Step(1, "last-call"),))
    (story,) = told("2024-09-01T12:00", employee=bavarian, campaign=campaign, joined_at=datetime(2024, 1, 1, tzinfo=UTC))
    assert story.why == "not due yet; moved from Fri 01 Nov (holiday: All Saints' Day)"
    more = {"employee": bavarian, "campaign": campaign, "joined_at": datetime(2024, 1, 1, tzinfo=UTC)}
    (story,) = told("2024-09-01T12:00", language="de", **more)
    assert story.why == "not due yet; moved from Fri 01 Nov (holiday: Allerheiligen)"


def test_a_holiday_on_a_weekend_moved_nothing() -> None:
    """In 2025 All Saints' Day is a Saturday."""
    bavarian = replace(CHLOE, country="DE", region="BY", time_zone="Europe/Berlin")
    campaign = Campaign("x", date(2025, 11, 2), (Step(1, "last-call"),))
    assert told("2025-09-01T12:00", employee=bavarian, campaign=campaign)[0].why == "not due yet; moved from Sat 01 Nov (weekend)"


@pytest.mark.parametrize(
    ("story", "state", "why"),
    [
        (row(State.ACCEPTED, finished_at=at("2025-10-03T09:01")), "accepted", "handed over by smtp"),
        (row(State.CLAIMED), "claimed", "being sent"),
        (row(State.PLANNED), "planned", "due, it goes out as fast as the provider allows"),
        (row(State.PLANNED, next_at=at("2025-10-06T09:00")), "planned", "waiting for the window"),
        (row(State.PLANNED, next_at=at("2025-10-03T10:00")), "planned", "due, it goes out as fast as the provider allows"),
        (row(State.PLANNED, reason="421 too busy"), "planned", "421 too busy"),
        (row(State.RETRY, attempts=1, reason="451 later"), "retry", "tried once, will be tried again: 451 later"),
        (row(State.RETRY, attempts=3, reply="451 later"), "retry", "tried 3 times, will be tried again: 451 later"),
        (row(State.REFUSED, reason="550 no such user"), "refused", "550 no such user"),
        (row(State.CANCELLED, reason="answered"), "cancelled", "answered"),
        (row(State.MISSED, reason="it could not be sent in time"), "missed", "it could not be sent in time"),
    ],
)
def test_a_row_tells_where_it_stands(story: Story, state: str, why: str) -> None:
    # The third of October is a Friday on which people in Geneva work: nothing was moved.
    first = told("2025-10-03T10:00", story)[0]
    assert first.state == state
    assert first.why.removesuffix("; moved from Sat 04 Oct (weekend)") == why


def test_a_hold_is_the_first_thing_to_know() -> None:
    held = Hold("all", at("2025-10-03T08:00"), None, "a wrong text", "admin@host")
    elsewhere = Hold("graph", at("2025-10-03T08:00"), None, "other", "admin@host")
    assert "sending is on hold (a wrong text)" in told("2025-10-03T10:00", row(State.PLANNED), holds=(elsewhere, held))[0].why
    assert "on hold" not in told("2025-10-03T10:00", row(State.PLANNED), holds=(elsewhere,))[0].why
    here = replace(elsewhere, scope="smtp")
    assert "sending is on hold (other)" in told("2025-10-03T10:00", row(State.PLANNED), holds=(here,))[0].why


@pytest.mark.parametrize(
    ("now", "more", "why"),
    [
        ("2025-10-03T12:00", {"joined_at": at("2025-12-01T09:00")}, "the person joined later"),
        ("2025-10-03T12:00", {"answers": (answer(at("2025-10-01T09:00")),)}, "the person had answered"),
        ("2025-10-03T12:00", {"left_at": at("2025-10-01T09:00")}, "the person had left the organisation"),
        ("2025-11-01T12:00", {}, "the service was not running while this was due"),
        (
            "2025-10-03T12:00",
            {"campaign": replace(CAMPAIGN, audience=Audience(countries=("FR",)))},
            "the campaign is not for this person",
        ),
        (
            "2025-10-03T12:00",
            {"campaign": replace(CAMPAIGN, audience=Audience(not_departments=("Sales",)))},
            "the campaign is not for this person",
        ),
        (
            "2025-10-03T12:00",
            {"employee": replace(CHLOE, leave_until=date(2025, 12, 1)), "campaign": replace(CAMPAIGN, steps=STEPS[:1])},
            "is over before the person is back from leave",
        ),
    ],
)
def test_without_a_row_the_reason_is_told(now: str, more: dict[str, Any], why: str) -> None:
    first = told(now, **more)[0]
    assert first.state == "not planned"
    assert why in first.why


def test_a_story_holds_what_its_row_holds() -> None:
    """And without a row the instant at which the step opens."""
    sent = row(State.ACCEPTED, finished_at=at("2025-10-03T09:01"), subject="Vérifiez", language="fr", reply="250 Ok")
    receipt = row(State.ACCEPTED, 2, kind=Kind.RECEIPT)
    first, second = told("2025-10-03T10:00", sent, receipt)[:2]
    friday, why = date(2025, 10, 3), "handed over by smtp; moved from Sat 04 Oct (weekend)"
    assert first.why == why
    assert first == StepStory(CAMPAIGN.id, 30, "notice", friday, sent.at, "accepted", first.reasons, "Vérifiez", "fr", "250 Ok")
    assert (second.state, second.at) == ("not planned", at("2025-10-31T09:00"))
    assert (second.subject, second.language, second.reply) == (None, None, None)


def test_a_row_without_a_reason_says_nothing_more() -> None:
    assert told("2025-10-03T10:00", row(State.REFUSED))[0].why == "moved from Sat 04 Oct (weekend)"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"answers": (answer(OPENS),)}, "the person had answered"),
        ({"answers": (answer(OPENS + INSTANT),)}, "the service was not running while this was due"),
        ({"answers": (answer(JOINED, revoked_at=OPENS + INSTANT),)}, "the person had answered"),
        ({"answers": (answer(JOINED, revoked_at=OPENS),)}, "the service was not running while this was due"),
        ({"answers": (replace(answer(JOINED), settles=False),)}, "the service was not running while this was due"),
        ({"left_at": OPENS}, "the person had left the organisation"),
        ({"left_at": OPENS + INSTANT}, "the service was not running while this was due"),
        ({"joined_at": OVER}, "the person joined later"),
        ({"joined_at": OVER - INSTANT}, "the service was not running while this was due"),
    ],
)
def test_an_instant_decides(more: dict[str, Any], why: str) -> None:
    """The notice opened on 3 October at nine, and was over when the reminder opened on the 31st at nine."""
    assert told("2025-10-31T09:00", **more)[0].why.partition(";")[0] == why


def test_an_answer_before_the_step_opens_is_not_why_it_was_not_planned() -> None:
    first = told("2025-10-03T08:59", answers=(answer(JOINED),))[0]
    assert (first.state, first.why.partition(";")[0]) == ("not needed", "the person has answered")
    first = told("2025-10-03T09:00", answers=(answer(JOINED),))[0]
    assert (first.state, first.why.partition(";")[0]) == ("not planned", "the person had answered")


def test_a_step_after_the_deadline_names_the_one_that_goes_out() -> None:
    """The deadline is a Friday: Saturday and Sunday after it both move to the Monday."""
    campaign = Campaign("x", date(2025, 10, 31), (Step(-1, "overdue"), Step(-2, "overdue")))
    why = "the step 2 days after the deadline goes out on the same day; moved from Sat 01 Nov (weekend)"
    assert told("2025-09-01T12:00", campaign=campaign)[0].why == why


def test_a_step_some_days_before_the_deadline_names_the_one_that_goes_out() -> None:
    """The deadline is a Monday: the Saturday before it moves to the Friday."""
    campaign = Campaign("x", date(2025, 11, 3), (Step(3, "reminder"), Step(2, "reminder")))
    why = "the step 2 days before the deadline goes out on the same day"
    assert [one.why for one in told("2025-09-01T12:00", campaign=campaign)] == [why, "not due yet; moved from Sat 01 Nov (weekend)"]


def test_an_answer_that_was_taken_back_does_not_count() -> None:
    taken_back = answer(at("2025-10-01T09:00"), revoked_at=at("2025-10-02T09:00"))
    assert told("2025-10-03T12:00", answers=(taken_back,))[0].state == "waiting"


def test_who_has_answered_needs_nothing_more() -> None:
    last = told("2025-10-05T12:00", answers=(answer(at("2025-10-05T09:00")),))[-1]
    assert (last.state, last.why) == ("not needed", "the person has answered")


def test_a_due_step_waits_for_the_planner() -> None:
    first = told("2025-10-03T09:00")[0]
    assert (first.state, first.at, first.why.partition(",")[0]) == ("waiting", at("2025-10-03T09:00"), "due")


def test_it_says_why_a_message_went_on_to_the_next_channel() -> None:
    refused = row(State.REFUSED, channel="slack", reason="user_disabled")
    sent = row(State.ACCEPTED, id=2, finished_at=at("2025-10-03T09:01"))
    first = told("2025-10-04T12:00", sent, refused)[0]
    assert first.state == "accepted"
    assert first.why.startswith("handed over by smtp; slack could not reach the person: user_disabled; moved from")
    also = row(State.ACCEPTED, id=3, channel="slack", finished_at=at("2025-10-03T09:02"))
    assert told("2025-10-04T12:00", also, sent)[0].why.startswith("handed over by slack; also handed over by smtp; moved from")
    unreached = row(State.CANCELLED, id=1, reason="no channel reaches this person")
    assert told("2025-10-04T12:00", unreached)[0].why.startswith("no channel reaches this person; moved from")


def test_the_row_that_went_out_counts_and_not_one_that_was_planned_after_it_in_vain() -> None:
    sent = row(State.ACCEPTED, channel="slack", finished_at=at("2025-10-03T09:01"))
    refused, cancelled = row(State.REFUSED, id=2, reason="550 no"), row(State.CANCELLED, id=3, reason="answered")
    first = told("2025-10-04T12:00", cancelled, refused, sent)[0]
    assert (first.state, first.at) == ("accepted", sent.at)
    assert first.why.startswith("handed over by slack; smtp could not reach the person: 550 no; moved from")


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State.REFUSED, "550 no; slack could not reach the person: user_disabled"),
        (State.CANCELLED, "550 no"),
    ],
)
def test_where_nothing_went_out_the_row_planned_last_counts(state: State, why: str) -> None:
    first, last = row(state, channel="slack", reason="user_disabled"), row(state, id=2, reason="550 no")
    for rows in ((first, last), (last, first)):
        story = told("2025-10-04T12:00", *rows)[0]
        assert (story.state, story.why) == (state.value, f"{why}; moved from Sat 04 Oct (weekend)")


def test_each_channel_beside_the_one_that_counts_has_its_own_words() -> None:
    """Refused on two channels, one after the other, and handed over by the third."""
    slack = row(State.REFUSED, channel="slack", reason="user_disabled")
    graph = row(State.REFUSED, id=2, channel="graph", reason=None, reply="404 no mailbox")
    sent = row(State.ACCEPTED, id=3, finished_at=at("2025-10-03T09:02"))
    *said, moved = told("2025-10-04T12:00", sent, graph, slack)[0].why.split("; ")
    slack_said, graph_said = "slack could not reach the person: user_disabled", "graph could not reach the person: 404 no mailbox"
    assert said == ["handed over by smtp", slack_said, graph_said]
    assert moved.startswith("moved from")


def test_a_step_whose_time_ends_as_its_window_opens_never_was_current() -> None:
    """The campaign closes at midnight, and the window of those who come back from leave opens at that instant."""
    away = replace(CHLOE, leave_until=date(2025, 11, 3))
    closing = replace(CAMPAIGN, steps=(Step(-1, "overdue"),), closes_after_days=1)
    place = Place("Europe/Zurich", "CH", "GE")
    (step,) = schedule(closing, place, Window(time(0), time(17)), WorkingDays(), away.leave_until)
    assert step.opens_at == step.expires_at
    person = StoredEmployee(1, away, "A" * 22, 1, None, 1, JOINED, None)
    (story,) = explain(Known(person, closing, [step], (), (), (), at("2025-11-05T12:00")), WorkingDays())
    assert (story.state, story.why) == ("not planned", "its time is over before the person is back from leave")


def test_who_is_not_asked_reads_so_word_for_word() -> None:
    elsewhere = replace(CAMPAIGN, audience=Audience(countries=("DE",)))
    assert {one.why.partition("; moved")[0] for one in told("2025-11-10T12:00", campaign=elsewhere)} == {
        "the campaign is not for this person"
    }


def test_who_is_asked_because_of_their_country_is_told_what_comes() -> None:
    here = replace(CAMPAIGN, audience=Audience(countries=("CH",)))
    assert told("2025-09-01T12:00", campaign=here)[0].state == "waiting"
    nowhere = replace(CHLOE, country=None)
    assert told("2025-09-01T12:00", campaign=here, employee=nowhere)[0].why.startswith("the campaign is not for this person;")
