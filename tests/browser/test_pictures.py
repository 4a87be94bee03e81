"""A few views beside pictures of themselves: what no rule of the other tests can say, that it looks as it was drawn.

Both pictures are made small enough that the shape of letters is gone and the shape of the page is left, and compared there: a
machine may smooth its letters in its own way, but nothing may have moved, vanished or changed its colour.

    NOTIFIER_TEST_RENEW_PICTURES=1 make test ARGS=tests/browser/test_pictures.py

draws the pictures anew; look at them before they are kept.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_mails import mail
from tests.browser_rig import looking
from tests.pages_rig import ANN, BEN, ZOE, Rig

PICTURES = Path(__file__).parents[1] / "golden" / "pictures"
_RENEW = bool(os.environ.get("NOTIFIER_TEST_RENEW_PICTURES"))
_TEXT, _HEADING = '"Liberation Sans"', '"Liberation Serif"'
_ONE_FONT = f"""
*, *::before {{ font-family: {_TEXT} !important; hyphens: manual !important; caret-color: transparent !important }}
h1, h2, legend {{ font-family: {_HEADING} !important }}
"""
_HAS_FONT = """() => { const width = font => { const context = document.createElement("canvas").getContext("2d");
  context.font = `40px ${font}, monospace`; return context.measureText("mmmiiiWW").width };
  return width('"Liberation Sans"') !== width('"no such font"') }"""
# Share of the squares of 16 x 16 px whose mean colour differs by more than a sixteenth, and by how much height and width differ.
_COMPARE = """
async ([one, other]) => {
  const load = async data => { const image = new Image(); image.src = "data:image/png;base64," + data;
    await image.decode(); return image };
  const images = [await load(one), await load(other)];
  const small = image => { const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(images[0].width / 16); canvas.height = Math.ceil(images[0].height / 16);
    const context = canvas.getContext("2d"); context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, image.width / 16, image.height / 16);
    return context.getImageData(0, 0, canvas.width, canvas.height).data };
  const [first, second] = images.map(small);
  let differing = 0;
  for (let at = 0; at < first.length; at += 4)
    differing += [0, 1, 2].some(channel => Math.abs(first[at + channel] - second[at + channel]) > 16);
  return [differing / (first.length / 4), images[1].height - images[0].height, images[1].width - images[0].width];
}
"""
_MOST_DIFFERING = 0.001


def ask(page: Page, rig: Rig) -> None:
    page.goto(rig.url(ZOE))


def settled(page: Page, rig: Rig) -> None:
    page.goto(rig.url(ANN))
    rig.wait(5)
    page.locator("input[value=done]").check()
    page.locator("button.primary").click()
    page.get_by_text("Recorded").wait_for()


def to_confirm(page: Page, rig: Rig) -> None:
    page.goto(rig.url(BEN))
    page.locator("input[value=done]").check()
    page.locator("button.primary").click()
    page.locator("button.primary").wait_for()


def bad_link(page: Page, rig: Rig) -> None:
    page.goto(f"{rig.base_url}/a/x/{'A' * 44}?lang=fr")


def notice(page: Page, _rig: Rig) -> None:
    page.set_content(mail("notice", "de").html)


def last_call(page: Page, _rig: Rig) -> None:
    page.set_content(mail("last-call", "fr").html)


VIEWS: dict[str, tuple[Callable[[Page, Rig], None], int, str]] = {
    "page-ask-320-light": (ask, 320, "light"),
    "page-ask-1024-dark": (ask, 1024, "dark"),
    "page-settled-320-dark": (settled, 320, "dark"),
    "page-to-confirm-1024-light": (to_confirm, 1024, "light"),
    "page-bad-link-320-light": (bad_link, 320, "light"),
    "mail-notice-600-light": (notice, 600, "light"),
    "mail-notice-320-dark": (notice, 320, "dark"),
    "mail-last-call-600-light": (last_call, 600, "light"),
}


def compare(page: Page, kept: bytes, seen: bytes) -> tuple[float, int, int]:
    """Share of the picture that differs, and by how many pixels it is higher and wider."""
    page.goto("about:blank")
    share, higher, wider = page.evaluate(_COMPARE, [base64.b64encode(one).decode() for one in (kept, seen)])
    return share, higher, wider


def draw(page: Page) -> bytes:
    page.add_style_tag(content=_ONE_FONT)
    page.evaluate("document.fonts.ready")
    return page.screenshot(full_page=True, animations="disabled", scale="css")


@pytest.mark.parametrize("name", VIEWS)
def test_it_looks_as_it_was_drawn(chromium: Browser, pages: Rig, name: str, tmp_path: Path) -> None:
    show, width, scheme = VIEWS[name]
    with looking(chromium, width, scheme, bypass_csp=True) as page:
        if not page.evaluate(_HAS_FONT):
            pytest.skip("no Liberation fonts here; .ci/run brings them")
        show(page, pages)
        seen = draw(page)
        kept = PICTURES / f"{name}.png"
        if _RENEW:
            kept.write_bytes(seen)
        share, higher, wider = compare(page, kept.read_bytes(), seen)
    (tmp_path / f"{name}.png").write_bytes(seen)
    assert (higher, wider, share <= _MOST_DIFFERING) == (0, 0, True), (
        f"{share:.2%} of {kept.name} look different, {higher} px higher; now in {tmp_path}"
    )


@pytest.mark.parametrize(
    "damage",
    [
        ".answer { margin-top: .75rem }",
        "main { padding: 1rem }",
        ".panel, .when { background: none }",
        ".primary { background: var(--warn) }",
        "h1 { text-align: right }",
        ".languages { display: none }",
    ],
)
def test_a_broken_layout_is_noticed(chromium: Browser, pages: Rig, damage: str) -> None:
    """Else the test above would say nothing."""
    with looking(chromium, 320, bypass_csp=True) as page:
        if not page.evaluate(_HAS_FONT):
            pytest.skip("no Liberation fonts here; .ci/run brings them")
        ask(page, pages)
        page.add_style_tag(content=damage.replace(" }", " !important }"))
        share, higher, _ = compare(page, (PICTURES / "page-ask-320-light.png").read_bytes(), draw(page))
    assert higher or share > 1.5 * _MOST_DIFFERING


def test_another_way_of_smoothing_letters_is_not(chromium: Browser, pages: Rig) -> None:
    with looking(chromium, 320, bypass_csp=True) as page:
        if not page.evaluate(_HAS_FONT):
            pytest.skip("no Liberation fonts here; .ci/run brings them")
        ask(page, pages)
        page.add_style_tag(content="* { -webkit-text-stroke: .1px }")
        share, higher, _ = compare(page, (PICTURES / "page-ask-320-light.png").read_bytes(), draw(page))
    assert higher == 0
    assert share <= _MOST_DIFFERING
