"""What a claim takes and what it leaves, and whose outcome is written: each neighbour differs in one thing only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from notifier.domain.campaign import Answer
from notifier.store import claims, holds, outcomes, processes, quota
from notifier.store.database import Database
from notifier.store.outcomes import LostClaimError, Outcome
from notifier.store.tables import State, acknowledgements, deliveries, employees
from tests.planning_rig import CAMPAIGN, add_person, settle
from tests.rows_rig import HOUR, INSTANT, NOW, add_row, changes, standing

MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=30)
SILENCE = timedelta(minutes=2)


def claim(connection: Connection, most: int = 100, now: datetime = NOW, canary: int = 0, **limits: int) -> claims.Claim:
    return claims.claim(
        connection,
        owner="a",
        channel="smtp",
        limits=quota.Limits(**limits),
        most=most,
        now=now,
        message_id_domain="example.com",
        canary=canary,
    )


def claimed_row(connection: Connection, person: int, **differs: Any) -> int:
    values = {"state": "claimed", "owner": "a", "epoch": 3, "lease_until": NOW + LEASE, "attempts": 2, "message_id": "<x>"}
    return add_row(connection, person, **(values | differs))


def test_only_rows_whose_time_it_is_are_claimed(sqlite_database: Database) -> None:
    """Waiting, on this channel, from `next_at` on, before the window closes and the step is over; the earliest first."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        late = add_row(connection, person, occasion=1, next_at=NOW)
        early = add_row(connection, person, occasion=2, next_at=NOW - 2 * HOUR, state="retry", reason="451")
        same = add_row(connection, person, occasion=3, next_at=NOW)
        add_row(connection, person, occasion=4, next_at=NOW + INSTANT)
        add_row(connection, person, occasion=5, closes_at=NOW)
        add_row(connection, person, occasion=6, expires_at=NOW)
        add_row(connection, person, occasion=7, channel="graph")
        for number, state in enumerate(("claimed", "accepted", "refused", "unknown", "superseded", "cancelled", "missed"), start=8):
            add_row(connection, person, occasion=number, state=state)
        before = standing(connection)
        assert [row.id for row in claim(connection).rows] == [early, late, same]
        after = standing(connection)
    found = changes(before, after)
    assert found.keys() == {early, late, same}
    begun = {"state": "claimed", "owner": "a", "epoch": 1, "lease_until": NOW + LEASE, "attempts": 1, "dated": NOW}
    assert found[late] == begun | {"message_id": after[late]["message_id"]}
    assert found[early] == begun | {"message_id": after[early]["message_id"], "reason": None}


