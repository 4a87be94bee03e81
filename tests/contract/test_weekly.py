"""Promise R23: weekly letters to managers, once for each ISO week; none lost and none twice, whoever dies or plans at one time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from threading import Barrier, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, func, select

from notifier.domain.ladder import Ladder
from notifier.domain.progress import Figure
from notifier.domain.teams import Detail
from notifier.store import acknowledgements, census, employees, reach
from notifier.store.census import Details
from notifier.store.database import Database
from notifier.store.oversight import letters
from notifier.store.reach import Refusal
from notifier.store.reasons import UNREACHABLE
from notifier.store.tables import deliveries
from notifier.summary.facts import Surroundings
from notifier.summary.weekly import When
from tests.planning_rig import utc
from tests.summary_rig import (
    CAMPAIGN,
    MONDAY,
    NAMES,
    OTHER,
    change,
    letters_to,
    move_in,
    person,
    settle,
    team,
    told,
    weekly,
)

WEEK = timedelta(days=7)
MANAGERS = ["1", "2", "3", "4"]


def test_each_manager_is_told_at_eight_where_they_are(database: Database) -> None:
    move_in(database)
    summaries = weekly(database)
    assert summaries.tick(MONDAY - timedelta(seconds=1)) == 0
    assert summaries.next_instant(MONDAY - timedelta(seconds=1)) == MONDAY
    assert summaries.tick(MONDAY) == 3  # in Zurich and Berlin
    assert summaries.next_instant(MONDAY) == utc("2025-10-06T08:00", ZoneInfo("Europe/London"))
    assert [who for who, *_ in told(database)] == ["1", "2", "3"]
    assert summaries.tick(MONDAY + timedelta(hours=1)) == 1
    assert told(database) == [(who, 202541, "smtp", "planned") for who in MANAGERS]
    with database.read() as connection:
        row = connection.execute(select(deliveries).where(deliveries.c.kind == "summary").order_by(deliveries.c.id)).first()
    assert row is not None
    assert (row.message, row.campaign, row.next_at) == ("manager", "", MONDAY)
    assert (row.closes_at, row.expires_at) == (utc("2025-10-13T00:00"), utc("2025-10-13T00:00"))


def test_each_is_shown_what_may_be_shown(database: Database) -> None:
    keys = move_in(database)
    weekly(database).tick(MONDAY - timedelta(days=7))  # the campaign has not begun: nothing, and no census
    settle(database, *team(keys, "a")[:5], *team(keys, "b")[:7], *team(keys, "d")[:13])
    weekly(database).tick(MONDAY + timedelta(hours=1))
    ada, bruno, dieter, fiona = (letters_to(database, keys[who])[202541].of(CAMPAIGN.id) for who in MANAGERS)
    assert ada is not None
    assert bruno is not None
    assert dieter is not None
    assert fiona is not None
    shown = [(bar.direct, bar.teams, bar.figure) for bar in ada.bars]
    assert shown == [
        (False, ("Bruno Exemple 2",), Figure(12, 7, 7)),
        (False, ("Dieter Exemple 3",), Figure(14, 12, 14)),
        (True, ("Fiona Exemple 4",), Figure(15, 5, 5)),
    ]
    assert ada.total == Figure(41, 24, 26)
    assert bruno.figure == Figure(12, 7, 7)
    assert dieter.figure == Figure(14, 12, 14)
    assert dieter.last
    assert (fiona.bars, fiona.around) == ((), Surroundings("Ada Exemple 1", Figure(41, 25, 25)))


def test_once_a_week_and_never_for_a_week_that_is_over(sqlite_database: Database) -> None:
    keys = move_in(sqlite_database)
    assert weekly(sqlite_database).tick(utc("2025-10-08T15:00")) == 4  # the service was down on Monday
    assert weekly(sqlite_database).tick(utc("2025-10-12T23:59")) == 0
    assert weekly(sqlite_database).tick(utc("2025-10-12T23:59") - timedelta(days=3)) == 0  # the clock was set back
    assert weekly(sqlite_database).tick(utc("2025-10-29T12:00")) == 4  # and then for two weeks
    assert sorted(letters_to(sqlite_database, keys["1"])) == [202541, 202544]
    assert letters_to(sqlite_database, keys["1"])[202541].on == date(2025, 10, 8)


def test_a_mark_spares_the_work_and_not_the_week(sqlite_database: Database) -> None:
    keys = move_in(sqlite_database)
    weekly(sqlite_database).tick(MONDAY + timedelta(hours=1))
    change(sqlite_database, keys["b0"], manager_id="1")
    with sqlite_database.write() as connection:
        employees.add(connection, [person("n", "Noé", ("Europe/Zurich", "fr", "CH", "GE"), "b1")], MONDAY)
    assert weekly(sqlite_database, details=NAMES).tick(MONDAY + timedelta(hours=2)) == 0  # b1 leads somebody now: from next week on
    moved = weekly(sqlite_database, when=When(2, time(9)))  # to Wednesday, when all have theirs
    assert moved.tick(MONDAY + timedelta(days=3)) == 0
    assert weekly(sqlite_database).tick(MONDAY + WEEK + timedelta(hours=1)) == 4
    assert weekly(sqlite_database, when=None).tick(MONDAY + 3 * WEEK) == 0


def test_a_holiday_moves_it_to_the_next_working_day(sqlite_database: Database) -> None:
    """1 January 2026 is a Thursday, and the 2nd one in Zurich only."""
    move_in(sqlite_database)
    campaign = replace(CAMPAIGN, deadline=date(2026, 1, 20))
    summaries = weekly(sqlite_database, campaign, when=When(3, time(8)))
    assert summaries.tick(utc("2026-01-02T07:59")) == 0
    assert summaries.tick(utc("2026-01-02T09:00")) == 4


def test_two_planners_at_the_same_time_write_one_letter_each(database: Database) -> None:
    """On whichever channel each of them would send it."""
    keys = move_in(database)
    with database.write() as connection:
        reach.match(connection, "slack", [(keys[who], f"U{who}", None) for who in MANAGERS], MONDAY)
    ladders = [Ladder(("smtp",)), Ladder(("slack", "smtp")), Ladder(("graph",))]
    barrier, counts = Barrier(len(ladders)), list[int]()

    def plan(ladder: Ladder) -> None:
        summaries = weekly(database, ladder=ladder)
        barrier.wait()
        counts.append(summaries.tick(MONDAY + timedelta(hours=1)))

    threads = [Thread(target=plan, args=(ladder,)) for ladder in ladders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 4
    assert [who for who, *_ in told(database)] == MANAGERS


@contextmanager
def dies_at(database: Database, statement: str) -> Iterator[None]:
    """The process ends when it is about to send this to the store: whatever was not committed is undone."""

    class Killed(BaseException):
        pass

    def kill(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(statement):
            raise Killed

    event.listen(database.engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(Killed):
            yield
    finally:
        event.remove(database.engine, "before_cursor_execute", kill)


@pytest.mark.parametrize("table", ["census_people", "deliveries", "plan_marks"])
def test_whoever_dies_in_the_middle_loses_nothing(database: Database, table: str) -> None:
    keys = move_in(database)
    with dies_at(database, f"INSERT INTO {table}"):
        weekly(database).tick(MONDAY + timedelta(hours=1))
    with database.read() as connection:
        written = connection.scalar(select(func.count()).select_from(letters))
    assert written == len(told(database))  # a letter and its delivery, or neither
    weekly(database).tick(MONDAY + timedelta(hours=2))
    assert told(database) == [(who, 202541, "smtp", "planned") for who in MANAGERS]
    assert len(letters_to(database, keys["1"])) == 1


def test_what_is_new_is_told_from_the_letter_before(sqlite_database: Database) -> None:
    keys = move_in(sqlite_database)
    settle(sqlite_database, *team(keys, "b")[:4])
    weekly(sqlite_database).tick(MONDAY + timedelta(hours=1))
    settle(sqlite_database, *team(keys, "b")[4:7], now=MONDAY + timedelta(days=2))
    weekly(sqlite_database).tick(MONDAY + WEEK + timedelta(hours=1))
    second = letters_to(sqlite_database, keys["2"])[202542].of(CAMPAIGN.id)
    assert second is not None
    assert (second.figure, second.before, second.before_on) == (Figure(12, 7, 7), Figure(12, 4, 4), date(2025, 10, 6))
    assert second.change == 3


def test_the_last_letter_then_silence_until_something_opens(sqlite_database: Database) -> None:
    keys = move_in(sqlite_database)
    settle(sqlite_database, *team(keys, "b"))
    for count in range(3):
        weekly(sqlite_database).tick(MONDAY + count * WEEK + timedelta(hours=1))
    assert {week: letter.campaigns[0].last for week, letter in letters_to(sqlite_database, keys["2"]).items()} == {202541: True}
    assert letters_to(sqlite_database, keys["2"])[202541].next_on is None
    assert sorted(letters_to(sqlite_database, keys["1"])) == [202541, 202542, 202543]
    with sqlite_database.write() as connection:
        for key in team(keys, "b")[:5]:
            acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=key, now=MONDAY + 2 * WEEK)
    weekly(sqlite_database).tick(MONDAY + 3 * WEEK + timedelta(hours=1))
    again = letters_to(sqlite_database, keys["2"])[202544]
    assert (again.campaigns[0].figure, again.campaigns[0].last) == (Figure(12, 7, 7), False)


def test_several_campaigns_are_one_letter(sqlite_database: Database) -> None:
    keys = move_in(sqlite_database)
    late = replace(OTHER, id="later", deadline=date(2026, 6, 1))
    closed = replace(OTHER, id="closed", deadline=date(2025, 9, 1), closes_after_days=10)
    settle(sqlite_database, *team(keys, "b"))
    summaries = weekly(sqlite_database, OTHER, CAMPAIGN, late, closed)
    summaries.tick(MONDAY + timedelta(hours=1))
    summaries.tick(MONDAY + WEEK + timedelta(hours=1))
    first, second = letters_to(sqlite_database, keys["2"]).values()
    assert [(one.campaign, one.last) for one in first.campaigns] == [(CAMPAIGN.id, True), (OTHER.id, False)]
    assert [(one.campaign, one.last) for one in second.campaigns] == [(OTHER.id, False)]
    assert second.silent == (CAMPAIGN.id,)
    with sqlite_database.read() as connection:
        assert census.taken(connection).keys() == {CAMPAIGN.id, OTHER.id}


def test_a_campaign_keeps_the_minimum_it_began_with(sqlite_database: Database) -> None:
    """Were it lowered, Bruno's twelve would stand apart from those with whom Ada was shown them before."""
    keys = move_in(sqlite_database)
    weekly(sqlite_database, minimum=13).tick(MONDAY + timedelta(hours=1))
    weekly(sqlite_database, minimum=10).tick(MONDAY + WEEK + timedelta(hours=1))
    first, second = (letter.campaigns[0] for letter in letters_to(sqlite_database, keys["1"]).values())
    assert [bar.teams for bar in first.bars] == [("Dieter Exemple 3",), ("Bruno Exemple 2", "Fiona Exemple 4")]
    assert [bar.teams for bar in second.bars] == [bar.teams for bar in first.bars]


