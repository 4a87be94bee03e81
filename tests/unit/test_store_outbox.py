"""Which rows of the outbox a statement touches, and which window a waiting row gets: each neighbour differs in one thing only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, update

from notifier.delivery.planner import Planned
from notifier.domain.campaign import Answer, Assurance, Campaign
from notifier.store import acknowledgements, confirmations, outbox, planning, replanning
from notifier.store.database import Database
from notifier.store.planning import Group, Opening
from notifier.store.tables import State, calendars, deliveries, employees
from notifier.store.tables import acknowledgements as acknowledgement_rows
from tests.planning_rig import CAMPAIGN, STEPS, add_person, planner, settle, utc
from tests.rows_rig import HOUR, INSTANT, NOW, add_row, changes, ended_at, standing

ALL = tuple(State)
OVERTAKEN, TOO_LATE = "a newer step took over before this could be sent", "it could not be sent in time"


def test_a_receipt_waits_for_no_window_and_three_days(sqlite_database: Database) -> None:
    """And confirms the answer that counts, of these people alone."""
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    given = {"campaign": "another", "answer": "done", "assurance": "link", "settles": True, "channel": "page", "answered_at": NOW}
    whose = [(76, person, NOW), (77, person, None), (78, other, None)]
    rows = [given | {"id": number, "employee_key": key, "revoked_at": revoked} for number, key, revoked in whose]
    with sqlite_database.write() as connection:
        connection.execute(insert(acknowledgement_rows), rows)
        confirmations.queue_receipts(connection, campaign="another", people=[person], channel="graph", now=NOW)
        (row,) = standing(connection).values()
    said = {name: row[name] for name in ("campaign", "employee_key", "kind", "occasion", "channel", "message", "state", "reason")}
    assert said == {
        "campaign": "another",
        "employee_key": person,
        "kind": "receipt",
        "occasion": 77,
        "channel": "graph",
        "message": "receipt",
        "state": "planned",
        "reason": None,
    }
    assert (row["created_at"], row["due_at"], row["next_at"], row["expires_at"]) == (NOW, NOW, NOW, NOW + 72 * HOUR)
    assert row["closes_at"].year == 9999


def test_an_answer_cancels_what_waits_for_this_person(sqlite_database: Database) -> None:
    """Their reminders of this campaign, planned or to be tried again, and nothing else."""
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        rows = {state: add_row(connection, person, occasion=number, state=state.value) for number, state in enumerate(ALL)}
        add_row(connection, person, kind="receipt")
        add_row(connection, person, campaign="another")
        add_row(connection, other)
        before = standing(connection)
        asked = {"campaign": CAMPAIGN.id, "people": [person], "reason": "why", "now": NOW}
        assert outbox.cancel_waiting(connection, **asked) == 2
        found = changes(before, standing(connection))
    assert found == {rows[state]: ended_at(NOW, "cancelled", "why") for state in (State.PLANNED, State.RETRY)}


def test_many_leave_and_some_come_back(sqlite_database: Database) -> None:
    """More than one statement takes; what was cancelled for another reason, or is over by now, does not come back."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        first = dict(connection.execute(employees.select()).mappings().one())
        crowd = [{"key": 100 + n, "id": f"c{n}", "email_key": f"c{n}@x", "public_id": f"{n + 50:022}"} for n in range(1001)]
        connection.execute(insert(employees), [first | one for one in crowd])
        keys = [one["key"] for one in crowd]
        rows = [add_row(connection, key) for key in keys]
        accepted = add_row(connection, keys[0], occasion=7, state="accepted")
        receipt = add_row(connection, keys[0], kind="receipt")
        stays = add_row(connection, person)
        before = standing(connection)
        assert outbox.cancel_for_leavers(connection, keys, NOW) == 1001
        gone = changes(before, standing(connection))
        assert gone == {row: ended_at(NOW, "cancelled", "left the organisation") for row in rows}
        assert not gone.keys() & {accepted, receipt, stays}

        connection.execute(update(deliveries).where(deliveries.c.id == rows[0]).values(expires_at=NOW + HOUR))
        connection.execute(update(deliveries).where(deliveries.c.id == rows[1]).values(reason="answered"))
        before = standing(connection)
        assert outbox.restore_for_returned(connection, keys[:-1], NOW + HOUR) == 998
        found = changes(before, standing(connection))
    assert found == {row: {"state": "planned", "reason": None, "finished_at": None} for row in rows[2:-1]}


