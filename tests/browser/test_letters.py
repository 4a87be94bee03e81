"""What managers, officers and auditors read, in three languages, as a browser shows it: letters and the report of the evidence."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from notifier.store.database import Database
from notifier.summary.evidence_report import render
from notifier.summary.organisation_wording import OrganisationWording
from tests.browser.test_mails import LANGUAGES, look
from tests.browser_rig import axe, looking, problems, too_wide
from tests.contract.test_organisation_mail import WRITER as OFFICERS
from tests.contract.test_organisation_mail import weekly
from tests.dashboard_rig import NOW, ZONE, fill
from tests.unit.test_evidence_report import report
from tests.unit.test_manager_mail import STORIES, row
from tests.unit.test_manager_mail import WRITER as MANAGERS

SEEN = ("edges-and-names", "escalation")


def look_at_report(page: Page, html: str) -> list[str]:
    page.set_content(html)
    found = axe(page)
    page.set_viewport_size({"width": 320, "height": 800})
    found += too_wide(page)
    page.emulate_media(color_scheme="dark")
    return found + [f"{one} in the dark" for one in axe(page, ("color-contrast",))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_fits_and_can_be_read_by_everybody(chromium: Browser, sqlite_database: Database, language: str) -> None:
    fill(sqlite_database)
    with sqlite_database.read() as connection:
        letter = weekly(sqlite_database).preview(connection, NOW)
    assert letter is not None
    mails = {name: MANAGERS.compose(row(STORIES[name][0], language, kind=STORIES[name][1]), "smtp").rendered for name in SEEN}
    mails["officers"] = OFFICERS.render(
        letter, OrganisationWording(language, letter.on, ZONE), given_name="Olga", name="Olga Officer"
    )
    with looking(chromium) as page:
        found = {name: look(page, rendered) for name, rendered in mails.items()}
        found["evidence"] = look_at_report(page, render(report(), language))
    assert problems(found) == ""
