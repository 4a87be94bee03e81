"""The readable part of an archive of evidence: one page of HTML, to be read and printed anywhere, that fetches nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier import shipped
from notifier.content.facts import LOCALES
from notifier.content.words import words
from notifier.domain.campaign import Campaign
from notifier.domain.ledger import ROSTER_APPLIED, ROSTER_REFUSED
from notifier.store.evidence import Figures
from notifier.store.seals import Seal
from notifier.store.stories import Undeliverable
from notifier.store.tables import State

DOMAIN = "evidence"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Attributes:
        actor: who asked for it; "" for one without names.
        people, settled: of those who are asked at this moment.
        texts: since when each version of a text was in use first, its name, language and hash.
        sealed: the newest seal before the export; the figures are of what it and those before it cover.
    """

    campaign: Campaign
    organisation: str
    made_at: datetime
    actor: str
    figures: Figures
    people: int
    settled: int
    undeliverable: Sequence[Undeliverable]
    with_names: bool
    texts: Sequence[tuple[datetime, str, str, str]]
    sealed: Seal | None


def figures_of(report: Report) -> dict[str, object]:
    """The figures of the report for a program to read."""
    figures = report.figures
    return {
        "campaign": report.campaign.id,
        "deadline": report.campaign.deadline.isoformat(),
        "up_to_position": 0 if report.sealed is None else report.sealed.last,
        "people": report.people,
        "settled": report.settled,
        "reached": figures.reached,
        "undeliverable": len(report.undeliverable),
        "told": [
            {"message": message, "channel": channel, "state": state, "count": count}
            for (message, channel, state), count in sorted(figures.told.items())
        ],
        "answers": [
            {"answer": said, "assurance": sure, "stand": figures.answers[said, sure], "taken_back": figures.taken_back[said, sure]}
            for said, sure in _given(figures)
        ],
        "rosters": {"applied": figures.rosters[ROSTER_APPLIED], "refused": figures.rosters[ROSTER_REFUSED]},
    }


def render(report: Report, language: str) -> str:
    """The page in "en", "fr" or "de"."""
    translate = words(language, DOMAIN)

    def say(text: str, **values: str) -> str:
        return translate(text) % values if values else translate(text)

    folder = shipped.templates() / "evidence"
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html").render(_values(report, language), _=say, language=language)


def _values(report: Report, language: str) -> dict[str, object]:
    translate, locale, figures, campaign = words(language, DOMAIN), LOCALES[language], report.figures, report.campaign

    def number(value: int) -> str:
        return str(format_decimal(value, locale=locale))

    def moment(at: datetime) -> str:
        return str(format_datetime(at, "long", locale=locale))

    def day(on: date) -> str:
        text = str(format_date(on, "long", locale=locale))
        return f"1er{text[1:]}" if language == "fr" and on.day == 1 else text

    return {
        "report": report,
        "campaign": campaign,
        "deadline": day(campaign.deadline),
        "last_day": day(campaign.deadline - timedelta(days=1)),
        "made_at": moment(report.made_at),
        "people": number(report.people),
        "settled": number(report.settled),
        "reached": number(figures.reached),
        "steps": [(number(step.days_before), step.message) for step in campaign.steps],
        "texts": [(moment(at), name, spoken, digest) for at, name, spoken, digest in report.texts],
        "told": [
            (message, channel, translate(STATES.get(state, state)), number(count))
            for (message, channel, state), count in sorted(figures.told.items())
        ],
        "answers": _answers(figures, translate, number),
        "undeliverable": number(len(report.undeliverable)),
        "applied": number(figures.rosters[ROSTER_APPLIED]),
        "refused": number(figures.rosters[ROSTER_REFUSED]),
        "last_roster": figures.last_roster and moment(figures.last_roster),
        "seal": report.sealed and (number(report.sealed.number), number(report.sealed.last), report.sealed.hash),
    }


def _answers(figures: Figures, translate: Callable[[str], str], number: Callable[[int], str]) -> list[tuple[str, ...]]:
    """A row for each answer and assurance: what was said, how sure that is, how many stand, how many were taken back."""
    return [
        (
            translate(ANSWERS.get(said, said)),
            translate(ASSURANCES.get(sure, sure)),
            number(figures.answers[said, sure]),
            number(figures.taken_back[said, sure]),
        )
        for said, sure in _given(figures)
    ]


def _given(figures: Figures) -> list[tuple[str, str]]:
    return sorted(figures.answers.keys() | figures.taken_back.keys())


STATES: dict[str, str] = {
    State.ACCEPTED: "handed over to the provider",
    State.REFUSED: "refused by the provider",
    State.UNKNOWN: "handed over, outcome unknown",
    State.SUPERSEDED: "not sent: a later message took over",
    State.CANCELLED: "not sent: answered, left, or no way to reach them",
    State.MISSED: "not sent: too late",
}
ANSWERS = {
    "done": "done",
    "already_off": "was off already",
    "no_account": "no account",
    "prefer_not_to_say": "prefers not to say",
    "help": "asked for help",
    "exempt": "exempted by an operator",
}
ASSURANCES = {
    "sso": "signed in",
    "slack": "pressed in Slack",
    "link": "through the personal link",
    "provisional": "through the link, perhaps by a machine",
    "attested": "recorded by an operator",
}
