"""Somebody an operator has taken out: nobody is offered that answer, and the person's own page says what it means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.domain.campaign import Answer, Assurance
from notifier.store import acknowledgements
from notifier.store.database import Database
from tests.pages_rig import CAMPAIGN, ZOE, Rig, Visitor, running_pages


@pytest.fixture
def pages(sqlite_database: Database) -> Iterator[Rig]:
    with running_pages(sqlite_database) as rig:
        yield rig


def exempt(rig: Rig) -> None:
    with rig.database.write() as connection:
        acknowledgements.record(
            connection,
            campaign=CAMPAIGN.id,
            employee_key=ZOE.key,
            answer=Answer.EXEMPT,
            assurance=Assurance.ATTESTED,
            channel="dashboard",
            receipt_channel="smtp",
            now=rig.clock.now(),
            actor="Olga",
        )


def test_the_page_of_an_exempt_person_asks_for_nothing_and_still_takes_an_answer(pages: Rig) -> None:
    exempt(pages)
    for language, words in (
        ("en", "Nothing is asked of you here."),
        ("fr", "Rien ne vous est demandé ici."),
        ("de", "Ihnen nichts"),
    ):
        page = Visitor(pages).get(f"{pages.path(ZOE)}?lang={language}")
        assert (page.status, words in page.text) == (200, True)
        assert 'name="answer"' not in page.body
        assert 'value="undo"' not in page.body
    assert "Olga" not in page.text
    visitor = Visitor(pages, "en")
    asking = visitor.get(f"{pages.path(ZOE)}?change=1")
    assert 'value="done"' in asking.body
    pages.wait(5)
    assert visitor.post(pages.path(ZOE), {"proof": asking.proof, "do": "answer", "answer": "done"}).status == 303
    assert pages.answers(ZOE) == [("exempt", "attested", "answered_again"), ("done", "link", None)]


def test_nobody_exempts_themselves(pages: Rig) -> None:
    visitor = Visitor(pages, "en")
    asking = visitor.get(pages.path(ZOE))
    assert "exempt" not in asking.body
    pages.wait(5)
    assert visitor.post(pages.path(ZOE), {"proof": asking.proof, "do": "answer", "answer": "exempt"}).status == 422
    assert pages.answers(ZOE) == []
