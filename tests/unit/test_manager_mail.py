"""Letters to managers in words: the figures the domain allows and no other, in three languages, for mail and for Slack."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.base import Outgoing
from notifier.channels.mail_bytes import mail_bytes
from notifier.content.catalogue import Catalogue
from notifier.content.lint import LARGEST_MAIL
from notifier.content.slack_blocks import LONGEST_SECTION, LONGEST_TEXT
from notifier.domain.employee import LANGUAGES
from notifier.domain.links import LinkKeys, parse_team
from notifier.domain.progress import Figure, Tally
from notifier.store.claims import Claimed
from notifier.store.tables import Kind
from notifier.summary.facts import Bar, OpenReport, Surroundings, TeamLetter, TeamProgress, read, written
from notifier.summary.manager_mail import ManagerMail
from notifier.summary.texts import Texts, campaign_title
from notifier.summary.wording import WORDS, Wording
from tests.delivery_rig import SENDER, TEMPLATES, shipped_texts
from tests.summary_rig import CAMPAIGN, OTHER

GOLDEN = Path(__file__).parents[1] / "golden" / "summary"
LOCALE = Path(__file__).parents[2] / "notifier" / "locale"
MONDAY = date(2025, 10, 13)
KEYS = LinkKeys({1: b"k" * 32}, 1)

EXACT = TeamProgress(
    CAMPAIGN.id,
    CAMPAIGN.deadline,
    bars=(
        Bar(direct=True, teams=(), figure=Figure(12, 9, 9)),
        Bar(direct=False, teams=("Bruno Exemple", "Dieter Muster"), figure=Figure(14, 13, 13)),
        Bar(direct=False, teams=("Fiona Sample",), figure=Figure(15, 14, 14)),
    ),
    before=Figure(41, 27, 27),
    before_on=date(2025, 10, 6),
)
EDGES = replace(
    EXACT,
    bars=(
        Bar(direct=False, teams=("Bruno Exemple",), figure=Figure(14, 12, 14)),
        Bar(direct=True, teams=("Dieter Muster",), figure=Figure(20, 0, 2)),
    ),
    named=(OpenReport('Žofie "Žo" {{7*7}} <b>O’Neil', 3, date(2025, 10, 31)), OpenReport("Zoé Exemple", 0, None)),
)
AROUND = TeamProgress(OTHER.id, OTHER.deadline, around=Surroundings("Ada Beispiel", Figure(41, 36, 36)))
ORGANISATION = TeamProgress(CAMPAIGN.id, CAMPAIGN.deadline, around=Surroundings(None, Figure(41, 3, 3)))
LAST = replace(EXACT, bars=(Bar(direct=True, teams=(), figure=Figure(41, 39, 41)),), last=True)
NOBODY_NAMED = TeamProgress(CAMPAIGN.id, CAMPAIGN.deadline, last=True)


def letter(*campaigns: TeamProgress, next_on: date | None = MONDAY + timedelta(days=7)) -> TeamLetter:
    return TeamLetter(MONDAY, campaigns, next_on, MONDAY + timedelta(days=14))


STORIES = {
    "exact": (letter(EXACT), Kind.SUMMARY),
    "edges-and-names": (letter(EDGES), Kind.SUMMARY),
    "two-campaigns": (letter(EXACT, AROUND), Kind.SUMMARY),
    "organisation": (letter(ORGANISATION), Kind.SUMMARY),
    "last": (letter(LAST, next_on=None), Kind.SUMMARY),
    "nobody-named-is-open": (letter(NOBODY_NAMED, next_on=None), Kind.SUMMARY),
    "escalation": (letter(EXACT, next_on=None), Kind.ESCALATION),
}


def writer(catalogue: Catalogue | None = None) -> ManagerMail:
    campaigns = {CAMPAIGN.id: CAMPAIGN}
    texts = catalogue or shipped_texts()
    return ManagerMail(
        texts=Texts([TEMPLATES], SENDER),
        campaigns=campaigns,
        title_of=lambda campaign, language: campaign_title(texts, campaigns[campaign], language),
        keys=KEYS,
        base_url="https://notifier.example.com",
        organisation="Example SA",
        default_language="en",
    )


WRITER = writer()


def row(content: TeamLetter, language: str | None = "en", *, kind: Kind = Kind.SUMMARY, today: date = MONDAY) -> Claimed:
    noon = datetime(2025, 10, 13, 12, tzinfo=UTC)
    return Claimed(
        id=7,
        epoch=1,
        campaign="",
        kind=kind,
        occasion=202542,
        message="manager" if kind is Kind.SUMMARY else "escalation",
        attempts=1,
        message_id="7.4f1c@notifier.example.com",
        dated=noon,
        expires_at=noon,
        today=today,
        first_notice=False,
        employee_key=1,
        address="ada@example.com",
        email="ada@example.com",
        given_name="Ada",
        family_name="Beispiel",
        roster_language=language,
        language_choice=None,
        country="CH",
        time_zone="Europe/Zurich",
        public_id="A" * 22,
        link_version=1,
        answer=None,
        answered_at=None,
        letter=written(content),
    )


def mail(content: TeamLetter, language: str = "en", **more: object) -> Outgoing:
    return WRITER.compose(row(content, language, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("story", STORIES)
def test_the_words_are_those_written_down(story: str, language: str) -> None:
    content, kind = STORIES[story]
    rendered = mail(content, language, kind=kind).rendered
    expected = (GOLDEN / f"{story}.{language}.txt").read_text(encoding="utf-8")
    assert f"{rendered.subject}\n\n{rendered.text}" == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("story", STORIES)
def test_html_text_and_slack_say_the_same(story: str, language: str) -> None:
    content, kind = STORIES[story]
    rendered = mail(content, language, kind=kind).rendered
    on_slack = WRITER.compose(row(content, language, kind=kind), "slack").rendered
    seen = words_of(re.sub(r"<style.*?</style>|<title.*?</title>", "", rendered.html, flags=re.DOTALL))
    for line in rendered.text.splitlines():
        said = line.replace("#", "").replace(".  ", "  ").strip("-= .")
        for part in re.split(r"\s{2,}", said):
            assert words_of(part) <= seen | words_of(rendered.text.split("\n\n")[-1]), part
    figures = re.findall(r"\d+ \w+ \d+", rendered.text)
    assert all(figure in on_slack.text for figure in figures)
    assert rendered.html.count("<h1") == 1
    assert all(len(block.get("text", {}).get("text", "")) <= LONGEST_SECTION for block in on_slack.blocks)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w@]+", unescape(re.sub(r"<[^>]+>", " ", text))))


def test_the_days_are_counted_when_it_is_handed_over() -> None:
    content = letter(EXACT)
    said = {days: mail(content, today=CAMPAIGN.deadline - timedelta(days=days)).rendered.subject for days in (19, 1, 0, -1, -3)}
    assert said == {
        19: "36 of 41 settled, 5 open, 19 days left – LinkedIn and AI training",
        1: "36 of 41 settled, 5 open, 1 day left – LinkedIn and AI training",
        0: "36 of 41 settled, 5 open, deadline today – LinkedIn and AI training",
        -1: "36 of 41 settled, 5 open, deadline yesterday – LinkedIn and AI training",
        -3: "36 of 41 settled, 5 open, deadline 3 days ago – LinkedIn and AI training",
    }


@pytest.mark.parametrize(
    ("settled", "before", "sentence"),
    [
        (36, 27, "9 more settled than on Monday, 6 October 2025. At this pace, all will be settled by Friday, 17 October 2025."),
        (30, 27, "3 more settled than on Monday, 6 October 2025. At this pace, not all will be settled by the deadline."),
        (27, 27, "As many settled as on Monday, 6 October 2025."),
        (25, 27, "2 fewer settled than on Monday, 6 October 2025."),
    ],
)
def test_the_change_and_the_pace(settled: int, before: int, sentence: str) -> None:
    """5 open at 9 a week take 4 days; 11 open at 3 a week take 26, which is after 3 November."""
    figure = Figure(41, settled, settled)
    progress = replace(EXACT, bars=(Bar(direct=True, teams=(), figure=figure),), before=Figure(41, before, before))
    assert Wording("en", MONDAY, "Example SA").change(progress, MONDAY) == sentence


def test_no_change_is_told_where_a_figure_is_not_exact() -> None:
    assert Wording("en", MONDAY, "").change(EDGES, MONDAY) == ""
    assert Wording("en", MONDAY, "").change(replace(EXACT, before=Figure(41, 0, 2)), MONDAY) == ""
    assert "settled than" not in mail(letter(EDGES)).rendered.text


def test_the_link_is_the_managers_own_and_ends() -> None:
    rendered = mail(letter(EXACT)).rendered
    (address,) = set(re.findall(r"https://notifier\.example\.com/t/([\w-]+)", rendered.html))
    parsed = parse_team(address)
    assert parsed is not None
    assert (parsed.public_id, parsed.until) == ("A" * 22, MONDAY + timedelta(days=14))
    assert KEYS.matches_team(parsed, 1)
    assert not KEYS.matches_team(parsed, 2)


names = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["<b>x</b>", "<script>", "{{ 7*7 }}", "{% raw %}", "&lt;i&gt;", "q9figures9q"]
)


@settings(max_examples=40)
@given(names=st.lists(names, min_size=1, max_size=4), language=st.sampled_from(LANGUAGES))
def test_whatever_people_are_called(names: list[str], language: str) -> None:
    """The guard that looks at the finished bytes lets it through, and no name becomes markup or a tag."""
    clean = [name.replace("@", "") for name in names]
    people = tuple(OpenReport(name, 1, None) for name in clean)
    progress = replace(EXACT, bars=(Bar(direct=False, teams=tuple(clean), figure=Figure(12, 5, 5)),), named=people)
    outgoing = mail(letter(progress), language)
    assert mail_bytes(outgoing, sender="Privacy Office <privacy@example.com>", reply_to="privacy@example.com")
    plain = mail(letter(replace(progress, bars=(Bar(direct=False, teams=("x",), figure=Figure(12, 5, 5)),), named=())), language)
    tags = set(re.findall(r"<\w+", plain.rendered.html)) | {"<ul", "<li", "<h2"}
    assert set(re.findall(r"<\w+", outgoing.rendered.html)) <= tags
    assert len(WRITER.compose(row(letter(progress), language), "slack").rendered.text) <= LONGEST_TEXT


tallies = st.builds(
    lambda people, left, settled: Tally(people, min(left, people), min(settled, people)),
    st.integers(10, 60),
    st.integers(0, 5),
    st.integers(0, 60),
)


@settings(max_examples=60)
@given(bars=st.lists(tallies, min_size=1, max_size=30), language=st.sampled_from(LANGUAGES))
def test_no_figure_but_those_of_the_letter_is_told_and_the_bars_are_the_total(bars: list[Tally], language: str) -> None:
    figures = [figure for tally in bars if (figure := tally.figure(10))]
    if not figures:
        return
    drawn = tuple(Bar(direct=place == 0, teams=() if place == 0 else ("T",), figure=one) for place, one in enumerate(figures))
    progress = replace(EXACT, bars=drawn, before=None, before_on=None)
    text = mail(letter(progress), language).rendered.text
    told = [int(number) for line in text.splitlines() if line[:1] in "#." for number in re.findall(r"\d+", line)]
    shown = lines_of(text)
    total = progress.total
    assert total is not None
    parts = shown[: 1 if len(figures) <= 1 else len(shown)]
    subtotal = 1 if len(figures) > 2 else 0  # all further down: the sum of the bars below it
    own = parts[:1] + parts[1 + subtotal :]
    assert sum(people for _, _, people in own) == total.people
    assert sum(low for low, _, _ in own) == total.at_least
    assert sum(high for _, high, _ in own) == total.at_most
    allowed = {0, *(number for one in figures for number in (one.people, one.at_least, one.at_most))}
    if len(figures) <= 12:
        assert set(told) <= allowed | {sum(column) for column in zip(*own[1:], strict=True)}


def lines_of(text: str) -> list[tuple[int, int, int]]:
    """The bars of a text as (at least, at most, people), read as a person would."""
    found = []
    for line in text.splitlines():
        match = re.match(r"[#.]{10} +(\D*)(\d+)(?: (?:to|à|bis) (\d+))? (?:of|sur|von) (\d+)", line)
        if match:
            word, first, second, people = match[1].strip(), int(match[2]), match[3], int(match[4])
            low = 0 if word in {"at most", "au plus", "höchstens"} else first
            high = people if word in {"at least", "au moins", "mindestens"} else int(second or first)
            found.append((low, high, people))
    return found


def test_a_hundred_names_and_a_hundred_teams_stay_small() -> None:
    people = tuple(OpenReport(f"Anne-Sophie de Montmorency-Exemple {count}", 3, date(2025, 10, 31)) for count in range(150))
    bars = tuple(
        Bar(direct=False, teams=(f"Maximilian Mustermann-Beispiel {count}",), figure=Figure(40, 20, 20)) for count in range(100)
    )
    for language in LANGUAGES:
        outgoing = mail(letter(replace(EXACT, bars=bars, named=people)), language)
        assert len(outgoing.rendered.html.encode()) <= LARGEST_MAIL
        assert outgoing.rendered.html.count("Montmorency") == 100
        assert re.search(r"\b50\b", outgoing.rendered.text)  # the rest stands on the page of the team
        on_slack = WRITER.compose(row(letter(replace(EXACT, bars=bars, named=people)), language), "slack").rendered
        assert len(on_slack.text) <= LONGEST_TEXT
        assert len(on_slack.blocks) <= 50


def test_a_letter_is_read_as_it_was_written() -> None:
    for content, _ in STORIES.values():
        assert read(written(content)) == content
    assert read(written(replace(letter(EXACT), silent=("a", "b")))).silent == ("a", "b")


def test_the_language_is_the_managers_and_a_campaign_that_is_gone_has_a_name() -> None:
    content = letter(replace(EXACT, campaign="gone"))
    assert WRITER.compose(row(content, None)).rendered.subject == "36 of 41 settled, 5 open, 21 days left – gone"
    chosen = replace(row(content, "fr"), language_choice="de")
    assert WRITER.compose(chosen).rendered.language == "de"


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_word_is_translated(language: str) -> None:
    with (LOCALE / language / "summary.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    assert {message.id for message in catalogue if message.id} == set(WORDS.values())
    assert not [message.id for message in catalogue if message.id and (message.fuzzy or not message.string or any(message.check()))]


def test_the_texts_are_good() -> None:
    assert WRITER.check() == []


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        ("{{ button }}", "", "the button does not stand where it can"),
        ("{{ body }}", "Voici : {{ body }}", "the figures do not stand where they can"),
    ],
)
def test_a_text_of_ones_own_is_checked(tmp_path: Path, before: str, after: str, wrong: str) -> None:
    (tmp_path / "summary").mkdir()
    mine = (TEMPLATES / "summary" / "manager.fr.md").read_text(encoding="utf-8").replace(before, after)
    (tmp_path / "summary" / "manager.fr.md").write_text(mine, encoding="utf-8")
    own = ManagerMail(
        texts=Texts([tmp_path, TEMPLATES], SENDER),
        campaigns={},
        title_of=lambda campaign, _: campaign,
        keys=KEYS,
        base_url="https://notifier.example.com",
        organisation="Example SA",
        default_language="en",
    )
    (problem,) = own.check()
    assert (problem.path, problem.wrong) == (tmp_path / "summary" / "manager.fr.md", wrong)
