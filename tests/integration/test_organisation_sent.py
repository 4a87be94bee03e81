"""The mail to compliance officers all the way: configured, planned by the clock, sent by the service, read from the file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from notifier import settings as configuration
from notifier.cli.app import run
from notifier.clock import MovedClock
from notifier.service import build, write_new_keys
from notifier.service.organisation import organisation_weekly_of
from tests import people
from tests.integration.test_cli_organisation import CONFIG

MONDAY = datetime(2025, 10, 13, 6, 0, tzinfo=UTC)


async def test_officers_get_it_on_monday_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    officers = 'organisation = ["ciso@example.com", "ada.beispiel@example.com"]\nminimum_group'
    Path("config.toml").write_text(CONFIG.format(deadline="2025-11-03").replace("minimum_group", officers))
    write_new_keys(Path("keys"))
    assert run(["migrate"]) == 0
    capsys.readouterr()
    settings = configuration.load(Path("config.toml"), environment={})
    clock = MovedClock(MONDAY - timedelta(minutes=1))
    service = build(settings, clock=clock)
    with service.database.write() as connection:
        people.move_in(connection)
    weekly = organisation_weekly_of(settings, service.database, service.planner)
    assert weekly.tick(clock.now()) == 0
    assert weekly.next_instant(clock.now()) == MONDAY
    clock.move_to(MONDAY)
    assert weekly.tick(clock.now()) == 2
    await service.dispatcher.run_due()
    await service.dispatcher.close()
    service.database.close()
    folder = settings.email.file.folder
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]
    subjects = {mail["To"]: mail["Subject"] for mail in mails}
    assert subjects["ciso@example.com"] == "0 of 12 settled, 12 open, 21 days left"
    assert subjects["Ada Beispiel <ada.beispiel@example.com>"].replace("\u00a0", " ") == "0 von 12 erledigt, 12 offen, noch 21 Tage"
    for mail in mails:
        assert isinstance(mail, EmailMessage)
        (file,) = mail.iter_attachments()
        assert file.get_filename() == "organisation-2025-10-13.xlsx"
        content = file.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert len(openpyxl.load_workbook(BytesIO(content)).sheetnames) == 7
