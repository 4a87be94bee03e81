"""A manager's page on a telephone and on a desk, light, dark and in forced colours, by keyboard and without script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from playwright.sync_api import Browser

from notifier.store import teams
from notifier.store.database import Database
from notifier.summary.facts import OpenReport
from tests.browser.test_every_page import LANGUAGES, look
from tests.browser_rig import looking, problems
from tests.pages_rig import Rig
from tests.team_rig import LETTER, path, running_team_page, write

NAMED = tuple(OpenReport(f"Maximilian Freiherr von Hohenschwarzenberg-Donauwörth {number}", number, None) for number in range(3))


@pytest.fixture(name="rig")
def _rig(sqlite_database: Database) -> Iterator[Rig]:
    with running_team_page(sqlite_database) as rig:
        write(rig, replace(LETTER, campaigns=(replace(LETTER.campaigns[0], named=NAMED),)))
        yield rig


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_fits_and_can_be_used_by_everybody(chromium: Browser, rig: Rig, language: str) -> None:
    with looking(chromium) as page:
        page.goto(f"{rig.base_url}{path(rig)}?lang={language}&said=reminded")
        for summary in page.locator("summary").all():
            summary.click()
        assert problems({language: look(page, language)}) == ""


def test_by_keyboard_and_without_script_an_absence_is_noted(chromium: Browser, rig: Rig) -> None:
    with looking(chromium, script=False) as page:
        page.goto(rig.base_url + path(rig) + "?lang=en")
        rig.wait(5)
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        page.locator("input[type=date]").first.fill("2025-10-17")  # the order of its parts depends on the browser's own language
        page.locator("button[value=leave]").first.focus()
        page.keyboard.press("Enter")
        page.get_by_text("Nothing is sent to them before they are back").wait_for()
    with rig.database.read() as connection:
        assert [one.leave_until for one in teams.members(connection, 1)] == [date(2025, 10, 17), None]