def test_an_undo_brings_back_what_the_answer_cancelled_and_no_more(sqlite_database: Database) -> None:
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    cancelled = {"state": "cancelled", "reason": "answered", "finished_at": NOW}
    with sqlite_database.write() as connection:
        row = add_row(connection, person, expires_at=NOW + INSTANT, **cancelled)
        add_row(connection, person, occasion=1, **(cancelled | {"reason": "left the organisation"}))
        add_row(connection, person, occasion=2, **(cancelled | {"state": "missed"}))
        add_row(connection, person, occasion=3, expires_at=NOW, **cancelled)
        add_row(connection, person, kind="receipt", **cancelled)
        add_row(connection, person, campaign="another", **cancelled)
        add_row(connection, other, **cancelled)
        before = standing(connection)
        assert outbox.restore_cancelled(connection, campaign=CAMPAIGN.id, people=[person], now=NOW) == 1
        found = changes(before, standing(connection))
    assert found == {row: {"state": "planned", "reason": None, "finished_at": None}}


@pytest.mark.parametrize("moment", ["next_at", "closes_at", "expires_at"])
def test_the_next_instant_is_the_earliest_after_now(sqlite_database: Database, moment: str) -> None:
    """Of rows that wait; what is now is not after now."""
    person = add_person(sqlite_database, 1)
    far = dict.fromkeys(("next_at", "closes_at", "expires_at"), NOW + 9 * HOUR)
    with sqlite_database.write() as connection:
        add_row(connection, person, occasion=1, **(far | {moment: NOW}))
        add_row(connection, person, occasion=2, state="retry", **(far | {moment: NOW + 2 * HOUR}))
        add_row(connection, person, occasion=3, **(far | {moment: NOW + 3 * HOUR}))
        add_row(connection, person, occasion=4, state="accepted", **(far | {moment: NOW + HOUR}))
        assert outbox.next_instant(connection, NOW) == NOW + 2 * HOUR


def test_a_step_that_is_over_ends_in_the_words_that_are_true(sqlite_database: Database) -> None:
    """Overtaken where this person has a newer step of this campaign, whatever became of that one; missed otherwise."""
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        overtaken = add_row(connection, person, occasion=30, expires_at=NOW)
        newest = add_row(connection, person, occasion=7, state="retry", expires_at=NOW)
        apart = add_row(connection, person, campaign="another", occasion=30, expires_at=NOW - HOUR)
        alone = add_row(connection, other, occasion=30, expires_at=NOW)
        add_row(connection, other, kind="receipt", occasion=1)
        add_row(connection, person, occasion=8, expires_at=NOW + INSTANT)
        add_row(connection, person, occasion=9, expires_at=NOW, state="claimed")
        before = standing(connection)
        assert planning.expire(connection, NOW, 3) == 3
        assert planning.expire(connection, NOW, 3) == 1
        found = changes(before, standing(connection))
    missed = ended_at(NOW, "missed", TOO_LATE)
    assert found == {overtaken: ended_at(NOW, "superseded", OVERTAKEN), newest: missed, apart: missed, alone: missed}


def test_the_groups_are_the_calendars_and_who_is_away(sqlite_database: Database) -> None:
    add_person(sqlite_database, 1)
    away = add_person(sqlite_database, 2, leave_until=date(2025, 10, 20))
    add_person(sqlite_database, 3, leave_until=date(2025, 10, 20))
    last = add_person(sqlite_database, 4, "UTC", "", leave_until=date(2025, 10, 21), active=False)
    with sqlite_database.write() as connection:
        connection.execute(update(calendars).where(calendars.c.country == "CH").values(region="GE"))
        zurich, utc_ = connection.scalars(calendars.select().order_by(calendars.c.id)).all()
        geneva = Group(zurich, "Europe/Zurich", "CH", "GE", None)
        gone = replace(geneva, leave_until=date(2025, 10, 20))
        assert planning.groups(connection) == [geneva, Group(utc_, "UTC", "", "", None), gone]
        assert planning.highest_key(connection) == last
        for number, differs in enumerate(({"closes_at": NOW}, {"closes_at": NOW, "occasion": 7}, {"closes_at": NOW + INSTANT})):
            add_row(connection, (away, away, last)[number], **differs)
        add_row(connection, last, occasion=1, closes_at=NOW, state="accepted")
        add_row(connection, last, occasion=1, closes_at=NOW, kind="receipt")
        assert planning.groups_past_window(connection, NOW) == [gone]


