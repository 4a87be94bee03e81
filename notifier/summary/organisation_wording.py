"""The organisation's figures in words, in the reader's language. Every sentence fits any number, so none needs a plural."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from notifier.content.facts import LOCALES, moment
from notifier.content.words import words
from notifier.domain.campaign import Answer, Assurance
from notifier.domain.progress import Figure, Row
from notifier.store.tables import State
from notifier.summary.organisation import NextStep, RosterHealth
from notifier.summary.organisation_letter import CampaignReport, OrganisationLetter
from notifier.summary.wording import Wording

DOMAIN = "organisation"
WORDS = {
    "answer": "%(settled)s of %(people)s settled, %(open)s open, %(left)s",
    "unreached": "%(answer)s; %(count)s cannot be reached",
    "further": "%(answer)s; campaigns besides: %(count)s",
    "finished": "All %(people)s settled",
    "at_least": "at least %(settled)s of %(people)s settled",
    "at_most": "at most %(settled)s of %(people)s settled",
    "exact": "%(settled)s of %(people)s settled, %(open)s open",
    "change": "%(count)s settled since %(day)s.",
    "stand": "Where the organisation stands, as of %(moment)s.",
    "by_country": "By country",
    "by_department": "By department",
    "by_language": "By language",
    "nothing": "not said in the roster",
    "default": "the organisation’s default",
    "small": "Groups that are too small to stand alone are shown together. Near none and near all, figures are not exact.",
    "curve": "Open, day by day",
    "day": "Day",
    "people": "People",
    "settled": "Settled",
    "open": "Open",
    "answers": "Answers",
    "done": "have switched it off",
    "already_off": "was off already",
    "no_account": "have no account",
    "prefer_not_to_say": "prefer not to say",
    "help": "need help",
    "exempt": "taken out by an operator",
    "assurances": "How sure the answers are",
    "sso": "signed in",
    "slack": "in Slack",
    "link": "by personal link",
    "provisional": "perhaps given by a program",
    "attested": "by an operator, on behalf",
    "evidence": "Evidence",
    "seal": "Newest seal of the ledger, number %(number)s: %(hash)s. Keep this message: it shows later that nothing was changed.",
    "next": "What goes out next",
    "step": "%(message)s, from %(moment)s: %(count)s people are open",
    "no_step": "Nothing more.",
    "undeliverable": "Cannot be reached",
    "person": "Id",
    "reason": "What the providers said",
    "more": "and more, in the attached file: %(count)s",
    "everybody": "Everybody who is open can be reached.",
    "reminders": "Reminders",
    "planned": "planned",
    "claimed": "being sent",
    "retry": "to be tried again",
    "accepted": "accepted",
    "refused": "refused",
    "unknown": "outcome unknown",
    "superseded": "overtaken by a later one",
    "cancelled": "cancelled",
    "missed": "missed",
    "roster": "Roster",
    "applied": "last applied %(moment)s; rows set aside: %(count)s",
    "never": "never applied",
    "refused_roster": "refused %(moment)s: %(reason)s",
    "without_manager": "without a manager",
    "unknown_manager": "with a manager whom the roster does not have",
    "without_language": "without a language",
    "without_department": "without a department",
    "without_country": "without a country",
    "campaign": "Campaign",
    "group": "Group",
    "pair": "%(name)s: %(said)s",
    "settled_least": "Settled, at least",
    "settled_most": "Settled, at most",
}
"""What is said, by what it is for."""

_TOGETHER = ", "
_HEALTH = ("without_manager", "unknown_manager", "without_language", "without_department", "without_country")


@dataclass(frozen=True, slots=True)
class OrganisationWording:
    """The words of one language.

    Attributes:
        today: where the reader is.
        zone: the organisation's; all times of day are of it.
    """

    language: str
    today: date
    zone: ZoneInfo

    def say(self, what: str, **values: object) -> str:
        """The sentence of WORDS, with these values."""
        return words(self.language, DOMAIN)(WORDS[what]) % values

    def number(self, number: int) -> str:
        """ "1,204"."""
        return str(format_decimal(number, locale=LOCALES[self.language]))

    def day(self, day: date) -> str:
        """ "13 Oct 2025"."""
        return str(format_date(day, "medium", locale=LOCALES[self.language]))

    def moment(self, at: datetime) -> str:
        """ "13 October 2025 at 08:00"."""
        return moment(at.astimezone(self.zone), self.language, "long")

    def subject(self, letter: OrganisationLetter) -> str:
        """The answer, about the campaign with the nearest deadline."""
        said = self.answer(letter.campaigns[0])
        others = len(letter.campaigns) - 1
        return self.say("further", answer=said, count=self.number(others)) if others else said

    def answer(self, report: CampaignReport) -> str:
        """ "812 of 1,204 settled, 392 open, 19 days left; 7 cannot be reached"."""
        counted = report.figures
        if not counted.open:
            return self.say("finished", people=self.number(counted.people))
        left = Wording(self.language, self.today, "").time_left(counted.deadline)
        numbers = {name: self.number(getattr(counted, name)) for name in ("settled", "people", "open")}
        said = self.say("answer", **numbers, left=left)
        return self.say("unreached", answer=said, count=self.number(counted.undeliverable)) if counted.undeliverable else said

    def change(self, report: CampaignReport) -> str:
        """What is new since the letter before, or ""."""
        if report.settled_before is None or report.before_on is None:
            return ""
        change = report.figures.settled - report.settled_before
        return self.say("change", count=f"{'+' if change >= 0 else '−'}{self.number(abs(change))}", day=self.day(report.before_on))

    def figure(self, figure: Figure) -> str:
        """ "18 of 30 settled, 12 open", "at most 2 of 30 settled"."""
        people = self.number(figure.people)
        if figure.settled is not None and figure.open is not None:
            return self.say("exact", settled=self.number(figure.settled), people=people, open=self.number(figure.open))
        if figure.at_most == figure.people:
            return self.say("at_least", settled=self.number(figure.at_least), people=people)
        return self.say("at_most", settled=self.number(figure.at_most), people=people)

    def country(self, row: Row) -> str:
        """What the row of a table by country is about."""
        territories = Locale.parse(LOCALES[self.language]).territories
        return _TOGETHER.join(str(territories.get(cell, cell)) if cell else self.say("nothing") for cell in row.cells)

    def department(self, row: Row) -> str:
        """What the row of a table by department is about."""
        return _TOGETHER.join(cell or self.say("nothing") for cell in row.cells)

    def spoken(self, row: Row) -> str:
        """What the row of a table by language is about."""
        names = Locale.parse(LOCALES[self.language]).languages
        return _TOGETHER.join(str(names.get(cell, cell)) if cell else self.say("default") for cell in row.cells)

    def step(self, step: NextStep) -> str:
        """When a step goes out, and to how many."""
        return self.say("step", message=step.message, moment=self.moment(step.begins_at), count=self.number(step.people))

    def counts(self, counted: Mapping[Answer, int] | Mapping[Assurance, int] | Mapping[State, int]) -> Iterator[str]:
        """A line for each of those that there are."""
        for word, count in counted.items():
            if count:
                yield self.pair(self.say(word.value), self.number(count))

    def pair(self, name: str, said: str) -> str:
        """ "name: said"."""
        return self.say("pair", name=name, said=said)

    def seal(self, letter: OrganisationLetter) -> Iterator[str]:
        """What shows later that nothing was changed, if anything is sealed."""
        if letter.seal is not None:
            number, seal = letter.seal
            yield self.say("seal", number=self.number(number), hash=seal)

    def health(self, roster: RosterHealth) -> Iterator[str]:
        """How fresh the roster is, then what it lacks."""
        if roster.applied is None:
            yield self.say("never")
        else:
            yield self.say("applied", moment=self.moment(roster.applied.at), count=self.number(roster.applied.set_aside))
        if roster.refused is not None:
            yield self.say("refused_roster", moment=self.moment(roster.refused.at), reason=roster.refused.reason or "")
        for name in _HEALTH:
            if count := getattr(roster, name):
                yield self.pair(self.say(name), self.number(count))
