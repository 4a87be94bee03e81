"""The page behind a personal link, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from notifier.domain.campaign import Answer
from notifier.store.database import Database
from tests.pages_rig import ANN, BEN, LEA, SENDER, ZOE, Rig, running_pages

LANGUAGES = ("en", "fr", "de")
WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Links inside a sentence are as high as its line (WCAG 2.2, 2.5.8 "Inline"); everything else is a target of its own.
_SMALL_TARGETS = """
[...document.querySelectorAll("a, button, label, summary")].filter(one => !one.closest(".text"))
  .map(one => [one.textContent.trim(), one.getBoundingClientRect()])
  .filter(([_, box]) => box.height < 43.9 || box.width < 43.9)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)
"""


@contextmanager
def looking(
    chromium: Browser, width: int = 1280, scheme: str = "light", *, script: bool = True, language: str = "en-GB"
) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=script,
        locale=language,
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def tab_to(page: Page, selector: str) -> int:
    """Press Tab until the element has the focus; returns how often."""
    for presses in range(1, 40):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return presses
    pytest.fail(f"{selector} cannot be reached by Tab")


def choose_and_send(rig: Rig, page: Page, answer: Answer) -> None:
    rig.wait(5)
    page.locator(f"input[value={answer}]").check()
    page.locator("button.primary").click()


def test_the_whole_way_by_keyboard_without_script(chromium: Browser, pages: Rig) -> None:
    with looking(chromium, script=False) as page:
        page.goto(pages.url(ANN))
        pages.wait(5)
        tab_to(page, "input[type=radio]")
        assert page.locator("input:checked").count() == 0
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        assert page.locator("input:checked").get_attribute("value") == "already_off"
        assert tab_to(page, "button.primary") == 1
        page.keyboard.press("Enter")
        page.get_by_text("Recorded, Wednesday, 15 October 2025 at 10:14").wait_for()
        assert pages.answers(ANN) == [("already_off", "link", None)]
        pages.wait(5)
        tab_to(page, "button[value=undo]")
        page.keyboard.press("Enter")
        page.get_by_text("Your answer has been taken back").wait_for()
        assert pages.settled() == 0


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


def test_the_language_switch(chromium: Browser, pages: Rig) -> None:
    with looking(chromium, script=False) as page:
        page.goto(pages.url(ANN))
        page.get_by_role("link", name="Français").click()
        assert page.locator("html").get_attribute("lang") == "fr"
        choose_and_send(pages, page, Answer.DONE)
        assert "Enregistré" in page.locator("main").inner_text()
        page.goto(pages.url(ANN))
        assert page.locator("html").get_attribute("lang") == "fr"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_and_can_be_used_by_everybody(
    chromium: Browser, pages: Rig, language: str, width: int, scheme: str
) -> None:
    """axe without any finding, nothing wider than the screen, targets of 44 px, title = h1, under 30 KB."""
    problems: list[str] = []
    sizes: list[int] = []

    def look(page: Page, what: str) -> None:
        found = Axe().run(page).response["violations"]
        problems.extend(f"{what}: axe {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found)
        if (over := page.evaluate(_OVERFLOW)) > 0:
            problems.append(f"{what}: {over} px too wide")
        problems.extend(f"{what}: small target {one}" for one in page.evaluate(_SMALL_TARGETS))
        if page.title() != page.locator("h1").inner_text():
            problems.append(f"{what}: title is not the heading")
        if page.locator("html").get_attribute("lang") != language:
            problems.append(f"{what}: not in {language}")
        sizes.append(len(page.content().encode()))

    with looking(chromium, width, scheme) as page:
        page.goto(f"{pages.url(BEN)}?lang={language}")
        look(page, "ask")
        page.evaluate("document.querySelector('form').noValidate = true")
        page.locator("button.primary").click()
        look(page, "missing")
        choose_and_send(pages, page, Answer.HELP)
        look(page, "help")
        choose_and_send(pages, page, Answer.DONE)
        look(page, "settled")
        page.locator("a.choice").click()
        look(page, "change")
        page.goto(f"{pages.url(ZOE)}?lang={language}")
        page.locator("input[value=done]").check()
        page.locator("button.primary").click()
        look(page, "provisional")
        for what, address in (
            ("left", pages.url(LEA)),
            ("bad link", f"{pages.base_url}/a/x/{'A' * 44}"),
            ("home", f"{pages.base_url}/"),
        ):
            page.goto(f"{address}?lang={language}")
            look(page, what)
    assert problems == []
    assert max(sizes) < 30_000


def test_the_focus_is_seen(chromium: Browser, pages: Rig) -> None:
    with looking(chromium) as page:
        page.goto(pages.url(ANN))
        unseen = []
        for _ in range(30):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                """() => { const one = document.activeElement, around = one.closest("label") || one;
                return [one.tagName, getComputedStyle(around).outlineStyle, parseFloat(getComputedStyle(around).outlineWidth)] }"""
            )
            if seen[0] == "BODY":
                break
            if seen[1] == "none" or seen[2] < 3:
                unseen.append(seen)
        assert unseen == []


def test_forced_colours_keep_the_choice_visible(chromium: Browser, pages: Rig) -> None:
    context = chromium.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(pages.url(ANN))
    page.locator("input[value=done]").check()
    widths = page.evaluate("[...document.querySelectorAll('label')].map(one => getComputedStyle(one).borderTopWidth)")
    assert widths == ["3px", "1px", "1px", "1px", "1px"]
    context.close()


def test_text_four_times_as_large_still_fits(chromium: Browser, pages: Rig) -> None:
    """WCAG 1.4.10: 1280 px at 400 % is 320 px; here also with doubled letters (1.4.4)."""
    with looking(chromium, 320) as page:
        page.goto(f"{pages.url(BEN)}?lang=de")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(_OVERFLOW) <= 0


def test_nothing_is_loaded_from_elsewhere_and_no_rule_is_broken(chromium: Browser, pages: Rig) -> None:
    with looking(chromium) as page:
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(pages.url(ANN))
        choose_and_send(pages, page, Answer.DONE)
        assert {urlsplit(url).netloc for url in asked} == {f"127.0.0.1:{pages.port}"}
        assert [line for line in complaints if "Content Security Policy" in line] == []
        assert page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") == "16px", (
            "the style sheet is allowed"
        )


@contextmanager
def elsewhere() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Another site on loopback; keeps the headers of every request."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def test_a_link_to_another_site_tells_it_nothing(chromium: Browser, sqlite_database: Database) -> None:
    """Promise S8: no Referer there, since our address is the key to the page; and Origin is right on our own form."""
    with elsewhere() as (address, seen):
        sender = replace(SENDER, privacy_notice=f"{address}/privacy")
        with running_pages(sqlite_database, sender) as rig, looking(chromium) as page:
            page.goto(rig.url(ANN))
            page.evaluate("document.querySelectorAll('a[rel]').forEach(one => one.removeAttribute('rel'))")
            page.locator(f"a[href^='{address}']").click()
            page.wait_for_url(f"{address}/privacy")
            assert [headers.get("referer") for headers in seen if "sec-fetch-dest" in headers][:1] == [None]
            page.goto(rig.url(ANN))
            with page.expect_request(lambda request: request.method == "POST") as sent:
                choose_and_send(rig, page, Answer.DONE)
            assert sent.value.all_headers()["origin"] == rig.base_url
            assert rig.settled() == 1


def test_the_page_cannot_be_framed(chromium: Browser, pages: Rig) -> None:
    with elsewhere() as (address, _), looking(chromium) as page:
        page.goto(address)
        page.set_content(f'<iframe src="{pages.url(ANN)}"></iframe>')
        page.wait_for_load_state("networkidle")
        assert all("LinkedIn" not in frame.content() for frame in page.frames[1:])


def test_a_form_on_another_site_does_nothing(chromium: Browser, pages: Rig) -> None:
    """Promise S11, with the browser that has our cookie."""
    with elsewhere() as (address, _), looking(chromium) as page:
        page.goto(pages.url(ANN))
        proof = page.locator("input[name=proof]").first.get_attribute("value")
        pages.wait(5)
        page.goto(address)
        page.set_content(
            f'<form method="post" action="{pages.url(ANN)}"><input name="proof" value="{proof}"><input name="answer" value="done">'
            '<button name="do" value="answer">Win a prize</button></form>'
        )
        page.get_by_text("Win a prize").click()
        page.get_by_text("This answer did not come from our page").wait_for()
        assert pages.answers(ANN) == []
