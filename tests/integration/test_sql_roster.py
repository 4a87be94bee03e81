"""People out of somebody else's database."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from notifier.errors import BadDataError, ConfigurationError, NotifierError, TryLaterError
from notifier.roster.reading import Defaults, LeftOutBecause, RosterReading
from notifier.roster.sql import read_sql_roster

TODAY = date(2025, 10, 1)
QUERY = "SELECT number AS employee_id, mail, first_name, last_name, country, boss AS manager_id, gone AS end_date FROM staff"
TABLE = (
    "CREATE TABLE staff (number integer, mail varchar(99), first_name varchar(99), last_name varchar(99), country varchar(2),"
    " boss numeric(10, 1), gone timestamp)"
)
ROWS = (
    "INSERT INTO staff VALUES (1, 'zoe@example.com', 'Zoé', 'Exemple', 'CH', NULL, NULL),"
    " (2, 'ben@example.com', 'Ben', 'Müller', 'DE', 1.0, NULL),"
    " (3, 'old@example.com', 'Ola', 'Alt', 'DE', 1.0, '2025-06-30 00:00:00')"
)


def read(url: str, query: str = QUERY, password: str | None = None, **columns: str) -> RosterReading:
    return read_sql_roster(url, password, query, columns=columns, defaults=Defaults("Europe/Zurich"), today=TODAY)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/staff.db"
    fill(url)
    return url


def fill(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(TABLE))
        connection.execute(text(ROWS))
    engine.dispose()


def check(reading: RosterReading) -> None:
    assert {(person.id, person.email, person.country, person.manager_id) for person in reading.accepted} == {
        ("1", "zoe@example.com", "CH", None),
        ("2", "ben@example.com", "DE", "1"),
    }
    (left,) = reading.left_out
    assert (left.line, left.because) == (3, LeftOutBecause.TERMINATED)


def test_a_query_gives_people(sqlite_url: str) -> None:
    check(read(sqlite_url))


@pytest.mark.postgresql
def test_a_query_on_postgresql_gives_people(postgresql_database: str) -> None:
    fill(postgresql_database)
    check(read(postgresql_database))


def test_a_query_changes_nothing(sqlite_url: str) -> None:
    with pytest.raises(BadDataError, match="readonly"):
        read(sqlite_url, "DELETE FROM staff")
    check(read(sqlite_url))


@pytest.mark.postgresql
def test_a_query_on_postgresql_changes_nothing(postgresql_database: str) -> None:
    fill(postgresql_database)
    with pytest.raises(BadDataError, match="failed: syntax error"):
        read(postgresql_database, "DELETE FROM staff RETURNING mail, number AS employee_id")
    check(read(postgresql_database))


def test_no_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(TryLaterError, match="cannot be reached"):
        read(f"sqlite:///{tmp_path}/other.db")
    assert not list(tmp_path.iterdir())


def test_ids_of_sixteen_bytes_are_read_as_such(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "staff.db") as staff:
        staff.execute("CREATE TABLE staff (id blob, mail text)")
        staff.execute("INSERT INTO staff VALUES (x'8d0e6f3a5b7c4b7e9f550c0a7a3f2b11', 'zoe@example.com')")
    staff.close()
    (zoe,) = read(f"sqlite:///{tmp_path}/staff.db", "SELECT id, mail FROM staff").accepted
    assert zoe.id == "8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11"


@pytest.mark.parametrize(
    ("url", "query", "error", "says"),
    [
        (None, "SELECT nothing FROM staff", BadDataError, "roster.sql.query failed"),
        (None, "SELECT number FROM staff", BadDataError, "no column of e-mail addresses"),
        (None, "SELECT number, mail FROM staff WHERE number > 99", BadDataError, "gives nobody"),
        ("mysql+pymysql://reader@127.0.0.1/staff", QUERY, ConfigurationError, "pymysql"),
        ("nonsense://reader@127.0.0.1/staff", QUERY, ConfigurationError, "no driver is known"),
        ("postgresql+psycopg://reader@127.0.0.1:9/staff", QUERY, TryLaterError, "cannot be reached"),
    ],
    ids=["query", "no-addresses", "nobody", "driver", "nonsense", "unreachable"],
)
def test_what_goes_wrong_is_said_with_the_way_out(
    sqlite_url: str, url: str | None, query: str, error: type[NotifierError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        read(url or sqlite_url, query, password=None if url is None else "a secret")
    assert caught.value.hint
    assert "a secret" not in str(caught.value)
