"""A manager's page: the figures of the last letter, one reminder a day, and what the roster has wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select

from notifier.store import ledger, teams
from notifier.store.database import Database
from notifier.store.oversight import team_nudges
from notifier.store.tables import Kind, deliveries, employees
from notifier.summary.facts import OpenReport, TeamLetter, TeamProgress
from tests.pages_rig import ANN, BEN, CAMPAIGN, KAI, LEA, NOW, ZOE, Person, Rig, Visitor
from tests.team_rig import LETTER, UNTIL, path, running_team_page, write


@pytest.fixture(name="rig")
def _rig(sqlite_database: Database) -> Iterator[Rig]:
    with running_team_page(sqlite_database) as rig:
        yield rig


def told(rig: Rig, *people: Person) -> None:
    """A reminder of the countdown reached them last week."""
    rig.clock.move_to(NOW - timedelta(days=7))
    for person in people:
        rig.hand_over(person)
    rig.clock.move_to(NOW)


def nudged(rig: Rig) -> list[int]:
    with rig.database.read() as connection:
        return list(connection.scalars(select(deliveries.c.employee_key).where(deliveries.c.kind == Kind.NUDGE)))


def events(rig: Rig) -> list[tuple[str, str, int | None]]:
    """The ledger, oldest first: what, who, about whom."""
    with rig.database.read() as connection:
        return [(entry.event, entry.actor, entry.employee_key) for entry in ledger.tell(connection)][::-1]


def test_the_page_says_what_the_letter_said(rig: Rig) -> None:
    """16 of 21 and at least 18 of 20: 34 to 36 of 41. Nothing else about answers stands on the page."""
    write(rig)
    page = Visitor(rig).get(path(rig))
    assert page.status == 200
    assert page.title == "Your team"
    for said in (
        "34 to 36 of 41 settled",
        "16 of 21",
        "at least 18 of 20",
        "Team of Kai Auckland",
        "19 days left",
        "13 October 2025",
    ):
        assert said in page.text.replace("\xa0", " "), said
    assert "Benjamin" in page.text
    assert "Lea" not in page.text  # she has left


def test_the_page_never_counts(rig: Rig) -> None:
    """Whoever answers while the page is watched changes nothing on it."""
    write(rig)
    visitor = Visitor(rig)
    before = visitor.get(path(rig)).text
    assert Visitor(rig).submit(rig.path(ANN), answer="done").status == 200
    assert visitor.get(path(rig)).text == before


def test_without_a_letter_there_are_no_figures(rig: Rig) -> None:
    page = Visitor(rig).get(path(rig))
    assert "There are no figures about your team yet" in page.text
    assert not re.search(r"\d+ of \d+", page.text)


def test_names_that_may_be_shown_are_those_of_the_letter(rig: Rig) -> None:
    named = (OpenReport("Ann Example", 3, date(2025, 10, 17)),)
    write(rig, TeamLetter(LETTER.on, (TeamProgress(CAMPAIGN.id, CAMPAIGN.deadline, named=named),), None, UNTIL))
    text = Visitor(rig).get(path(rig)).text.replace("\xa0", " ")
    assert "Open among your direct reports Ann Example reminders so far: 3, on leave until Friday, 17 October 2025" in text


def test_the_open_ones_are_reminded_once_a_day_and_their_number_is_not_told(rig: Rig) -> None:
    write(rig)
    told(rig, BEN, ANN, KAI)
    visitor = Visitor(rig)
    page = visitor.submit(path(rig), do="remind", campaign=CAMPAIGN.id)
    assert page.status == 200
    assert "will get one more reminder" in page.text
    assert sorted(nudged(rig)) == [BEN.key, ANN.key]  # Kai is in no team of hers
    assert not re.search(r"\b2\b", page.text.split("Your direct reports")[0].split("one more reminder")[1].split("of 41")[0])
    assert "Remind the open ones now" not in page.text

    proof = page.proof
    rig.wait(5)
    again = visitor.post(path(rig), {"proof": proof, "do": "remind", "campaign": CAMPAIGN.id})
    assert again.headers["location"].endswith("said=reminded-before")
    assert len(nudged(rig)) == 2
    assert events(rig) == [("team reminded", "manager e1", None)]


def test_leave_and_back(rig: Rig) -> None:
    visitor = Visitor(rig)
    page = visitor.submit(path(rig), do="leave", person=ANN.public_id, until="2025-10-17")
    assert "Nothing is sent to them before they are back" in page.text
    assert "Ann Example on leave until Friday, 17 October 2025" in page.text.replace("\xa0", " ")
    with rig.database.read() as connection:
        assert teams.noted_leaves(connection) == {"e3": "2025-10-17"}

    page = visitor.submit(path(rig), do="back", person=ANN.public_id)
    assert "on leave until" not in page.text
    with rig.database.read() as connection:
        assert teams.noted_leaves(connection) == {}
        assert connection.scalar(select(employees.c.leave_until).where(employees.c.key == ANN.key)) is None
    assert events(rig) == [("leave noted", "manager e1", ANN.key), ("leave ended", "manager e1", ANN.key)]


@pytest.mark.parametrize("until", ["", "17.10.2025", "2025-10-14", "2099-01-01", "2025-13-01"])
def test_a_day_that_cannot_be_the_last_of_an_absence(rig: Rig, until: str) -> None:
    page = Visitor(rig).submit(path(rig), do="leave", person=ANN.public_id, until=until)
    assert "Please give the last day of the absence" in page.text
    assert events(rig) == []


def test_not_in_my_team_and_back(rig: Rig) -> None:
    visitor = Visitor(rig)
    assert "Somebody will look into it" in visitor.submit(path(rig), do="not-mine", person=BEN.public_id).text
    with rig.database.read() as connection:
        assert [(one.manager_id, one.employee_id) for one in teams.remarks(connection)] == [("e1", "e2")]
    assert "they stay in your team" in visitor.submit(path(rig), do="mine", person=BEN.public_id).text
    with rig.database.read() as connection:
        assert teams.remarks(connection) == []
    assert [event for event, _, _ in events(rig)] == ["not in the team", "in the team after all"]


@pytest.mark.parametrize(
    "form",
    [
        {"do": "leave", "person": KAI.public_id, "until": "2025-10-17"},  # of another team
        {"do": "not-mine", "person": LEA.public_id},  # has left
        {"do": "leave", "until": "2025-10-17"},
        {"do": "dance", "person": ANN.public_id},
        {"do": "remind", "campaign": "another"},
        {},
    ],
)
def test_what_does_not_fit_changes_nothing(rig: Rig, form: dict[str, str]) -> None:
    visitor = Visitor(rig)
    page = visitor.get(path(rig))
    rig.wait(5)
    answered = visitor.post(path(rig), {"proof": page.proof, **form})
    assert answered.headers["location"].endswith("said=unknown")
    assert events(rig) == []
    with rig.database.read() as connection:
        assert connection.execute(select(team_nudges)).all() == []


def test_a_filter_that_presses_every_button_at_once_does_nothing(rig: Rig) -> None:
    write(rig)
    told(rig, BEN, ANN)
    visitor = Visitor(rig)
    page = visitor.get(path(rig))
    answered = visitor.post(path(rig), {"proof": page.proof, "do": "remind", "campaign": CAMPAIGN.id})
    assert answered.headers["location"].endswith("said=again")
    assert nudged(rig) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec_Fetch_Site": "cross-site"}, 403), ({"Origin": "null"}, 403), ({"Content_Type": "text/plain"}, 400)],
)
def test_forms_from_elsewhere_do_nothing(rig: Rig, headers: dict[str, str], status: int) -> None:
    visitor = Visitor(rig)
    page = visitor.get(path(rig))
    rig.wait(5)
    answered = visitor.post(path(rig), {"proof": page.proof, "do": "not-mine", "person": BEN.public_id}, **headers)
    assert answered.status == status
    assert events(rig) == []


def test_a_form_needs_the_page_of_this_browser(rig: Rig) -> None:
    """Not one of another visitor, and not one of the person's own answer page."""
    others = Visitor(rig).get(path(rig)).proof
    own_page = Visitor(rig)
    visitor = Visitor(rig)
    visitor.get(path(rig))
    answer_proof = own_page.get(rig.path(ZOE)).proof
    rig.wait(5)
    for proof, cookies in ((others, visitor.cookies), ("", visitor.cookies), (answer_proof, own_page.cookies)):
        attacker = Visitor(rig)
        attacker.cookies = dict(cookies)
        assert attacker.post(path(rig), {"proof": proof, "do": "not-mine", "person": BEN.public_id}).status == 403
    assert events(rig) == []


