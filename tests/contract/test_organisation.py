"""The organisation's figures against counts that the test does itself, while people join, leave, come back, answer and undo."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from notifier.domain.campaign import Answer, Assurance, Audience, Campaign, Step
from notifier.domain.employee import Employee
from notifier.domain.progress import Figure, Row
from notifier.store import acknowledgements, employees
from notifier.store.database import Database
from notifier.store.employees import SyncRecord
from notifier.store.tables import State
from notifier.summary.board import Board
from notifier.summary.organisation import OrganisationFigures, Point, curve, figures
from tests import people
from tests.planning_rig import CAMPAIGN, ZURICH, planner, utc
from tests.rows_rig import add_row

FIRST = utc("2025-10-03T08:00")
AUCKLAND = ZoneInfo("Pacific/Chatham")  # a quarter of an hour off, and it changes its clocks in those weeks


def count(database: Database, now: datetime, campaign: Campaign = CAMPAIGN, *, minimum: int = 10) -> OrganisationFigures:
    schedule_of = planner(database, campaign).schedule_of
    with database.read() as connection:
        return figures(connection, campaign, now=now, zone=ZURICH, minimum_group=minimum, schedule_of=schedule_of)


def answer(
    connection: Connection, key: int, now: datetime, said: Answer = Answer.DONE, sure: Assurance = Assurance.LINK, **more: str
) -> None:
    acknowledgements.record(
        connection,
        campaign=CAMPAIGN.id,
        employee_key=key,
        answer=said,
        assurance=sure,
        channel=more.pop("channel", "page"),
        receipt_channel="smtp",
        now=now,
        **more,
    )


def counted_now(connection: Connection) -> tuple[int, int]:
    """People and settled people of this moment, by the plainest SQL there is."""
    settled = "key IN (SELECT employee_key FROM acknowledgements WHERE settles AND revoked_at IS NULL)"
    statement = f"SELECT count(*), count(*) FILTER (WHERE {settled}) FROM employees WHERE active"
    people, have_settled = connection.execute(text(statement)).one()
    return people, have_settled


class History:
    """Three weeks of an organisation, by chance, with everything that can happen to a person in one of them."""

    def __init__(self, database: Database, seed: int = 7) -> None:
        self.chance = Random(seed)
        self.now = FIRST
        self.seen: dict[date, tuple[int, int]] = {}
        with database.write() as connection:
            employees.add(connection, (self.person(number) for number in range(120)), self.now)
            everybody = employees.load(connection)
            self.there = {known.key: known.employee for known in everybody.values()}
            self.away: dict[int, Employee] = {}
            for number in range(20):
                day = date(2025, 10, 4) + timedelta(number)
                for hour in range(0, 24, 3):
                    self.now = utc(f"{day}T{hour:02}:00") + timedelta(seconds=self.chance.randrange(9000))
                    self.happen(connection, number, hour)
                self.seen[day] = counted_now(connection)

    def person(self, number: int) -> Employee:
        country, zone = self.chance.choice([("CH", "Europe/Zurich"), ("DE", "Europe/Berlin"), ("NZ", "Pacific/Auckland")])
        department = self.chance.choice(["Sales", "Sales", "Support", None])
        language = self.chance.choice(["de", "fr", "en", None])
        return Employee(f"h{number}", f"h{number}@example.com", "A", "B", zone, language, country, None, department, "h1")

    def happen(self, connection: Connection, day: int, hour: int) -> None:
        key = self.chance.choice(sorted(self.there))
        match self.chance.randrange(9):
            case 0:
                number = 1000 + 10 * day + hour // 3
                joiner = self.person(number)
                employees.add(connection, [joiner], self.now)
                stored = employees.find(connection, joiner.id)
                assert stored is not None
                self.there[stored.key] = joiner
            case 1:
                employees.mark_left(connection, [key], self.now)
                self.away[key] = self.there.pop(key)
            case 2:
                acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=key, now=self.now)
            case 3:
                answer(connection, key, self.now, Answer.HELP)
            case 4:
                answer(connection, key, self.now, sure=Assurance.PROVISIONAL)
            case 5:
                answer(connection, key, self.now, Answer.NO_ACCOUNT, Assurance.ATTESTED, channel="cli", actor="somebody")
            case _:
                answer(connection, key, self.now, self.chance.choice([Answer.DONE, Answer.PREFER_NOT_TO_SAY]))


def test_each_point_of_the_curve_is_what_a_count_said_at_that_moment(database: Database) -> None:
    history = History(database)
    now = utc("2025-10-24T00:00") - timedelta(microseconds=1)
    counted = count(database, now)
    by_day = {point.day: (point.people, point.settled) for point in counted.curve}
    assert by_day == history.seen
    assert (counted.people, counted.settled, counted.open) == (*history.seen[date(2025, 10, 23)], counted.people - counted.settled)
    assert len({settled for _, settled in history.seen.values()}) > 10  # something did happen


def test_the_tables_and_the_answers_add_up_to_the_same_people(sqlite_database: Database) -> None:
    history = History(sqlite_database, seed=8)
    counted = count(sqlite_database, utc("2025-10-24T12:00"), minimum=5)
    for rows in (counted.by_country, counted.by_department, counted.by_language):
        assert sum(row.figure.people for row in rows) == counted.people == len(history.there)
        assert sum(row.figure.at_least for row in rows) <= counted.settled <= sum(row.figure.at_most for row in rows)
    sizes = {row.cells: row.figure.people for row in counted.by_department}
    present = list(history.there.values())
    assert sizes == {
        (name or "",): sum(person.department == name for person in present) for name in {person.department for person in present}
    }
    settling = sum(number for said, number in counted.by_answer.items() if said.settles)
    assert settling - counted.settled == counted.by_assurance[Assurance.PROVISIONAL]
    assert sum(counted.by_answer.values()) == sum(counted.by_assurance.values())
    assert counted.by_assurance[Assurance.ATTESTED] > 0


def test_small_cells_stand_together_and_the_edges_are_not_told_apart(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        for id_ in ("1", "2", "3"):
            answer(connection, known[id_].key, FIRST)
    counted = count(sqlite_database, FIRST, minimum=5)
    assert [row.cells for row in counted.by_department] == [("Support",), ("Board", "Engineering", "Sales")]
    assert counted.by_department[0].figure == Figure(5, 0, 2)  # nobody: at most two
    assert counted.by_language == (Row(("de",), Figure(0, 0, 0)),)[:0] or all(row.figure.people >= 5 for row in counted.by_language)


def test_who_came_back_counts_as_if_they_had_never_been_away(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        chloe = known["3"]
        answer(connection, chloe.key, FIRST)
        employees.mark_left(connection, [chloe.key], FIRST + timedelta(days=1))
    away = count(sqlite_database, FIRST + timedelta(days=2))
    assert [(point.people, point.settled) for point in away.curve] == [(12, 1), (11, 0), (11, 0)]
    with sqlite_database.write() as connection:
        employees.change(connection, [(employees.load_some(connection, [chloe.employee.id])[chloe.employee.id], chloe.employee)])
    back = count(sqlite_database, FIRST + timedelta(days=3))
    assert [(point.people, point.settled) for point in back.curve] == [(12, 1)] * 4
    assert (back.people, back.settled) == (12, 1)


def test_who_is_answered_for_after_they_left_has_never_been_settled(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        answer(connection, known["1"].key, FIRST)
        employees.mark_left(connection, [known["3"].key], FIRST + timedelta(days=1))
        answer(connection, known["3"].key, FIRST + timedelta(days=3), sure=Assurance.ATTESTED, channel="cli", actor="somebody")
    counted = count(sqlite_database, FIRST + timedelta(days=4))
    assert [(point.people, point.settled) for point in counted.curve] == [(12, 1), (11, 1), (11, 1), (11, 1), (11, 1)]
    assert counted.settled == 1


def test_days_end_where_the_organisation_is(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        answer(connection, known["1"].key, utc("2025-10-04T00:00", AUCKLAND) - timedelta(microseconds=1))
        answer(connection, known["2"].key, utc("2025-10-04T00:00", AUCKLAND))
    with sqlite_database.read() as connection:
        points = curve(connection, CAMPAIGN, now=utc("2025-10-05T12:00", AUCKLAND), zone=AUCKLAND)
    assert points == (Point(date(2025, 10, 3), 12, 1), Point(date(2025, 10, 4), 12, 2), Point(date(2025, 10, 5), 12, 2))


def test_only_those_are_counted_whom_the_campaign_asks(database: Database) -> None:
    with database.write() as connection:
        known = people.move_in(connection)
        answer(connection, known["3"].key, FIRST)
        answer(connection, known["6"].key, FIRST)
    asked = replace(CAMPAIGN, audience=Audience(countries=("CH",), not_departments=("Board",)))
    counted = count(database, FIRST, asked)
    assert (counted.people, counted.settled) == (3, 1)
    assert counted.curve == (Point(date(2025, 10, 3), 3, 1),)
    assert counted.by_answer[Answer.DONE] == 1
    assert counted.by_department == ()  # three people are too few to tell anything about


def test_what_goes_out_next(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        answer(connection, known["2"].key, FIRST)
    counted = count(sqlite_database, utc("2025-10-27T12:00"))
    reminder, last_call, overdue = counted.next_steps
    assert (reminder.days_before, reminder.people) == (7, 1)  # Inès is away until the last Friday
    assert (last_call.days_before, last_call.message, last_call.people) == (1, "last-call", 10)
    assert last_call.begins_at == utc("2025-10-31T09:00", ZoneInfo("Australia/Sydney"))  # the deadline is a Monday
    assert (overdue.days_before, overdue.people) == (-3, 11)
    assert overdue.begins_at == utc("2025-11-06T09:00", ZoneInfo("Australia/Sydney"))
    assert overdue.begins_last_at == utc("2025-11-06T09:00", ZoneInfo("America/New_York"))


def test_reminders_undeliverable_people_and_the_roster(database: Database) -> None:
    with database.write() as connection:
        known = people.move_in(connection)
        add_row(connection, known["3"].key, state="refused", reason="550 5.1.1 no such user", finished_at=FIRST)
        add_row(connection, known["4"].key, state="accepted", finished_at=FIRST)
        add_row(connection, known["6"].key, kind="nudge", occasion=20251003, state="accepted", finished_at=FIRST)
        add_row(connection, known["6"].key, kind="summary", campaign="", occasion=202540, state="accepted", finished_at=FIRST)
        read = SyncRecord(FIRST, "roster.csv", True, 12, 0, 3, 12, 0, 0)
        employees.record_sync(connection, replace(read, applied=False, at=FIRST - timedelta(days=1), reason="half are gone"))
        employees.record_sync(connection, read)
    counted = count(database, FIRST)
    assert counted.reminders == {State.ACCEPTED: 2, State.REFUSED: 1}
    assert counted.undeliverable == 1
    health = counted.roster
    assert health.applied == read
    assert health.refused is None  # a good one came after it
    assert (health.people, health.without_manager, health.unknown_manager) == (12, 1, 0)
    assert (health.without_language, health.without_department, health.without_country) == (2, 0, 0)
    with database.write() as connection:
        employees.mark_left(connection, [known["6"].key], FIRST)
        employees.record_sync(connection, replace(read, applied=False, at=FIRST + timedelta(days=1), reason="half are gone"))
    health = count(database, FIRST + timedelta(days=1)).roster
    assert health.refused is not None
    assert health.refused.reason == "half are gone"
    assert health.unknown_manager == 4  # Fiona's


async def test_a_board_counts_once_for_many_and_again_when_it_is_old(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
    schedule_of = planner(sqlite_database).schedule_of
    board = Board(sqlite_database, zone=ZURICH, minimum_group=10, schedule_of=schedule_of)
    first = await board.figures(CAMPAIGN, FIRST)
    with sqlite_database.write() as connection:
        answer(connection, known["1"].key, FIRST)
    assert await board.figures(CAMPAIGN, FIRST + timedelta(microseconds=100)) is first  # kept for 100 µs a person
    much_later = await board.figures(CAMPAIGN, FIRST + timedelta(days=1))
    assert (first.settled, much_later.settled) == (0, 1)
    assert (await board.figures(CAMPAIGN, FIRST)).at == FIRST  # the clock was set back


@pytest.mark.parametrize("now", [utc("2025-09-01T12:00"), utc("2026-06-01T12:00")])
def test_before_the_first_day_and_after_the_last(sqlite_database: Database, now: datetime) -> None:
    with sqlite_database.write() as connection:
        people.move_in(connection, utc("2025-08-01T12:00"))
    counted = count(sqlite_database, now)
    assert counted.people == 12
    assert [point.day for point in counted.curve][-1:] == ([date(2026, 1, 31)] if now.year == 2026 else [])


def test_a_campaign_without_steps_has_no_curve(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        people.move_in(connection)
    assert count(sqlite_database, FIRST, Campaign("silent", date(2025, 11, 3), ())).curve == ()
    assert count(sqlite_database, FIRST, Campaign("silent", date(2025, 11, 3), (Step(40, "notice"),))).curve[0].people == 0