def test_no_more_are_claimed_than_asked_for(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        rows = [add_row(connection, person, occasion=number) for number in range(4)]
        assert [row.id for row in claim(connection, 2).rows] == rows[:2]
        granted = claim(connection, per_day=3)
        assert ([row.id for row in granted.rows], granted.again_at) == ([rows[2]], None)
        assert [row["state"] for row in standing(connection).values()] == ["claimed"] * 3 + ["planned"]


def test_what_is_claimed_is_what_is_stored(sqlite_database: Database) -> None:
    """A claimed row carries its person and their place; Message-ID and Date are those that the store keeps."""
    person = add_person(sqlite_database, 1, language="fr", language_choice="de", link_version=2)
    now = NOW + timedelta(seconds=7, microseconds=5)
    with sqlite_database.write() as connection:
        fresh = add_row(connection, person, occasion=1)
        again = add_row(connection, person, occasion=2, dated=NOW - MINUTE, message_id="<kept@example.com>", attempts=1, epoch=4)
        tomorrow = add_row(connection, person, occasion=3, dated=NOW - 24 * HOUR, message_id="<old@example.com>")
        rows = {row.id: row for row in claim(connection, now=now).rows}
        stored = standing(connection)
    for number in (fresh, again, tomorrow):
        kept = ("id", "epoch", "campaign", "kind", "occasion", "message", "attempts", "message_id", "dated", "expires_at")
        assert {name: getattr(rows[number], name) for name in kept} == {name: stored[number][name] for name in kept}
    one = rows[fresh]
    said = (one.email, one.given_name, one.family_name, one.roster_language, one.language_choice)
    assert said == ("e1@example.com", "Zoé", "Example", "fr", "de")
    assert (one.country, one.time_zone, one.public_id, one.link_version) == ("CH", "Europe/Zurich", f"{1:022}", 2)
    assert (one.today, one.employee_key, one.answer, one.answered_at) == (NOW.date(), person, None, None)
    assert one.message_id.removesuffix("@example.com").rpartition(".")[2] == str(fresh)
    assert {row.message_id for row in rows.values()} >= {"<kept@example.com>", "<old@example.com>"}
    assert [rows[number].dated for number in (fresh, again, tomorrow)] == [
        NOW + timedelta(seconds=7),
        NOW - MINUTE,
        NOW + timedelta(seconds=7),
    ]
    assert [(rows[number].epoch, rows[number].attempts) for number in (fresh, again)] == [(1, 1), (5, 2)]


@pytest.mark.parametrize(
    ("differs", "first"),
    [
        ({}, False),
        ({"kind": "receipt"}, True),
        ({"state": "refused"}, True),
        ({"state": "claimed"}, True),
        ({"campaign": "another"}, True),
    ],
    ids=["accepted", "a receipt", "refused", "in hand", "of another campaign"],
)
def test_the_first_notice_is_the_one_before_which_no_reminder_arrived(
    sqlite_database: Database, differs: dict[str, Any], first: bool
) -> None:
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        add_row(connection, person, occasion=30, **({"state": "accepted"} | differs))
        add_row(connection, other, occasion=30, state="accepted")
        row = add_row(connection, person, occasion=7)
        assert [one.first_notice for one in claim(connection).rows if one.id == row] == [first]


def test_a_receipt_names_the_answer_it_confirms_and_a_reminder_none(sqlite_database: Database) -> None:
    """A reminder whose occasion is, by chance, the number of an answer confirms nothing."""
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        settle(connection, person, NOW)
        answer = connection.execute(acknowledgements.select()).mappings().one()["id"]
        reminder = add_row(connection, other, occasion=answer)
        rows = claim(connection).rows
    assert {row.kind.value: row.answer for row in rows} == {"reminder": None, "receipt": Answer.DONE}
    assert {row.kind.value: row.answered_at for row in rows} == {"reminder": None, "receipt": NOW}
    assert [row.id for row in rows if row.kind == "reminder"] == [reminder]


def test_whoever_has_settled_or_left_is_cancelled_instead(sqlite_database: Database) -> None:
    """Only they, each with the reason; an answer to another campaign, or "I need help", settles nothing."""
    done, left, helped, elsewhere = (add_person(sqlite_database, number) for number in range(4))
    given = {"assurance": "link", "channel": "page", "answered_at": NOW, "campaign": CAMPAIGN.id}
    with sqlite_database.write() as connection:
        answers = [
            {"employee_key": done, "answer": "done", "settles": True},
            {"employee_key": helped, "answer": "help", "settles": False},
            {"employee_key": elsewhere, "answer": "done", "settles": True, "campaign": "another"},
        ]
        for answer in answers:
            connection.execute(insert(acknowledgements).values(given | answer))
        connection.execute(update(employees).where(employees.c.key == left).values(active=False))
        rows = {person: add_row(connection, person) for person in (done, left, helped, elsewhere)}
        before = standing(connection)
        assert [row.employee_key for row in claim(connection).rows] == [helped, elsewhere]
        found = changes(before, standing(connection))
    assert found[rows[done]] == {"state": "cancelled", "reason": "answered", "finished_at": NOW}
    assert found[rows[left]] == {"state": "cancelled", "reason": "left the organisation", "finished_at": NOW}


def test_a_hold_says_when_to_ask_again(sqlite_database: Database) -> None:
    """At the end of the last pause; never, while somebody has to lift one. A hold of another channel stops nothing."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_row(connection, person)
        common = {"reason": "why", "actor": "x", "now": NOW}
        holds.place(connection, scope="smtp", until=NOW + MINUTE, **common)
        holds.place(connection, scope="all", until=NOW + 2 * MINUTE, **common)
        assert claim(connection) == claims.Claim((), NOW + 2 * MINUTE)
        holds.place(connection, scope="copy", **common)
        assert claim(connection) == claims.Claim((), None)
        holds.lift(connection, scope="copy", actor="x", now=NOW)
        holds.lift(connection, scope=None, actor="x", now=NOW)
        holds.place(connection, scope="graph", **common)
        assert len(claim(connection).rows) == 1


def test_a_wave_waits_for_its_canary(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_row(connection, person, state="claimed")
        assert claim(connection, canary=1) == claims.Claim(())
        add_row(connection, add_person_in(connection, 2))
        assert claim(connection, canary=1) == claims.Claim((), NOW, behind_canary=True)
        assert len(claim(connection, canary=2).rows) == 1


def add_person_in(connection: Connection, number: int) -> int:
    """A person like the first one, in a transaction that is under way."""
    first = dict(connection.execute(employees.select().limit(1)).mappings().one())
    email = f"e{number}@example.com"
    values = first | {"key": number + 100, "id": f"e{number}", "email": email, "email_key": email, "public_id": f"{number:022}"}
    connection.execute(insert(employees).values(values))
    return number + 100


@pytest.mark.parametrize(
    ("outcome", "written"),
    [
        (
            {"state": State.ACCEPTED, "reply": "250 Ok", "language": "de", "subject": "Bitte"},
            {"state": "accepted", "reply": "250 Ok", "language": "de", "subject": "Bitte", "finished_at": NOW},
        ),
        ({"state": State.REFUSED, "reason": "550 no"}, {"state": "refused", "reason": "550 no", "finished_at": NOW}),
        ({"state": State.UNKNOWN, "next_at": NOW + HOUR}, {"state": "unknown", "finished_at": NOW}),
        (
            {"state": State.RETRY, "reason": "451", "next_at": NOW + HOUR},
            {"state": "retry", "reason": "451", "next_at": NOW + HOUR},
        ),
        ({"state": State.RETRY, "counts": False}, {"state": "retry", "attempts": 1}),
        ({"state": State.PLANNED, "counts": False}, {"state": "planned", "attempts": 1}),
    ],
    ids=["accepted", "refused", "unknown", "retry", "a try that does not count", "not begun"],
)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a group"])
def test_an_outcome_is_written_where_the_claim_still_holds(
    sqlite_database: Database, outcome: dict[str, Any], written: dict[str, Any], together: bool
) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = claimed_row(connection, person, language="en", subject="Please", reply="before", reason="old")
        others = [
            claimed_row(connection, person, occasion=1),
            claimed_row(connection, person, occasion=2, owner="b"),
            claimed_row(connection, person, occasion=3, epoch=4),
            add_row(connection, person, occasion=4, owner="a", epoch=3),
        ]
        before = standing(connection)
        one = Outcome(row, 3, **outcome)
        if together:
            outcomes.record_all(connection, owner="a", outcomes=[one], now=NOW)
        else:
            assert outcomes.record(connection, owner="a", outcome=one, now=NOW)
        for stranger in others[1:]:
            assert not outcomes.record(connection, owner="a", outcome=Outcome(stranger, 3, State.ACCEPTED), now=NOW)
            with pytest.raises(LostClaimError):
                outcomes.record_all(connection, owner="a", outcomes=[Outcome(stranger, 3, State.ACCEPTED)], now=NOW)
        found = changes(before, standing(connection))
    assert found == {row: {"reason": None, "owner": None, "lease_until": None} | written}


def test_what_was_not_begun_is_given_back(sqlite_database: Database) -> None:
    """As if it had never been claimed: what was tried before is a retry again. Other owners, channels and states stay."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        fresh = claimed_row(connection, person, attempts=1)
        tried = claimed_row(connection, person, occasion=1)
        claimed_row(connection, person, occasion=2, owner="b")
        claimed_row(connection, person, occasion=3, channel="graph")
        claimed_row(connection, person, occasion=4, state="accepted")
        before = standing(connection)
        assert outcomes.give_back(connection, owner="a", channel="smtp", now=NOW) == 2
        found = changes(before, standing(connection))
    free = {"owner": None, "lease_until": None, "next_at": NOW}
    assert found == {fresh: free | {"state": "planned", "attempts": 0}, tried: free | {"state": "retry", "attempts": 1}}


@pytest.mark.parametrize("alone", [False, True])
def test_only_claims_of_the_dead_are_taken_back(sqlite_database: Database, alone: bool) -> None:
    """Silent for two minutes, stopped, or past its lease. Who is alone on the store knows that all others are dead."""
    person = add_person(sqlite_database, 1)
    heard = {"breathes": NOW - SILENCE + INSTANT, "silent": NOW - SILENCE, "stopped": NOW, "overdue": NOW}
    with sqlite_database.write() as connection:
        for owner, seen_at in heard.items():
            processes.register(connection, owner, seen_at)
        processes.unregister(connection, "stopped", NOW)
        breathes = claimed_row(connection, person, occasion=1, owner="breathes", lease_until=NOW)
        silent = claimed_row(connection, person, occasion=2, owner="silent")
        stopped = claimed_row(connection, person, occasion=3, owner="stopped", channel="graph")
        overdue = claimed_row(connection, person, occasion=4, owner="overdue", lease_until=NOW - INSTANT)
        claimed_row(connection, person, occasion=5, owner="me", lease_until=NOW - HOUR)
        claimed_row(connection, person, occasion=6, owner="silent", state="accepted")
        before = standing(connection)
        count = outcomes.release_dead(connection, owner="me", resend=("smtp",), now=NOW, alone=alone)
        found = changes(before, standing(connection))
    free = {"reason": "a sender stopped before it knew what became of this", "owner": None, "lease_until": None}
    again = free | {"state": "retry", "next_at": NOW}
    expected = {silent: again, overdue: again, stopped: free | {"state": "unknown", "finished_at": NOW}}
    assert found == (expected | {breathes: again} if alone else expected)
    assert count == len(found)


def test_nothing_of_a_row_is_lost_by_being_claimed_twice(sqlite_database: Database) -> None:
    """A second claim after an unknown end keeps the Message-ID; the Date too, as long as it is the same day there."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = add_row(connection, person)
        (first,) = claim(connection).rows
        connection.execute(update(deliveries).values(state="retry", next_at=NOW))
        (second,) = claim(connection, now=NOW + MINUTE).rows
        assert (second.message_id, second.dated, second.epoch) == (first.message_id, first.dated, 2)
        assert standing(connection)[row]["dated"] == first.dated
