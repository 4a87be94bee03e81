"""The five mails in three languages, looked at as a mail program with a browser inside shows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from notifier.content.catalogue import Catalogue, Facts
from notifier.content.rendered import Rendered
from notifier.content.typography import plain_spaces
from notifier.domain.campaign import Answer
from tests.browser_rig import axe, invisible, looking, problems, tab_to, too_wide
from tests.pages_rig import CAMPAIGN, SENDER, TEMPLATES

LANGUAGES = ("en", "fr", "de")
WIDTHS = (320, 600, 1280)
DAYS_BEFORE = {"notice": 30, "reminder": 14, "last-call": 1, "overdue": -7, "receipt": 12}
LINK = f"https://notifier.example.com/a/{CAMPAIGN.id}/{'Ab9_' * 11}"
# A mail is a part of the page of a mail program, which has the landmarks.
_OF_WHOLE_PAGES = ("axe landmark-one-main", "axe region")
_ABOUT_COLOURS = ("color-contrast", "link-in-text-block")


@cache
def catalogue() -> Catalogue:
    return Catalogue([TEMPLATES], SENDER)


def mail(message: str, language: str) -> Rendered:
    """A mail to somebody with a long name."""
    today = CAMPAIGN.deadline - timedelta(days=DAYS_BEFORE[message])
    facts = Facts("Maximiliane", "Maximiliane Musterfrau-Donaudampfschifffahrtsgesellschaft", LINK, today, CAMPAIGN.deadline, True)
    if message == "receipt":
        facts = replace(
            facts, answer=Answer.PREFER_NOT_TO_SAY, answered_at=datetime(2025, 10, 22, 9, 5, tzinfo=ZoneInfo("Europe/Paris"))
        )
    return catalogue().render(CAMPAIGN.id, message, facts, language)


def look(page: Page, rendered: Rendered) -> list[str]:
    """What is wrong with the mail in every width and colour scheme."""
    page.set_content(rendered.html)
    found = [one for one in axe(page) if not one.startswith(_OF_WHOLE_PAGES)]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{one} at {width} px" for one in too_wide(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"{one} in the dark" for one in axe(page, _ABOUT_COLOURS)]
    page.emulate_media(color_scheme="light", forced_colors="active")
    found += invisible(page)  # axe takes the colour that is written for the one that is forced
    page.emulate_media(color_scheme="light", forced_colors="none")
    if plain_spaces(page.title()) != plain_spaces(rendered.subject):
        found.append("title is not the subject")
    if page.locator("h1").count() != 1:
        found.append("not one heading")
    if {one.get_attribute("lang") for one in page.locator("[lang]").all()} != {rendered.language}:
        found.append("another language")
    if page.locator(".preheader").bounding_box() is not None:
        found.append("the preheader is seen")
    if page.locator("img, script, link, iframe, object, form, video").count():
        found.append("something that mail programs load, run or block")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_fits_and_can_be_read_by_everybody(chromium: Browser, language: str) -> None:
    """axe without any finding, nothing wider than the screen, light, dark and in forced colours; nothing is loaded."""
    asked: list[str] = []
    with looking(chromium) as page:
        page.on("request", lambda request: asked.append(request.url))
        found = {message: look(page, mail(message, language)) for message in DAYS_BEFORE}
    assert problems(found) == ""
    assert asked == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_one_button_is_found_by_finger_and_by_key(chromium: Browser, language: str) -> None:
    """44 px high, on the first screen of a telephone, reached by the first Tab; and the address is there as text too."""
    with looking(chromium, 360, height=740, has_touch=True) as page:
        for message in DAYS_BEFORE:
            page.set_content(mail(message, language).html)
            button = page.locator("a.button")
            if not button.count():
                assert message == "receipt"
                continue
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            expect(button).to_be_in_viewport()
            assert tab_to(page, "a.button") == 1
            assert button.get_attribute("href") == LINK
            assert LINK in page.locator(".content").inner_text()


def test_without_its_styles_a_mail_still_reads_from_top_to_bottom(chromium: Browser) -> None:
    """Some programs drop <style>; what matters stands in the elements themselves."""
    with looking(chromium, 320) as page:
        html = mail("notice", "en").html
        page.set_content(html)
        page.evaluate("document.querySelectorAll('style').forEach(one => one.remove())")
        assert too_wide(page) == []
        assert page.locator("a.button").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(11, 87, 208)"
        assert page.locator(".preheader").bounding_box() is None
