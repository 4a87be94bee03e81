"""The census of a campaign and what is counted from it: the promises of `domain/progress.py`, kept by the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import select

from notifier.domain.campaign import Audience
from notifier.domain.progress import Tally
from notifier.domain.teams import Detail, Unit
from notifier.store import census, employees, progress
from notifier.store.census import Details
from notifier.store.database import Database
from notifier.store.oversight import census_people
from tests.summary_rig import CAMPAIGN, COUNTS, MONDAY, NAMES, change, company, move_in, person, settle, team

BY_COUNTRY = Details(Detail.COUNTS, {"DE": Detail.OPEN_NAMES})


def take(database: Database, details: Details = COUNTS) -> bool:
    with database.write() as connection:
        return census.take(connection, CAMPAIGN, details, 10, MONDAY)


def homes(database: Database) -> dict[int, int | None]:
    with database.read() as connection:
        found = connection.execute(select(census_people.c.employee_key, census_people.c.home_key))
        return {row.employee_key: row.home_key for row in found}


def units(database: Database) -> dict[str | None, Unit]:
    with database.read() as connection:
        return census.units(connection, CAMPAIGN)


def test_everybody_is_counted_once_in_the_team_of_their_manager(database: Database) -> None:
    keys = move_in(database)
    assert take(database)
    assert homes(database) == {keys[one.id]: one.manager_id and keys[one.manager_id] for one in company()}
    assert units(database) == {
        None: Unit(Tally(1, 0, 0)),
        str(keys["1"]): Unit(Tally(11, 0, 0)),
        str(keys["2"]): Unit(Tally(12, 0, 0)),
        str(keys["3"]): Unit(Tally(14, 0, 0)),
        str(keys["4"]): Unit(Tally(4, 0, 0)),
    }
    with database.read() as connection:
        tree = census.load_tree(connection, CAMPAIGN.id)
        assert census.taken(connection) == {CAMPAIGN.id: 10}
    assert tree.above == {str(keys[one]): None if one == "1" else str(keys["1"]) for one in ("1", "2", "3", "4")}


def test_it_is_taken_once_and_nothing_that_happens_changes_it(database: Database) -> None:
    keys = move_in(database)
    take(database)
    before = homes(database)
    change(database, keys["b0"], manager_id="3")
    change(database, keys["b1"], active=False)
    with database.write() as connection:
        employees.add(connection, [person("new", "Noé", ("Europe/Zurich", "fr", "CH", "GE"), "2")], MONDAY)
    assert not take(database)
    assert homes(database) == before
    settle(database, keys["b0"], keys["b1"], keys["b2"])
    found = units(database)
    assert found[str(keys["2"])] == Unit(Tally(12, 1, 3))  # who moved, who left and who stayed; the joiner is in no figure
    assert found[str(keys["3"])] == Unit(Tally(14, 0, 0))


def test_two_at_the_same_time_take_one(database: Database) -> None:
    move_in(database)
    taken: list[bool] = []
    threads = [Thread(target=lambda: taken.append(take(database))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, True]
    assert len(homes(database)) == len(company())


def test_departed_missing_and_circular_managers(database: Database) -> None:
    """By `groups.Tree`: the next active one above; nobody where the chain is lost; a circle is cut above the first key."""
    place = ("Europe/Zurich", "de", "CH", "ZH")
    keys = move_in(
        database,
        person("gone", "Guy", place, "2", active=False),
        person("lost", "Lea", place, "nobody"),
        person("x", "Xia", place, "y"),
        person("y", "Yan", place, "x"),
        *(person(f"g{count}", "Zoé", place, "gone") for count in range(2)),
        *(person(f"l{count}", "Zoé", place, "lost") for count in range(2)),
    )
    take(database)
    home = homes(database)
    assert {home[keys["g0"]], home[keys["g1"]]} == {keys["2"]}
    assert keys["gone"] not in home
    assert home[keys["lost"]] is None
    assert home[keys["l0"]] == keys["lost"]
    assert (home[keys["x"]], home[keys["y"]]) == (None, keys["x"])


def test_who_is_not_asked_is_not_counted_and_who_is_no_longer_asked_has_left(database: Database) -> None:
    keys = move_in(database)
    campaign = replace(CAMPAIGN, audience=Audience(departments=("Sales",)))
    change(database, keys["b0"], department=None)
    with database.write() as connection:
        census.take(connection, campaign, COUNTS, 10, MONDAY)
    assert keys["b0"] not in homes(database)
    change(database, keys["b1"], department="Board")
    change(database, keys["b2"], department=None)
    with database.read() as connection:
        assert census.units(connection, campaign)[str(keys["2"])] == Unit(Tally(11, 2, 0))


@pytest.mark.parametrize(("details", "named"), [(COUNTS, set()), (BY_COUNTRY, {"d"}), (NAMES, {"a", "b", "d", "f"})])
def test_who_is_named_is_so_by_country_for_ever(database: Database, details: Details, named: set[str]) -> None:
    keys = move_in(database)
    take(database, details)
    for name, head in (("b", "2"), ("d", "3"), ("f", "4")):
        tally = Tally(len(team(keys, name)), 0, 0)
        assert units(database)[str(keys[head])] == (Unit(named=tally) if name in named else Unit(tally))
    with database.read() as connection:
        managers = census.managers_of_now(connection)
        found = progress.nameable(connection, CAMPAIGN, details, managers)
    assert {one.report.key for one in found.get(keys["3"], [])} == {str(key) for key in team(keys, "d") if "d" in named}
    assert all(one.report.named and one.report.agreed for people in found.values() for one in people)


def test_names_are_of_those_who_are_open_and_report_to_the_manager_today(database: Database) -> None:
    keys = move_in(database)
    take(database, BY_COUNTRY)
    settle(database, keys["d0"])
    change(database, keys["d1"], active=False)
    change(database, keys["d2"], manager_id="2")
    change(database, keys["d3"], given_name="", family_name="", leave_until=datetime(2025, 10, 31, tzinfo=UTC).date())
    with database.write() as connection:
        employees.add(connection, [person("new", "Noé", ("Europe/Berlin", "de", "DE", "BY"), "3")], MONDAY + timedelta(days=1))
    with database.read() as connection:
        managers = census.managers_of_now(connection)
        found = progress.nameable(connection, CAMPAIGN, BY_COUNTRY, managers)
    assert [one.name for one in found[keys["2"]]] == ["Zoé Exemple d2"]
    assert found[keys["2"]][0].report.home == str(keys["3"])
    names = {one.name: one for one in found[keys["3"]]}
    assert len(names) == 14 - 3 + 1
    assert names["d3"].leave_until == datetime(2025, 10, 31, tzinfo=UTC).date()  # no address stands in somebody else's mail
    assert (names["Noé Exemple new"].report.home, names["Noé Exemple new"].report.named) == (None, False)
