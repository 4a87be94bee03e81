"""A real Chromium, and what every page it looks at is asked: can everybody use it, and does it fit?

Playwright holds the thread's event loop as long as it runs, so a browser lives for one module, and no asynchronous test may stand
in a module that uses it.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Glyphs are placed without hinting, so that lines break at the same word on every machine. A process for each site and not for each
# window: to start one takes three times as long as to look at a page.
_FLAGS = (
    "--process-per-site",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--font-render-hinting=none",
    "--disable-lcd-text",
)

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What leaves its box is cut off where the box clips, and lies over something else where the box is seen.
# `.preheader` is hidden on purpose.
_CUT_OFF = """
[...document.querySelectorAll("body *")].filter(one => one.checkVisibility() && !one.closest(".preheader, svg, .skip"))
  .filter(one => { const style = getComputedStyle(one), clips = ["hidden", "clip"].includes(style.overflowX);
    const seen = style.overflowX === "visible" && (parseFloat(style.borderLeftWidth) > 0 || !/, 0\\)$/.test(style.backgroundColor));
    return !["inline", "contents"].includes(style.display) && (clips || seen) && one.clientWidth > 0
      && one.scrollWidth > one.clientWidth + 1; })
  .map(one => `${one.tagName}.${one.className}: ${one.scrollWidth} in ${one.clientWidth} px`)
"""
# A link inside a sentence is as high as its line (WCAG 2.2, 2.5.8 "Inline"); everything else is a target of its own.
_SMALL_TARGETS = """
(inline) => [...document.querySelectorAll("a, button, label, summary, input:not([type=hidden]), select")]
  .filter(one => one.checkVisibility() && !one.closest(".skip") && !(inline && one.closest(inline)))
  .map(one => one.matches("label input") ? one.closest("label") : one).filter(one => !one.matches("label[for]"))
  .map(one => [one.textContent.trim().slice(0, 40), one.getBoundingClientRect()])
  .filter(([_, box]) => box.height < 43.9 || box.width < 43.9)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)
"""
# In forced colours the browser takes care of contrast, unless foreground and background are kept by force and come out the same.
_INVISIBLE = """
[...document.querySelectorAll("body *")].filter(one => one.checkVisibility() && [...one.childNodes].some(node => node.nodeType === 3
    && node.textContent.trim()) && !one.closest(".preheader"))
  .filter(one => { let behind = one;
    while (behind && /, 0\\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return behind && getComputedStyle(behind).backgroundColor === getComputedStyle(one).color; })
  .map(one => `${one.tagName}: ${one.textContent.trim().slice(0, 40)}`)
"""
_AXE = "async (options) => (await axe.run(document, options)).violations.flatMap(one => one.nodes.map(node => [one.id, node.html]))"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here; .ci/run brings one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield browser
        browser.close()


_kept: WeakKeyDictionary[Browser, dict[str, BrowserContext]] = WeakKeyDictionary()


@contextmanager
def looking(
    chromium: Browser,
    width: int = 1280,
    scheme: str = "light",
    *,
    height: int = 800,
    script: bool = True,
    language: str = "en-GB",
    **more: Any,
) -> Iterator[Page]:
    """A new window of somebody who was never here before; `more` goes to Playwright's `new_context`."""
    options = {
        "viewport": {"width": width, "height": height},
        "color_scheme": scheme,
        "java_script_enabled": script,
        "locale": language,
        "reduced_motion": "reduce",  # else a colour is looked at while it changes
        **more,
    }
    kept = _kept.setdefault(chromium, {})
    context = kept.get(repr(options))
    if context is None:
        context = kept[repr(options)] = _open(chromium, options)
    try:
        yield context.new_page()
    finally:
        _forget(context)


def _open(chromium: Browser, options: dict[str, Any]) -> BrowserContext:
    """With an empty page of the address that all of ours have, which keeps the process of that site alive between two windows."""
    context = chromium.new_context(**options)
    first = context.new_page()
    first.route("**", lambda route: route.fulfill(body=""))
    first.goto("http://127.0.0.1/")
    return context


def _forget(context: BrowserContext) -> None:
    """Nothing of a visitor is left to the next one: no window, cookie, permission or copy of a page."""
    first, *others = context.pages
    for page in others:
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    session = context.new_cdp_session(first)
    session.send("Network.clearBrowserCache")
    session.detach()


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Everything axe has to say against the page, best practices too; with `rules`, only these are asked."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    return [f"axe {rule}: {html[:120]}" for rule, html in page.evaluate(_AXE, options)]


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways (WCAG 1.4.10), or is cut off at the side."""
    over = page.evaluate(_OVERFLOW)
    return [*([f"{over} px too wide"] if over > 0 else []), *(f"cut off: {one}" for one in page.evaluate(_CUT_OFF))]


def invisible(page: Page) -> list[str]:
    """Text in the colour of what is behind it."""
    return [f"invisible: {one}" for one in page.evaluate(_INVISIBLE)]


def small_targets(page: Page, inline: str = "") -> list[str]:
    """Targets under 44 px (WCAG 2.5.5).

    Args:
        inline: a selector of the places where links are parts of sentences.
    """
    return [f"small target {one}" for one in page.evaluate(_SMALL_TARGETS, inline)]


def tab_to(page: Page, selector: str) -> int:
    """Press Tab until the element has the focus; returns how often."""
    for presses in range(1, 60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return presses
    pytest.fail(f"{selector} cannot be reached by Tab")


def problems(found: dict[str, list[str]]) -> str:
    """What was found wrong, place by place; empty where nothing was."""
    wrong = {where: one for where, one in found.items() if one}
    return json.dumps(wrong, indent=1, ensure_ascii=False) if wrong else ""


@contextmanager
def elsewhere() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Another site on loopback; keeps the headers of every request."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elsewhere</title>")

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
