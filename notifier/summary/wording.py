"""Figures in words, in the reader's language. Settled and open are the only two words for how somebody stands.

Every sentence fits any number that it can meet, so none needs a plural: what is near none and all is said as a bound, never as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from notifier.content.facts import Facts, Sender, context
from notifier.content.words import words
from notifier.domain.countdown import days_left
from notifier.domain.progress import Figure
from notifier.summary.facts import Bar, OpenReport, TeamProgress

DOMAIN = "summary"
WORDS = {
    "exact": "%(settled)d of %(people)d settled, %(open)d open",
    "at_least": "at least %(settled)d of %(people)d settled",
    "at_most": "at most %(settled)d of %(people)d settled",
    "between": "%(least)d to %(settled)d of %(people)d settled",
    "open": "%(open)d of %(people)d open",
    "open_at_least": "at least %(open)d of %(people)d open",
    "exact_short": "%(settled)d of %(people)d",
    "at_least_short": "at least %(settled)d of %(people)d",
    "at_most_short": "at most %(settled)d of %(people)d",
    "between_short": "%(least)d to %(settled)d of %(people)d",
    "team_of": "Team of %(name)s: %(figure)s",
    "organisation": "%(organisation)s: %(figure)s",
    "by_name": "%(count)d open among your direct reports",
    "none_by_name": "nobody open whom you see by name",
    "left": "%(days)s left",
    "today": "deadline today",
    "over": "deadline %(in_days)s",
    "deadline": "Deadline: %(day)s.",
    "more": "%(count)d more settled than on %(day)s.",
    "fewer": "%(count)d fewer settled than on %(day)s.",
    "same": "As many settled as on %(day)s.",
    "in_time": "At this pace, all will be settled by %(day)s.",
    "too_slow": "At this pace, not all will be settled by the deadline.",
    "stand": "Where your people stand, as of %(day)s.",
    "direct": "Your direct reports",
    "direct_and": "Your direct reports, and the teams of %(names)s",
    "direct_and_team": "Your direct reports, and the team of %(names)s",
    "teams": "Teams of %(names)s",
    "team": "Team of %(names)s",
    "indirect": "All further down",
    "others": "%(count)d other teams",
    "and": "%(names)s and %(last)s",
    "and_others": "%(names)s and %(count)d others",
    "around": "Your team is too small to be counted by itself without pointing at single people. This is the group around it.",
    "named": "Open among your direct reports",
    "reminders": "reminders so far: %(count)d",
    "leave": "on leave until %(day)s",
    "unnamed": "and %(count)d more, who stand on the page of your team.",
    "bounds": "Where nearly none or nearly all have settled, the number is not exact: nobody can be picked out.",
    "last": "This is the last message about it, unless more opens again. Whoever is still open goes on being reminded.",
    "next": "The next message comes on %(day)s, if anything is still open.",
    "besides": "%(title)s: %(said)s",
    "both": "%(said)s; %(other)s",
    "more_campaigns": "%(said)s; %(count)d more",
}
"""What is said, by what it is for."""

_NOBODY = Sender("", "", "")
_MOST_TEAM_NAMES = 3


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one language.

    Attributes:
        today: where the reader is.
        organisation: its name.
    """

    language: str
    today: date
    organisation: str

    def say(self, what: str, **values: object) -> str:
        """The sentence of WORDS, with these values."""
        return words(self.language, DOMAIN)(WORDS[what]) % values

    def figure(self, figure: Figure, *, short: bool = False) -> str:
        """ "36 of 41 settled, 5 open", or as short as "36 of 41"."""
        end = "_short" if short else ""
        settled, people = figure.at_most, figure.people
        if figure.open is not None:
            return self.say(f"exact{end}", settled=settled, people=people, open=figure.open)
        if figure.at_most == people:
            return self.say(f"at_least{end}", settled=figure.at_least, people=people)
        if figure.at_least == 0:
            return self.say(f"at_most{end}", settled=settled, people=people)
        return self.say(f"between{end}", least=figure.at_least, settled=settled, people=people)

    def still_open(self, figure: Figure) -> str:
        """ "5 of 41 open"."""
        if figure.open is not None:
            return self.say("open", open=figure.open, people=figure.people)
        if figure.at_most == figure.people:
            return self.figure(figure)
        return self.say("open_at_least", open=figure.people - figure.at_most, people=figure.people)

    def answer(self, progress: TeamProgress, *, open_first: bool = False) -> str:
        """Where a campaign stands for this manager: "36 of 41 settled, 5 open, 3 open among your direct reports"."""
        said = []
        if progress.figure:
            figure = self.still_open(progress.figure) if open_first else self.figure(progress.figure)
            if progress.around and progress.around.name:
                figure = self.say("team_of", name=progress.around.name, figure=figure)
            elif progress.around:
                figure = self.say("organisation", organisation=self.organisation, figure=figure)
            said.append(figure)
        if progress.open_by_name:
            said.append(self.say("by_name", count=progress.open_by_name))
        return ", ".join(said) or self.say("none_by_name")

    def time_left(self, deadline: date) -> str:
        """ "19 days left", "deadline yesterday"."""
        days = days_left(deadline, self.today)
        values = self._dates(deadline)
        if days > 0:
            return self.say("left", days=values["days_text"])
        return self.say("over", in_days=values["in_days_text"]) if days else self.say("today")

    def day(self, day: date) -> str:
        """ "Monday, 3 November 2025"."""
        return str(self._dates(day)["deadline_day_text"])

    def change(self, progress: TeamProgress, on: date) -> str:
        """What is new since the letter before, and what follows from it; "" where nothing can be said.

        Args:
            on: the day of this letter.
        """
        change, before_on, figure = progress.change, progress.before_on, progress.figure
        if change is None or before_on is None or figure is None:
            return ""
        what = "more" if change > 0 else "fewer" if change < 0 else "same"
        said = [self.say(what, count=abs(change), day=self.day(before_on))]
        if change > 0 and figure.open and on < progress.deadline:
            days = -(-figure.open * (on - before_on).days // change)
            settled_by = date.fromordinal(on.toordinal() + days)
            in_time = settled_by < progress.deadline
            said.append(self.say("in_time", day=self.day(settled_by)) if in_time else self.say("too_slow"))
        return " ".join(said)

    def bar(self, bar: Bar) -> str:
        """What a bar is about."""
        names = self._names(bar.teams)
        several = len(bar.teams) > 1
        if bar.direct and names:
            return self.say("direct_and" if several else "direct_and_team", names=names)
        return self.say("direct") if bar.direct else self.say("teams" if several else "team", names=names)

    def details(self, report: OpenReport) -> str:
        """What is said beside the name of somebody who is open."""
        said = [self.say("reminders", count=report.reminders)] if report.reminders else []
        if report.leave_until:
            said.append(self.say("leave", day=self.day(report.leave_until)))
        return ", ".join(said)

    def _names(self, names: tuple[str, ...]) -> str:
        if len(names) > _MOST_TEAM_NAMES + 1:
            shown = ", ".join(names[:_MOST_TEAM_NAMES])
            return self.say("and_others", names=shown, count=len(names) - _MOST_TEAM_NAMES)
        return self.say("and", names=", ".join(names[:-1]), last=names[-1]) if len(names) > 1 else "".join(names)

    def _dates(self, day: date) -> dict[str, str | int | bool]:
        return context(_NOBODY, Facts("", "", "", self.today, day, first_notice=False), self.language, "")
