"""One row at a time: what each kind of accident in a cell leads to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from notifier.domain.employee import Employee
from notifier.errors import BadDataError
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, Note, RosterReading, SetAside

TODAY = date(2025, 10, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roster.csv"


def read(path: Path, text: str, *, country: str | None = None, **columns: str) -> RosterReading:
    path.write_text(text, "utf-8")
    return read_roster(path, columns=columns, defaults=Defaults("Europe/Rome", country), today=TODAY)


def only(reading: RosterReading) -> Employee:
    (person,) = reading.accepted
    return person


def test_a_header_can_say_that_the_family_name_comes_first(path: Path) -> None:
    person = only(read(path, "Nom Prénom;E-mail\nvan Exemple Zoé;zoe@example.com\n"))

    assert (person.given_name, person.family_name) == ("Zoé", "van Exemple")


def test_null_is_a_name_but_no_department(path: Path) -> None:
    person = only(read(path, "First name,Last name,Email,Department\nJen,Null,jen@example.com,NULL\n"))

    assert (person.family_name, person.department) == ("Null", None)


@pytest.mark.parametrize(
    ("row", "expected", "noted"),
    [
        ("Europe/Zurich,,", ("Europe/Zurich", "CH", None), 0),
        (",FR,", ("Europe/Paris", "FR", None), 0),
        (",DE,Bayern", ("Europe/Berlin", "DE", "BY"), 0),
        (",,CH-GE", ("Europe/Zurich", "CH", "GE"), 0),
        (",US,NY", ("America/New_York", "US", "NY"), 1),
        ("Mars/Olympus,FR,", ("Europe/Paris", "FR", None), 1),
        (",Atlantis,", ("Europe/Rome", "AT", None), 1),
        (",,", ("Europe/Rome", "AT", None), 0),
        (",DE,CH-GE", ("Europe/Berlin", "DE", None), 1),
        (",DE,Nowhere", ("Europe/Berlin", "DE", None), 1),
        (",LU,Centre", ("Europe/Luxembourg", "LU", None), 0),
        ("UTC,,", ("UTC", "AT", None), 0),
    ],
)
def test_a_place_is_completed_from_what_is_known(
    row: str, expected: tuple[str, str | None, str | None], noted: int, path: Path
) -> None:
    """A time zone gives the country, a country the time zone; the organisation's defaults fill the rest. A guess is noted."""
    reading = read(path, f"Email,Time zone,Country,Region\nzoe@example.com,{row}\n", country="AT")
    person = only(reading)

    assert (person.time_zone, person.country, person.region) == expected
    assert len(reading.notes) == noted


@pytest.mark.parametrize(
    ("cell", "expected"), [("1234.0", "1234"), ("1234", "1234"), ("0012", "0012"), ('"=""0012"""', "0012"), ("AB-1", "AB-1")]
)
def test_ids_that_a_spreadsheet_touched(cell: str, expected: str, path: Path) -> None:
    assert only(read(path, f"Employee ID,Email\n{cell},zoe@example.com\n")).id == expected


def test_an_id_that_a_spreadsheet_rounded_is_set_aside(path: Path) -> None:
    """1.23457E+11 is the id of a thousand people."""
    (row,) = read(path, "Employee ID,Email\n1.23457E+11,zoe@example.com\n").set_aside

    assert row.line == 2
    assert "rounded" in row.reason


def test_bad_rows_are_set_aside_by_line_and_the_rest_go_on(path: Path) -> None:
    """Line numbers are those of the file: title, blank lines and cells of several lines count."""
    reading = read(
        path,
        'Export\n\nEmployee ID,Email,Department\n1,zoe@example.com,"two\nlines"\n2,,\n\n3,nobody\n1,max@example.com,\n'
        "4,ZOE@example.com,\n5,max@example.com,a,b\n6,max@example.com,\n",
    )

    assert [person.id for person in reading.accepted] == ["1", "6"]
    assert reading.accepted[0].department == "two lines"
    assert reading.set_aside == (
        SetAside(6, "no e-mail address", "2"),
        SetAside(8, "the e-mail address has no @: nobody", "3"),
        SetAside(9, "the id 1 stands on line 4 already", "1"),
        SetAside(10, "the address ZOE@example.com stands on line 4 already", "4"),
        SetAside(11, "has 4 cells where the header has 3: a separator inside a text without quotes?", "5"),
    )
    assert reading.rows == 7


def test_a_quotation_mark_that_is_never_closed_costs_one_row(path: Path) -> None:
    rows = "".join(f"{number},z{number}@example.com\n" for number in range(2, 100))
    reading = read(path, f'Name,Email\n"1,zoe@example.com\n{rows}')

    assert len(reading.accepted) == 98
    assert reading.set_aside == (SetAside(2, "a quotation mark is opened and not closed"),)


def test_a_quotation_mark_left_open_near_the_end_costs_one_row(path: Path) -> None:
    reading = read(path, 'Name,Email\nZoé,zoe@example.com\n"Max,max@example.com\nAnn,ann@example.com\nBen,ben@example.com')

    assert [person.email for person in reading.accepted] == ["zoe@example.com", "ann@example.com", "ben@example.com"]
    assert reading.set_aside == (SetAside(3, "a quotation mark is opened and not closed"),)


def test_a_cell_of_ten_megabytes_costs_one_row(path: Path) -> None:
    reading = read(path, f"Name,Email\n{'x' * 10_000_000},zoe@example.com\nMax,max@example.com\n")

    assert [person.email for person in reading.accepted] == ["max@example.com"]
    assert [row.line for row in reading.set_aside] == [2]


