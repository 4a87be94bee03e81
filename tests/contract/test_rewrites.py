"""Slack messages that went out are brought up to date when their person answers, takes it back, or was answering meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from notifier.domain.campaign import Answer, Assurance
from notifier.store import acknowledgements, outcomes, reach, teams
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.reach import Refusal
from notifier.store.tables import State
from notifier.store.teams import Nudge
from tests.ladder_rig import NOW, SLACK_FIRST, claim, end, find_on_slack, rows, send, told
from tests.planning_rig import CAMPAIGN, add_person, planner, utc

SECOND_STEP = utc("2025-10-27T10:00")
LATER = SECOND_STEP + timedelta(hours=1)


def answer(
    database: Database,
    person: int,
    given: Answer = Answer.DONE,
    *,
    channel: str = "page",
    assurance: Assurance = Assurance.LINK,
    now: datetime = LATER,
) -> None:
    with database.write() as connection:
        acknowledgements.record(
            connection,
            campaign=CAMPAIGN.id,
            employee_key=person,
            answer=given,
            assurance=assurance,
            channel=channel,
            receipt_channel="smtp",
            now=now,
        )


def undo(database: Database, person: int, now: datetime = LATER) -> None:
    with database.write() as connection:
        assert acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=now)


@pytest.fixture
def person(database: Database) -> int:
    """Somebody who had two reminders on Slack; a second person had them too, and a third had mails."""
    people = [add_person(database, number) for number in range(3)]
    find_on_slack(database, people[:2])
    plan = planner(database, ladders=SLACK_FIRST)
    for now in (NOW, SECOND_STEP):
        plan.tick(now)
        send(database, "slack", now=now)
        send(database, "smtp", now=now)
    return people[0]


def test_every_slack_message_of_the_person_is_rewritten_and_nobody_elses(database: Database, person: int) -> None:
    answer(database, person)
    mine = [row for row in rows(database) if row["employee_key"] == person]
    found = claim(database, "slack", now=LATER)
    assert {(row.kind, row.reference, row.message) for row in found} == {
        ("rewrite", row["reference"], row["message"]) for row in mine
    }
    assert len(found) == 2
    assert {(row.address, row.answer, row.answered_at) for row in found} == {(f"U{person}", Answer.DONE, LATER)}


def test_a_reminder_that_the_manager_asked_for_is_rewritten_too(database: Database, person: int) -> None:
    ends = LATER + timedelta(hours=4)
    asked = Nudge(person, "slack", "reminder", LATER, ends, ends)
    with database.write() as connection:
        teams.nudge(connection, [asked], campaign=CAMPAIGN.id, manager_key=person, day=LATER.date(), now=LATER)
    assert send(database, "slack", now=LATER) == [person]
    (nudge,) = rows(database, kind="nudge")
    answer(database, person, now=LATER + timedelta(minutes=1))
    assert nudge["reference"] in [row.reference for row in claim(database, "slack", now=LATER + timedelta(minutes=1))]


def test_an_undo_brings_the_message_back(database: Database, person: int) -> None:
    answer(database, person)
    assert len(send(database, "slack", now=LATER)) == 2
    undo(database, person)
    again = claim(database, "slack", now=LATER)
    assert [(row.kind, row.answer, row.answered_at) for row in again] == [("rewrite", None, None)] * 2
    assert len(rows(database, kind="rewrite")) == 2


def test_what_is_being_rewritten_is_rewritten_again(database: Database, person: int) -> None:
    """The first is on the wire when the answer is taken back: its outcome counts for nothing, and the truth goes out after it."""
    answer(database, person)
    stale = claim(database, "slack", now=LATER)
    undo(database, person)
    assert not end(database, stale[0], State.ACCEPTED, now=LATER, reference=stale[0].reference)
    assert claim(database, "slack", now=LATER) == ()  # not while the first may still be on its way
    after = claim(database, "slack", now=LATER + timedelta(seconds=10))
    assert [row.answer for row in after] == [None, None]
    assert end(database, after[0], State.ACCEPTED, now=LATER + timedelta(seconds=10), reference=after[0].reference)


def test_a_message_that_arrives_after_the_answer_is_rewritten(database: Database) -> None:
    """The reminder was on the wire when the person answered on the page."""
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    (reminder,) = claim(database, "slack")
    answer(database, person, now=NOW)
    assert rows(database, kind="rewrite") == []
    assert end(database, reminder, State.ACCEPTED, reference="D1:1.2")
    (rewrite,) = claim(database, "slack")
    assert (rewrite.kind, rewrite.reference, rewrite.answer) == ("rewrite", "D1:1.2", Answer.DONE)


def test_an_answer_and_an_outcome_at_the_same_time_see_each_other(database: Database) -> None:
    people = [add_person(database, number) for number in range(8)]
    find_on_slack(database, people)
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    claimed = claim(database, "slack")
    with ThreadPoolExecutor(8) as pool:
        for row in claimed:
            pool.submit(end, database, row, State.ACCEPTED, reference=f"D:{row.id}")
            pool.submit(answer, database, row.employee_key, now=NOW)
    assert told(database, kind="rewrite") == [(person, "slack", "planned") for person in people]


def test_an_answer_in_slack_gets_no_receipt_and_one_on_a_page_does(database: Database, person: int) -> None:
    answer(database, person, channel="slack")
    assert rows(database, kind="receipt") == []
    answer(database, person, Answer.NO_ACCOUNT)
    assert told(database, kind="receipt") == [(person, "smtp", "planned")]
    assert [row.answer for row in claim(database, "slack", now=LATER)] == [Answer.NO_ACCOUNT] * 2


def refused_by_mail(database: Database, person: int) -> None:
    """From now on receipts go to Slack."""
    with database.write() as connection:
        reach.refuse(connection, [Refusal(person, "smtp", "e0@example.com", "550 5.1.1 User unknown")], NOW)


def test_a_receipt_on_slack_says_so_once_its_answer_no_longer_counts(database: Database, person: int) -> None:
    """After an undo, and after another answer; the receipt for the answer that counts is left alone."""
    refused_by_mail(database, person)
    given = [Answer.DONE, Answer.NO_ACCOUNT, Answer.ALREADY_OFF]
    for hour, one in enumerate(given):
        answer(database, person, one, now=LATER + timedelta(hours=hour))
        assert len(send(database, "slack", now=LATER + timedelta(hours=hour))) == 3 + hour, "two reminders, and each receipt"
    receipts = [row["id"] for row in rows(database, kind="receipt")]
    brought_up_to_date = {row["occasion"]: row["message"] for row in rows(database, kind="rewrite")}
    assert [brought_up_to_date.get(number) for number in receipts] == ["receipt", "receipt", None]
    undo(database, person, LATER + timedelta(hours=3))
    found = claim(database, "slack", now=LATER + timedelta(hours=3))
    assert {(row.kind, row.answer) for row in found} == {("rewrite", None)}
    reminders = [row for row in rows(database) if row["employee_key"] == person]
    assert sorted(row.message for row in found) == sorted([row["message"] for row in reminders] + ["receipt"] * 3)
    assert {row.reference for row in found if row.message == "receipt"} == {
        row["reference"] for row in rows(database, kind="receipt")
    }


def test_a_receipt_that_arrives_after_its_answer_was_taken_back_is_rewritten(database: Database, person: int) -> None:
    refused_by_mail(database, person)
    answer(database, person)
    receipts = [row for row in claim(database, "slack", now=LATER) if row.kind == "receipt"]
    undo(database, person)
    assert end(database, receipts[0], State.ACCEPTED, now=LATER, reference="D1:1.9")
    assert "D1:1.9" in [row.reference for row in claim(database, "slack", now=LATER)]


def test_a_call_for_help_and_an_answer_in_doubt_are_said_too(database: Database, person: int) -> None:
    """They settle nothing; a message that comes later is the reminder itself."""
    answer(database, person, Answer.HELP)
    found = claim(database, "slack", now=LATER)
    assert [(row.kind, row.answer, row.provisional) for row in found] == [("rewrite", Answer.HELP, False)] * 2
    for row in found:
        assert end(database, row, State.ACCEPTED, now=LATER, reference=row.reference)
    answer(database, person, assurance=Assurance.PROVISIONAL)
    found = claim(database, "slack", now=LATER)
    assert [(row.kind, row.answer, row.provisional) for row in found] == [("rewrite", Answer.DONE, True)] * 2
    undo(database, person)
    assert [row.answer for row in claim(database, "slack", now=LATER + timedelta(seconds=10))] == [None] * 2


def test_a_rewrite_outlives_a_dead_sender_and_a_leaver(database: Database, person: int) -> None:
    """Nobody knows whether it was done: it is done again, which does no harm."""
    answer(database, person)
    claim(database, "slack", now=LATER, owner="dead")
    with database.write() as connection:
        outcomes.release_dead(connection, owner="b", resend=("smtp",), now=LATER, alone=True)
    assert told(database, kind="rewrite") == [(person, "slack", "retry")] * 2


def test_a_rewrite_that_cannot_be_done_says_nothing_about_the_person(database: Database, person: int) -> None:
    """`message_not_found`: the message is gone; the person is still reached on Slack."""
    answer(database, person)
    for row in claim(database, "slack", now=LATER):
        end(database, row, State.REFUSED, now=LATER, words="message_not_found")
    undo(database, person)
    assert [row.kind for row in claim(database, "slack", now=LATER)] == ["rewrite"] * 2
    assert {row["channel"] for row in rows(database) if row["employee_key"] == person} == {"slack"}


def test_rewrites_keep_to_a_limit_of_their_own_and_hold_up_nothing(database: Database) -> None:
    """Slack takes 50 rewrites a minute and several hundred new messages. 12 people answer at once while others are written to."""
    limits = Limits(180, rewrites_per_minute=50)
    people = [add_person(database, number) for number in range(12)]
    find_on_slack(database, people)
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    send(database, "slack")
    for person in people:
        answer(database, person, now=LATER)
    newcomers = [add_person(database, number) for number in range(100, 112)]
    find_on_slack(database, [*people, *newcomers])
    plan.tick(LATER)

    gone: list[tuple[datetime, str]] = []
    for fifth in range(100):
        now = LATER + timedelta(seconds=fifth / 5)
        for row in claim(database, "slack", now=now, limits=limits):
            gone.append((now, row.kind))
            assert end(database, row, State.ACCEPTED, now=now, reference=row.reference or f"D{row.employee_key}:1")
        if len(gone) == 24:
            break
    rewritten = [at for at, kind in gone if kind == "rewrite"]
    written = [at for at, kind in gone if kind == "reminder"]
    assert (len(rewritten), len(written)) == (12, 12)
    assert all(later - earlier >= timedelta(seconds=60 / 50) for earlier, later in pairwise(rewritten))
    assert max(written) < max(rewritten), "new messages do not wait for them"
