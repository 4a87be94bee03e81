"""Promise S11: a form on another site does nothing, whichever address of ours it is sent to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from starlette.routing import BaseRoute, Route

from notifier.demo.theatre import theatre
from notifier.store.database import Database
from notifier.store.tables import metadata
from tests.pages_rig import ANN, Rig, Visitor

FOREIGN: dict[str, dict[str, str]] = {
    "another site, a modern browser": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a neighbour under the same domain": {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.com"},
    "another site that lies about its origin": {"Sec-Fetch-Site": "cross-site"},
    "a word that browsers do not say": {"Sec-Fetch-Site": "nonsense"},
    "another site, an old browser": {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
    "our name with another port": {"Sec-Fetch-Site": "", "Origin": "http://127.0.0.1:1"},
    "our name at the beginning of theirs": {"Sec-Fetch-Site": "", "Origin": "http://127.0.0.1.evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "a sandboxed frame, an old browser": {"Sec-Fetch-Site": "", "Origin": "null"},
    "nobody who says who they are": {"Sec-Fetch-Site": "", "Origin": ""},
    "a referrer alone": {"Sec-Fetch-Site": "", "Origin": "", "Referer": "https://evil.example/"},
}


def contents(database: Database) -> dict[str, list[Any]]:
    """Everything that is stored."""
    with database.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


def posting(routes: Iterable[BaseRoute]) -> set[str]:
    """The addresses to which anything but GET and HEAD may be sent."""
    return {one.path for one in routes if isinstance(one, Route) and (one.methods or set()) - {"GET", "HEAD"}}


def good_forms(rig: Rig, visitor: Visitor) -> dict[str, tuple[str, list[dict[str, str]]]]:
    """For each address that takes forms: where it is, and forms that would be accepted."""
    proof = visitor.get(rig.path(ANN)).proof
    rig.wait(5)
    asked, done = ({"proof": proof, "do": "answer", "answer": one} for one in ("help", "done"))
    undo, not_me = ({"proof": proof, "do": one} for one in ("undo", "not_me"))
    return {"/a/{campaign}/{token}": (rig.path(ANN), [asked, done, undo, done, not_me])}


def test_every_address_that_takes_forms_is_tried_here(pages: Rig) -> None:
    """Whoever adds one adds its good form above. Those of operators are tried in `test_operator_forms.py`."""
    of_everybody = {path for path in posting(pages.routes) if not path.startswith("/admin/")}
    assert of_everybody == set(good_forms(pages, Visitor(pages)))


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_form_from_elsewhere_changes_nothing(pages: Rig, headers: dict[str, str]) -> None:
    visitor = Visitor(pages)
    for path, forms in good_forms(pages, visitor).values():
        for answered in (False, True):
            if answered:
                assert visitor.post(path, forms[0]).status == 303
            before = contents(pages.database)
            assert [visitor.post(path, form, **headers).status for form in forms] == [403] * len(forms)
            assert contents(pages.database) == before


def test_a_form_without_its_proof_changes_nothing(pages: Rig) -> None:
    visitor = Visitor(pages)
    for path, forms in good_forms(pages, visitor).values():
        before = contents(pages.database)
        for form in forms:
            assert visitor.post(path, {name: value for name, value in form.items() if name != "proof"}).status == 403
            assert Visitor(pages).post(path, form).status == 403, "without the cookie"
        assert contents(pages.database) == before


def test_the_same_forms_from_our_own_page_are_accepted(pages: Rig) -> None:
    visitor = Visitor(pages)
    for path, forms in good_forms(pages, visitor).values():
        for form in forms:
            before = contents(pages.database)
            assert visitor.post(path, form).status == 303
            assert contents(pages.database) != before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_on_another_site_changes_nothing(pages: Rig, method: str) -> None:
    """Whatever is written behind it."""
    visitor = Visitor(pages)
    for path, forms in good_forms(pages, visitor).values():
        before = contents(pages.database)
        for form in forms:
            query = "&".join(f"{name}={value}" for name, value in form.items())
            assert visitor.get(f"{path}?{query}", method=method).status == 200
        assert contents(pages.database) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_is_known(pages: Rig, method: str) -> None:
    before = contents(pages.database)
    answered = Visitor(pages).send(method, pages.path(ANN), b"answer=done", {"Sec-Fetch-Site": "same-origin"})
    assert answered.status == 405
    assert contents(pages.database) == before


async def test_nobody_else_moves_the_time_of_a_demonstration(tmp_path: Path) -> None:
    async with theatre(tmp_path, port=0, seed=1, people=20, pace=40) as play:
        here = SimpleNamespace(base_url=play.url, port=int(play.url.rpartition(":")[2]))
        visitor = Visitor(here)  # type: ignore[arg-type]
        for headers in FOREIGN.values():
            refused = await asyncio.to_thread(visitor.post, "/control", {"do": "pause", "back": "/"}, **headers)
            assert refused.status == 403
            assert not play.stage.paused
        assert (await asyncio.to_thread(visitor.post, "/control", {"do": "pause", "back": "/"})).status == 303
        assert play.stage.paused