def test_texts_too_long_for_the_store_are_cut_and_noted(path: Path) -> None:
    reading = read(path, f"First name,Email\n{'x' * 300},zoe@example.com\n")

    assert only(reading).given_name == "x" * 255
    assert reading.notes == (Note("the given name is longer than 255 characters and was cut", 1, (2,)),)


def test_hostile_text_is_kept_as_text(path: Path) -> None:
    """Formulas and template tags are names like any other; control characters and direction marks go."""
    person = only(read(path, "First name,Last name,Email\n=cmd|calc!A1,{{7*7}}\x00\u202e\x1b[31m,zoe@example.com\n"))

    assert (person.given_name, person.family_name) == ("=cmd|calc!A1", "{{7*7}} [31m")


def test_an_unknown_language_is_noted(path: Path) -> None:
    reading = read(path, "Email,Language\nzoe@example.com,it-CH\nmax@example.com,it-CH\n")

    assert [person.language for person in reading.accepted] == [None, None]
    assert [(note.count, note.lines) for note in reading.notes] == [(2, (2, 3))]


def test_a_leave_that_is_over_is_no_leave(path: Path) -> None:
    reading = read(path, "Email,Leave until\na@example.com,2025-09-30\nb@example.com,2025-10-01\nc@example.com,soon\n")

    assert [person.leave_until for person in reading.accepted] == [None, date(2025, 10, 1), None]
    assert len(reading.notes) == 1


def test_somebody_works_on_their_last_day(path: Path) -> None:
    reading = read(path, "Email,End date\na@example.com,2025-09-30\nb@example.com,2025-10-01\n")

    assert [person.email for person in reading.accepted] == ["b@example.com"]


def test_a_terminated_row_does_not_stand_in_the_way_of_a_rehire(path: Path) -> None:
    reading = read(path, "Employee ID,Email,Status\n1,zoe@example.com,Terminated\n1,zoe@example.com,Active\n")

    assert only(reading).id == "1"
    assert len(reading.left_out) == 1


@pytest.mark.parametrize(
    "manager", ["1", "1.0", "ZOE@example.com", "Zoé Exemple", "exemple zoe", '"Exemple, Zoé"', "Zoé Exemple (1)", "zexemple"]
)
def test_managers_in_every_form(manager: str, path: Path) -> None:
    header = "Employee ID,First name,Last name,Email,Manager,sAMAccountName"
    rows = f"1,Zoé,Exemple,zoe@example.com,,zexemple\n2,M,M,m@example.com,{manager},m\n"

    assert read(path, f"{header}\n{rows}").accepted[1].manager_id == "1"


def test_managers_that_cannot_be_found_are_noted(path: Path) -> None:
    reading = read(
        path,
        "Employee ID,First name,Last name,Email,Manager\n1,Zoé,Exemple,a@example.com,nobody@example.com\n"
        "2,Zoe,Exemple,b@example.com,2\n3,M,M,c@example.com,Zoé Exemple\n",
    )

    assert [person.manager_id for person in reading.accepted] == [None, None, None]
    assert {note.text for note in reading.notes} == {
        "manager 'nobody@example.com' is not among the accepted people",
        "somebody is named as their own manager; taken as having none",
        "manager 'Zoé Exemple' fits several people",
    }


def test_a_circle_of_managers_is_noted_and_harmless(path: Path) -> None:
    text = "Employee ID,Email,Manager ID\n1,a@example.com,2\n2,b@example.com,3\n3,c@example.com,1\n4,d@example.com,1\n"
    reading = read(path, text)

    assert [person.manager_id for person in reading.accepted] == ["2", "3", "1", "1"]
    assert [note.text for note in reading.notes] == ["3 people are each other's managers in a circle"]


def test_no_column_of_addresses_names_the_columns_and_the_likely_one(path: Path) -> None:
    with pytest.raises(BadDataError, match=r"no column of e-mail addresses; line 1 was taken for the headers") as caught:
        read(path, "Name,Kontakt\nZoé,zoe@example.com\n")

    assert caught.value.quoted == "line 1: 'Name', 'Kontakt'"
    assert caught.value.hint is not None
    assert 'email = "Kontakt"' in caught.value.hint


def test_a_mapped_column_that_is_not_there(path: Path) -> None:
    with pytest.raises(BadDataError, match=r"email is to come from 'Work mail'.*no such column"):
        read(path, "Name,Email\nZoé,zoe@example.com\n", email="Work mail")


def test_a_field_that_does_not_exist(path: Path) -> None:
    with pytest.raises(BadDataError, match="'e-mail' is not a field"):
        read(path, "Name,Email\n", **{"e-mail": "Email"})


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"%PDF-1.7\n\x00\x01\x02\x03" * 50, bytes(range(256)) * 20, b"PK\x03\x04junk" * 9]
)
def test_what_is_no_roster_is_said_in_words(content: bytes, path: Path) -> None:
    path.write_bytes(content)

    with pytest.raises(BadDataError, match=str(path)) as caught:
        read_roster(path, columns={}, defaults=Defaults("UTC"), today=TODAY)
    assert caught.value.hint


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path, Path("a\0b")):
        with pytest.raises(BadDataError):
            read_roster(path, columns={}, defaults=Defaults("UTC"), today=TODAY)


def test_a_header_alone_holds_nobody(path: Path) -> None:
    reading = read(path, "Name,Email\n")

    assert (reading.accepted, reading.rows) == ((), 0)
