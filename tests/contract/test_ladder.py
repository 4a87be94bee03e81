"""Slack before e-mail: each person is told once, on the first channel that reaches them, and nobody falls between two channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from notifier.domain.campaign import Campaign, Step
from notifier.domain.ladder import Ladders
from notifier.store import acknowledgements, marks, outbox, outcomes, reach
from notifier.store.database import Database
from notifier.store.outcomes import LostClaimError, Outcome
from notifier.store.tables import State, employees
from tests.ladder_rig import NOW, SLACK_FIRST, claim, end, find_on_slack, rows, send, told
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

NOTICE_ONLY = Campaign(CAMPAIGN.id, CAMPAIGN.deadline, (Step(30, "notice"),))
NEXT_STEP = utc("2025-10-27T10:00")


def by(*rungs: str, email: str = "smtp", campaign: Campaign = CAMPAIGN) -> Ladders:
    return Ladders.of(rungs, email=email, campaigns=[campaign])


def test_everybody_is_planned_on_the_first_channel_that_reaches_them(database: Database) -> None:
    on_slack, by_mail = add_person(database, 1), add_person(database, 2)
    find_on_slack(database, [on_slack])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    assert told(database) == [(on_slack, "slack", "planned"), (by_mail, "smtp", "planned")]
    (row,) = claim(database, "slack")
    assert (row.address, row.email) == (f"U{on_slack}", "e1@example.com")
    (row,) = claim(database, "smtp")
    assert row.address == row.email == "e2@example.com"


def test_a_second_look_plans_nobody_twice(database: Database) -> None:
    """Even where the roster changed, and where somebody is found on Slack who has a mail waiting."""
    first, second = add_person(database, 1), add_person(database, 2)
    find_on_slack(database, [first])
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    find_on_slack(database, [first, second])
    plan.tick(NOW + timedelta(minutes=1))
    assert told(database) == [(first, "slack", "planned"), (second, "smtp", "planned")]


def test_who_is_refused_gets_the_message_on_the_next_channel_in_the_same_window(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    (row,) = claim(database, "slack")
    later = NOW + timedelta(minutes=5)
    assert end(database, row, State.REFUSED, now=later)

    refused, following = rows(database)
    assert (refused["state"], refused["reason"]) == ("refused", "user_disabled")
    assert (following["channel"], following["state"], following["next_at"]) == ("smtp", "planned", later)
    for same in ("message", "occasion", "due_at", "closes_at", "expires_at"):
        assert following[same] == refused[same]
    assert send(database, "smtp", now=later) == [person]
    with database.read() as connection:
        (known,) = reach.of_people(connection, [person])
    assert (known.address, known.refused_at, known.refused_because) == (f"U{person}", later, "user_disabled")


def test_a_refusal_is_remembered_at_the_next_step(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    (row,) = claim(database, "slack")
    end(database, row, State.REFUSED)
    send(database, "smtp")
    plan.tick(NEXT_STEP)
    assert [(row["occasion"], row["channel"]) for row in rows(database)] == [(30, "slack"), (30, "smtp"), (7, "smtp")]


def test_a_late_outcome_sends_nobody_to_the_next_channel(database: Database) -> None:
    """A sender that slept through its lease: its refusal is not recorded, and so nothing follows from it."""
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    (row,) = claim(database, "slack")
    with database.write() as connection:
        outcomes.release_dead(connection, owner="b", resend=("slack",), now=NOW, alone=True)
    assert not end(database, row, State.REFUSED)
    outcome = Outcome(row.id, row.epoch, State.REFUSED)
    with pytest.raises(LostClaimError), database.write() as connection:
        outcomes.record_all(connection, owner="a", outcomes=[outcome], now=NOW, ladders=SLACK_FIRST)
    assert told(database) == [(person, "slack", "retry")]


def test_whoever_answers_meanwhile_is_not_written_to_on_the_next_channel(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    (row,) = claim(database, "slack")
    with database.write() as connection:
        settle(connection, person, NOW)
    end(database, row, State.REFUSED)
    assert [row.kind for row in claim(database, "smtp")] == ["receipt"]
    assert told(database) == [(person, "slack", "refused"), (person, "smtp", "cancelled")]


def test_whom_no_channel_reaches_is_said_and_planned_when_they_can_be_reached(database: Database) -> None:
    person = add_person(database, 1)
    plan = planner(database, ladders=by("slack"))
    plan.tick(NOW)
    (row,) = rows(database)
    assert (row["channel"], row["state"], row["reason"], row["finished_at"]) == (
        "slack", "cancelled", "no channel reaches this person", NOW,
    )  # fmt: skip
    find_on_slack(database, [person])
    plan.tick(NOW + timedelta(minutes=1))
    assert told(database) == [(person, "slack", "planned")]
    assert send(database, "slack", now=NOW + timedelta(minutes=1), ladders=by("slack")) == [person]


def test_another_address_is_another_try(database: Database) -> None:
    """Refused by e-mail, not on Slack: at the next step nobody reaches them, until the roster has another address."""
    person = add_person(database, 1)
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    (row,) = claim(database, "smtp")
    end(database, row, State.REFUSED, words="550 5.1.1")
    plan.tick(NEXT_STEP)
    assert told(database) == [(person, "smtp", "refused"), (person, "smtp", "cancelled")]
    with database.write() as connection:
        connection.execute(update(employees).values(email="zoe@example.com"))
        marks.look_again(connection)
    plan.tick(NEXT_STEP + timedelta(minutes=1))
    assert [(row["occasion"], row["state"]) for row in rows(database)] == [(30, "refused"), (7, "planned")]


def test_refused_everywhere_is_the_end_of_it(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    for channel in ("slack", "smtp"):
        (row,) = claim(database, channel)
        end(database, row, State.REFUSED)
    marks_before = told(database)
    plan.tick(NOW + timedelta(minutes=1))
    assert told(database) == marks_before == [(person, "slack", "refused"), (person, "smtp", "refused")]


def test_a_step_may_go_everywhere_or_have_a_ladder_of_its_own(database: Database) -> None:
    steps = (Step(30, "notice", ("email",)), Step(7, "last-call", everywhere=True))
    campaign = replace(CAMPAIGN, steps=steps)
    both, mail_only = add_person(database, 1), add_person(database, 2)
    find_on_slack(database, [both])
    ladders = by("slack", "email", campaign=campaign)
    plan = planner(database, campaign, ladders=ladders)
    plan.tick(NOW)
    assert told(database) == [(both, "smtp", "planned"), (mail_only, "smtp", "planned")]
    for now in (NEXT_STEP, NEXT_STEP + timedelta(minutes=1)):
        plan.tick(now)
        with database.write() as connection:
            marks.look_again(connection)
    last = [(row["employee_key"], row["channel"]) for row in rows(database) if row["occasion"] == 7]
    assert last == [(both, "slack"), (both, "smtp"), (mail_only, "smtp")]
    (row,) = claim(database, "slack", now=NEXT_STEP)
    end(database, row, State.REFUSED, now=NEXT_STEP, ladders=ladders)
    assert len(rows(database)) == 5  # the mail was going out anyway


@pytest.mark.parametrize("accepted", [True, False], ids=["sent", "waiting"])
def test_another_way_for_mail_to_leave_sends_no_second_copy(database: Database, accepted: bool) -> None:
    """`email.via` is changed in the middle of a campaign: what was sent stays, what waits goes out the new way."""
    person = add_person(database, 1)
    planner(database, ladders=by("email")).tick(NOW)
    if accepted:
        assert send(database, "smtp") == [person]
    plan = planner(database, ladders=by("email", email="graph"))
    for minutes in (1, 2):
        plan.tick(NOW + timedelta(minutes=minutes))
    if accepted:
        assert told(database) == [(person, "smtp", "accepted")]
    else:
        assert told(database) == [(person, "smtp", "cancelled"), (person, "graph", "planned")]
        planner(database, ladders=by("email")).tick(NOW + timedelta(minutes=3))
        assert told(database) == [(person, "smtp", "planned"), (person, "graph", "cancelled")]


def test_a_ladder_that_changes_takes_along_what_waits(database: Database) -> None:
    on_slack, by_mail = add_person(database, 1), add_person(database, 2)
    find_on_slack(database, [on_slack])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    planner(database, ladders=by("email")).tick(NOW + timedelta(minutes=1))
    assert told(database) == [(on_slack, "slack", "cancelled"), (on_slack, "smtp", "planned"), (by_mail, "smtp", "planned")]


def test_of_two_rows_of_a_step_that_is_to_come_again_one_waits(database: Database) -> None:
    """Both ended by the plan, on two channels; the deadline moves, and one message goes out."""
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, NOTICE_ONLY, ladders=SLACK_FIRST).tick(NOW)
    planner(database, NOTICE_ONLY, ladders=by("email")).tick(NOW + timedelta(minutes=1))
    gone = planner(database, replace(NOTICE_ONLY, steps=(Step(2, "last-call"),)), ladders=SLACK_FIRST)
    gone.tick(NOW + timedelta(minutes=2))
    assert {row["state"] for row in rows(database)} == {"cancelled"}
    planner(database, NOTICE_ONLY, ladders=SLACK_FIRST).tick(NOW + timedelta(minutes=3))
    assert sorted(row["state"] for row in rows(database)) == ["cancelled", "planned"]


def test_a_refused_receipt_goes_to_slack(database: Database) -> None:
    person = add_person(database, 1)
    find_on_slack(database, [person])
    with database.write() as connection:
        settle(connection, person, NOW)
    (receipt,) = claim(database, "smtp")
    end(database, receipt, State.REFUSED, words="550 5.1.1")
    assert told(database, kind="receipt") == [(person, "smtp", "refused"), (person, "slack", "planned")]
    with database.write() as connection:  # from now on it is known
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=NOW)
        settle(connection, person, NOW)
    assert [channel for _, channel, _ in told(database, kind="receipt")] == ["smtp", "slack", "slack"]


def test_a_bounce_is_a_refusal_that_comes_late(database: Database) -> None:
    """The message came back days later: the next channel carries it, in the next window, and once only."""
    person = add_person(database, 1)
    ladders = by("email", "slack")
    find_on_slack(database, [person])
    plan = planner(database, ladders=ladders)
    plan.tick(NOW)
    send(database, "smtp", ladders=ladders)
    (sent,) = rows(database)
    monday = utc("2025-10-06T20:00")
    with database.write() as connection:
        assert outbox.bounced(connection, sent["id"], "550 5.1.1 no such user", monday, ladders=ladders)
        assert not outbox.bounced(connection, sent["id"], "550 5.1.1 no such user", monday, ladders=ladders)
    plan.tick(monday)
    refused, following = rows(database)
    assert (refused["state"], refused["reason"]) == ("refused", "bounced: 550 5.1.1 no such user")
    assert (following["channel"], following["next_at"]) == ("slack", utc("2025-10-07T09:00"))


def test_a_bounce_of_an_earlier_address_says_nothing_about_the_present_one(database: Database) -> None:
    add_person(database, 1)
    ladders = by("email")
    plan = planner(database, ladders=ladders)
    plan.tick(NOW)
    send(database, "smtp", ladders=ladders)
    (sent,) = rows(database)
    with database.write() as connection:
        connection.execute(update(employees).values(email="new@example.com"))
        outbox.bounced(connection, sent["id"], "550", NOW, ladders=ladders, remember=False)
    plan.tick(NEXT_STEP)
    assert [row["state"] for row in rows(database)] == ["refused", "planned"]


@pytest.mark.parametrize("of_person", [True, False])
def test_a_refused_text_goes_on_and_is_not_remembered(database: Database, of_person: bool) -> None:
    """Slack does not take this text; that says nothing about the person, who gets the next message there."""
    person = add_person(database, 1)
    find_on_slack(database, [person])
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    (row,) = claim(database, "slack")
    outcome = Outcome(row.id, row.epoch, State.REFUSED, "invalid_blocks", of_person=of_person)
    with database.write() as connection:
        outcomes.record_all(connection, owner="a", outcomes=[outcome], now=NOW, ladders=SLACK_FIRST)
    send(database, "smtp")
    assert told(database) == [(person, "slack", "refused"), (person, "smtp", "accepted")]
    plan.tick(NEXT_STEP)
    assert rows(database)[-1]["channel"] == ("smtp" if of_person else "slack")


def refuse_everywhere(database: Database) -> int:
    """Somebody whom Slack and then e-mail refused."""
    person = add_person(database, 1)
    find_on_slack(database, [person])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    for second, channel in enumerate(("slack", "smtp")):
        (row,) = claim(database, channel, now=NOW + timedelta(seconds=second))
        end(database, row, State.REFUSED, now=NOW + timedelta(seconds=second + 1))
    return person


@pytest.mark.parametrize(
    ("rungs", "again", "next_step"),
    [(["slack", "email"], "smtp", "slack"), (["email"], "smtp", "smtp"), (["slack"], "slack", "slack")],
)
def test_one_person_is_tried_again(database: Database, rungs: list[str], again: str, next_step: str) -> None:
    """One copy goes, on the last channel of those that refused it; what was remembered there is forgotten for later steps too."""
    person, other = refuse_everywhere(database), add_person(database, 2)
    later = NOW + timedelta(minutes=5)
    with database.write() as connection:
        assert outbox.count_retryable_of(connection, employee_key=person, rungs=rungs, now=later) == 1
        assert outbox.count_retryable_of(connection, employee_key=other, rungs=rungs, now=later) == 0
        assert outbox.retry_person(connection, employee_key=person, rungs=rungs, now=later) == 1
        known = reach.of_people(connection, [person])
    assert {one.channel for one in known if one.refused_at is None} == set(rungs)
    assert [row.employee_key for row in claim(database, again, now=later)] == [person]
    planner(database, ladders=SLACK_FIRST).tick(NEXT_STEP)
    assert [row["channel"] for row in rows(database) if row["occasion"] == 7 and row["employee_key"] == person] == [next_step]


def test_of_all_refused_nobody_gets_two_copies(database: Database) -> None:
    """Refused on two channels one after the other: the last one tries again, not both."""
    person = refuse_everywhere(database)
    with database.write() as connection:
        assert outbox.retry(connection, ids=(), state=State.REFUSED, now=NOW + timedelta(minutes=5)) == 1
    assert told(database) == [(person, "slack", "refused"), (person, "smtp", "retry")]


def test_an_operator_who_tries_again_forgets_the_refusal(database: Database) -> None:
    """Of all refused ones only those go again that no other channel has taken over."""
    taken_over, lost = add_person(database, 1), add_person(database, 2)
    find_on_slack(database, [taken_over])
    planner(database, ladders=SLACK_FIRST).tick(NOW)
    (row,) = claim(database, "slack")
    end(database, row, State.REFUSED, now=NOW + timedelta(minutes=1))
    for row in claim(database, "smtp", now=NOW + timedelta(minutes=2)):
        end(database, row, State.ACCEPTED if row.employee_key == taken_over else State.REFUSED)
    later = NOW + timedelta(minutes=3)
    with database.write() as connection:
        assert outbox.count_retryable(connection, ids=(), state=State.REFUSED, now=later) == 1
        assert outbox.retry(connection, ids=(), state=State.REFUSED, now=later) == 1
        assert [known.channel for known in reach.of_people(connection, [taken_over, lost]) if known.refused_at] == ["slack"]
    assert send(database, "smtp", now=later) == [lost]


def test_a_channel_that_comes_to_the_ladder_reaches_those_who_were_refused(database: Database) -> None:
    """The step is still current: who was refused by e-mail gets it on Slack, and who had it by e-mail is left in peace."""
    refused, reached = add_person(database, 1), add_person(database, 2)
    planner(database, ladders=by("email")).tick(NOW)
    for row in claim(database, "smtp"):
        end(database, row, State.REFUSED if row.employee_key == refused else State.ACCEPTED, ladders=by("email"))
    find_on_slack(database, [refused, reached])
    planner(database, ladders=by("email", "slack")).tick(NOW + timedelta(minutes=1))
    assert told(database) == [(refused, "smtp", "refused"), (refused, "slack", "planned"), (reached, "smtp", "accepted")]