def test_only_a_managers_own_link_in_its_time_opens_the_page(rig: Rig) -> None:
    """Not: an answer link, the other way round, another version, a bent one, one whose time is over."""
    good = path(rig)
    assert Visitor(rig).get(good).status == 200
    assert Visitor(rig).get("/t/" + rig.path(ZOE).rpartition("/")[2]).status == 404
    assert Visitor(rig).get(f"/a/{CAMPAIGN.id}/" + good.rpartition("/")[2]).status == 404
    assert Visitor(rig).get(path(rig, version=2)).status == 404
    bent = good[:-1] + ("A" if good[-1] != "A" else "B")
    assert Visitor(rig).get(bent).status == 404
    over = Visitor(rig).get(path(rig, until=date(2025, 10, 14)))
    assert (over.status, over.title) == (410, "This link has had its time")
    assert Visitor(rig).get(path(rig, until=date(2025, 10, 15))).status == 200  # its last day
    rig.void_links(ZOE)
    assert Visitor(rig).get(good).status == 404


def test_a_manager_who_has_left_sees_nothing(rig: Rig) -> None:
    assert Visitor(rig).get(path(rig, LEA)).status == 410


def test_get_and_head_record_nothing(rig: Rig) -> None:
    write(rig)
    for method in ("GET", "HEAD"):
        assert Visitor(rig).get(path(rig) + "?said=reminded&do=remind", method).status == 200
    assert events(rig) == []
    assert nudged(rig) == []


@pytest.mark.parametrize(("language", "title"), [("fr", "Votre équipe"), ("de", "Ihr Team"), ("en", "Your team")])
def test_the_page_speaks_the_managers_language(rig: Rig, language: str, title: str) -> None:
    write(rig)
    page = Visitor(rig).get(f"{path(rig)}?lang={language}")
    assert page.title == title
    assert page.headers["content-language"] == language
    assert len(page.body.encode()) < 30_000


def test_a_large_team_is_one_page(rig: Rig) -> None:
    with rig.database.write() as connection:
        rows = [
            {
                "id": f"n{number}",
                "email": f"n{number}@example.com",
                "email_key": f"n{number}@example.com",
                "given_name": "N",
                "family_name": f"<b>{number}</b>",
                "calendar_id": 1,
                "active": True,
                "public_id": f"{number:022}",
                "manager_id": "e1",
                "joined_at": NOW,
            }
            for number in range(60)
        ]
        connection.execute(insert(employees), rows)
    page = Visitor(rig).get(path(rig))
    assert page.body.count("<details>") == 62
    assert "<b>5</b>" not in page.body
