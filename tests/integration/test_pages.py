"""The page behind a personal link, over real HTTP: what it shows, and what an answer does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from notifier.domain.campaign import OFFERED
from notifier.store.database import Database
from notifier.store.tables import Kind, State, deliveries, employees
from tests.pages_rig import ANN, BEN, CAMPAIGN, KAI, LEA, NOW, ZOE, Rig, Visitor, running_pages

DEADLINE = datetime(2025, 11, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def pages(sqlite_database: Database) -> Iterator[Rig]:
    with running_pages(sqlite_database) as rig:
        yield rig


def plan_reminder(rig: Rig, key: int) -> None:
    with rig.database.write() as connection:
        connection.execute(
            insert(deliveries).values(
                campaign=CAMPAIGN.id,
                employee_key=key,
                kind=Kind.REMINDER,
                occasion=14,
                channel="smtp",
                message="reminder",
                state=State.PLANNED,
                created_at=NOW,
                due_at=NOW,
                next_at=NOW,
                closes_at=NOW + timedelta(days=9),
                expires_at=NOW + timedelta(days=9),
            )
        )


def delivery_states(rig: Rig, kind: Kind) -> list[str]:
    with rig.database.read() as connection:
        return list(connection.scalars(select(deliveries.c.state).where(deliveries.c.kind == kind).order_by(deliveries.c.id)))


def test_the_page_says_who_is_asked_and_chooses_nothing(pages: Rig) -> None:
    page = Visitor(pages).get(pages.path(ANN))
    assert page.status == 200
    assert "For Ann E." in page.text
    assert "Example SA" in page.text
    assert "19 days left" in page.text
    assert "Sunday, 2 November 2025" in page.text
    assert page.body.count('type="radio"') == 5
    assert [f'value="{answer}"' in page.body for answer in OFFERED] == [True] * 5
    assert "checked" not in page.body.partition("</style>")[2]
    assert "<script" not in page.body
    assert 3 <= page.body.partition("<ol>")[2].partition("</ol>")[0].count("<li>") <= 6
    assert len(page.body.encode()) < 30_000


@pytest.mark.parametrize(
    ("person", "language", "words"), [(ZOE, "fr", "Votre réponse"), (BEN, "de", "Ihre Antwort"), (ANN, "en", "Your answer")]
)
def test_the_page_speaks_the_language_of_the_person(pages: Rig, person: object, language: str, words: str) -> None:
    """Whatever the browser would like: the roster knows better."""
    page = Visitor(pages, "de;q=0.9, en;q=0.8, fr;q=0.7").get(pages.path(person))
    assert f'<html lang="{language}" dir="ltr">' in page.body
    assert page.headers["content-language"] == language
    assert words in page.text


@pytest.mark.parametrize(
    ("accept", "language"),
    [("fr-CH, fr;q=0.9, en;q=0.8", "fr"), ("it, de-AT;q=0.5, en;q=0.1", "de"), ("it", "en"), (None, "en"), ("fr;q=x", "en")],
)
def test_without_a_language_in_the_roster_the_browser_decides(pages: Rig, accept: str | None, language: str) -> None:
    assert Visitor(pages, accept).get(pages.path(KAI)).headers["content-language"] == language


def test_a_language_can_be_chosen_and_is_kept_with_the_answer(pages: Rig) -> None:
    visitor = Visitor(pages)
    page = visitor.get(pages.path(ANN) + "?lang=fr")
    assert '<a href="?lang=de" lang="de" hreflang="de">Deutsch</a>' in page.body
    assert '<a href="?lang=fr" lang="fr" hreflang="fr" aria-current="true">Français</a>' in page.body
    assert visitor.get(pages.path(ANN)).headers["content-language"] == "en", "GET keeps nothing"
    pages.wait(5)
    visitor.post(pages.path(ANN), {"proof": page.proof, "do": "answer", "answer": "done", "lang": "fr"})
    assert Visitor(pages).get(pages.path(ANN)).headers["content-language"] == "fr"


def test_get_and_head_record_nothing(pages: Rig) -> None:
    visitor = Visitor(pages)
    for query in ("", "?change=1", "?said=undone", "?lang=de", "?answer=done&do=answer"):
        assert visitor.get(pages.path(ANN) + query).status == 200
        head = visitor.get(pages.path(ANN) + query, method="HEAD")
        assert (head.status, head.body) == (200, "")
    assert pages.answers(ANN) == []
    with pages.database.read() as connection:
        assert connection.scalar(select(employees.c.language_choice).where(employees.c.key == ANN.key)) is None


@pytest.mark.parametrize("answer", ["done", "already_off", "no_account", "prefer_not_to_say"])
def test_an_answer_settles_and_says_so(pages: Rig, answer: str) -> None:
    plan_reminder(pages, ANN.key)
    result = Visitor(pages).submit(pages.path(ANN), answer=answer)
    assert result.status == 200
    assert "Recorded, Wednesday, 15 October 2025 at 10:14" in result.text
    assert "Undo" in result.text
    assert pages.answers(ANN) == [(answer, "link", None)]
    assert delivery_states(pages, Kind.REMINDER) == [State.CANCELLED]
    assert delivery_states(pages, Kind.RECEIPT) == [State.PLANNED]


def test_asking_for_help_says_who_helps_and_keeps_the_reminders(pages: Rig) -> None:
    plan_reminder(pages, ANN.key)
    result = Visitor(pages).submit(pages.path(ANN), answer="help")
    assert "Privacy Office will help you" in result.text
    assert "+41 22 000 00 00" in result.text
    assert result.body.count('type="radio"') == 5
    assert delivery_states(pages, Kind.REMINDER) == [State.PLANNED]


def test_a_link_opened_again_shows_the_same_state(pages: Rig) -> None:
    Visitor(pages).submit(pages.path(ANN), answer="done")
    pages.wait(86_400)
    again = Visitor(pages).get(pages.path(ANN))
    assert again.status == 200
    assert "Recorded, Wednesday, 15 October 2025 at 10:14" in again.text


def test_a_form_sent_twice_is_one_answer(pages: Rig) -> None:
    visitor = Visitor(pages)
    page = visitor.get(pages.path(ANN))
    pages.wait(5)
    fields = {"proof": page.proof, "do": "answer", "answer": "done"}
    assert [visitor.post(pages.path(ANN), fields).status for _ in range(2)] == [303, 303]
    assert pages.answers(ANN) == [("done", "link", None)]
    assert delivery_states(pages, Kind.RECEIPT) == [State.PLANNED]


def test_an_answer_can_be_undone_and_given_anew(pages: Rig) -> None:
    plan_reminder(pages, ANN.key)
    visitor = Visitor(pages)
    visitor.submit(pages.path(ANN), answer="done")
    undone = visitor.submit(pages.path(ANN), do="undo")
    assert "Your answer has been taken back" in undone.text
    assert undone.body.count('type="radio"') == 5
    assert delivery_states(pages, Kind.REMINDER) == [State.PLANNED]
    assert "taken back" in visitor.submit(pages.path(ANN), do="undo").text, "a second time is harmless"
    visitor.submit(pages.path(ANN), answer="no_account")
    assert pages.answers(ANN) == [("done", "link", "undone"), ("no_account", "link", None)]


def test_an_answer_can_be_changed(pages: Rig) -> None:
    visitor = Visitor(pages)
    visitor.submit(pages.path(ANN), answer="done")
    form = visitor.get(pages.path(ANN) + "?change=1")
    assert form.body.count('type="radio"') == 5
    assert "Your answer: I have switched it off" in form.text
    visitor.submit(pages.path(ANN), answer="already_off")
    assert pages.answers(ANN) == [("done", "link", "answered_again"), ("already_off", "link", None)]


def test_this_was_not_me_reopens(pages: Rig) -> None:
    visitor = Visitor(pages)
    visitor.submit(pages.path(ANN), answer="done")
    result = visitor.submit(pages.path(ANN), do="not_me")
    assert "Thank you for telling us" in result.text
    assert pages.answers(ANN) == [("done", "link", "not_me")]


def test_a_form_without_an_answer_comes_back_with_a_clear_word(pages: Rig) -> None:
    for fields in ({}, {"answer": ""}, {"answer": "maybe"}):
        result = Visitor(pages).submit(pages.path(ANN), **fields)
        assert result.status == 422
        assert "Please choose one of the answers" in result.text
        assert result.body.count('type="radio"') == 5
    assert pages.answers(ANN) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2025, 10, 31, 12, 0, tzinfo=UTC), "3 days left"),
        (datetime(2025, 11, 1, 22, 59, tzinfo=UTC), "2 days left"),
        (datetime(2025, 11, 1, 23, 0, tzinfo=UTC), "Today is the last day"),
        (datetime(2025, 11, 2, 22, 59, tzinfo=UTC), "Today is the last day"),
        (datetime(2025, 11, 2, 23, 0, tzinfo=UTC), "The day has passed, but you can still do it"),
        (datetime(2026, 1, 31, 22, 59, tzinfo=UTC), "The day has passed, but you can still do it"),
    ],
)
def test_the_days_left_are_those_where_the_person_is(pages: Rig, now: datetime, said: str) -> None:
    """In Zurich midnight is 23:00 UTC in winter."""
    pages.clock.move_to(now)
    assert said in Visitor(pages).get(pages.path(ANN)).text


def test_one_instant_is_another_day_elsewhere(pages: Rig) -> None:
    """2 November, noon in Zurich, is past midnight in Auckland (UTC+13)."""
    pages.clock.move_to(datetime(2025, 11, 2, 11, 30, tzinfo=UTC))
    assert "Today is the last day" in Visitor(pages).get(pages.path(ANN)).text
    assert "The day has passed" in Visitor(pages).get(pages.path(KAI)).text


def test_a_closed_campaign_says_so(pages: Rig) -> None:
    """90 days after 3 November 2025 is 1 February 2026; it begins at 23:00 UTC in Zurich."""
    pages.clock.move_to(datetime(2026, 1, 31, 23, 0, tzinfo=UTC))
    page = Visitor(pages).get(pages.path(ANN))
    assert page.status == 410
    assert "come to its end" in page.text
    assert "privacy@example.com" in page.text


def test_somebody_who_left_is_told_so(pages: Rig) -> None:
    page = Visitor(pages).get(pages.path(LEA))
    assert page.status == 410
    assert "no longer works at Example SA" in page.text


@pytest.mark.parametrize(
    ("language", "title"),
    [("fr", "Nous ne connaissons pas ce lien"), ("de", "Diesen Link kennen wir nicht"), ("pt", "We do not know this link")],
)
def test_an_unknown_link_is_met_in_the_language_of_the_browser(pages: Rig, language: str, title: str) -> None:
    page = Visitor(pages, language).get(f"/a/{CAMPAIGN.id}/{'A' * 44}")
    assert (page.status, page.title) == (404, title)
    assert "privacy@example.com" in page.text


def test_a_genuine_link_of_a_campaign_that_is_gone(pages: Rig) -> None:
    page = Visitor(pages).get(pages.path(ANN, campaign="long-gone"))
    assert page.status == 404
    assert "Your link is genuine" in page.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/a", "/a/x", "/a/x/y/z", "/%00", "/a/%2e%2e/%2e%2e", "/wp-login.php", "//", "/a/é".replace("é", "%ff")]
)
def test_elsewhere_there_is_a_kind_page(pages: Rig, path: str) -> None:
    page = Visitor(pages).get(path)
    assert page.status == 404
    assert "privacy@example.com" in page.text


def test_the_first_page_says_what_this_is(pages: Rig) -> None:
    page = Visitor(pages).get("/")
    assert (page.status, page.title) == (200, "Reminders from Example SA")


def test_other_methods_are_refused_in_words(pages: Rig) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        page = Visitor(pages).get(pages.path(ANN), method=method)
        assert page.status == 405
        assert "cannot be done here" in page.text


def test_a_store_that_is_gone_is_met_in_words(pages: Rig) -> None:
    with pages.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE acknowledgements RENAME TO elsewhere")
    page = Visitor(pages).get(pages.path(ANN))
    assert page.status == 503
    assert page.headers["retry-after"] == "60"
    assert "nothing was recorded" in page.text
    ready = Visitor(pages).get("/readyz")
    assert ready.status == 503
    assert Visitor(pages).get("/healthz").status == 200