def test_names_by_country_then_a_last_letter(sqlite_database: Database) -> None:
    """Dieter sees his people by name, and no figure; Ada sees figures."""
    keys = move_in(sqlite_database)
    details = Details(Detail.COUNTS, {"DE": Detail.OPEN_NAMES})
    settle(sqlite_database, *team(keys, "d")[2:])
    weekly(sqlite_database, details=details).tick(MONDAY + timedelta(hours=1))
    settle(sqlite_database, *team(keys, "d"), now=MONDAY + timedelta(days=1))
    for count in (1, 2):
        weekly(sqlite_database, details=details).tick(MONDAY + count * WEEK + timedelta(hours=1))
    first, second = letters_to(sqlite_database, keys["3"]).values()
    assert [one.name for one in first.campaigns[0].named] == ["Zoé Exemple d0", "Zoé Exemple d1"]
    assert (first.campaigns[0].figure, first.campaigns[0].last) == (None, False)
    assert (second.campaigns[0].named, second.campaigns[0].figure, second.campaigns[0].last) == ((), None, True)
    named_to_ada = {
        report.name for letter in letters_to(sqlite_database, keys["1"]).values() for report in letter.campaigns[0].named
    }
    assert named_to_ada == {"Dieter Exemple 3"}  # of those in Germany the only one who reports to her


