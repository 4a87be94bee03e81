"""The outbox over both databases: what an operator tries again, when something is due next, and when somebody was last told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from notifier.store import claims, outbox, outcomes, quota
from notifier.store.database import Database
from notifier.store.outcomes import Outcome
from notifier.store.tables import Kind, State, deliveries
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

NOW = utc("2025-10-03T10:00")
OVER = utc("2025-10-27T09:00")  # the reminder opens, and the notice is no longer current


def end(connection: Connection, states: Sequence[State], now: datetime = NOW) -> list[int]:
    """Claim as many rows and let each end so, in their order. Returns their ids."""
    found = claims.claim(
        connection,
        owner="a",
        channel="smtp",
        limits=quota.Limits(),
        most=len(states),
        now=now,
        message_id_domain="example.com",
    ).rows
    for row, state in zip(found, states, strict=True):
        assert outcomes.record(connection, owner="a", outcome=Outcome(row.id, row.epoch, state, "550 no"), now=now)
    return [row.id for row in found]


def standing(connection: Connection) -> dict[int, tuple[str, str | None, datetime | None]]:
    """State, reason and end of each row."""
    rows = connection.execute(deliveries.select()).mappings()
    return {row["id"]: (row["state"], row["reason"], row["finished_at"]) for row in rows}


@pytest.mark.parametrize(
    ("named", "state", "waiting"),
    [
        ((0, 2, 3), None, {0, 2}),
        ((), State.REFUSED, {0, 1}),
        ((), State.UNKNOWN, {2}),
        ((), State.ACCEPTED, set()),
        ((), None, set()),
    ],
    ids=["by id", "refused", "unknown", "what was sent is not sent again", "nothing named"],
)
def test_an_operator_lets_wait_again_what_was_not_sent(
    database: Database, named: tuple[int, ...], state: State | None, waiting: set[int]
) -> None:
    """Rows that ended unsent and were asked for, and no others; as many as were announced."""
    for number in range(4):
        add_person(database, number)
    planner(database).tick(NOW)
    later = NOW + timedelta(hours=1)
    with database.write() as connection:
        ids = end(connection, (State.REFUSED, State.REFUSED, State.UNKNOWN, State.ACCEPTED))
        before = standing(connection)
        asked = {"ids": [ids[number] for number in named], "state": state, "now": later}
        assert outbox.count_retryable(connection, **asked) == len(waiting)
        assert outbox.retry(connection, **asked) == len(waiting)
        after = standing(connection)
    again = ("retry", "an operator asked for another try", None)
    assert after == {row: again if ids.index(row) in waiting else before[row] for row in ids}


def test_what_an_operator_lets_wait_is_claimed_at_once(database: Database) -> None:
    add_person(database, 1)
    planner(database).tick(NOW)
    later = NOW + timedelta(hours=1)
    with database.write() as connection:
        (row,) = end(connection, (State.REFUSED,))
        outbox.retry(connection, ids=[row], state=None, now=later)
        assert end(connection, (State.ACCEPTED,), later) == [row]


def test_a_step_that_is_over_is_not_tried_again(database: Database) -> None:
    """Nobody is told "30 days left" when seven are."""
    add_person(database, 1)
    planner(database).tick(NOW)
    with database.write() as connection:
        (row,) = end(connection, (State.REFUSED,))
        before = standing(connection)
        assert outbox.count_retryable(connection, ids=[row], state=None, now=OVER) == 0
        assert outbox.retry(connection, ids=[row], state=None, now=OVER) == 0
        assert standing(connection) == before


def test_a_recent_hand_over_of_a_reminder_is_known(database: Database) -> None:
    """Of these people and this campaign; a receipt is no reminder, and what was refused was not handed over."""
    told, refused, other = (add_person(database, number) for number in (1, 2, 3))
    planner(database).tick(NOW)
    minute, hours = timedelta(minutes=1), timedelta(hours=3)
    with database.write() as connection:
        end(connection, (State.ACCEPTED, State.REFUSED, State.ACCEPTED))
        settle(connection, told, NOW + timedelta(hours=1))
        (receipt,) = connection.scalars(select(deliveries.c.id).where(deliveries.c.kind == Kind.RECEIPT))
        connection.execute(
            update(deliveries).where(deliveries.c.id == receipt).values(state=State.ACCEPTED, finished_at=NOW + minute)
        )

        def found(after: datetime, until: datetime, campaign: str = CAMPAIGN.id) -> set[int]:
            return outbox.handed_over(connection, campaign=campaign, people=[told, refused], after=after, until=until)

        assert found(NOW - minute, NOW) == {told}
        assert found(NOW, NOW + hours) == set()
        assert found(NOW - hours, NOW - minute) == set()
        assert found(NOW - minute, NOW, campaign="other") == set()
        assert outbox.handed_over(connection, campaign=CAMPAIGN.id, people=[other], after=NOW - minute, until=NOW) == {other}


def test_the_next_instant_is_that_at_which_something_can_happen_to_a_waiting_row(database: Database) -> None:
    """A row that waits for its time, then for its window to close, then for its step to end; nothing where nothing waits."""
    add_person(database, 1)
    opens, closes = utc("2025-10-03T09:00"), utc("2025-10-03T17:00")
    planner(database).tick(NOW)
    with database.write() as connection:
        assert outbox.next_instant(connection, opens - timedelta(minutes=1)) == opens
        assert outbox.next_instant(connection, opens) == closes
        assert outbox.next_instant(connection, closes) == OVER
        assert outbox.next_instant(connection, OVER) is None
        end(connection, (State.ACCEPTED,))
        assert outbox.next_instant(connection, datetime(2025, 1, 1, tzinfo=UTC)) is None
