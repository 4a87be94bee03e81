"""What the dashboard asks of the store, the same on both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from notifier.domain.campaign import Answer, Assurance, Audience, Campaign
from notifier.store import employees, finding, organisation, processes, queue, roster_changes
from notifier.store.database import Database
from notifier.store.finding import Gap, Wanted
from notifier.store.queue import BY_HAND, Which
from notifier.store.tables import Kind, State, acknowledgements
from notifier.store.tables import employees as people
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
        assert [one.key for one in finding.listed(connection, Wanted(CAMPAIGN), after=200, most=2)] == [201, 202]
        assert [one.key for one in finding.search(connection, "exemple", after=200, most=2)] == [201, 202]
        assert [one.key for one in finding.search(connection, "exemple", most=1)] == [1]
        assert keys(True, ["FR"]) == [n for n in OPEN if n % 3 == 1]
        assert keys(None, [], ["Sales", "Care"]) == [n for n in range(1, PEOPLE + 1) if n % 5 in {1, 2}]
        assert keys(None, [], [], [""]) == [n for n in range(1, PEOPLE + 1) if n % 4 == 3]
        assert [one.id for one in finding.by_ids(connection, ["e7", "e3", "nobody"])] == ["e3", "e7"]
        assert finding.time_zones(connection) == ["Europe/Berlin", "Europe/Paris", "Europe/Zurich"]


def test_a_list_of_a_language_holds_those_who_are_written_in_it(store: Database) -> None:
    """What they chose comes before what the roster says, and that before what is written in their country."""
    campaign = replace(CAMPAIGN, language_by_country={"CH": "de", "FR": "fr"})
    unsaid = [n for n in range(1, PEOPLE + 1) if n % 4 == 3]
    with store.write() as connection:
        connection.execute(update(people).where(people.c.key.in_((7, 8))).values(language_choice="de"))  # of France, and English

        def keys(language: str, of: Campaign) -> list[int]:
            return [one.key for one in finding.listed(connection, Wanted(of, languages=[language]), most=PEOPLE)]

        assert keys("fr", campaign) == [n for n in range(1, PEOPLE + 1) if n % 4 == 1 or (n in unsaid and n % 3 == 1 and n != 7)]
        assert keys("de", campaign) == [
            n for n in range(1, PEOPLE + 1) if n % 4 == 2 or (n in unsaid and n % 3 == 0) or n in {7, 8}
        ]
        assert keys("", campaign) == [n for n in unsaid if n % 3 == 2]
        assert keys("", CAMPAIGN) == [n for n in unsaid if n != 7]
        assert [one.language for one in finding.by_ids(connection, ["e7", "e8", "e9", "e11"])] == ["de", "de", "fr", ""]


def test_an_instant_decides_who_stood_where_right_before_it(store: Database) -> None:
    """Who joins, leaves or answers at the end of a day does so on the next one."""
    person, given = people.c.key, acknowledgements.c
    end, before = NOW - timedelta(days=1), NOW - timedelta(days=1) - timedelta(microseconds=1)
    joined, left = {10: before, 11: end}, {12: end, 13: before}
    answered, revoked = {SETTLED[0]: before, SETTLED[1]: end}, {SETTLED[2]: end, SETTLED[3]: before}
    settling, asked_by = {SETTLED[5]: False, SETTLED[6]: True}, {SETTLED[7]: "another"}
    for table, column, values in (
        (people, "joined_at", joined),
        (people, "left_at", left),
        (acknowledgements, "answered_at", answered),
        (acknowledgements, "revoked_at", revoked),
        (acknowledgements, "settles", settling),
        (acknowledgements, "campaign", asked_by),
    ):
        which = person if table is people else given.employee_key
        with store.write() as connection:
            for key, value in values.items():
                connection.execute(update(table).where(which == key).values({column: value}))
    with store.read() as connection:

        def keys(is_open: bool | None) -> set[int]:
            return {one.key for one in finding.listed(connection, Wanted(CAMPAIGN, is_open, before=end), most=PEOPLE)}

        assert keys(None) & {10, 11, 12, 13} == {10, 12}
        looked_at = {*SETTLED[:4], *settling, *asked_by}
        assert keys(is_open=False) & looked_at == {SETTLED[0], SETTLED[2], SETTLED[6]}
        assert keys(is_open=True) & looked_at == {SETTLED[1], SETTLED[3], SETTLED[5], SETTLED[7]}


def test_what_is_written_in_a_name_is_looked_for_as_it_may_be_written(store: Database) -> None:
    """In capitals or not, also beyond ASCII; and the signs of a pattern stand for themselves."""
    written = {1: "MÜLLER", 2: "de l’épine", 3: "50%_x", 4: "50aax", 5: "a\\b"}
    with store.write() as connection:
        for key, name in written.items():
            connection.execute(update(people).where(people.c.key == key).values(family_name=name))
        for words, found in (("müller", 1), ("L’ÉPINE", 2), ("%_X", 3), ("0%", 3), ("_x", 3), ("a\\b", 5)):
            assert [one.key for one in finding.search(connection, words, most=PEOPLE)] == [found], words


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
        assert keys(Wanted(CAMPAIGN, departments=["Care", ""])) == [n for n in range(1, PEOPLE - 1) if n % 8 == 0 or n % 5 == 2]


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
