"""The exports people really have, read without any mapping. The samples in tests/rosters have the headers of the real programs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from notifier.domain.employee import Employee
from notifier.roster.files import read_roster
from notifier.roster.reading import Defaults, LeftOut, LeftOutBecause, RosterReading

SAMPLES = Path(__file__).parent.parent / "rosters"
TODAY = date(2025, 10, 1)
DEFAULTS = Defaults("Europe/Vienna")
ZOE = {"email": "zoe.exemple@example.com", "given_name": "Zoé", "family_name": "Exemple"}
MAX = {"email": "max.muster@example.com", "given_name": "Max", "family_name": "Muster"}
GENEVA = {"country": "CH", "region": "GE", "time_zone": "Europe/Zurich"}
MUNICH = {"country": "DE", "region": "BY", "time_zone": "Europe/Berlin"}


def read(path: Path, **columns: str) -> RosterReading:
    return read_roster(path, columns=columns, defaults=DEFAULTS, today=TODAY)


def reasons(reading: RosterReading) -> list[tuple[int, LeftOutBecause]]:
    return [(row.line, row.because) for row in reading.left_out]


def workbook(path: Path, rows: list[list[object]], *, title: str = "Report") -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_entra_id_download_users() -> None:
    reading = read(SAMPLES / "entra-users.csv")

    assert reading.accepted == (
        Employee(
            id="6f1e5a8e-0000-4000-8000-000000000001", **{**ZOE, "email": "Zoe.Exemple@example.com"}, **GENEVA, department="Sales"
        ),
        Employee(id="6f1e5a8e-0000-4000-8000-000000000002", **MAX, **MUNICH, department="Engineering"),
    )
    assert reasons(reading) == [(4, LeftOutBecause.DISABLED), (5, LeftOutBecause.GUEST)]
    assert [(row.line, row.reason) for row in reading.set_aside] == [(6, "no e-mail address")]
    assert (reading.encoding, reading.delimiter, reading.rows) == ("utf-8", ",", 5)


def test_google_workspace() -> None:
    """The recovery and home addresses are private: they are never taken."""
    reading = read(SAMPLES / "google-users.csv")

    assert reading.accepted == (
        Employee(id="1001", **ZOE, time_zone="Europe/Vienna", department="Sales"),
        Employee(id="1002", **MAX, time_zone="Europe/Vienna", department="Engineering", manager_id="1001"),
    )
    assert reasons(reading) == [(4, LeftOutBecause.DISABLED)]
    assert reading.columns["email"] == "Email Address [Required]"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_get_aduser_in_every_encoding_of_export_csv(encoding: str, tmp_path: Path) -> None:
    """With the `#TYPE` line, and the manager as a distinguished name with an escaped comma in it."""
    path = tmp_path / "users.csv"
    path.write_bytes((SAMPLES / "get-aduser.csv").read_text("utf-8").replace("\n", "\r\n").encode(encoding))
    reading = read(path)

    assert reading.accepted == (
        Employee(id="0a1b2c3d-0000-4000-8000-000000000001", **ZOE, country="CH", time_zone="Europe/Zurich", department="Sales"),
        Employee(
            id="0a1b2c3d-0000-4000-8000-000000000002",
            **MAX,
            country="DE",
            time_zone="Europe/Berlin",
            department="Engineering",
            manager_id="0a1b2c3d-0000-4000-8000-000000000001",
        ),
    )
    assert reading.left_out == (LeftOut(5, LeftOutBecause.DISABLED, "not enabled"),)


def test_personio_in_german() -> None:
    reading = read(SAMPLES / "personio-de.csv")

    assert reading.accepted == (
        Employee(id="1001", **ZOE, **GENEVA, department="Vertrieb", language="fr"),
        Employee(
            id="1002", **MAX, **MUNICH, department="Entwicklung", language="de", manager_id="1001", leave_until=date(2025, 11, 7)
        ),
    )
    assert reasons(reading) == [(4, LeftOutBecause.TERMINATED), (5, LeftOutBecause.DISABLED)]


def test_bamboohr_with_american_dates() -> None:
    """One date with a day above 12 tells the order of the whole column: 09/01/2025 is the first of September."""
    reading = read(SAMPLES / "bamboohr.csv")

    assert reading.accepted == (
        Employee(id="1001", **ZOE, **GENEVA, department="Sales"),
        Employee(id="1002", **MAX, **MUNICH, department="Engineering", manager_id="1001"),
    )
    assert [(row.line, row.detail) for row in reading.left_out] == [(4, "last day 2025-09-01"), (5, "last day 2025-02-03")]


def test_workday_workbook_with_title_lines(tmp_path: Path) -> None:
    """Title lines above the header, ids as numbers, dates as dates, a remark behind a name, the manager's id in parentheses."""
    headers = "Employee ID,Worker,Primary Work Email,Supervisory Organization,Worker's Manager,Location Address - Country"
    boss = "Zoé Exemple (1001)"
    path = workbook(
        tmp_path / "workday.xlsx",
        [
            ["All Active Workers"],
            ["As of", date(2025, 9, 30)],
            [],
            [*headers.split(","), "Termination Date", "Currently Active"],
            [1001, "Zoé Exemple (On Leave)", "zoe.exemple@example.com", "Sales", None, "Switzerland", None, "Yes"],
            [1002, "Max Muster", "max.muster@example.com", "Engineering", boss, "Germany", date(2026, 1, 31), "Yes"],
            [1003, "Tom Gone", "tom.gone@example.com", "Engineering", boss, "Germany", date(2025, 1, 31), "Yes"],
            [1004, "Nina Inactive", "nina@example.com", "Engineering", boss, "Germany", None, "No"],
        ],
    )
    reading = read(path)

    assert reading.accepted == (
        Employee(id="1001", **ZOE, country="CH", time_zone="Europe/Zurich", department="Sales"),
        Employee(id="1002", **MAX, country="DE", time_zone="Europe/Berlin", department="Engineering", manager_id="1001"),
    )
    assert reasons(reading) == [(7, LeftOutBecause.TERMINATED), (8, LeftOutBecause.DISABLED)]
    assert (reading.sheet, reading.encoding, reading.delimiter) == ("Report", None, None)


