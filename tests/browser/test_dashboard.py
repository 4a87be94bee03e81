"""The dashboard in a real browser: usable by everybody, at any width, in light and dark, by keyboard, and without its script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from notifier.domain.operators import Role
from notifier.store.database import Database
from notifier.store.tables import State, deliveries, metadata
from tests.browser.test_pictures import _HAS_FONT, _MOST_DIFFERING, _RENEW, PICTURES, compare, draw
from tests.browser_rig import axe, invisible, looking, problems, tab_to, too_wide
from tests.dashboard_rig import CAMPAIGN, Rig, running_dashboard

CAMPAIGN_PAGE = f"/campaigns/{CAMPAIGN.id}"
# The others are made of the same parts as these: axe takes a third of a second for each.
PAGES = ("", CAMPAIGN_PAGE, "/people/4", "/queue", "/queue/retry?state=refused", "/roster")
OTHERS = ("/people?q=zo", "/health", "/audit", "/view")
MOST_VARIED = ("", CAMPAIGN_PAGE)
# WCAG 2.2, 2.5.8: 24 px, but for links inside a sentence.
_SMALL_TARGETS = """
[...document.querySelectorAll("a, button, summary, input:not([type=hidden]), select")]
  .filter(one => one.checkVisibility() && !one.closest(".skip") && !(one.matches("a") && one.closest("p, li")))
  .map(one => [one.textContent.trim().slice(0, 40), one.getBoundingClientRect()])
  .filter(([_, box]) => box.height < 23.9 || box.width < 23.9).map(([text, box]) => `${text}: ${box.width} x ${box.height}`)
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/store.db")
    with database.write() as connection:
        metadata.create_all(connection)
    with running_dashboard(database) as running:
        yield running
    database.close()


@contextmanager
def signed_in(chromium: Browser, rig: Rig, width: int = 1280, scheme: str = "light", **more: Any) -> Iterator[Page]:
    """A window in which an admin is signed in."""
    cookie = rig.sign_in(Role.ADMIN).cookies["notifier_operator"]
    with looking(chromium, width, scheme, **more) as page:
        page.context.add_cookies([{"name": "notifier_operator", "value": cookie, "url": rig.base_url}])
        yield page


@pytest.mark.parametrize(("path", "width", "scheme"), [("", 320, "dark"), (CAMPAIGN_PAGE, 1024, "light")])
def test_it_looks_as_it_was_drawn(chromium: Browser, rig: Rig, path: str, width: int, scheme: str, tmp_path: Path) -> None:
    """These come first: what follows changes the figures."""
    name = f"dashboard-{'campaign' if path else 'today'}-{width}-{scheme}.png"
    with signed_in(chromium, rig, width, scheme, bypass_csp=True) as page:
        if not page.evaluate(_HAS_FONT):
            pytest.skip("no Liberation fonts here; .ci/run brings them")
        page.goto(f"{rig.base_url}/admin{path}")
        seen = draw(page)
        if _RENEW:
            (PICTURES / name).write_bytes(seen)
        share, higher, wider = compare(page, (PICTURES / name).read_bytes(), seen)
    (tmp_path / name).write_bytes(seen)
    assert (higher, wider, share <= _MOST_DIFFERING) == (0, 0, True), f"{share:.2%} of {name} differ; now in {tmp_path}"


def look(page: Page, address: str) -> list[str]:
    """What does not fit on a page, or is hard to hit."""
    page.goto(address)
    return too_wide(page) + [f"small target {one}" for one in page.evaluate(_SMALL_TARGETS)]


def test_every_page_can_be_used_by_everybody(chromium: Browser, rig: Rig) -> None:
    asked: list[str] = []
    with signed_in(chromium, rig, 320) as page:
        page.on("request", lambda request: asked.append(request.url))
        found = {path: look(page, f"{rig.base_url}/admin{path}") + axe(page) for path in PAGES}
        found |= {path: look(page, f"{rig.base_url}/admin{path}") for path in OTHERS}
    assert problems(found) == ""
    assert [url for url in asked if not url.startswith(rig.base_url)] == []


def test_wider_darker_in_forced_colours_and_in_longer_words_it_is_usable_too(chromium: Browser, rig: Rig) -> None:
    found: dict[str, list[str]] = {}
    with signed_in(chromium, rig) as page:
        for path in MOST_VARIED:
            page.goto(f"{rig.base_url}/admin{path}")
            found[path] = too_wide(page)
            page.emulate_media(color_scheme="dark")
            found[f"{path} in the dark"] = axe(page, ["color-contrast", "link-in-text-block"])
            page.emulate_media(color_scheme="light", forced_colors="active")
            found[f"{path} in forced colours"] = invisible(page)
            page.emulate_media(forced_colors="none")
        page.set_viewport_size({"width": 320, "height": 800})
        for language in ("fr", "de"):
            page.goto(f"{rig.base_url}/admin/people/4?lang={language}")
            found[f"a person in {language}"] = too_wide(page)
            assert page.locator("html").get_attribute("lang") == language
    assert problems(found) == ""


def test_everything_is_stopped_and_goes_on_by_keyboard_and_without_a_script(chromium: Browser, rig: Rig) -> None:
    with signed_in(chromium, rig, script=False) as page:
        page.goto(f"{rig.base_url}/admin")
        assert tab_to(page, "a.skip") == 1
        tab_to(page, "input[name=reason]")
        page.keyboard.type("the wrong text")
        tab_to(page, "button.stop")
        page.keyboard.press("Enter")
        page.get_by_text("Sending is on hold").wait_for()
        tab_to(page, "a.go")
        page.keyboard.press("Enter")
        count = page.locator("main").inner_text().partition("Type ")[2].partition(" ")[0]
        tab_to(page, "input[name=typed]")
        page.keyboard.type(count)
        page.keyboard.press("Enter")
        page.get_by_text("Sending goes on.").wait_for()


def test_the_curve_is_told_in_words_and_as_a_table(chromium: Browser, rig: Rig) -> None:
    with signed_in(chromium, rig) as page:
        page.goto(f"{rig.base_url}/admin{CAMPAIGN_PAGE}")
        described = page.get_by_role("img", name="Open people, day by day From")
        assert "The table below has the figures." in (described.locator("desc").text_content() or "")
        page.locator("summary").click()
        assert page.locator("details table").get_by_role("rowheader").count() == 9  # every second day from 4 to 20 October


def test_the_script_keeps_up_with_what_goes_out(chromium: Browser, rig: Rig) -> None:
    with signed_in(chromium, rig) as page:
        page.clock.install()
        page.goto(f"{rig.base_url}/admin")
        before = page.locator("#now .big").inner_text()
        with rig.database.write() as connection:
            one = update(deliveries).where(deliveries.c.state == State.PLANNED, deliveries.c.employee_key < 60)
            connection.execute(one.values(state=State.ACCEPTED, finished_at=rig.clock.now()))
        rig.wait(60)
        page.clock.run_for(5000)
        page.wait_for_function("before => document.querySelector('#now .big').innerText !== before", arg=before)
