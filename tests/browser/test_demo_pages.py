"""The pages of the demonstration: people judge the product by them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from notifier.demo.company import BOBBY, ZOE
from notifier.demo.theatre import Theatre
from tests.browser_rig import axe, looking, problems, small_targets, tab_to, too_wide
from tests.demo_rig import standing_demo

PAGES = ("/", "/?show=all", "/mail/1", "/mail/1?view=text", "/mail/1?view=source", "/people", "/people?q=nobody-at-all", "/nowhere")
_ABOUT_COLOURS = ("color-contrast", "link-in-text-block")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with standing_demo(tmp_path_factory.mktemp("demo")) as play:
        yield play


def look(page: Page) -> list[str]:
    found: list[str] = []
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        found += [
            f"{one} at {width} px"
            for one in (*axe(page), *too_wide(page), *small_targets(page, inline=".lead, .head, .hint, main > p"))
        ]
        for media in ({"color_scheme": "dark"}, {"color_scheme": "light", "forced_colors": "active"}):
            page.emulate_media(**media)  # type: ignore[arg-type]
            found += [f"{one} {media} at {width} px" for one in axe(page, _ABOUT_COLOURS)]
        page.emulate_media(color_scheme="light", forced_colors="none")
    return found


def test_every_page_fits_and_can_be_used_by_everybody(chromium: Browser, demo: Theatre) -> None:
    found: dict[str, list[str]] = {}
    with looking(chromium) as page:
        for path in (*PAGES, f"/people/{ZOE.id}", f"/people/{BOBBY.id}"):
            page.goto(demo.url + path)
            found[path] = look(page)
    assert problems(found) == ""


def test_from_the_mailbox_to_an_answer_by_keyboard_without_script(chromium: Browser, demo: Theatre) -> None:
    """Open the newest mail, follow its personal link in a new window, and find oneself on that person's page."""
    with looking(chromium, script=False) as page:
        page.goto(demo.url)
        tab_to(page, "a.mail")
        page.keyboard.press("Enter")
        expect(page.locator("iframe.body")).to_be_visible()
        tab_to(page, "a.go")
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        expect(opened.value.locator("input[type=radio]")).to_have_count(5)


def test_nothing_runs_and_nothing_is_loaded_inside_a_mail(chromium: Browser, demo: Theatre) -> None:
    with looking(chromium) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{demo.url}/mail/1", wait_until="networkidle")
        assert {url.split("/")[2] for url in asked} == {demo.url.split("/")[2]}
        frame = page.frames[1]
        assert frame.evaluate("document.compatMode") == "CSS1Compat"
        assert page.locator("iframe.body").get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"


def test_at_four_hundred_per_cent_everything_is_still_there(chromium: Browser, demo: Theatre) -> None:
    with looking(chromium, 320, height=256, device_scale_factor=4) as page:
        for path in ("/", "/mail/1", f"/people/{ZOE.id}"):
            page.goto(demo.url + path)
            assert too_wide(page) == []
