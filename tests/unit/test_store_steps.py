"""Who gets a row for a step, straight from the store: each neighbour differs in one thing only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from notifier.domain.campaign import Audience
from notifier.domain.ladder import Ladder
from notifier.store import planning, steps
from notifier.store.database import Database
from notifier.store.planning import Opening
from notifier.store.steps import PlannedRows
from notifier.store.tables import State, reach
from tests.planning_rig import CAMPAIGN, add_person
from tests.rows_rig import HOUR, NOW, add_row, standing

BY_SMTP = Ladder(("smtp",))
SLACK_FIRST, MAIL_FIRST = Ladder(("slack", "smtp")), Ladder(("smtp", "slack"))
EVERYWHERE = Ladder(("slack", "smtp"), everywhere=True)


def on_slack(connection: Connection, person: int) -> None:
    connection.execute(insert(reach).values(employee_key=person, channel="slack", address=f"U{person}"))


def no_mail_for(connection: Connection, person: int, number: int) -> None:
    refused = {"address": f"e{number}@example.com", "refused_at": NOW, "refused_because": "550 5.1.1"}
    connection.execute(insert(reach).values(employee_key=person, channel="email", **refused))


def plan(connection: Connection, ladder: Ladder = BY_SMTP, *, state: State = State.PLANNED, **more: Any) -> int:
    """The step of 30 days before, current for everybody from an hour ago."""
    openings = [Opening(group, NOW - HOUR, NOW + HOUR, NOW + 24 * HOUR) for group in planning.groups(connection)]
    rows = PlannedRows(
        campaign=CAMPAIGN.id,
        days_before=30,
        message="notice",
        ladder=ladder,
        state=state,
        reason=None if state is State.PLANNED else "the service was not running",
        audience=Audience(),
        openings=openings,
        first_key=0,
        last_key=100,
    )
    return steps.insert_step(connection, replace(rows, **more), NOW)


def told(connection: Connection) -> list[tuple[int, str, str]]:
    """(person, channel, state) of every row of this step and campaign, by person and channel."""
    rows = [row for row in standing(connection).values() if (row["campaign"], row["occasion"]) == (CAMPAIGN.id, 30)]
    return sorted((row["employee_key"], row["channel"], row["state"]) for row in rows)


def test_only_people_of_the_range_are_planned(sqlite_database: Database) -> None:
    people = [add_person(sqlite_database, number) for number in range(4)]
    with sqlite_database.write() as connection:
        assert plan(connection, first_key=people[1], last_key=people[3]) == 2
        assert told(connection) == [(people[1], "smtp", "planned"), (people[2], "smtp", "planned")]


@pytest.mark.parametrize("state", [State.PLANNED, State.SUPERSEDED])
def test_another_campaign_with_the_same_step_hides_nothing(sqlite_database: Database, state: State) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_row(connection, person, campaign="another", state="accepted")
        assert plan(connection, state=state) == 1
        assert told(connection) == [(person, "smtp", state.value)]


def test_a_step_that_is_told_is_not_recorded_as_passed_over_too(sqlite_database: Database) -> None:
    """Also where it went out by another channel than the one that is tried first by now."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        add_row(connection, person, state="accepted")
        assert plan(connection, SLACK_FIRST, state=State.MISSED) == 0
        assert told(connection) == [(person, "smtp", "accepted")]


def test_whom_nothing_reaches_gets_one_row_that_says_so(sqlite_database: Database) -> None:
    """And none beside the refusal that made it so."""
    people = [add_person(sqlite_database, number) for number in (1, 2)]
    with sqlite_database.write() as connection:
        for number, person in enumerate(people, 1):
            no_mail_for(connection, person, number)
        add_row(connection, people[0], state="refused")
        assert plan(connection, MAIL_FIRST) == 1
        assert told(connection) == [(people[0], "smtp", "refused"), (people[1], "slack", "cancelled")]


def test_who_can_be_reached_after_all_gets_the_message_in_the_same_row(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        no_mail_for(connection, person, 1)
        assert plan(connection, MAIL_FIRST) == 1
        on_slack(connection, person)
        assert plan(connection, MAIL_FIRST) == 1
        (row,) = standing(connection).values()
    assert (row["channel"], row["state"], row["reason"], row["finished_at"]) == ("slack", "planned", None, None)


def test_everywhere_means_each_rung_and_a_rung_once(sqlite_database: Database) -> None:
    """What went by Graph need not go by SMTP; what went by Slack goes by e-mail all the same."""
    by_graph, by_slack, fresh = (add_person(sqlite_database, number) for number in range(3))
    with sqlite_database.write() as connection:
        for person in (by_graph, by_slack, fresh):
            on_slack(connection, person)
        add_row(connection, by_graph, channel="graph", state="accepted")
        add_row(connection, by_slack, channel="slack", state="accepted")
        assert plan(connection, EVERYWHERE) == 4
        assert told(connection) == [
            (by_graph, "graph", "accepted"),
            (by_graph, "slack", "planned"),
            (by_slack, "slack", "accepted"),
            (by_slack, "smtp", "planned"),
            (fresh, "slack", "planned"),
            (fresh, "smtp", "planned"),
        ]


def test_who_joined_after_a_step_had_opened_is_spared_the_record_of_it(sqlite_database: Database) -> None:
    in_time = add_person(sqlite_database, 1, joined_at=NOW - HOUR)
    add_person(sqlite_database, 2, joined_at=NOW)
    with sqlite_database.write() as connection:
        assert plan(connection, state=State.SUPERSEDED) == 1
        assert told(connection) == [(in_time, "smtp", "superseded")]


@pytest.mark.parametrize(
    ("audience", "asked"),
    [
        (Audience(), {1, 2, 3}),
        (Audience(countries=("CH",)), {1, 2}),
        (Audience(departments=("Sales",)), {1}),
        (Audience(not_departments=("Sales",)), {2, 3}),
        (Audience(countries=("CH", "DE"), departments=("Sales", "Legal")), {1, 3}),
        (Audience(countries=("CH",), not_departments=("Sales",)), {2}),
    ],
)
def test_only_the_audience_is_asked(sqlite_database: Database, audience: Audience, asked: set[int]) -> None:
    keys = {
        add_person(sqlite_database, 1, department="Sales"): 1,
        add_person(sqlite_database, 2, department=None): 2,
        add_person(sqlite_database, 3, zone="Europe/Berlin", country="DE", department="Legal"): 3,
    }
    with sqlite_database.write() as connection:
        plan(connection, audience=audience)
        assert {keys[person] for person, _, _ in told(connection)} == asked
