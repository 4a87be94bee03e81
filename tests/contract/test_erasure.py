"""What is stored about one person is all found, and all taken away, on both databases; and what ends when its time is over."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text

from notifier.domain.campaign import Answer, Assurance
from notifier.store import (
    acknowledgements,
    employees,
    erasure,
    ledger,
    letters,
    presses,
    purging,
    reach,
    roster_changes,
    seals,
    snapshots,
)
from notifier.store.claims import Claimed, claim
from notifier.store.database import Database
from notifier.store.employees import StoredEmployee, SyncRecord
from notifier.store.gathering import gather
from notifier.store.letters import Letter
from notifier.store.oversight import (
    census_managers,
    census_people,
    censuses,
    final_figures,
    leave_notes,
    refused_rosters,
    sessions,
    team_nudges,
    team_remarks,
)
from notifier.store.oversight import ledger as entries
from notifier.store.quota import Limits
from notifier.store.reach import Refusal
from notifier.store.roster_changes import Touch
from notifier.store.tables import Kind, deliveries, metadata
from notifier.store.tables import acknowledgements as answers
from notifier.store.tables import employees as people_rows
from notifier.store.tables import reach as ways
from notifier.summary.organisation import figures
from notifier.summary.purging import Purged, Purger
from tests import people
from tests.planning_rig import CAMPAIGN, ZURICH, planner, utc
from tests.rows_rig import add_row

NOW = utc("2025-10-20T10:00")
MARK = "Zsófia-Marked"  # stands in whatever is personal about her
EMAIL = "zsofia.marked@example.com"
CAMPAIGN_ROWS = (deliveries, answers, census_people, census_managers, team_nudges)


def settle(connection: Connection, key: int, now: datetime = NOW, **more: Any) -> None:
    given = {"answer": Answer.DONE, "assurance": Assurance.LINK, "channel": "page"} | more
    acknowledgements.record(connection, campaign=CAMPAIGN.id, employee_key=key, receipt_channel="smtp", now=now, **given)


def fill(database: Database) -> StoredEmployee:
    """Somebody about whom there is a row in every table that can hold a person, among others; and all is in the ledger."""
    with database.write() as connection:
        known = people.move_in(connection)
        her = replace(people.CHLOE, id="EMP-4711", email=EMAIL, given_name=MARK, family_name="Example", manager_id="2")
        employees.add(connection, [her], NOW)
        person = employees.find(connection, EMAIL)
        assert person is not None
        key, other = person.key, known["1"].key
        about = {"state": "accepted", "finished_at": NOW, "subject": f"{MARK}, check", "reply": f"250 {EMAIL} ok"}
        add_row(connection, key, message_id=f"{MARK}@x", reference=MARK, **about)
        add_row(connection, key, occasion=7, state="refused", reason=f"550 {EMAIL}", finished_at=NOW)
        add_row(connection, key, occasion=1)
        add_row(connection, other, state="accepted", finished_at=NOW, subject="Ada, check")
        settle(connection, key, actor=None)
        settle(connection, other)
        reach.refuse(connection, [Refusal(key, "smtp", EMAIL, f"550 {EMAIL}")], NOW)
        presses.is_newest(connection, campaign=CAMPAIGN.id, employee_key=key, pressed_at=NOW)
        connection.execute(insert(censuses).values(campaign=CAMPAIGN.id, taken_at=NOW))
        connection.execute(insert(census_managers).values(campaign=CAMPAIGN.id, manager_key=key))
        connection.execute(insert(census_people).values(campaign=CAMPAIGN.id, employee_key=key, home_key=other, named=1))
        connection.execute(insert(leave_notes).values(employee_key=key, until=date(2025, 11, 1), noted_at=NOW, noted_by="x"))
        sync_id = employees.record_sync(connection, SyncRecord(NOW, "roster.csv", True, 3, 0, 0, 0, 0, 1))
        roster_changes.keep(connection, sync_id, [(key, Touch.CHANGED, ["family_name"])])
        connection.execute(insert(team_remarks).values(manager_key=other, employee_key=key, said_at=NOW))
        nudge = {"campaign": CAMPAIGN.id, "manager_key": key, "day": NOW.date(), "asked_at": NOW, "reminded": 3}
        connection.execute(insert(team_nudges).values(nudge))
        session = {"token_hash": "h", "issuer": "i", "subject": "s", "name": MARK, "role": "manager", "employee_key": key}
        connection.execute(insert(sessions).values(session | dict.fromkeys(("began_at", "seen_at", "ends_at"), NOW)))
        mail = json.dumps({"named": [{"name": f"{MARK} Example"}], "undeliverable": [{"employee_id": "EMP-4711", "reasons": []}]})
        letters.write(connection, [Letter(Kind.SUMMARY, other, 202543, "", mail), Letter(Kind.SUMMARY, key, 202543, "", mail)], NOW)
        snapshots.keep(connection, "test", b"EMP-4711")
        ledger.note(connection, event="looked at", now=NOW, employee_key=key, actor="op", facts={}, personal={"name": MARK})
    gather(database, since=None)
    seals.seal(database, NOW)
    return person


def test_no_column_that_holds_a_person_is_forgotten() -> None:
    """A new table has to be given its place: its rows go with an erasure, or they say nothing without the person's row."""
    rows_of_nobody = {"deliveries.employee_key", "acknowledgements.employee_key", "ledger.employee_key", "team_nudges.manager_key"}
    rows_of_nobody |= {"census_managers.manager_key", "census_managers.above_key"}
    rows_of_nobody |= {"census_people.employee_key", "census_people.home_key"}
    deleted = {f"{table.name}.{column.name}" for table, column in erasure._DELETED}
    pointing = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in erasure.pointing_at(table)}
    assert pointing == deleted | rows_of_nobody


