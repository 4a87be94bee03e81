"""What a refusal, a rest, a brake or an answer leads to, each beside something that looks alike and must make no difference."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, update

from notifier.domain.campaign import Answer, Assurance
from notifier.domain.ladder import Ladder, Ladders
from notifier.store import acknowledgements, claims, holds, outcomes, planning, refusals, waves
from notifier.store.claims import Claim
from notifier.store.database import Database
from notifier.store.quota import Limits
from notifier.store.tables import State, deliveries, reach
from notifier.store.tables import holds as holds_table
from tests.planning_rig import CAMPAIGN, add_person
from tests.rows_rig import HOUR, INSTANT, NOW, add_row, changes, standing

A, B = "a@example.com", "b@example.com"
SLACK, MAIL = Ladder(("slack",)), Ladder(("smtp", "slack"))


def on_slack(connection: Connection, person: int) -> None:
    connection.execute(insert(reach).values(employee_key=person, channel="slack", address=f"U{person}"))


def went_on(connection: Connection, row: int, ladders: Ladders, *, remember: bool = True) -> list[tuple[str, str]]:
    """(kind, channel) of what a refused row brought about."""
    before = standing(connection).keys()
    refusals.fall_back(connection, [row], ladders, NOW, remember=remember)
    return [(each["kind"], each["channel"]) for number, each in standing(connection).items() if number not in before]


def test_a_reminder_goes_on_by_its_own_ladder_and_a_receipt_by_that_of_receipts(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    ladders = Ladders(SLACK, {(CAMPAIGN.id, 7): Ladder(("slack", "smtp"))}, receipts=MAIL)
    with sqlite_database.write() as connection:
        on_slack(connection, person)
        refused = {"channel": "slack", "state": "refused"}
        assert went_on(connection, add_row(connection, person, **refused), ladders) == []
        assert went_on(connection, add_row(connection, person, occasion=7, **refused), ladders) == [("reminder", "smtp")]
        receipt = add_row(connection, person, occasion=1, kind="receipt", state="refused")
        assert went_on(connection, receipt, ladders, remember=False) == []
        connection.execute(reach.update().values(refused_at=None, refused_because=None))
        receipt = add_row(connection, person, occasion=2, kind="receipt", state="refused")
        assert went_on(connection, receipt, ladders) == [("receipt", "slack")]


def test_what_is_over_or_rewrites_goes_nowhere(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    ladders = Ladders(Ladder(("slack", "smtp")))
    with sqlite_database.write() as connection:
        on_slack(connection, person)
        for differs in ({"expires_at": NOW}, {"occasion": 2, "kind": "rewrite"}):
            row = add_row(connection, person, **({"channel": "slack", "state": "refused"} | differs))
            assert went_on(connection, row, ladders) == []
        row = add_row(connection, person, occasion=3, channel="slack", state="refused", expires_at=NOW + INSTANT)
        assert went_on(connection, row, ladders) == [("reminder", "smtp")]


def claim(connection: Connection, limits: Limits) -> Claim:
    return claims.claim(connection, owner="a", channel="graph", limits=limits, most=10, now=NOW, message_id_domain="example.com")


def test_what_waits_for_a_resting_mailbox_says_until_when(sqlite_database: Database) -> None:
    """The other mailbox is free, and there is nothing for it."""
    person = add_person(sqlite_database, 1)
    limits = Limits(outlets={A: Limits(), B: Limits()})
    with sqlite_database.write() as connection:
        add_row(connection, person, channel="graph", outlet=A, state="retry", attempts=1)
        rest = {"since": NOW - HOUR, "until": NOW + HOUR, "reason": "full", "actor": "notifier"}
        connection.execute(insert(holds_table).values(scope=holds.of_outlet("graph", A), **rest))
        assert claim(connection, limits) == Claim((), NOW + HOUR)
        add_row(connection, person, occasion=7, channel="graph")
        assert [(row.occasion, row.outlet) for row in claim(connection, limits).rows] == [(7, B)]


def test_a_mailbox_with_one_message_left_today_is_not_waited_for(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    limits = Limits(outlets={A: Limits(per_day=2)})
    with sqlite_database.write() as connection:
        add_row(connection, person, occasion=40, channel="graph", outlet=A, state="accepted", finished_at=NOW - HOUR)
        add_row(connection, person, channel="graph")
        found = claim(connection, limits)
        assert ([row.outlet for row in found.rows], found.again_at) == ([A], None)
        add_row(connection, person, occasion=7, channel="graph")
        assert claim(connection, limits) == Claim((), NOW - HOUR + timedelta(days=1))


def test_while_a_mailbox_rests_the_channel_is_asked_again_when_it_goes_on(sqlite_database: Database) -> None:
    """Also where hands are counted and some are free."""
    person = add_person(sqlite_database, 1)
    limits = Limits(at_once=4, outlets={A: Limits(), B: Limits()})
    with sqlite_database.write() as connection:
        add_row(connection, person, channel="graph")
        for outlet, hours in ((A, 2), (B, 3)):
            rest = {"since": NOW - HOUR, "until": NOW + hours * HOUR, "reason": "full", "actor": "notifier"}
            connection.execute(insert(holds_table).values(scope=holds.of_outlet("graph", outlet), **rest))
        assert claim(connection, limits) == Claim((), NOW + 2 * HOUR)


@pytest.mark.parametrize("lease", [NOW + HOUR, NOW - HOUR], ids=["in hand", "nobody knows"])
def test_what_is_claimed_counts_in_its_mailboxs_day(sqlite_database: Database, lease: datetime) -> None:
    """It has gone out, or may have: also where whoever claimed it has died since."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        claimed = {"channel": "graph", "outlet": A, "state": "claimed", "owner": "b", "lease_until": lease}
        add_row(connection, person, occasion=40, **claimed)
        add_row(connection, person, channel="graph")
        assert claim(connection, Limits(outlets={A: Limits(per_day=1)})).rows == ()
        assert len(claim(connection, Limits(outlets={A: Limits(per_day=2)})).rows) == 1


