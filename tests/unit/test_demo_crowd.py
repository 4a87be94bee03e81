"""Who answers in the demonstration: never over the head of somebody who has answered already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifier.demo.company import Reply
from notifier.demo.crowd import Bystanders
from notifier.domain.campaign import Answer, Assurance
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.stories import Story
from notifier.store.tables import Kind, State

NOW = datetime(2025, 10, 3, 7, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
CAMPAIGN = "linkedin-ai-training"
SCRIPTS = {"A1": {14: Reply(Answer.NO_ACCOUNT, timedelta(minutes=24))}}


def arrived(employee_id: str = "A1", occasion: int = 14, number: int = 1) -> Story:
    return Story(
        id=number,
        employee_key=1,
        employee_id=employee_id,
        email="ada@aurora.example",
        time_zone="Europe/Zurich",
        campaign=CAMPAIGN,
        kind=Kind.REMINDER,
        occasion=occasion,
        message="reminder",
        channel="smtp",
        language="en",
        subject="A subject",
        state=State.ACCEPTED,
        reason=None,
        reply="250 OK",
        attempts=1,
        due_at=NOW,
        next_at=NOW,
        finished_at=NOW,
    )


def said(answer: Answer) -> Acknowledgement:
    return Acknowledgement(1, CAMPAIGN, 1, answer, Assurance.LINK, answer.settles, "page", NOW, None, None, None)


def test_somebody_with_a_script_answers_what_stands_there_and_when() -> None:
    crowd = Bystanders(1.0, 1, scripts=SCRIPTS, current=lambda _key, _campaign: None)
    crowd.read(arrived())
    assert crowd.next_instant() == NOW + timedelta(minutes=24)
    assert crowd.due(LATER) == [(1, CAMPAIGN, Answer.NO_ACCOUNT)]


def test_somebody_with_a_script_answers_nothing_else() -> None:
    crowd = Bystanders(1.0, 1, scripts=SCRIPTS, current=lambda _key, _campaign: None)
    crowd.read(arrived(occasion=30))
    assert crowd.next_instant() is None


def test_somebody_without_a_script_answers_by_chance() -> None:
    crowd = Bystanders(1.0, 1, scripts=SCRIPTS, current=lambda _key, _campaign: None)
    crowd.read(arrived("A2"))
    assert [(key, campaign) for key, campaign, _ in crowd.due(LATER)] == [(1, CAMPAIGN)]


def test_an_answer_that_a_visitor_gave_is_left_alone_even_one_that_asks_for_help() -> None:
    for visitors in (Answer.DONE, Answer.HELP):
        crowd = Bystanders(1.0, 1, scripts=SCRIPTS, current=lambda _key, _campaign, answer=visitors: said(answer))  # type: ignore[misc]
        crowd.read(arrived())
        assert crowd.due(LATER) == []


def test_whoever_asked_for_help_may_settle_later() -> None:
    current: list[Acknowledgement] = []
    scripts = {"A1": {14: Reply(Answer.HELP, timedelta(hours=1)), 7: Reply(Answer.DONE, timedelta(hours=1))}}
    crowd = Bystanders(1.0, 1, scripts=scripts, current=lambda _key, _campaign: current[-1] if current else None)
    crowd.read(arrived())
    assert crowd.due(LATER) == [(1, CAMPAIGN, Answer.HELP)]
    current.append(said(Answer.HELP))
    crowd.read(arrived(occasion=7, number=2))
    assert crowd.due(LATER) == [(1, CAMPAIGN, Answer.DONE)]
