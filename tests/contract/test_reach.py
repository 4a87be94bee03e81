"""Who is found on Slack, who was refused where, and whom nobody reaches."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import event, func, select

from notifier.store import marks, reach, stories
from notifier.store.database import Database
from notifier.store.reach import Matched, Reached, Refusal
from notifier.store.tables import State, employees
from notifier.store.tables import reach as reach_table
from tests.delivery_rig import add_people
from tests.ladder_rig import NOW, SLACK_FIRST, claim, end, find_on_slack, send
from tests.planning_rig import CAMPAIGN, add_person, planner, settle, utc

LATER = datetime(2025, 10, 4, tzinfo=UTC)


def match(database: Database, *found: tuple[int, str, str | None]) -> Matched:
    with database.write() as connection:
        return reach.match(connection, "slack", found, LATER)


def known(database: Database, *people: int) -> list[Reached]:
    with database.read() as connection:
        return reach.of_people(connection, people)


def test_20_000_people_are_matched_in_a_few_statements(sqlite_database: Database) -> None:
    """And looking again costs one: nothing is written that is known already, and the planner is not woken."""
    database = sqlite_database
    add_people(database, 20_000)
    with database.read() as connection:
        keys = list(connection.scalars(select(employees.c.key)))
    found = [(key, f"U{key}", "T1") for key in keys]
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))

    assert match(database, *found) == Matched(20_000, 20_000, 0, 0)
    assert len([one for one in statements if "reach" in one]) <= 10
    with database.read() as connection:
        version = marks.roster_version(connection)
        assert connection.scalar(select(func.count()).select_from(reach_table)) == 20_000
    statements.clear()
    assert match(database, *found) == Matched(20_000, 0, 0, 0)
    assert len([one for one in statements if "reach" in one]) == 1
    with database.read() as connection:
        assert marks.roster_version(connection) == version


def test_who_is_gone_is_not_written_to_until_they_are_back(database: Database) -> None:
    person, other = add_person(database, 1), add_person(database, 2)
    assert match(database, (person, "U1", None), (other, "U2", None)) == Matched(2, 2, 0, 0)
    assert match(database, (other, "U2", None)) == Matched(1, 0, 0, 1)
    assert [one.refused_because for one in known(database, person)] == [reach.GONE]
    assert match(database, (other, "U2", None)) == Matched(1, 0, 0, 0)
    assert match(database, (person, "U1", None), (other, "U2", None)) == Matched(2, 0, 1, 0)
    assert known(database, person) == [Reached(person, "slack", "U1", None, None, None)]


def test_a_refusal_is_forgotten_with_another_id_and_kept_with_the_same(database: Database) -> None:
    person = add_person(database, 1)
    match(database, (person, "U1", "T1"))
    with database.write() as connection:
        reach.refuse(connection, [Refusal(person, "slack", "e1@example.com", "user_not_visible")], NOW)
    assert match(database, (person, "U1", "T1")) == Matched(1, 0, 0, 0)
    assert known(database, person) == [Reached(person, "slack", "U1", "T1", NOW, "user_not_visible")]
    assert match(database, (person, "U9", "T1")) == Matched(1, 0, 1, 0)
    assert known(database, person) == [Reached(person, "slack", "U9", "T1", None, None)]


def test_an_address_is_one_persons_of_one_team(database: Database) -> None:
    """Whoever presses a button is who Slack says, in the workspace it says; two people with one id are nobody."""
    first, second, third = (add_person(database, number) for number in range(3))
    match(database, (first, "U1", "T1"), (second, "U2", "T1"), (third, "U2", "T1"))
    with database.write() as connection:
        assert reach.by_address(connection, "slack", "U1", "T1") == first
        assert reach.by_address(connection, "slack", "U1", "T2") is None
        assert reach.by_address(connection, "slack", "U1", None) is None
        assert reach.by_address(connection, "slack", "U2", "T1") is None
        assert reach.by_address(connection, "slack", "U3", "T1") is None
        connection.execute(employees.update().values(active=False))
        assert reach.by_address(connection, "slack", "U1", "T1") is None


def test_undeliverable_is_who_is_open_and_reached_by_nothing(database: Database) -> None:
    lost, on_mail, settled = (add_person(database, number) for number in range(3))
    find_on_slack(database, [lost, on_mail, settled])
    plan = planner(database, ladders=SLACK_FIRST)
    plan.tick(NOW)
    for row in claim(database, "slack"):
        end(database, row, State.REFUSED)
    for row in claim(database, "smtp"):
        if row.employee_key != on_mail:
            end(database, row, State.REFUSED, words="550 5.1.1")
        else:
            end(database, row, State.ACCEPTED)
    with database.write() as connection:
        settle(connection, settled, NOW)
    expected = [stories.Undeliverable("e0", ("slack: user_disabled", "smtp: 550 5.1.1"))]
    with database.read() as connection:
        assert stories.undeliverable(connection, CAMPAIGN.id) == expected
    next_step = utc("2025-10-27T10:00")
    plan.tick(next_step)
    with database.read() as connection:
        (told,) = stories.undeliverable(connection, CAMPAIGN.id)
    assert told.reasons == (*expected[0].reasons, "no channel reaches this person")
    with database.write() as connection:
        reach.forget_refusal(connection, [(lost, "slack")])
    plan.tick(next_step)
    with database.read() as connection:
        assert stories.undeliverable(connection, CAMPAIGN.id) == []
    assert send(database, "slack", now=next_step) == [lost]
