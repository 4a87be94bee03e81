"""Promises S8 and S11 in a real browser: what another site learns from us, and what it can do to us."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import Browser, Page

from notifier.domain.campaign import Answer
from notifier.store.database import Database
from tests.browser_rig import elsewhere, looking
from tests.pages_rig import ANN, SENDER, Rig, running_pages


def choose_and_send(rig: Rig, page: Page, answer: Answer) -> None:
    rig.wait(5)
    page.locator(f"input[value={answer}]").check()
    page.locator("button.primary").click()


def test_a_link_to_another_site_tells_it_nothing(chromium: Browser, sqlite_database: Database) -> None:
    """Promise S8: our address is the key to the page. The header alone keeps it, even where a link does not ask for that."""
    with elsewhere() as (address, seen):
        sender = replace(SENDER, privacy_notice=f"{address}/privacy")
        with running_pages(sqlite_database, sender) as rig, looking(chromium) as page:
            for state in ("open", "settled"):
                for strip in (False, True):
                    page.goto(rig.url(ANN))
                    if strip:
                        page.evaluate("document.querySelectorAll('a[rel]').forEach(one => one.removeAttribute('rel'))")
                    page.locator(f"a[href^='{address}']").click()
                    page.wait_for_url(f"{address}/privacy")
                    assert page.evaluate("document.referrer") == ""
                page.goto(rig.url(ANN))
                if state == "open":
                    with page.expect_request(lambda request: request.method == "POST") as sent:
                        choose_and_send(rig, page, Answer.DONE)
                    assert sent.value.all_headers()["origin"] == rig.base_url
                    page.get_by_text("Recorded").wait_for()
            assert rig.settled() == 1
    arrivals = [headers for headers in seen if headers.get("sec-fetch-dest") == "document"]
    assert len(arrivals) == 4
    assert [headers for headers in seen if "referer" in headers and not headers["referer"].startswith(address)] == []


def test_a_form_on_another_site_does_nothing(chromium: Browser, pages: Rig) -> None:
    """Promise S11, with the browser that has our cookie, a good proof, and a person who presses."""
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


def test_a_script_on_another_site_does_nothing_and_reads_nothing(chromium: Browser, pages: Rig) -> None:
    with elsewhere() as (address, _), looking(chromium) as page:
        page.goto(pages.url(ANN))
        form = f"proof={page.locator('input[name=proof]').first.get_attribute('value')}&do=answer&answer=done"
        pages.wait(5)
        page.goto(address)
        tries = """async ([url, body]) => { const told = [];
            for (const mode of ["no-cors", "cors"]) for (const method of ["GET", "POST"]) {
              try { const answer = await fetch(url, { mode, method, credentials: "include", body: method === "POST" ?
                new URLSearchParams(body) : undefined }); told.push(await answer.text()); } catch { told.push(""); } }
            return told }"""
        assert page.evaluate(tries, [pages.url(ANN), form]) == [""] * 4
        assert pages.answers(ANN) == []


def test_the_page_cannot_be_framed(chromium: Browser, pages: Rig) -> None:
    with elsewhere() as (address, _), looking(chromium) as page:
        page.goto(address)
        page.set_content(f'<iframe src="{pages.url(ANN)}"></iframe>')
        page.wait_for_load_state("networkidle")
        assert all("LinkedIn" not in frame.content() for frame in page.frames[1:])
