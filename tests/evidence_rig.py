"""A small store with a history in two campaigns, and an archive of evidence taken apart and put together again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO

from notifier.content.catalogue import Catalogue
from notifier.domain.campaign import Answer, Assurance, Campaign, Step
from notifier.store import acknowledgements, holds, ledger
from notifier.store.database import Connection, Database
from notifier.store.employees import SyncRecord, record_sync
from notifier.store.keeping import LedgerKeeper
from notifier.store.tables import metadata
from notifier.summary.evidence import Exported, Wanted, export
from notifier.summary.texts_in_use import keep_texts
from notifier.summary.verify_evidence import check
from tests.delivery_rig import SENDER, TEMPLATES
from tests.people import NOW, move_in
from tests.rows_rig import add_row

CAMPAIGN = Campaign("linkedin-ai-training", date(2025, 11, 3), (Step(30, "notice"),))
OTHER = "another-campaign"
MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(days=1)
REPLY = "=HYPERLINK(1) 550 5.1.1 <chloe.dupont-exemple@example.com> no such user\r\nreally"


@contextmanager
def store(folder: Path) -> Iterator[Database]:
    """An empty store for longer than one test."""
    database = Database(f"sqlite:///{folder}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    yield database
    database.close()


def answer(
    connection: Connection, person: int, said: Answer = Answer.DONE, *, campaign: str = CAMPAIGN.id, minutes: int = 10
) -> None:
    """The person answers on their page, so many minutes after the beginning."""
    acknowledgements.record(
        connection,
        campaign=campaign,
        employee_key=person,
        answer=said,
        assurance=Assurance.LINK,
        channel="page",
        receipt_channel="smtp",
        now=NOW + minutes * MINUTE,
    )


def live(database: Database) -> dict[str, int]:
    """Some days of a small company: messages, answers, one taken back, a hold, rosters, acts. Returns everybody's key by id."""
    keep_texts(database, Catalogue([TEMPLATES], SENDER), [CAMPAIGN], NOW)
    with database.write() as connection:
        keys = {known.employee.id: known.key for known in move_in(connection).values()}
        record_sync(connection, SyncRecord(NOW, "roster.csv", True, 12, 0, 0, 12, 0, 0, None))
        record_sync(connection, SyncRecord(NOW + MINUTE, "roster.csv", False, 1, 0, 0, 0, 11, 0, "11 of 12 people would leave"))
        for number, key in enumerate(sorted(keys.values())[:3]):
            ended = NOW + (number % 3) * MINUTE
            words = {
                "language": "fr",
                "subject": "Sujet : d’ici lundi",
                "reply": "250 2.0.0 Ok",
                "message_id": f"<{key}@example.com>",
            }
            add_row(connection, key, state="accepted", finished_at=ended, attempts=1, **words)
        add_row(connection, keys["3"], occasion=7, message="reminder", state="refused", finished_at=NOW + 4 * MINUTE, reply=REPLY)
        add_row(
            connection, keys["5"], occasion=7, message="reminder", state="superseded", finished_at=NOW + 5 * MINUTE, reason="newer"
        )
        add_row(connection, keys["5"], campaign=OTHER, state="accepted", finished_at=NOW + 5 * MINUTE)
        answer(connection, keys["2"])
        answer(connection, keys["3"], Answer.PREFER_NOT_TO_SAY, minutes=11)
        acknowledgements.undo(connection, campaign=CAMPAIGN.id, employee_key=keys["2"], now=NOW + 12 * MINUTE)
        answer(connection, keys["4"], campaign=OTHER, minutes=13)
        holds.place(
            connection, scope="smtp", reason="6 of the last 100 messages were refused", actor=holds.SERVICE, now=NOW + 14 * MINUTE
        )
        who = {"actor": "Ada (https://login|ada)", "employee_key": keys["3"], "campaign": CAMPAIGN.id}
        ledger.note(connection, event="person viewed", now=NOW + 15 * MINUTE, facts={"page": "person"}, **who)
        ledger.note(
            connection, event="hold", now=NOW + 15 * MINUTE, actor="Ada", facts={"scope": "all"}, personal={"reason": "=1+1"}
        )
    LedgerKeeper(database).keep_ledger(LATER)
    return keys


def archive_of(database: Database, folder: Path, *, with_names: bool = True, language: str = "en", name: str = "e.zip") -> Exported:
    """Export the campaign."""
    wanted = Wanted(CAMPAIGN, "Example SA", language, with_names, "ada@machine")
    return export(database, wanted, folder / name, LATER)


def taken_apart(path: Path) -> dict[str, bytes]:
    """The content of each file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def findings(files: dict[str, bytes], *noted: str) -> list[str]:
    """What is found in an archive of these files."""
    packed = io.BytesIO()
    pack(packed, files)
    return check(packed, noted)[0]


def is_found(files: dict[str, bytes], *noted: str) -> bool:
    """Whether anything is found; the check goes no further than that."""
    packed = io.BytesIO()
    pack(packed, files)
    return bool(check(packed, noted, most=0)[0])


def pack(target: Path | IO[bytes], files: dict[str, bytes]) -> None:
    """An archive of these files."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
