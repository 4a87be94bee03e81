"""The weekly mail to compliance officers: to whom, when, and that nobody who is written to is counted for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from notifier.channels.mail_bytes import mail_bytes
from notifier.content.facts import Sender
from notifier.domain.campaign import Answer, Assurance
from notifier.roster.reading import RosterReading
from notifier.roster.sync import synchronise
from notifier.store import acknowledgements, claims, employees, organisation, stories
from notifier.store.claims import Claimed
from notifier.store.database import Connection, Database
from notifier.store.oversight import letters
from notifier.store.quota import Limits
from notifier.store.roster_rows import present_rows
from notifier.store.tables import deliveries
from notifier.summary.organisation_mail import OrganisationWriter
from notifier.summary.organisation_weekly import OrganisationWeekly
from notifier.summary.weekly import When
from tests import people
from tests.planning_rig import CAMPAIGN, ZURICH, planner, utc
from tests.rows_rig import add_row

MONDAY = utc("2025-10-13T08:00")
MINUTE = timedelta(minutes=1)
CISO, DIETER = "ciso@example.com", people.DIETER.email
WRITER = OrganisationWriter(
    [Path(__file__).parents[2] / "templates"],
    Sender("Example SA", "Privacy Office", "privacy@example.com"),
    base_url="https://notifier.example.com",
    zone=ZURICH,
    default_language="fr",
)


def weekly(database: Database, officers: Sequence[str] = (CISO, DIETER)) -> OrganisationWeekly:
    return OrganisationWeekly(
        database=database,
        campaigns=[CAMPAIGN],
        officers=officers,
        when=When(0, time(8)),
        zone=ZURICH,
        channel="smtp",
        minimum_group=5,
        schedule_of=planner(database).schedule_of,
    )


def settle(connection: Connection, key: int, now: datetime) -> None:
    acknowledgements.record(
        connection,
        campaign=CAMPAIGN.id,
        employee_key=key,
        answer=Answer.DONE,
        assurance=Assurance.LINK,
        channel="page",
        receipt_channel="smtp",
        now=now,
    )


def move_in(database: Database) -> dict[str, employees.StoredEmployee]:
    with database.write() as connection:
        return people.move_in(connection)


def claimed(database: Database, now: datetime) -> dict[str, Claimed]:
    """What can be sent now to officers, by address."""
    with database.write() as connection:
        claim = claims.claim(
            connection, owner="one", channel="smtp", limits=Limits(), most=50, now=now, message_id_domain="n.example.com"
        )
    return {row.address: row for row in claim.rows if row.kind == "organisation"}


def sent(row: Claimed) -> EmailMessage:
    raw = mail_bytes(WRITER.compose(row, "smtp"), sender="Privacy Office <privacy@example.com>", reply_to="privacy@example.com")
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def sheets(message: EmailMessage) -> dict[str, list[tuple[Any, ...]]]:
    (file,) = message.iter_attachments()
    book = openpyxl.load_workbook(BytesIO(file.get_payload(decode=True)))  # type: ignore[arg-type]
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def count(database: Database, table: Any, *where: Any) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def test_each_officer_gets_the_figures_in_their_language_with_the_file(database: Database) -> None:
    known = move_in(database)
    with database.write() as connection:
        settle(connection, known["1"].key, MONDAY - timedelta(days=1))
        settle(connection, known["2"].key, MONDAY - timedelta(days=1))
        refused = "550 5.1.1 <hana.mihon@example.com>: no such user"
        add_row(connection, known["8"].key, state="refused", reason=refused, finished_at=MONDAY)
    officers = weekly(database)
    assert officers.tick(MONDAY - MINUTE) == 0
    assert officers.tick(MONDAY) == 2
    rows = claimed(database, MONDAY)
    assert sorted(rows) == [CISO, DIETER]
    french, german = sent(rows[CISO]), sent(rows[DIETER])
    subject = french["Subject"].replace("\u202f", " ").replace("\u00a0", " ")
    assert subject == "2 sur 12 réglés, 10 à régler, encore 21 jours ; injoignables : 1"
    assert german["Subject"].replace("\u00a0", " ") == "2 von 12 erledigt, 10 offen, noch 21 Tage; nicht erreichbar: 1"
    assert german["To"] == f"Dieter Muster <{DIETER}>"
    assert french["To"] == CISO
    for kind in ("plain", "html"):
        part = german.get_body((kind,))
        assert part is not None
        body = part.get_content()
        for said in ("höchstens 2 von 5", "8: smtp: 550 5.1.1", "10 offen", "Standardsprache der Organisation", "ohne Sprache: 2"):
            assert said in body.replace("&lt;", "<"), (kind, said)
        assert "hana.mihon" not in body  # the id is enough
    tables = sheets(german)
    assert tables["Kampagne"][1] == (CAMPAIGN.id, 12, 2, 10, 1)
    assert tables["Nach Abteilung"][1:] == [(CAMPAIGN.id, "Support", 5, 0, 2), (CAMPAIGN.id, "Board, Engineering, Sales", 7, 0, 2)]
    assert tables["Nicht erreichbar"][1:] == [(CAMPAIGN.id, "8", "smtp: 550 5.1.1 <…>: no such user")]
    assert tables["Offen, Tag für Tag"][-1][2:] == (12, 2, 10)


def test_a_repeat_is_the_same_bytes_whatever_happened_meanwhile(sqlite_database: Database) -> None:
    known = move_in(sqlite_database)
    weekly(sqlite_database).tick(MONDAY)
    row = claimed(sqlite_database, MONDAY)[CISO]
    first = WRITER.compose(row, "smtp")
    with sqlite_database.write() as connection:
        settle(connection, known["1"].key, MONDAY)
    again = replace(row, epoch=2, attempts=2)
    other_process = OrganisationWriter(
        [Path(__file__).parents[2] / "templates"],
        Sender("Example SA", "Privacy Office", "privacy@example.com"),
        base_url="https://notifier.example.com",
        zone=ZURICH,
        default_language="fr",
    )
    assert other_process.compose(again, "smtp") == first
    properties = openpyxl.load_workbook(BytesIO(first.rendered.attachments[0].content)).properties
    assert (properties.created, properties.modified) == (datetime(2000, 1, 1), datetime(2000, 1, 1))  # noqa: DTZ001 - as in the file


def test_once_a_week_also_after_an_outage_and_from_several_processes(database: Database) -> None:
    move_in(database)
    thursday = MONDAY + timedelta(days=3)
    assert weekly(database).tick(thursday) == 2  # on Monday nobody was running
    assert weekly(database).tick(thursday + MINUTE) == 0
    assert weekly(database).send(thursday + MINUTE) == 0
    assert weekly(database, [CISO, DIETER, "new@example.com"]).tick(thursday + 2 * MINUTE) == 1
    week_after = MONDAY + timedelta(days=7)
    assert weekly(database).tick(week_after - MINUTE) == 0
    one = weekly(database)
    assert one.next_instant(thursday) == week_after
    assert one.tick(week_after) == 2
    assert one.tick(week_after + MINUTE) == 0
    assert count(database, letters) == count(database, deliveries) == 5
    assert sorted(claimed(database, week_after)) == [CISO, DIETER]  # those of the week before are over


def test_the_change_since_the_letter_before(sqlite_database: Database) -> None:
    known = move_in(sqlite_database)
    officers = weekly(sqlite_database)
    officers.tick(MONDAY)
    with sqlite_database.write() as connection:
        settle(connection, known["1"].key, MONDAY + timedelta(days=1))
    officers.tick(MONDAY + timedelta(days=7))
    row = claimed(sqlite_database, MONDAY + timedelta(days=7))[DIETER]
    part = sent(row).get_body(("plain",))
    assert part is not None
    assert "+1 erledigt seit dem 13.10.2025." in part.get_content()


def test_the_last_one_says_that_all_is_settled_and_then_there_is_silence(sqlite_database: Database) -> None:
    known = move_in(sqlite_database)
    with sqlite_database.write() as connection:
        for person in known.values():
            if person.employee.active:
                settle(connection, person.key, MONDAY - timedelta(days=1))
    officers = weekly(sqlite_database)
    assert officers.tick(MONDAY) == 2
    assert sent(claimed(sqlite_database, MONDAY)[DIETER])["Subject"] == "Alles erledigt: 12 von 12"
    assert officers.tick(MONDAY + timedelta(days=7)) == 0
    with sqlite_database.write() as connection:
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=known["1"].key, now=MONDAY + timedelta(days=8))
    assert officers.tick(utc("2025-10-27T08:00")) == 2


def test_nothing_is_told_where_nothing_runs_or_nobody_is_to_be_told(sqlite_database: Database) -> None:
    move_in(sqlite_database)
    assert weekly(sqlite_database).tick(utc("2025-09-29T08:00")) == 0
    assert weekly(sqlite_database).tick(utc("2026-03-02T08:00")) == 0
    assert weekly(sqlite_database, []).tick(MONDAY) == 0
    assert weekly(sqlite_database, []).next_instant(MONDAY) is None
    assert count(sqlite_database, letters) == 0


def test_whoever_dies_in_the_middle_has_planned_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(database)
    post = organisation.officers

    def dies(*args: Any) -> dict[str, int]:
        post(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.organisation.officers", dies)
        with pytest.raises(KeyboardInterrupt):
            weekly(database).tick(MONDAY)
    assert count(database, letters) == count(database, deliveries) == 0
    assert weekly(database).tick(MONDAY + MINUTE) == 2


def test_an_address_that_is_nobodys_is_in_no_count_no_plan_and_no_roster(database: Database) -> None:
    move_in(database)
    weekly(database).tick(MONDAY)
    with database.read() as connection:
        contact = employees.find(connection, CISO)
        assert contact is not None
        assert (contact.employee.id, contact.employee.active) == (f"contact:{CISO}", False)
        assert employees.count_active(connection) == 12
        assert stories.count_people(connection, CAMPAIGN.id)[1] == 12
        assert {change.people for change in organisation.changes(connection, CAMPAIGN)} == {12}
        assert len(list(present_rows(connection))) == 12
    planned = planner(database)
    planned.tick(utc("2025-10-03T10:00"))
    assert count(database, deliveries, deliveries.c.employee_key == contact.key, deliveries.c.kind == "reminder") == 0
    reading = RosterReading("test", people.PRESENT, (), (), (), 12, {}, ())
    outcome = synchronise(database, reading, now=MONDAY, largest_change=0)
    assert outcome.applied
    assert (outcome.diff.leavers, outcome.diff.joiners, outcome.diff.returned) == ((), (), ())


def test_an_address_that_somebody_joins_with_is_theirs_from_then_on(sqlite_database: Database) -> None:
    move_in(sqlite_database)
    officers = weekly(sqlite_database, [CISO.upper()])
    assert officers.tick(MONDAY) == 1
    with sqlite_database.write() as connection:
        joiner = replace(people.ADA, id="77", email=CISO, given_name="Cilia", language="en")
        employees.add(connection, [joiner], MONDAY + timedelta(days=1))
    assert weekly(sqlite_database, [CISO]).tick(MONDAY + timedelta(days=2)) == 0  # the address has this week's
    assert weekly(sqlite_database, [CISO]).tick(MONDAY + timedelta(days=7)) == 1
    assert sent(claimed(sqlite_database, MONDAY + timedelta(days=7))[CISO])["To"] == f"Cilia Beispiel <{CISO}>"


def test_no_cell_of_the_file_is_a_formula(sqlite_database: Database) -> None:
    formulas = [f"{start}cmd|' /C calc'!A0" for start in ("=", "+", "-", "@", "\t=", "\r=", "\n=")]
    with sqlite_database.write() as connection:
        everybody = [
            replace(people.ADA, id=f"{formula}{number}", email=f"{number}@example.com", department=formula)
            for formula in formulas
            for number in range(5)
        ]
        employees.add(connection, everybody, people.NOW)
        key = employees.load(connection)[everybody[0].id].key
        add_row(connection, key, state="refused", reason=formulas[0], finished_at=MONDAY)
    weekly(sqlite_database, [CISO]).tick(MONDAY)
    (file,) = sent(claimed(sqlite_database, MONDAY)[CISO]).iter_attachments()
    book = openpyxl.load_workbook(BytesIO(file.get_payload(decode=True)))  # type: ignore[arg-type]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n", "d"}
    texts = [cell for cell in cells if cell.data_type == "s"]
    assert all(cell.quotePrefix for cell in texts)
    assert {formula.strip() for formula in formulas} <= {cell.value for cell in texts}