def test_what_was_tried_leaves_from_its_own_mailbox_and_waits_where_that_is_full(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    limits = Limits(outlets={A: Limits(per_day=2), B: Limits(per_day=5)})
    with sqlite_database.write() as connection:
        for number in range(3):
            add_row(connection, person, occasion=number, channel="graph", outlet=A, state="retry", attempts=1)
        add_row(connection, person, occasion=9, channel="graph")
        found = claim(connection, limits).rows
        assert sorted((row.occasion, row.outlet) for row in found) == [(0, A), (1, A), (9, B)]
        assert [row["state"] for row in standing(connection).values() if row["occasion"] == 2] == ["retry"]


def test_only_what_a_dead_daemon_had_claimed_is_taken_back(sqlite_database: Database) -> None:
    """On a channel where nothing may be sent twice: everything else there stays as it is."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        by_graph = {"channel": "graph", "owner": "dead", "lease_until": NOW + HOUR}
        dead = add_row(connection, person, occasion=1, state="claimed", **by_graph)
        add_row(connection, person, occasion=2, state="claimed", **(by_graph | {"owner": "a"}))
        for number, state in enumerate(("planned", "retry", "accepted", "refused", "unknown", "cancelled", "missed"), 3):
            add_row(connection, person, occasion=number, channel="graph", state=state)
        before = standing(connection)
        assert outcomes.release_dead(connection, owner="a", resend=["smtp"], now=NOW, alone=True) == 1
        found = changes(before, standing(connection))
    assert found.keys() == {dead}
    assert (found[dead]["state"], found[dead]["finished_at"]) == ("unknown", NOW)


@pytest.mark.parametrize(("newer", "stops"), [(94, True), (95, False), (200, False)])
def test_only_the_last_hundred_messages_can_stop_a_channel(sqlite_database: Database, newer: int, stops: bool) -> None:
    """Six were refused; before them many were taken, and behind them some."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        instants = [NOW - HOUR + number * INSTANT for number in range(106 + newer)]
        for number, instant in enumerate(instants):
            state = "refused" if 100 <= number < 106 else "accepted"
            add_row(connection, person, occasion=1000 + number, state=state, finished_at=instant)
        assert (waves.brake(connection, "smtp", NOW) is not None) is stops


def test_a_letter_of_another_kind_does_not_make_a_reminder_outdated(sqlite_database: Database) -> None:
    """A receipt is counted by its answer, and that number says nothing of days."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        receipt = add_row(connection, person, kind="receipt", occasion=9, expires_at=NOW)
        add_row(connection, person, kind="receipt", occasion=3)
        reminder = add_row(connection, person, expires_at=NOW)
        add_row(connection, person, kind="receipt", occasion=4, state="accepted")
        assert planning.expire(connection, NOW, 10) == 2
        after = standing(connection)
        assert (after[receipt]["state"], after[reminder]["state"]) == (State.MISSED, State.MISSED)


def answer(connection: Connection, person: int, given: Answer, *, campaign: str = CAMPAIGN.id, now: datetime = NOW) -> None:
    acknowledgements.record(
        connection,
        campaign=campaign,
        employee_key=person,
        answer=given,
        assurance=Assurance.LINK,
        channel="page",
        receipt_channel="smtp",
        now=now,
    )


def test_the_history_of_answers_is_one_persons_in_one_campaign(sqlite_database: Database) -> None:
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        answer(connection, person, Answer.HELP, campaign="another")
        answer(connection, person, Answer.HELP)
        answer(connection, other, Answer.ALREADY_OFF)
        answer(connection, person, Answer.DONE)
        found = acknowledgements.history(connection, campaign=CAMPAIGN.id, employee_key=person)
    assert [one.answer for one in found] == [Answer.HELP, Answer.DONE]


def test_a_message_that_is_to_be_rewritten_anew_begins_with_its_tries_at_nought(sqlite_database: Database) -> None:
    """However often the rewriting before was tried in vain: the new answer is not made to wait for that."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        on_slack(connection, person)
        add_row(connection, person, channel="slack", state="accepted", reference="D1:1.000100", finished_at=NOW - HOUR)
        answer(connection, person, Answer.HELP)
        failing = {"state": "retry", "attempts": 5, "next_at": NOW + 4 * HOUR, "reason": "ratelimited"}
        connection.execute(update(deliveries).where(deliveries.c.kind == "rewrite").values(failing))
        answer(connection, person, Answer.DONE, now=NOW + HOUR)
        (row,) = (row for row in standing(connection).values() if row["kind"] == "rewrite")
    assert (row["state"], row["attempts"], row["next_at"], row["reason"]) == ("planned", 0, NOW + HOUR, None)
