"""The dashboard's sentences: what a campaign page and a person page say of each case, word for word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.delivery.explain import StepStory
from notifier.delivery.phrases import Phrase, phrase
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.employee import Employee
from notifier.domain.operators import Operator, Role
from notifier.domain.progress import Figure, Row
from notifier.store.acknowledgements import Acknowledgement
from notifier.store.employees import StoredEmployee
from notifier.store.finding import Gap
from notifier.store.organisation import RosterHealth
from notifier.store.stories import Story
from notifier.store.tables import Kind, State
from notifier.summary.organisation import OrganisationFigures, Point
from notifier.web.dashboard import campaign, person, roster
from notifier.web.dashboard.frame import View
from notifier.web.dashboard.person import Line, Looked

NOW = datetime(2025, 10, 20, 8, 0, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(days=2), NOW + timedelta(days=2)
OLGA = Operator("notifier", "Olga", "Olga", Role.OFFICER, 1)
ENGLISH = View(OLGA, "en", ZoneInfo("Europe/Zurich"), "/admin", "token", NOW)
FRENCH = replace(ENGLISH, language="fr")
ANN = StoredEmployee(1, Employee("1", "ann@example.com", "Ann", "X", "Europe/Zurich"), "A" * 22, 1, None, 1, BEFORE, None)


@pytest.mark.parametrize(
    ("days_left", "said"),
    [
        (19, "19 days left"),
        (2, "2 days left"),
        (1, "today is the last day"),
        (0, "the deadline is today"),
        (-1, "1 day past the deadline"),
        (-12, "12 days past the deadline"),
    ],
)
def test_the_days_until_the_deadline_in_words(days_left: int, said: str) -> None:
    assert campaign.countdown(ENGLISH, days_left) == said


@pytest.mark.parametrize(
    ("at_least", "at_most", "said"), [(1204, 1204, "1,204"), (0, 1002, "at most 1,002"), (1198, 1200, "at least 1,198")]
)
def test_a_figure_is_exact_or_has_one_bound(at_least: int, at_most: int, said: str) -> None:
    assert campaign._bounds(ENGLISH, at_least, at_most, 1200) == said


def figures(*settled: int) -> OrganisationFigures:
    """Of a campaign with so many settled, day by day."""
    first = date(2025, 10, 4)
    curve = tuple(Point(first + timedelta(days=day), 5000, count) for day, count in enumerate(settled))
    health = RosterHealth(None, None, 5000, 1, 2, 3, 4, 5)
    return OrganisationFigures(
        *("x", NOW, NOW.date(), date(2025, 11, 3), 14, 5000, settled[-1]), *((), (), (), {}, {}), curve, {}, 0, (), health
    )


@pytest.mark.parametrize(
    ("settled", "said"),
    [
        ((0, 1, 2, 3, 4, 5, 1500), ""),  # today and six days before it
        ((100, 1, 2, 3, 4, 5, 6, 1400), "1,300 more settled than a week ago"),
        ((9, 100, 2, 3, 4, 5, 6, 7, 101), "1 more settled than a week ago"),
        ((1400, 1, 2, 3, 4, 5, 6, 100), "1,300 fewer settled than a week ago"),
        ((101, 1, 2, 3, 4, 5, 6, 100), "1 fewer settled than a week ago"),
        ((7, 1, 2, 3, 4, 5, 6, 7), "as many settled as a week ago"),
    ],
)
def test_the_change_of_a_week_in_words(settled: tuple[int, ...], said: str) -> None:
    assert campaign._pace(ENGLISH, figures(*settled)) == said


def row(*cells: str, people: int = 1200, at_least: int = 300, at_most: int = 300) -> Row:
    return Row(cells, Figure(people, at_least, at_most))


def test_a_line_of_a_table_names_its_cells_and_leads_to_them() -> None:
    title, heading, lines, more = campaign._table(ENGLISH, "campaign=x&", "country", [row("CH", "")], ENGLISH.country)
    assert (title, heading, more) == ("By country", "Country", 0)
    href = "/admin/people?campaign=x&country=CH&country="
    assert lines == [campaign.Line("Switzerland, not in the roster", href, "1,200", "300", "900", 25)]


def test_cells_without_a_word_have_one() -> None:
    (line,) = campaign._table(ENGLISH, "", "language", [row("", "fr", at_least=0, at_most=2)], ENGLISH.tongue)[2]
    assert line == campaign.Line(
        "French, organisation’s default", "/admin/people?language=&language=fr", "1,200", "at most 2", "at least 1,198", 0
    )


def test_of_many_cells_three_are_named() -> None:
    lines = campaign._table(ENGLISH, "", "department", [row("d", "a", "c", people=30), row("d", "a", "c", "b")], str)[2]
    assert [line.name for line in lines] == ["a, b, c … (4)", "a, c, d"]


def test_the_largest_twenty_have_a_line_and_the_rest_is_counted() -> None:
    rows = [row(f"team {number:02}", people=1000 + number % 20) for number in range(22)]
    *titles, lines, more = campaign._table(ENGLISH, "", "department", rows, str)
    assert (titles, more) == (["By department", "Department"], 2)
    assert [line.name for line in lines[:2]] == ["team 19", "team 18"]
    assert [line.name for line in lines[-3:]] == ["team 02", "team 01", "team 21"]


def test_the_gaps_of_the_roster_are_counted_each_for_itself() -> None:
    health = figures(0).roster
    named = {Gap.LANGUAGE: 1, Gap.DEPARTMENT: 2, Gap.COUNTRY: 3, Gap.MANAGER: 4, Gap.KNOWN_MANAGER: 5}
    assert roster._gaps(health) == named


def answer(given: Answer, assurance: Assurance = Assurance.LINK, **more: Any) -> Acknowledgement:
    known = Acknowledgement(1, "x", 1, given, assurance, given.settles, "page", BEFORE, None, None, None)
    return replace(known, **more)


@pytest.mark.parametrize(
    ("current", "english", "french"),
    [
        (None, "Open", "En attente"),
        (answer(Answer.HELP), "Open: asks for help", "En attente\u00a0: demande de l’aide"),
        (answer(Answer.NO_ACCOUNT), "Settled: no account", "Réglé\u00a0: pas de compte"),
    ],
)
def test_where_a_person_stands_in_words(current: Acknowledgement | None, english: str, french: str) -> None:
    assert (person._standing(ENGLISH, current), person._standing(FRENCH, current)) == (english, french)


def looked(**known: Any) -> Looked:
    nothing: dict[str, Any] = dict.fromkeys(("answers", "told", "ways", "entries", "steps"), ())
    return Looked(**nothing | {"person": ANN, "retryable": 0} | known)


def test_the_answer_that_counts_is_the_one_that_was_not_taken_back() -> None:
    taken_back, given = answer(Answer.HELP, revoked_at=NOW), answer(Answer.DONE)
    assert looked(answers=[taken_back, given]).current is given
    assert looked(answers=[taken_back]).current is None


def test_an_answer_is_told_with_how_sure_it_is_and_who_gave_it_and_that_it_was_taken_back() -> None:
    attested = answer(Answer.ALREADY_OFF, Assurance.ATTESTED, actor="Olga (notifier|Olga)", revoked_at=LATER)
    told = list(person._answers(ENGLISH, looked(answers=[attested, answer(Answer.DONE)])))
    assert told == [
        Line(BEFORE, "answer: already off", [("attested by an operator", "en")], words="Olga (notifier|Olga)"),
        Line(LATER, "taken back: already off"),
        Line(BEFORE, "answer: done", [("by the personal link", "en")]),
    ]
    (french,) = person._answers(FRENCH, looked(answers=[answer(Answer.DONE)]))
    assert french == Line(BEFORE, "réponse\u00a0: fait", [("par le lien personnel", "fr")])


def story(kind: Kind, state: State, at: datetime, **more: Any) -> Story:
    known = Story(
        *(1, 1, "1", "ann@example.com", "Europe/Zurich", "x", kind, 0, "receipt", "smtp"),
        *(None, None, state, None, None, 1, at, at, None),
    )
    return replace(known, **more)


def test_what_is_no_step_of_the_countdown_is_told_beside_it() -> None:
    told = [
        story(Kind.REMINDER, State.ACCEPTED, BEFORE),
        story(Kind.REWRITE, State.ACCEPTED, BEFORE),
        story(Kind.RECEIPT, State.ACCEPTED, BEFORE, reply="250 Ok"),
        story(Kind.NUDGE, State.REFUSED, NOW, channel="slack", reason="user_disabled"),
        story(Kind.SUMMARY, State.PLANNED, LATER),
    ]
    assert list(person._others(ENGLISH, looked(told=told))) == [
        Line(BEFORE, "receipt: handed over", [("e-mail", "en")], words="250 Ok"),
        Line(NOW, "reminder that the manager asked for: refused for good", [("Slack", "en")], words="user_disabled"),
        Line(LATER, "summary for a manager: waiting", [("e-mail", "en")], is_to_come=True),
    ]


def step(at: datetime, state: str, *reasons: Phrase, reply: str | None = None) -> StepStory:
    return StepStory("x", 30, "notice", at.date(), at, state, reasons, reply=reply)


def test_a_step_is_told_with_its_state_and_the_providers_words_once() -> None:
    handed, refused = phrase("handed over by %(channel)s", channel="smtp"), Phrase("550 no such user")
    steps = [
        step(BEFORE, "accepted", handed, reply="250 Ok"),
        step(NOW, "refused", refused, reply="550 no such user"),
        step(LATER, "not planned", phrase("the person had answered")),
    ]
    assert list(person._steps(ENGLISH, looked(steps=steps))) == [
        Line(BEFORE, "notice: handed over", [("handed over by e-mail", "en")], words="250 Ok"),
        Line(NOW, "notice: refused for good", [("550 no such user", "en")]),
        Line(LATER, "notice: not planned", [("the person had answered", "en")], is_to_come=True),
    ]


def test_each_piece_of_a_reason_is_in_the_viewers_language_or_says_that_it_is_not() -> None:
    reasons = [
        phrase("the person had answered"),
        phrase("the step %(step)s goes out on the same day", step=phrase("%(count)s days before the deadline", count=7)),
        phrase("moved from %(day)s (%(because)s)", day=date(2025, 10, 4), because=phrase("weekend")),
        Phrase("550 no such user"),
    ]
    *(answered, same_day, moved), said = person._why(FRENCH, reasons)
    assert answered == ("la personne avait répondu", "fr")
    assert (same_day[1], "7 jours avant l’échéance" in same_day[0]) == ("fr", True)
    assert moved == ("au lieu du samedi 4 octobre 2025 (week-end)", "fr")
    assert said == ("550 no such user", "en")


def test_a_state_that_no_row_is_in_has_its_word_too() -> None:
    states = ("retry", "not needed", "waiting")
    assert [person._state(ENGLISH, state) for state in states] == ["will be tried again", "not needed", "waiting"]
    assert [person._state(FRENCH, state) for state in states] == ["sera réessayé", "inutile", "en attente"]