def test_an_empty_roster_has_no_groups(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        assert (planning.groups(connection), planning.highest_key(connection)) == ([], 0)


def test_who_waits_behind_a_closed_window_gets_the_next_one(sqlite_database: Database) -> None:
    """People of the group, in the range of keys; a time for another try stays where it is the later one."""
    first, second, third = (add_person(sqlite_database, number) for number in (1, 2, 3))
    elsewhere = add_person(sqlite_database, 4, "UTC", "")
    away = add_person(sqlite_database, 5, leave_until=date(2025, 10, 2))
    opens, closes = NOW + 20 * HOUR, NOW + 28 * HOUR
    with sqlite_database.write() as connection:
        (group, *_) = planning.groups(connection)
        moved = add_row(connection, first, closes_at=NOW)
        early = add_row(connection, first, occasion=1, closes_at=closes, next_at=opens - INSTANT)
        later = add_row(connection, second, closes_at=NOW, state="retry", next_at=opens + HOUR)
        add_row(connection, first, occasion=2, closes_at=NOW + INSTANT, next_at=opens)
        add_row(connection, first, occasion=3, closes_at=NOW, state="claimed")
        add_row(connection, first, occasion=4, closes_at=NOW, kind="receipt")
        for person in (third, elsewhere, away):
            add_row(connection, person, closes_at=NOW)
        before = standing(connection)
        openings = [Opening(group, opens, closes, closes)]
        assert planning.move_to_window(connection, openings, NOW, first, third) == 3
        assert planning.move_to_window(connection, openings, NOW, first, first) == 0
        found = changes(before, standing(connection))
    assert found == {moved: {"next_at": opens, "closes_at": closes}, early: {"next_at": opens}, later: {"closes_at": closes}}


def test_what_a_plan_is_compared_with(sqlite_database: Database) -> None:
    """Rows of people who are there, that wait or were ended by the plan itself; each distinct belief once."""
    person, same, gone = (add_person(sqlite_database, 1), add_person(sqlite_database, 2), add_person(sqlite_database, 3))
    away = add_person(sqlite_database, 4, leave_until=date(2025, 10, 20))
    ended = [("superseded", None), ("missed", None), ("cancelled", "no longer in the configuration")]
    others = [("cancelled", "answered"), ("accepted", None), ("claimed", None), ("refused", None), ("unknown", None)]
    with sqlite_database.write() as connection:
        connection.execute(update(employees).where(employees.c.key == gone).values(active=False))
        for number, (state, reason) in enumerate((("planned", None), ("retry", None), *ended, *others)):
            add_row(connection, person, occasion=number, state=state, reason=reason)
        add_row(connection, same, occasion=0, state="retry")
        add_row(connection, gone, occasion=20)
        add_row(connection, person, occasion=21, kind="receipt")
        add_row(connection, person, occasion=22, campaign="another")
        add_row(connection, away, occasion=5)
        found = replanning.standing(connection, CAMPAIGN.id)
        (group, *_) = planning.groups(connection)
    assert sorted((one.days_before, one.waiting) for one in found) == [
        (0, True),
        (1, True),
        (2, False),
        (3, False),
        (4, False),
        (5, True),
    ]
    assert {(one.message, one.expires_at) for one in found} == {("notice", NOW + 24 * HOUR)}
    assert {one.group for one in found if one.days_before != 5} == {group}
    assert {one.group for one in found if one.days_before == 5} == {replace(group, leave_until=date(2025, 10, 20))}


def change_of_plan(database: Database, person: int, changed: Campaign, **differs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One reminder, 7 days before, as it was and as it is after the campaign has been changed at NOW."""
    companion = add_person(database, 2)  # shares the calendar, and always follows: the statement runs for both
    planner(database).tick(NOW)
    with database.write() as connection:
        connection.execute(deliveries.delete())
        row = add_row(connection, person, **({"occasion": 7, "message": "reminder"} | differs))
        follows = add_row(connection, companion, occasion=7, message="reminder")
        receipt = add_row(connection, person, occasion=7, kind="receipt", state="accepted")
        waits = add_row(connection, person, occasion=-3, kind="receipt")
        before = standing(connection)
    planner(database, changed).tick(NOW)
    with database.read() as connection:
        after = standing(connection)
    assert (after[receipt], after[waits]) == (before[receipt], before[waits])
    assert after[follows]["expires_at"] == NEXT
    return before[row], after[row]


EARLIER = replace(CAMPAIGN, deadline=date(2025, 10, 10))  # seven days before it are today
OPENS, CLOSES, NEXT = utc("2025-10-03T09:00"), utc("2025-10-03T17:00"), utc("2025-10-09T09:00")


@pytest.mark.parametrize(
    ("differs", "becomes"),
    [
        ({"next_at": NOW + HOUR}, {"next_at": OPENS}),
        ({"state": "retry", "reason": "451", "next_at": OPENS + 2 * HOUR}, {}),
        ({"state": "retry", "reason": "451", "next_at": OPENS - HOUR}, {"next_at": OPENS}),
        (ended_at(NOW, "missed", TOO_LATE) | {"next_at": NOW + HOUR}, ended_at(None, "planned", None) | {"next_at": OPENS}),
    ],
    ids=["waits", "another try later", "another try earlier", "ended by the plan before"],
)
def test_a_row_follows_the_plan(sqlite_database: Database, differs: dict[str, Any], becomes: dict[str, Any]) -> None:
    person = add_person(sqlite_database, 1)
    before, after = change_of_plan(sqlite_database, person, EARLIER, **differs)
    assert after == before | {"closes_at": CLOSES, "expires_at": NEXT} | becomes


def test_a_time_for_another_try_that_a_wrong_clock_set_is_forgotten(sqlite_database: Database) -> None:
    """The clock ran a day ahead: what it put off until tomorrow goes on today."""
    person = add_person(sqlite_database, 1)
    planner(sqlite_database).tick(NOW + 24 * HOUR)
    with sqlite_database.write() as connection:
        connection.execute(update(deliveries).values(state="retry", next_at=NOW + 25 * HOUR))
    planner(sqlite_database).tick(NOW)
    with sqlite_database.read() as connection:
        (row,) = standing(connection).values()
    assert (row["employee_key"], row["state"], row["next_at"]) == (person, "retry", OPENS)


@pytest.mark.parametrize(
    ("state", "reason"), [("accepted", None), ("claimed", None), ("unknown", None), ("refused", "550"), ("cancelled", "answered")]
)
def test_what_has_gone_out_stays_whatever_is_planned_now(sqlite_database: Database, state: str, reason: str | None) -> None:
    """Also what ended for another reason than the plan."""
    person = add_person(sqlite_database, 1)
    before, after = change_of_plan(sqlite_database, person, EARLIER, **ended_at(NOW, state, reason))
    assert after == before


@pytest.mark.parametrize("why", ["settled", "told", "left"])
def test_what_ended_unsent_does_not_come_back_for_nothing(sqlite_database: Database, why: str) -> None:
    """Nobody who has answered, has left or has heard a newer step gets an older one because the plan changed."""
    person, companion = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        if why == "settled":
            settle(connection, person, NOW)
    planner(sqlite_database).tick(NOW)
    with sqlite_database.write() as connection:
        connection.execute(deliveries.delete())
        row = add_row(connection, person, occasion=7, message="reminder", **ended_at(NOW, "missed", TOO_LATE))
        add_row(connection, companion, occasion=7, message="reminder")
        if why == "told":
            add_row(connection, person, occasion=1, state="accepted", finished_at=NOW)
        connection.execute(update(employees).where(employees.c.key == person).values(active=why != "left"))
        before = standing(connection)
    planner(sqlite_database, EARLIER).tick(NOW)
    with sqlite_database.read() as connection:
        assert row not in changes(before, {row: standing(connection)[row]})


def test_a_step_that_is_gone_is_cancelled_where_it_waits(sqlite_database: Database) -> None:
    """Only that step, only reminders, only of this campaign."""
    person = add_person(sqlite_database, 1)
    two = (CAMPAIGN, replace(CAMPAIGN, id="another"))
    planner(sqlite_database, *two).tick(NOW)
    with sqlite_database.write() as connection:
        connection.execute(deliveries.delete())
        gone = add_row(connection, person, occasion=7, expires_at=NOW + 999 * HOUR)
        tried = add_row(connection, person, occasion=1, state="retry", reason="451", expires_at=NOW + 999 * HOUR)
        add_row(connection, person, occasion=-3, state="accepted")
        add_row(connection, person, occasion=7, kind="receipt")
        renamed = add_row(connection, person, occasion=30, message="notice of before", expires_at=utc("2025-11-03T00:00"))
        kept = add_row(connection, person, occasion=7, campaign="another", message="reminder")
        before = standing(connection)
    assert planner(sqlite_database, replace(CAMPAIGN, steps=STEPS[:1]), two[1]).tick(NOW) == Planned(moved=3)
    with sqlite_database.read() as connection:
        after = standing(connection)
    found = changes(before, {number: after[number] for number in before})
    assert {number: one for number, one in found.items() if number != kept} == {
        renamed: {"message": "notice", "closes_at": CLOSES},
        gone: ended_at(NOW, "cancelled", "no longer in the configuration"),
        tried: ended_at(NOW, "cancelled", "no longer in the configuration"),
    }
    assert after[kept]["state"] == "planned"


def test_a_planned_row_says_everything_about_its_step(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    assert planner(sqlite_database).tick(NOW) == Planned(inserted=1)
    with sqlite_database.read() as connection:
        (row,) = standing(connection).values()
    assert (row["campaign"], row["employee_key"], row["kind"], row["occasion"]) == (CAMPAIGN.id, person, "reminder", 30)
    assert (row["channel"], row["message"], row["state"], row["reason"]) == ("smtp", "notice", "planned", None)
    assert (row["created_at"], row["due_at"], row["next_at"], row["closes_at"]) == (NOW, OPENS, OPENS, CLOSES)
    assert (row["expires_at"], row["finished_at"]) == (utc("2025-10-27T09:00"), None)


def test_a_missed_step_is_recorded_for_who_was_there_when_it_opened(sqlite_database: Database) -> None:
    """With its reason and its end, so that a story can tell it; not for somebody who came an instant later."""
    opens, now = utc("2025-10-31T09:00"), utc("2025-11-03T10:00")
    plan = planner(sqlite_database)
    plan.tick(utc("2025-10-30T10:00"))
    there = add_person(sqlite_database, 1, joined_at=opens)
    late = add_person(sqlite_database, 2, joined_at=opens + INSTANT)
    plan.tick(now)
    with sqlite_database.read() as connection:
        rows = [row for row in standing(connection).values() if row["occasion"] == 1]
    assert [row["employee_key"] for row in rows] == [there]
    assert late != there
    (row,) = rows
    assert (row["state"], row["reason"], row["finished_at"]) == ("missed", "the service was not running while this was due", now)
    assert (row["due_at"], row["closes_at"]) == (opens, utc("2025-10-31T17:00"))


def test_an_answer_of_another_kind_leaves_the_plan_alone(sqlite_database: Database) -> None:
    """ "I need help" settles nothing: the next step is planned."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        acknowledgements.record(
            connection,
            campaign=CAMPAIGN.id,
            employee_key=person,
            answer=Answer.HELP,
            assurance=Assurance.LINK,
            channel="page",
            receipt_channel="smtp",
            now=NOW,
        )
    assert planner(sqlite_database).tick(NOW).inserted == 1