def dump(database: Database) -> str:
    """Every row of every table."""
    with database.read() as connection:
        return "\n".join(str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table)))


def count(connection: Connection, table: Any, *where: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def test_everything_is_found(database: Database) -> None:
    person = fill(database)
    with database.read() as connection:
        found = erasure.everything(connection, person)
    pointed = {table.name for table in metadata.sorted_tables if erasure.pointing_at(table)}
    assert pointed == found.keys() - {"employees", "letters that name them"}
    assert found["employees"][0]["email"] == EMAIL
    assert found["employees"][0]["country"] == "CH"
    assert len(found["deliveries"]) == 4  # the receipt too
    assert [row["employee_key"] != person.key for row in found["letters that name them"]] == [True]
    assert any(MARK in (row["personal"] or "") for row in found["ledger"])


def test_nothing_personal_is_left_and_the_counts_and_the_chain_are(database: Database) -> None:
    person = fill(database)
    schedule_of = planner(database).schedule_of
    at = {"now": NOW, "zone": ZURICH, "minimum_group": 5, "schedule_of": schedule_of}
    with database.read() as connection:
        before = figures(connection, CAMPAIGN, **at)
    left = dump(database)
    assert MARK in left
    with database.write() as connection:
        erased = erasure.erase(connection, person, now=NOW + timedelta(hours=1), actor="an-operator")
    gather(database, since=None)
    seals.seal(database, NOW + timedelta(hours=2))
    rest = dump(database)
    for word in (MARK, EMAIL, "EMP-4711", person.public_id):
        assert word not in rest, word
    assert erased.was_active
    assert erased.rows["deliveries"] == 4
    with database.read() as connection:
        assert employees.by_public_id(connection, person.public_id) is None
        assert employees.find(connection, EMAIL) is None
        assert list(seals_verified(connection)) == []
        assert acknowledgements.current(connection, campaign=CAMPAIGN.id, employee_key=person.key) is not None
        after = figures(connection, CAMPAIGN, **at | {"now": NOW + timedelta(hours=2)})
        assert count(connection, deliveries, deliveries.c.employee_key == person.key, deliveries.c.state == "planned") == 0
        assert count(connection, people_rows) == 14
    assert (after.people, after.settled) == (before.people - 1, before.settled - 1)
    assert after.curve[:-1] == before.curve[:-1]
    assert after.reminders == before.reminders


def seals_verified(connection: Connection) -> list[str]:
    """What the chain says against itself."""
    rows = connection.execute(select(entries.c.id).where(entries.c.position.is_(None)))
    return [f"entry {row.id} is not sealed" for row in rows]


def test_whoever_is_sending_to_them_writes_into_the_void(database: Database) -> None:
    with database.write() as connection:
        person = people.move_in(connection)["3"]
        add_row(connection, person.key)
    now = utc("2025-10-03T10:00")
    with database.write() as connection:
        (row,) = claim(connection, owner="o", channel="smtp", limits=Limits(), most=5, now=now, message_id_domain="x.example").rows
        erasure.erase(connection, person, now=now, actor="")
    assert isinstance(row, Claimed)
    with database.read() as connection:
        states = connection.execute(select(deliveries.c["state", "epoch", "message_id", "reason"])).one()
    assert tuple(states) == ("unknown", row.epoch + 1, None, None)


def purger(database: Database, keep_days: int = 90, **more: Any) -> Purger:
    return Purger(
        database=database,
        campaigns=[CAMPAIGN],
        keep_days=keep_days,
        zone=ZURICH,
        minimum_group=5,
        schedule_of=planner(database).schedule_of,
        **more,
    )


def test_records_go_when_their_time_is_over_and_the_figures_stay(database: Database) -> None:
    person = fill(database)
    schedule_of = planner(database).schedule_of
    at = {"zone": ZURICH, "minimum_group": 5, "schedule_of": schedule_of}
    last_day, over = utc("2026-01-31T23:59"), utc("2026-02-01T00:01")
    assert purger(database).tick(last_day) == Purged(records=5, people=1)  # letters, notes, a session; Jörg has left
    with database.read() as connection:
        before = figures(connection, CAMPAIGN, now=last_day, **at)
        assert count(connection, answers) == 2
    one = purger(database)
    done = one.tick(over)
    assert done.campaigns == (CAMPAIGN.id,)
    assert one.tick(over) == Purged()
    assert purger(database).tick(over) == Purged()
    with database.read() as connection:
        assert [table.name for table in CAMPAIGN_ROWS if count(connection, table)] == []
        after = figures(connection, CAMPAIGN, now=over + timedelta(days=30), **at)
        assert count(connection, ways) == 1  # how people are reached is about the roster, not about a campaign
        assert count(connection, entries, entries.c.campaign == CAMPAIGN.id, entries.c.personal.is_not(None)) == 0
        assert employees.find(connection, EMAIL) is not None
    assert replace(after, at=last_day, today=last_day.date(), days_left=before.days_left) == before
    assert person.key


def test_records_of_a_campaign_that_is_configured_no_longer_go_too(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        add_row(connection, known["1"].key, campaign="old-one", state="accepted", created_at=NOW, finished_at=NOW)
    assert purger(sqlite_database).tick(NOW + timedelta(days=89)).campaigns == ()
    assert purger(sqlite_database).tick(NOW + timedelta(days=91)).campaigns == ("old-one",)
    with sqlite_database.read() as connection:
        assert list(connection.scalars(select(final_figures.c.campaign))) == ["old-one"]


def test_whoever_left_long_ago_becomes_nobody(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        known = people.move_in(connection)
        add_row(connection, known["4"].key, campaign="going-on", created_at=NOW)
        employees.mark_left(connection, [known["3"].key, known["4"].key], NOW)
    later = NOW + timedelta(days=91)
    done = purger(sqlite_database).purge(NOW + timedelta(days=60))
    assert done.people == 0
    with sqlite_database.write() as connection:
        connection.execute(text("UPDATE deliveries SET created_at = created_at + 8640000000000"))  # it goes on: 100 days later
    assert purger(sqlite_database).purge(later).people == 2  # Chloé, and Jörg who left before; not Dieter
    with sqlite_database.read() as connection:
        there = {person.employee.id for person in employees.load(connection).values() if person.left_at is not None}
    assert "4" in there
    assert {id_[:7] for id_ in there - {"4"}} == {"erased:"}


@pytest.mark.parametrize("looks", [1, 5, 8])
def test_who_is_stopped_goes_on_later(sqlite_database: Database, looks: int) -> None:
    fill(sqlite_database)
    over = utc("2026-02-01T00:01")
    asked = iter([*[False] * looks, *[True] * 30])
    first = purger(sqlite_database, stopping=lambda: next(asked)).tick(over)
    second = purger(sqlite_database).tick(over)
    assert CAMPAIGN.id in (*first.campaigns, *second.campaigns)
    with sqlite_database.read() as connection:
        assert [table.name for table in CAMPAIGN_ROWS if count(connection, table)] == []
        assert count(connection, entries, entries.c.campaign == CAMPAIGN.id, entries.c.personal.is_not(None)) == 0
        assert count(connection, entries, entries.c.event == "answered") == 2
    assert MARK not in dump(sqlite_database).replace(f"'{MARK}', 'Example'", "")  # but in her row of the roster


def test_portions_are_no_larger_than_asked(sqlite_database: Database) -> None:
    most = 1
    fill(sqlite_database)
    while True:
        with sqlite_database.write() as connection:
            gone = purging.records(connection, CAMPAIGN.id, most)
        if not gone:
            break
        assert gone <= most
    with sqlite_database.read() as connection:
        assert [table.name for table in CAMPAIGN_ROWS if count(connection, table)] == []


def test_only_the_newest_refused_roster_is_kept(sqlite_database: Database) -> None:
    record = employees.SyncRecord(NOW, "r", False, 1, 0, 0, 0, 0, 0, "half")
    with sqlite_database.write() as connection:
        for _ in range(2):
            number = employees.record_sync(connection, record)
            connection.execute(insert(refused_rosters).values(sync_id=number, size=5, changes=b""))
    purger(sqlite_database).tick(NOW)
    with sqlite_database.read() as connection:
        assert list(connection.scalars(select(refused_rosters.c.sync_id))) == [number]
