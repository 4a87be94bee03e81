"""Which unsent rows come back when the plan has changed, and what an operator lets try again: each with its neighbours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from notifier.domain.ladder import Ladder
from notifier.store import marks, outbox, planning, reach, replanning
from notifier.store.database import Database
from notifier.store.planning import Opening
from notifier.store.reach import Refusal
from notifier.store.reasons import ANSWERED, UNCONFIGURED, UNREACHABLE
from notifier.store.tables import State
from tests.planning_rig import CAMPAIGN, add_person
from tests.rows_rig import HOUR, NOW, add_row, ended_at, standing

BY_SMTP, BOTH = Ladder(("smtp",)), Ladder(("slack", "smtp"))
EVERYWHERE = Ladder(("slack", "smtp"), everywhere=True)
MISSED = ended_at(NOW - HOUR, "missed", "it could not be sent in time")
SMTP_OUT = ended_at(NOW - HOUR, "cancelled", UNCONFIGURED)


def follow(connection: Connection, ladder: Ladder = BY_SMTP) -> int:
    """The step of 30 days before is still to come for everybody, until tomorrow."""
    openings = [Opening(group, NOW - HOUR, NOW + HOUR, NOW + 24 * HOUR) for group in planning.groups(connection)]
    return replanning.follow(
        connection,
        campaign=CAMPAIGN.id,
        days_before=30,
        message="notice",
        ladder=ladder,
        openings=openings,
        now=NOW,
        keep_retries=True,
    )


def state_of(connection: Connection, row: int) -> str:
    return str(standing(connection)[row]["state"])


@pytest.mark.parametrize(
    ("ended", "comes_back"),
    [
        (MISSED, True),
        (MISSED | {"state": "superseded"}, True),
        (SMTP_OUT, True),
        (SMTP_OUT | {"reason": ANSWERED}, False),
        (SMTP_OUT | {"reason": UNREACHABLE}, False),
        (MISSED | {"state": "refused"}, False),
    ],
)
def test_what_the_plan_itself_had_ended_comes_back(sqlite_database: Database, ended: dict[str, Any], comes_back: bool) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = add_row(connection, person, **ended)
        assert follow(connection) == int(comes_back)
        assert state_of(connection, row) == ("planned" if comes_back else ended["state"])


@pytest.mark.parametrize(
    ("neighbour", "comes_back"),
    [
        ({"occasion": 7, "state": "accepted"}, False),
        ({"occasion": 7, "state": "claimed"}, False),
        ({"occasion": 7, "state": "unknown"}, False),
        ({"occasion": 7, "state": "refused"}, True),
        ({"occasion": 40, "state": "accepted"}, True),
        ({"occasion": 7, "state": "accepted", "campaign": "another"}, True),
        ({"occasion": 7, "state": "accepted", "kind": "receipt"}, True),  # of an answer that was taken back
    ],
)
def test_a_newer_step_that_is_out_keeps_an_older_one_from_coming_back(
    sqlite_database: Database, neighbour: dict[str, Any], comes_back: bool
) -> None:
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        row = add_row(connection, person, **MISSED)
        add_row(connection, person, **neighbour)
        add_row(connection, other, occasion=7, state="accepted")
        assert follow(connection) == int(comes_back)
        assert state_of(connection, row) == ("planned" if comes_back else "missed")


@pytest.mark.parametrize("channel", ["slack", "graph"])
@pytest.mark.parametrize("state", [State.PLANNED, State.RETRY, State.CLAIMED, State.ACCEPTED, State.UNKNOWN])
def test_what_goes_or_went_by_another_channel_does_not_come_back(sqlite_database: Database, channel: str, state: State) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = add_row(connection, person, **MISSED)
        add_row(connection, person, channel=channel, state=state.value)
        follow(connection, BOTH)
        assert state_of(connection, row) == "missed"


@pytest.mark.parametrize(("channel", "comes_back"), [("slack", True), ("graph", False), ("file", False)])
def test_where_a_step_goes_everywhere_only_the_same_rung_counts(sqlite_database: Database, channel: str, comes_back: bool) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = add_row(connection, person, **MISSED)
        add_row(connection, person, channel=channel, state="accepted")
        follow(connection, EVERYWHERE)
        assert state_of(connection, row) == ("planned" if comes_back else "missed")


def test_of_several_rows_that_ended_unsent_one_comes_back(sqlite_database: Database) -> None:
    """The last one of those on a channel that is still used."""
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        slack = add_row(connection, person, channel="slack", **MISSED)
        smtp = add_row(connection, person, **SMTP_OUT)
        graph = add_row(connection, person, channel="graph", **SMTP_OUT)
        assert follow(connection, BOTH) == 1
        assert [state_of(connection, row) for row in (slack, smtp, graph)] == ["missed", "planned", "cancelled"]


def test_what_another_channel_refused_is_no_reason_to_keep_silent(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        slack = add_row(connection, person, channel="slack", **MISSED)
        mail = add_row(connection, person, state="refused", finished_at=NOW - HOUR)
        assert follow(connection, BOTH) == 1
        assert [state_of(connection, row) for row in (slack, mail)] == ["planned", "refused"]


def refuse(connection: Connection, person: int, number: int, channel: str = "smtp") -> None:
    address = None if channel == "slack" else f"e{number}@example.com"
    reach.refuse(connection, [Refusal(person, channel, address, "no")], NOW)


def retry_person(connection: Connection, person: int, *rungs: str) -> int:
    asked = {"employee_key": person, "rungs": rungs, "now": NOW}
    count = outbox.count_retryable_of(connection, **asked)
    assert outbox.retry_person(connection, **asked) == count, "what was announced is what is done"
    return count


def test_an_operator_lets_one_person_be_tried_again_on_the_rungs_that_are_named(sqlite_database: Database) -> None:
    person, other = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        for number, who in ((1, person), (2, other)):
            refuse(connection, who, number)
            refuse(connection, who, number, "slack")
        mail = add_row(connection, person, state="refused", finished_at=NOW - HOUR, reason="550")
        receipt = add_row(connection, person, kind="receipt", state="refused")
        untouched = [
            add_row(connection, other, state="refused"),
            add_row(connection, person, occasion=7, channel="slack", state="refused"),
            add_row(connection, person, occasion=6, state="refused", expires_at=NOW),
            add_row(connection, person, occasion=5, state="accepted"),
            add_row(connection, person, occasion=4, state="unknown"),
            add_row(connection, person, occasion=3, kind="rewrite", state="refused"),
        ]
        before, version = standing(connection), marks.roster_version(connection)
        assert retry_person(connection, person, "email") == 2
        after = standing(connection)
        for row in (mail, receipt):
            assert (after[row]["state"], after[row]["next_at"], after[row]["finished_at"]) == ("retry", NOW, None)
            assert after[row]["reason"] == "an operator asked for another try"
        assert all(after[row] == before[row] for row in untouched)
        known = {(one.employee_key, one.channel): one.refused_at for one in reach.of_people(connection, [person, other])}
        assert known == {(person, "email"): None, (person, "slack"): NOW, (other, "email"): NOW, (other, "slack"): NOW}
        assert marks.roster_version(connection) > version, "the planner looks again"


@pytest.mark.parametrize(
    ("later", "tried"),
    [
        ({"state": "accepted"}, False),
        ({"state": "planned"}, False),
        ({"state": "unknown"}, False),
        ({"state": "refused"}, False),  # then that one goes again
        ({"state": "cancelled"}, True),
        ({"state": "missed"}, True),
        ({"state": "accepted", "campaign": "another"}, True),
        ({"state": "accepted", "occasion": 7}, True),
        ({"state": "accepted", "created_at": NOW - 2 * HOUR}, True),  # was there before
    ],
)
def test_a_message_that_went_on_elsewhere_is_not_tried_again_too(
    sqlite_database: Database, later: dict[str, Any], tried: bool
) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        row = add_row(connection, person, channel="slack", state="refused")
        add_row(connection, person, **({"created_at": NOW} | later))
        retry_person(connection, person, "slack", "email")
        assert (state_of(connection, row) == "retry") is tried


def test_what_was_refused_on_a_rung_that_is_not_named_stays_and_does_not_stand_in_the_way(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        slack = add_row(connection, person, channel="slack", state="refused")
        mail = add_row(connection, person, state="refused", created_at=NOW)
        assert retry_person(connection, person, "slack") == 1
        assert (state_of(connection, slack), state_of(connection, mail)) == ("retry", "refused")


def test_forgetting_nothing_makes_nobody_look_again(sqlite_database: Database) -> None:
    person = add_person(sqlite_database, 1)
    with sqlite_database.write() as connection:
        reach.match(connection, "slack", [(person, "U1", None)], NOW)
        version = marks.roster_version(connection)
        assert reach.forget_refusal(connection, [(person, "smtp"), (person, "slack")]) == 0
        assert marks.roster_version(connection) == version
        refuse(connection, person, 1)
        assert reach.forget_refusal(connection, [(person, "smtp"), (person, "graph")]) == 1
        assert marks.roster_version(connection) > version


def test_a_team_is_known_where_anybody_is_or_where_there_is_only_one(sqlite_database: Database) -> None:
    first, second = add_person(sqlite_database, 1), add_person(sqlite_database, 2)
    with sqlite_database.write() as connection:
        assert not reach.is_team(connection, "slack", ["T1"])
        reach.match(connection, "slack", [(first, "U1", "T1")], NOW)
        assert reach.is_team(connection, "slack", ["T1", "T2"])
        assert not reach.is_team(connection, "slack", ["T2"])
        assert not reach.is_team(connection, "email", ["T1"])
        reach.match(connection, "slack", [(second, "U2", None)], NOW + timedelta(minutes=1))
        assert reach.is_team(connection, "slack", ["T2"]), "somebody without a team may be of any"
