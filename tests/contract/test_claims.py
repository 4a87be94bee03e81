"""What a claim passes over, and whose claims are taken back, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from notifier.domain.campaign import Answer
from notifier.store import acknowledgements, candidates, claims, outcomes, processes, quota
from notifier.store.candidates import Candidate
from notifier.store.database import Database
from notifier.store.tables import Kind, deliveries, employees
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

NOW = utc("2025-10-03T10:00")


def claim(database: Database, *, owner: str = "a", most: int = 100, now: datetime = NOW) -> tuple[claims.Claimed, ...]:
    with database.write() as connection:
        return claims.claim(
            connection, owner=owner, channel="smtp", limits=quota.Limits(), most=most, now=now, message_id_domain="example.com"
        ).rows


def states(database: Database) -> list[tuple[int, str, str | None]]:
    """(employee, state, reason) of every reminder."""
    with database.read() as connection:
        statement = select(deliveries.c["employee_key", "state", "reason"]).where(deliveries.c.kind == Kind.REMINDER)
        return [tuple(row) for row in connection.execute(statement.order_by(deliveries.c.employee_key))]


def test_rows_that_are_withdrawn_hide_nobody_behind_them(database: Database) -> None:
    """The whole of the first look is for people who have left: the claim looks on, and finds who still waits."""
    gone, left, waiting = (add_person(database, number) for number in range(3))
    planner(database).tick(NOW)
    with database.write() as connection:
        connection.execute(update(employees).where(employees.c.key.in_((gone, left))).values(active=False))

    assert [row.employee_key for row in claim(database, most=2)] == [waiting]
    assert states(database) == [
        (gone, "cancelled", "left the organisation"),
        (left, "cancelled", "left the organisation"),
        (waiting, "claimed", None),
    ]


def test_a_receipt_of_an_answer_that_was_taken_back_is_not_sent(database: Database) -> None:
    """Nobody reads "thank you" for what they have just undone."""
    person = add_person(database, 1)
    with database.write() as connection:
        settle(connection, person, NOW)
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=person, now=NOW)

    assert claim(database) == ()
    with database.read() as connection:
        (receipt,) = connection.execute(deliveries.select()).mappings()
    assert (receipt["kind"], receipt["state"], receipt["reason"]) == ("receipt", "cancelled", "the answer was taken back")


def test_a_receipt_knows_what_it_confirms(database: Database) -> None:
    person = add_person(database, 1)
    with database.write() as connection:
        settle(connection, person, NOW)
    (row,) = claim(database)
    assert (row.kind, row.answer, row.answered_at, row.today) == ("receipt", Answer.DONE, NOW, NOW.date())


@pytest.mark.parametrize(
    ("later", "beats", "stops", "taken"),
    [
        (timedelta(minutes=1), False, False, 0),
        (timedelta(minutes=29), True, False, 0),
        (timedelta(minutes=3), False, False, 1),
        (timedelta(minutes=1), False, True, 1),
        (timedelta(minutes=31), True, False, 1),
    ],
    ids=["it breathes", "it works for long", "it is silent", "it has ended", "its lease is over"],
)
def test_only_a_dead_daemons_claims_are_taken_back(
    database: Database, later: timedelta, beats: bool, stops: bool, taken: int
) -> None:
    """Several daemons may run: one that still breathes keeps what it has in hand for as long as the lease says."""
    add_person(database, 1)
    planner(database).tick(NOW)
    with database.write() as connection:
        processes.register(connection, "other", NOW)
    claim(database, owner="other")
    now = NOW + later
    with database.write() as connection:
        if beats:
            processes.beat(connection, "other", now)
        if stops:
            processes.unregister(connection, "other", now)
        assert outcomes.release_dead(connection, owner="a", resend=("smtp",), now=now, alone=False) == taken

    assert len(claim(database, now=now)) == taken


def test_a_daemon_takes_nothing_from_itself(database: Database) -> None:
    add_person(database, 1)
    planner(database).tick(NOW)
    claim(database, owner="a")
    with database.write() as connection:
        assert outcomes.release_dead(connection, owner="a", resend=("smtp",), now=NOW + timedelta(days=1), alone=True) == 0


def test_claims_of_a_daemon_that_nobody_has_heard_of_are_dead(database: Database) -> None:
    """A store that was restored from a backup may hold such."""
    add_person(database, 1)
    planner(database).tick(NOW)
    claim(database, owner="unknown")
    with database.write() as connection:
        assert outcomes.release_dead(connection, owner="a", resend=("smtp",), now=NOW, alone=False) == 1


@pytest.mark.parametrize("channel", ["smtp", "slack"])
@pytest.mark.parametrize("only_asked_for", [False, True])
def test_a_candidate_has_the_columns_in_their_order(channel: str, only_asked_for: bool) -> None:
    """They are put together by place."""
    columns = candidates._statement(channel, only_asked_for=only_asked_for).exported_columns
    assert tuple(columns.keys()) == Candidate._fields
