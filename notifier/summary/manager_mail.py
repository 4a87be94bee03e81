"""A letter to a manager as a mail and as a message on Slack.

The figures are those of the letter; only the days that are left are counted on the day it is handed over. The subject carries the
answer. Bars are cells of a table with the number beside them in text: no picture that a mail program may hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup

from notifier.channels.base import Outgoing
from notifier.content import mrkdwn
from notifier.content.facts import Facts
from notifier.content.plain import one_line
from notifier.content.problems import TextProblem
from notifier.domain import links
from notifier.domain.campaign import Campaign
from notifier.domain.employee import LANGUAGES, choose_language, full_name
from notifier.domain.ladder import EMAIL, SLACK
from notifier.domain.links import LinkKeys
from notifier.domain.progress import Figure, total
from notifier.store.claims import Claimed
from notifier.store.tables import Kind
from notifier.summary import escalation, weekly
from notifier.summary.drawing import Line, Part, to_html, to_slack, to_text
from notifier.summary.examples import EXAMPLE, MANAGER, row_of
from notifier.summary.facts import MOST_NAMES, TeamLetter, TeamProgress, read
from notifier.summary.texts import Said, Texts
from notifier.summary.wording import Wording

THREAD = "summary"  # what all of them have in common in a mailbox, where reminders have their campaign
_MOST_BARS = 12
_MESSAGES = {Kind.SUMMARY: weekly.MESSAGE, Kind.ESCALATION: escalation.MESSAGE}


class ManagerMail:
    """Writes a week's letters, or escalations.

    Args:
        title_of: what a campaign is called in a language, by its id.
        organisation: its name.
    """

    def __init__(
        self,
        *,
        texts: Texts,
        campaigns: Mapping[str, Campaign],
        title_of: Callable[[str, str], str],
        keys: LinkKeys,
        base_url: str,
        organisation: str,
        default_language: str,
    ) -> None:
        self._texts = texts
        self._campaigns = campaigns
        self._title_of = title_of
        self._keys = keys
        self._base_url = base_url
        self._organisation = organisation
        self._default_language = default_language

    def compose(self, row: Claimed, channel: str = EMAIL) -> Outgoing:
        """The message of a letter. The same row gives the same message, for ever.

        Raises:
            TextError: the text is missing or wrong.
        """
        letter = read(row.letter)
        language = self._language(row, letter)
        said = self._said(row, letter, language)
        write = self._texts.slack if channel == SLACK else self._texts.mail
        name = full_name(row.given_name, row.family_name, row.email)
        return Outgoing(
            delivery_id=row.id,
            employee_key=row.employee_key,
            campaign=THREAD,
            address=row.address,
            name=name if name != row.email else "",
            message_id=row.message_id,
            dated=row.dated,
            rendered=write(row.message, said, language),
            reference=row.reference,
            outlet=row.outlet,
        )

    def check(self) -> list[TextProblem]:
        """Everything that is wrong with the texts, in every language, tried on an example: for `notifier check`."""
        problems: list[TextProblem] = []
        for kind, message in _MESSAGES.items():
            for language in LANGUAGES:
                row = row_of(EXAMPLE, MANAGER, kind=kind, message=message)
                problems += self._texts.check(message, self._said(row, EXAMPLE, language), language)
        return sorted(set(problems), key=lambda problem: (str(problem.path), problem.line, problem.wrong))

    def _language(self, row: Claimed, letter: TeamLetter) -> str:
        nearest = self._campaigns.get(letter.campaigns[0].campaign)
        return choose_language(
            chosen=row.language_choice,
            roster=row.roster_language,
            country=row.country,
            by_country=nearest.language_by_country if nearest else {},
            default=self._default_language,
        )

    def _said(self, row: Claimed, letter: TeamLetter, language: str) -> Said:
        wording = Wording(language, row.today, self._organisation)
        token = self._keys.sign_team(row.public_id, row.link_version, letter.link_until)
        facts = Facts(
            given_name=row.given_name,
            name=full_name(row.given_name, row.family_name, row.email),
            link=links.team_url(self._base_url, token),
            today=row.today,
            deadline=letter.campaigns[0].deadline,
            first_notice=False,
        )
        titles = {one.campaign: self._title(one.campaign, language) for one in letter.campaigns}
        alone = len(letter.campaigns) == 1  # its title stands in the heading of all
        parts = [_part(one, letter, wording, "" if alone else titles[one.campaign]) for one in letter.campaigns]
        parts.append(_ending(letter, wording))
        return Said(
            subject=_capital(one_line(_subject(letter, wording, titles, escalated=row.kind is Kind.ESCALATION))),
            preheader=_sentence(letter, wording),
            html=Markup("\n").join(map(to_html, parts)),
            text="\n\n".join(map(to_text, parts)),
            slack=tuple(piece for part in parts for piece in to_slack(part)),
            facts=facts,
        )

    def _title(self, campaign: str, language: str) -> str:
        return self._title_of(campaign, language) if campaign in self._campaigns else campaign


def _subject(letter: TeamLetter, wording: Wording, titles: Mapping[str, str], *, escalated: bool) -> str:
    answers = {
        one.campaign: f"{wording.answer(one, open_first=escalated)}, {wording.time_left(one.deadline)}" for one in letter.campaigns
    }
    if len(answers) == 1:
        (campaign,) = answers
        return f"{answers[campaign]} – {titles[campaign]}"
    first, second, *more = [wording.say("besides", title=titles[campaign], said=answers[campaign]) for campaign in answers]
    both = wording.say("both", said=first, other=second)
    return wording.say("more_campaigns", said=both, count=len(more)) if more else both


def _sentence(letter: TeamLetter, wording: Wording) -> str:
    """The one sentence above the figures: what is new, where there is one campaign and something to compare with."""
    alone = letter.campaigns[0] if len(letter.campaigns) == 1 else None
    return (alone and wording.change(alone, letter.on)) or wording.say("stand", day=wording.day(letter.on))


def _part(progress: TeamProgress, letter: TeamLetter, wording: Wording, title: str) -> Part:
    deadline, change = wording.say("deadline", day=wording.day(progress.deadline)), ""
    if title:  # else the heading of all says the answer, and the sentence below it what is new
        answer = _capital(f"{wording.answer(progress)}, {wording.time_left(progress.deadline)}.")
        deadline, change = f"{answer} {deadline}", wording.change(progress, letter.on)
    after = (
        wording.say("unnamed", count=unnamed) if (unnamed := progress.open_by_name - MOST_NAMES) > 0 else "",
        wording.say("around") if progress.around else "",
        wording.say("last") if progress.last else "",
    )
    return Part(
        title=title,
        said=(deadline, change) if change else (deadline,),
        lines=tuple(_lines(progress, wording)),
        named_title=wording.say("named"),
        named=tuple((one_line(one.name), wording.details(one)) for one in progress.named[:MOST_NAMES]),
        after=tuple(filter(None, after)),
    )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _ending(letter: TeamLetter, wording: Wording) -> Part:
    figures = [figure for one in letter.campaigns for figure in (one.figure, *(bar.figure for bar in one.bars)) if figure]
    inexact = any(figure.settled is None for figure in figures)
    following = wording.say("next", day=wording.day(letter.next_on)) if letter.next_on else ""
    return Part(after=tuple(filter(None, (wording.say("bounds") if inexact else "", following))))


def _lines(progress: TeamProgress, wording: Wording) -> Iterator[Line]:
    """The bars: direct reports first, then the others, the fewest settled first; those beyond the first dozen as one."""

    def line(label: str, figure: Figure) -> Line:
        short = wording.figure(figure, short=True)
        said = wording.say("besides", title=mrkdwn.harmless(label), said=short)
        return Line(one_line(label), short, said, figure.at_least / figure.people)

    direct = [bar for bar in progress.bars if bar.direct]
    others = sorted((bar for bar in progress.bars if not bar.direct), key=lambda bar: bar.figure.at_least / bar.figure.people)
    shown = others if len(others) <= _MOST_BARS else others[: _MOST_BARS - 1]
    below, rest = total(bar.figure for bar in others), total(bar.figure for bar in others[len(shown) :])
    yield from (line(wording.bar(bar), bar.figure) for bar in direct)
    if direct and below and len(others) > 1:
        yield line(wording.say("indirect"), below)
    yield from (line(wording.bar(bar), bar.figure) for bar in shown)
    if rest:
        yield line(wording.say("others", count=sum(len(bar.teams) for bar in others[len(shown) :])), rest)
