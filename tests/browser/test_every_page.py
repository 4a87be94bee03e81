"""Every page there is, in each language, on a telephone and on a desk, light, dark and in forced colours: usable by everybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from notifier.domain.campaign import Answer
from tests.browser_rig import axe, looking, problems, small_targets, too_wide
from tests.pages_rig import BEN, LEA, ZOE, Rig

LANGUAGES = ("en", "fr", "de")
WIDTHS = (1280, 320)
# What a colour scheme can spoil; everything else does not depend on it and is asked once.
_ABOUT_COLOURS = ("color-contrast", "link-in-text-block")
_CHOICE_IS_SEEN = "[...document.querySelectorAll('label.answer')].map(one => getComputedStyle(one).borderTopWidth)"


def look(page: Page, language: str) -> list[str]:
    """What is wrong with the page as it stands, at each width."""
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{one} at {width} px" for one in (*axe(page), *too_wide(page), *small_targets(page, inline=".text"))]
        for media in ({"color_scheme": "dark"}, {"color_scheme": "light", "forced_colors": "active"}):
            page.emulate_media(**media)  # type: ignore[arg-type]
            found += [f"{one} {media} at {width} px" for one in axe(page, _ABOUT_COLOURS)]
        page.emulate_media(color_scheme="light", forced_colors="none")
    if page.title() != page.locator("h1").inner_text():
        found.append("title is not the heading")
    if page.locator("html").get_attribute("lang") != language:
        found.append(f"not in {language}")
    if len(page.content().encode()) > 30_000:
        found.append("more than 30 KB")
    return found


def visit_all(page: Page, rig: Rig, language: str) -> dict[str, list[str]]:
    """Go to every page there is, and look."""
    found: dict[str, list[str]] = {}

    def send(answer: Answer) -> None:
        rig.wait(5)
        page.locator(f"input[value={answer}]").check()
        page.locator("button.primary").click()

    page.goto(f"{rig.url(BEN)}?lang={language}")
    found["ask"] = look(page, language)
    page.evaluate("document.querySelector('form').noValidate = true")
    page.locator("button.primary").click()
    found["nothing chosen"] = look(page, language)
    send(Answer.HELP)
    found["help"] = look(page, language)
    send(Answer.DONE)
    found["settled"] = look(page, language)
    page.locator("a.choice").click()
    found["another answer"] = look(page, language)
    page.goto(f"{rig.url(BEN)}?lang={language}")
    rig.wait(5)
    page.locator("button[value=undo]").click()
    found["taken back"] = look(page, language)
    page.goto(f"{rig.url(ZOE)}?lang={language}")
    page.locator("input[value=done]").check()
    page.locator("button.primary").click()
    found["to be confirmed"] = look(page, language)
    for what, address in (
        ("left", rig.url(LEA)),
        ("bad link", f"{rig.base_url}/a/x/{'A' * 44}"),
        ("nowhere", f"{rig.base_url}/nowhere"),
        ("home", f"{rig.base_url}/"),
    ):
        page.goto(f"{address}?lang={language}")
        found[what] = look(page, language)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_and_can_be_used_by_everybody(chromium: Browser, pages: Rig, language: str) -> None:
    """axe without any finding, nothing wider than the screen or cut off, targets of 44 px, title = h1, under 30 KB."""
    with looking(chromium) as page:
        found = visit_all(page, pages, language)
    assert len(found) == 11
    assert problems(found) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_four_hundred_per_cent_everything_is_still_there(chromium: Browser, pages: Rig, language: str) -> None:
    """WCAG 1.4.10: a window of 1280 x 1024 px at 400 % is 320 x 256; and 1.4.4 on top of it: letters twice as large."""
    found: dict[str, list[str]] = {}
    with looking(chromium, 320, height=256, device_scale_factor=4) as page:
        page.goto(f"{pages.url(BEN)}?lang={language}")
        found["zoomed"] = too_wide(page) + small_targets(page, inline=".text")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        found["and enlarged"] = too_wide(page)
        page.evaluate("document.documentElement.style.fontSize = ''")
        pages.wait(5)
        page.locator("input[value=done]").check()
        page.locator("button.primary").click()
        page.locator("button[value=undo]").wait_for()
        found["settled"] = too_wide(page)
    assert problems(found) == ""
    assert pages.settled() == 1


def test_more_space_between_letters_and_lines_hides_nothing(chromium: Browser, pages: Rig) -> None:
    """WCAG 1.4.12, with the figures it names."""
    spaced = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    with looking(chromium, 320, bypass_csp=True) as page:
        page.goto(f"{pages.url(BEN)}?lang=de")
        page.add_style_tag(content=f"{spaced} p {{ margin-bottom: 2em !important }}")
        assert too_wide(page) == []


def test_forced_colours_keep_the_choice_visible(chromium: Browser, pages: Rig) -> None:
    with looking(chromium, forced_colors="active") as page:
        page.goto(pages.url(BEN))
        page.locator("input[value=done]").check()
        assert page.evaluate(_CHOICE_IS_SEEN) == ["3px", "1px", "1px", "1px", "1px"]