def test_a_french_excel_sheet_saved_as_csv() -> None:
    """Windows-1252, semicolons, a `sep=` line, a title, trailing separators, leading zeros, a Windows zone, a NAME in capitals."""
    reading = read(SAMPLES / "excel-francais.csv")

    assert reading.accepted == (
        Employee(id="0017", **ZOE, **GENEVA, department="Ventes", language="fr"),
        Employee(id="0018", **MAX, **MUNICH, department="Développement", language="de", manager_id="0017"),
    )
    assert (reading.encoding, reading.delimiter, reading.notes) == ("windows-1252", ";", ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252"])
def test_every_encoding_with_every_delimiter(encoding: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    rows = [["Full name", "E-Mail", "Team; or group, if any"], ["Zoé Exemple", "zoe.exemple@example.com", "x"]]
    quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]
    path.write_bytes("\r\n".join(quoted).encode(encoding))

    reading = read(path)

    assert reading.accepted == (Employee(id="zoe.exemple@example.com", **ZOE, time_zone="Europe/Vienna"),)
    assert reading.delimiter == delimiter


def test_a_plain_sheet_in_both_orders_of_names() -> None:
    reading = read(SAMPLES / "plain.csv")

    assert [(person.given_name, person.family_name, person.language, person.manager_id) for person in reading.accepted] == [
        ("Zoé", "Exemple", "fr", None),
        ("Max", "Muster", "de", "zoe.exemple@example.com"),
    ]


def test_a_few_broken_bytes_do_not_turn_a_file_into_windows_1252(tmp_path: Path) -> None:
    """Else every accent of everybody would be wrong."""
    path = tmp_path / "roster.csv"
    good = "".join(f"Zoé{number},zoe{number}@example.com\n" for number in range(50)).encode()
    path.write_bytes(b"Vorname,E-Mail\n" + good + b"Ren\xe9,rene@example.com\n")

    people = read(path).accepted

    assert (people[0].given_name, people[-1].given_name) == ("Zoé0", "Ren\ufffd")


def test_an_explicit_column_wins(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("Email,Ctc,Kostenstelle,Name\nwrong@example.com,zoe.exemple@example.com,77,Zoé Exemple\n")

    reading = read(path, email="Ctc", department="kostenstelle")

    assert reading.accepted == (Employee(id="zoe.exemple@example.com", **ZOE, time_zone="Europe/Vienna", department="77"),)
    assert reading.columns["email"] == "Ctc"
    assert reading.ignored_columns == ("Email",)


def test_the_sheet_with_the_roster_is_found(tmp_path: Path) -> None:
    """Also when a cover sheet stands before it; hidden sheets are not looked at."""
    book = openpyxl.Workbook()
    book.active.append(["Human Resources", "Confidential"])
    hidden = book.create_sheet("Old")
    hidden.append(["Employee ID", "Email", "Country", "Department"])
    hidden.append([1, "old@example.com", "CH", "x"])
    hidden.sheet_state = "hidden"
    people = book.create_sheet("People")
    people.append(["Email", "Name"])
    people.append(["zoe.exemple@example.com", "Zoé Exemple"])
    book.save(tmp_path / "book.xlsx")

    reading = read(tmp_path / "book.xlsx")

    assert reading.sheet == "People"
    assert [person.email for person in reading.accepted] == ["zoe.exemple@example.com"]
