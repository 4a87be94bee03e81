"""The whole way of a person through their page: by keyboard, by touch, without script, in each language."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from notifier.domain.campaign import Answer
from tests.browser_rig import looking, tab_to
from tests.pages_rig import ANN, BEN, ZOE, Person, Rig

SPEAKERS = {"en": ANN, "fr": ZOE, "de": BEN}
RECORDED = {"en": "Recorded, Wednesday, 15 October 2025", "fr": "Enregistré le mercredi 15 octobre 2025", "de": "Gespeichert"}
_FOCUSED = """
() => { const one = document.activeElement, around = one.closest("label") || one, style = getComputedStyle(around);
  return [one.tagName, style.outlineStyle, parseFloat(style.outlineWidth), around.getBoundingClientRect().top + scrollY] }
"""
_SMALL_SCREEN = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def in_language(page: Page, language: str) -> None:
    assert page.locator("html").get_attribute("lang") == language
    assert page.title() == page.locator("h1").inner_text()


@pytest.mark.parametrize(("language", "person"), SPEAKERS.items())
def test_by_keyboard_without_script(chromium: Browser, pages: Rig, language: str, person: Person) -> None:
    """Choose, send, read, take back, choose another answer, send again."""
    with looking(chromium, script=False) as page:
        page.goto(pages.url(person))
        in_language(page, language)
        pages.wait(5)
        tab_to(page, "input[type=radio]")
        assert page.locator("input:checked").count() == 0
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        assert page.locator("input:checked").get_attribute("value") == "already_off"
        assert tab_to(page, "button.primary") == 1
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(RECORDED[language])
        in_language(page, language)
        assert pages.answers(person) == [("already_off", "link", None)]
        pages.wait(5)
        tab_to(page, "button[value=undo]")
        page.keyboard.press("Enter")
        expect(page.locator("input[type=radio]")).to_have_count(5)
        assert pages.settled() == 0
        pages.wait(5)
        tab_to(page, "input[type=radio]")
        page.keyboard.press("ArrowUp")
        tab_to(page, "button.primary")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").first).to_contain_text(RECORDED[language])
        assert pages.answers(person)[-1][0] == "help"
        pages.wait(5)
        tab_to(page, "button[value=not_me]")
        page.keyboard.press("Enter")
        expect(page.locator("input[type=radio]")).to_have_count(5)
        assert all(revoked for _, _, revoked in pages.answers(person))


@pytest.mark.parametrize(("language", "person"), SPEAKERS.items())
def test_by_touch_on_a_telephone_without_script(chromium: Browser, pages: Rig, language: str, person: Person) -> None:
    """Whoever taps anywhere on an answer has chosen it; other answers and the way back are one tap away."""
    with looking(chromium, 360, height=640, script=False, **_SMALL_SCREEN) as page:
        page.goto(pages.url(person))
        page.locator(".when a").tap()
        expect(page.locator("#answer")).to_be_in_viewport()
        pages.wait(5)
        page.locator("label.answer span").nth(2).tap()
        page.locator("label.answer").nth(0).tap(position={"x": 8, "y": 8})
        assert page.locator("input:checked").get_attribute("value") == "done"
        page.locator("button.primary").tap()
        expect(page.get_by_role("status")).to_contain_text(RECORDED[language])
        with page.expect_navigation():
            page.locator("a.choice").tap()
        pages.wait(5)
        page.locator("label.answer").nth(3).tap()
        with page.expect_navigation():
            page.locator("button.primary").tap()
        expect(page.get_by_role("status")).to_contain_text(RECORDED[language])
        in_language(page, language)
    assert [answer for answer, _, revoked in pages.answers(person) if not revoked] == ["prefer_not_to_say"]


def test_a_doubtful_answer_is_confirmed_by_keyboard(chromium: Browser, pages: Rig) -> None:
    pages.hand_over(ANN)
    with looking(chromium, script=False) as page:
        page.goto(pages.url(ANN))
        pages.wait(5)
        tab_to(page, "input[type=radio]")
        page.keyboard.press("Space")
        tab_to(page, "button.primary")
        page.keyboard.press("Enter")
        page.get_by_text("Please confirm your answer").wait_for()
        assert pages.settled() == 0
        pages.wait(70)
        tab_to(page, "button.primary")
        page.keyboard.press("Enter")
        page.get_by_text("Recorded, Wednesday").wait_for()
    assert pages.settled() == 1


def test_an_empty_form_is_met_in_words(chromium: Browser, pages: Rig) -> None:
    """The browser asks for an answer by itself; where it does not, the page does."""
    with looking(chromium) as page:
        page.goto(pages.url(ANN))
        pages.wait(5)
        page.locator("button.primary").click()
        assert page.locator("input:invalid").count() == 5
        page.evaluate("document.querySelector('form').noValidate = true")
        page.locator("button.primary").click()
        page.get_by_role("alert").wait_for()
        assert "Please choose one of the answers" in page.get_by_role("alert").inner_text()
        assert pages.answers(ANN) == []


@pytest.mark.parametrize(("language", "name"), [("fr", "Français"), ("de", "Deutsch")])
def test_the_language_can_be_switched_and_is_kept(chromium: Browser, pages: Rig, language: str, name: str) -> None:
    with looking(chromium, script=False) as page:
        page.goto(pages.url(ANN))
        page.get_by_role("link", name=name).click()
        in_language(page, language)
        pages.wait(5)
        page.locator("input[value=done]").check()
        page.locator("button.primary").click()
        expect(page.get_by_role("status")).to_contain_text(RECORDED[language])
        page.goto(pages.url(ANN))
        in_language(page, language)


def test_the_focus_is_seen_on_everything_and_in_the_order_of_reading(chromium: Browser, pages: Rig) -> None:
    with looking(chromium) as page:
        page.goto(pages.url(ANN))
        tops: list[float] = []
        while len(tops) < 40:
            page.keyboard.press("Tab")
            name, style, width, top = page.evaluate(_FOCUSED)
            if name == "BODY":
                break
            assert style != "none", name
            assert width >= 3, name
            tops.append(top)
        assert len(tops) >= 8
        assert all(after > before - 60 for before, after in pairwise(tops))


def test_nothing_is_loaded_from_elsewhere_and_no_rule_is_broken(chromium: Browser, pages: Rig) -> None:
    with looking(chromium) as page:
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(pages.url(ANN))
        pages.wait(5)
        page.locator(f"input[value={Answer.DONE}]").check()
        page.locator("button.primary").click()
        page.get_by_text(re.compile("^Recorded")).wait_for()
        assert {urlsplit(url).netloc for url in asked} == {f"127.0.0.1:{pages.port}"}
        assert [line for line in complaints if "Content Security Policy" in line] == []
        radius = page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius")
        assert radius == "16px", "the style sheet is allowed"
