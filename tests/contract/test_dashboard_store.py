"""What the dashboard asks of the store, the same on both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from notifier.domain.campaign import Answer, Assurance, Audience
from notifier.store import employees, finding, organisation, processes, queue, roster_changes
from notifier.store.database import Database
from notifier.store.finding import Gap, Wanted
from notifier.store.queue import BY_HAND, Which
from notifier.store.tables import Kind, State
from tests.dashboard_rig import CAMPAIGN, NOW, PEOPLE, fill, has_answered, untidy

SETTLED = [n for n in range(1, PEOPLE + 1) if has_answered(n)]
OPEN = [n for n in range(1, PEOPLE + 1) if not has_answered(n)]


@pytest.fixture
def store(database: Database) -> Database:
    fill(database)
    return database


def test_lists_of_people(store: Database) -> None:
    with store.read() as connection:

        def keys(*wanted: object, after: int = 0) -> list[int]:
            return [one.key for one in finding.listed(connection, Wanted(CAMPAIGN, *wanted), after=after, most=PEOPLE)]  # type: ignore[arg-type]

        assert keys(True) == OPEN
        assert keys(False) == SETTLED
        assert keys(None, after=200) == list(range(201, PEOPLE + 1))
        assert keys(True, ["FR"]) == [n for n in OPEN if n % 3 == 1]
        assert keys(None, [], ["Sales", "Care"]) == [n for n in range(1, PEOPLE + 1) if n % 5 in {1, 2}]
        assert keys(None, [], [], [""]) == [n for n in range(1, PEOPLE + 1) if n % 4 == 3]
        assert [one.id for one in finding.by_ids(connection, ["e7", "e3", "nobody"])] == ["e3", "e7"]
        assert finding.time_zones(connection) == ["Europe/Berlin", "Europe/Paris", "Europe/Zurich"]


def test_a_list_of_answers_holds_whom_its_figure_counts(store: Database) -> None:
    untidy(store)
    with store.read() as connection:

        def keys(wanted: Wanted) -> list[int]:
            return [one.key for one in finding.listed(connection, wanted, most=PEOPLE)]

        for campaign in (CAMPAIGN, replace(CAMPAIGN, audience=Audience(countries=("CH", "FR"), not_departments=("Care",)))):
            counted = organisation.answers(connection, campaign)
            assert {said for said, _ in counted} == set(Answer)
            for (said, sure), count in counted.items():
                assert len(keys(Wanted(campaign, answers=[said], assurances=[sure]))) == count
            for said in Answer:
                assert len(keys(Wanted(campaign, answers=[said]))) == sum(
                    count for (word, _), count in counted.items() if word is said
                )
            for sure in Assurance:
                assert len(keys(Wanted(campaign, assurances=[sure]))) == sum(
                    count for (_, word), count in counted.items() if word is sure
                )
        assert keys(Wanted(CAMPAIGN, answers=["help"])) == [n for n in OPEN if n < PEOPLE - 1 and n % 10 == 1]
        assert keys(Wanted(CAMPAIGN, answers=["no such answer"])) == []


def test_a_list_of_a_gap_in_the_roster_holds_whom_its_figure_counts(store: Database) -> None:
    untidy(store)
    there = range(1, PEOPLE - 1)
    expected = {
        Gap.LANGUAGE: [n for n in there if n % 4 == 3 and n % 20 != 3],
        Gap.DEPARTMENT: [n for n in there if n % 8 == 0],
        Gap.COUNTRY: [n for n in there if n % 9 == 0],
        Gap.MANAGER: [n for n in there if n % 5 == 0],
        Gap.KNOWN_MANAGER: [n for n in there if n % 5 == 1 or n % 15 == 2],
    }
    with store.read() as connection:
        health = organisation.roster_health(connection)
        for gap in Gap:
            assert [one.key for one in finding.in_roster(connection, gap, most=PEOPLE)] == expected[gap], gap
            assert [one.key for one in finding.in_roster(connection, gap, after=60, most=3)] == [
                n for n in expected[gap] if n > 60
            ][:3]
            assert getattr(health, gap) == len(expected[gap])
        assert len(finding.in_roster(connection, most=PEOPLE)) == health.people == len(there)


def test_the_queue(store: Database) -> None:
    with store.read() as connection:
        refused = queue.items(connection, Which(State.REFUSED), most=9)
        older = queue.items(connection, Which(campaign=CAMPAIGN.id, channel="smtp"), before=refused[0].id, most=3)
        counted = queue.standings(connection)
        waits = queue.count_waiting(connection, which=Which())
    assert [one.employee_key for one in refused] == sorted((n for n in OPEN if n % 50 == 4), reverse=True)
    assert [one.id for one in older] == [refused[0].id - number for number in (1, 2, 3)]
    assert {(one.kind, one.occasion) for one in counted} == {(Kind.REMINDER, 30), (Kind.REMINDER, 14)}
    of_state = Counter({one.state: one.count for one in counted if one.occasion == 14})
    assert of_state.total() == len(OPEN)
    assert of_state[State.PLANNED] == waits
    with store.write() as connection:
        assert queue.cancel(connection, which=Which(State.RETRY), now=NOW) == 0
        assert queue.cancel(connection, which=Which(State.PLANNED, CAMPAIGN.id), now=NOW) == waits
        assert {one.reason for one in queue.items(connection, Which(State.CANCELLED), most=PEOPLE)} == {BY_HAND}
        assert queue.cancel(connection, ids=[refused[0].id], now=NOW) == 0  # it does not wait


def test_links_readings_and_processes(store: Database) -> None:
    with store.write() as connection:
        finding.void_links(connection, 7)
        person = employees.by_key(connection, 7)
        assert person is not None
        assert person.link_version == 2
        assert [one.record.applied for one in roster_changes.readings(connection)] == [True]
        assert [one.pid for one in processes.all_seen(connection, most=5)] == [4711]
