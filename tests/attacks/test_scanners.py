"""Promise S2: a program that opens every link of a mail confirms nothing, whatever it opens, sends or presses.

Mail filters do all of this within seconds of the delivery. The clock of the robots is moved, so they may take their time.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from notifier.domain.campaign import OFFERED
from tests.attacks.test_cross_site import contents
from tests.browser_rig import looking
from tests.pages_rig import ANN, Rig, Visitor

WITHIN = 55.0  # seconds after the delivery, at the latest
_TARGETS = "a:not([href^='#'], [href^='mailto'], [href^='tel'], [href^='http']), button, input[type=radio]"
_DESCRIBE = """(all) => all.map(one => [document.querySelector("main")?.innerText.slice(0, 200) ?? "", one.tagName,
  one.textContent.trim() + (one.value ?? "") + (one.getAttribute("href") ?? "")].join("|"))"""


def press_everything(page: Page, rig: Rig, pause: float, most: int = 50) -> int:
    """Press what was not pressed before on a page that says the same, one thing after the other. Returns how many presses."""
    page.goto(rig.url(ANN))
    pressed: set[str] = set()
    for count in range(most):
        page.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true })")
        here = page.locator(_TARGETS)
        fresh = [(index, what) for index, what in enumerate(here.evaluate_all(_DESCRIBE)) if what not in pressed]
        if not fresh:
            return count
        index, what = fresh[0]
        pressed.add(what)
        rig.wait(pause)
        if "|INPUT|" in what:
            here.nth(index).check()
        else:
            with page.expect_navigation():
                here.nth(index).evaluate("one => one.click()")
    return most


def counted(rig: Rig) -> list[tuple[str, str, str | None]]:
    """Answers that are more than provisional."""
    return [one for one in rig.answers(ANN) if one[1] != "provisional"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_looking_is_not_answering(pages: Rig, method: str) -> None:
    """Not one byte of the store is another one afterwards."""
    pages.hand_over(ANN)
    before = contents(pages.database)
    for headers in ({}, {"Purpose": "prefetch", "Sec-Purpose": "prefetch"}, {"Sec-Fetch-Site": "none"}, {"User-Agent": "scanner"}):
        for query in ("", "?change", "?lang=fr", "?said=undone", "?answer=done&do=answer", "?do=undo"):
            robot = Visitor(pages)
            assert robot.get(pages.path(ANN) + query, method=method, **headers).status == 200
            pages.wait(2)
    assert contents(pages.database) == before


def test_looking_with_a_browser_that_runs_scripts_is_not_answering(chromium: Browser, pages: Rig) -> None:
    pages.hand_over(ANN)
    before = contents(pages.database)
    for agent in (None, "Mozilla/5.0 (compatible; LinkScanner/1.0)"):
        with looking(chromium, user_agent=agent) as page:
            page.goto(pages.url(ANN), wait_until="networkidle")
            pages.wait(10)
            page.reload(wait_until="networkidle")
            page.mouse.wheel(0, 4000)
            page.close(run_before_unload=False)
    assert contents(pages.database) == before


@pytest.mark.parametrize("seconds", [0.0, 3.0, WITHIN])
def test_sending_every_form_as_it_stands_settles_nothing(chromium: Browser, pages: Rig, seconds: float) -> None:
    """With and without the browser's own check that something was chosen."""
    pages.hand_over(ANN)
    pages.wait(seconds)
    with looking(chromium) as page:
        page.goto(pages.url(ANN))
        for index in range(page.locator("form").count()):
            for send in ("form.requestSubmit()", "form.submit()", "form.noValidate = true, form.requestSubmit()"):
                page.goto(pages.url(ANN))
                page.evaluate(f"index => {{ const form = document.querySelectorAll('form')[index]; {send} }}", index)
                page.wait_for_load_state("networkidle")
    assert pages.answers(ANN) == []


@pytest.mark.parametrize(
    ("delay", "pause"),
    [
        pytest.param(0.0, 0.9, id="at once, within the minute"),
        pytest.param(15.0, 0.8, id="a little later, within the minute"),
        pytest.param(7200.0, 0.15, id="hours later, without patience"),
    ],
)
def test_pressing_everything_settles_nothing(chromium: Browser, pages: Rig, delay: float, pause: float) -> None:
    pages.hand_over(ANN)
    pages.wait(delay)
    with looking(chromium) as page:
        presses = press_everything(page, pages, pause)
    assert presses > 20
    assert pages.answers(ANN) != [], "it did press the button"
    assert pages.settled() == 0
    assert counted(pages) == []


def test_choosing_each_answer_and_sending_it_settles_nothing(chromium: Browser, pages: Rig) -> None:
    """A robot that reads the form as a person would, twice over, within the minute."""
    pages.hand_over(ANN)
    with looking(chromium, has_touch=True) as page:
        for answer in (*OFFERED, *OFFERED):
            page.goto(pages.url(ANN) + "?change")
            pages.wait(WITHIN / 12)
            page.locator(f"input[value={answer}]").check()
            page.locator("button.primary").click()
            page.get_by_text("Please confirm your answer").wait_for()
    assert pages.settled() == 0
    assert counted(pages) == []


def test_a_person_after_the_robot_settles_it(chromium: Browser, pages: Rig) -> None:
    """The robot's answer is in nobody's way."""
    pages.hand_over(ANN)
    with looking(chromium) as page:
        press_everything(page, pages, 0.5)
    pages.wait(120)
    with looking(chromium) as page:
        page.goto(pages.url(ANN) + "?change")
        pages.wait(5)
        page.locator("input[value=done]").check()
        page.locator("button.primary").click()
        page.get_by_text("Recorded").wait_for()
    assert pages.settled() == 1