def test_the_first_channel_that_reaches_the_manager(database: Database) -> None:
    keys = move_in(database)
    with database.write() as connection:
        reach.match(connection, "slack", [(keys["1"], "U1", None), (keys["2"], "U2", None)], MONDAY)
        refusals = [Refusal(keys["2"], "slack", None, "gone"), Refusal(keys["3"], "smtp", "3@example.com", "no such user")]
        reach.refuse(connection, refusals, MONDAY)
    weekly(database, ladder=Ladder(("slack", "smtp"))).tick(MONDAY + timedelta(hours=1))
    assert told(database) == [
        ("1", 202541, "slack", "planned"),
        ("2", 202541, "smtp", "planned"),
        ("3", 202541, "smtp", "cancelled"),
        ("4", 202541, "smtp", "planned"),
    ]
    with database.read() as connection:
        assert connection.scalar(select(deliveries.c.reason).where(deliveries.c.state == "cancelled")) == UNREACHABLE


def test_a_manager_who_left_and_one_without_reports_are_told_nothing(database: Database) -> None:
    keys = move_in(database)
    weekly(database).tick(MONDAY + timedelta(hours=1))
    change(database, keys["2"], active=False)
    weekly(database).tick(MONDAY + WEEK + timedelta(hours=1))
    assert [who for who, week, *_ in told(database) if week == 202542] == ["1", "3", "4"]
    assert letters_to(database, keys["b0"]) == {}


def test_a_preview_is_what_is_sent_and_leaves_nothing_behind(database: Database) -> None:
    keys = move_in(database)
    settle(database, *team(keys, "b")[:7])
    with database.write() as connection:
        shown = weekly(database).preview(connection, MONDAY, [keys["2"]])
        connection.rollback()
    with database.read() as connection:
        assert census.taken(connection) == {}
    assert told(database) == []
    assert weekly(database).send(MONDAY - timedelta(hours=1), [keys["2"]]) == 1
    assert letters_to(database, keys["2"])[202541] == shown[keys["2"]]
    assert weekly(database).told(MONDAY) == {keys["2"]}
    assert weekly(database).tick(MONDAY + timedelta(hours=1)) == 3
