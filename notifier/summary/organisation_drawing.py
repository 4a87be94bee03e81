"""The body of the letter to the compliance officers, as HTML and as text: tables with the numbers in text, and no pictures.

Styles stand in the elements themselves, and colours are such that they can be read in light and in dark. A bar is a table cell
beside its number, for the eye only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from textwrap import indent

from markupsafe import Markup

from notifier.domain.progress import Row
from notifier.summary.organisation import Point
from notifier.summary.organisation_letter import CampaignReport, OrganisationLetter
from notifier.summary.organisation_wording import OrganisationWording

MOST_PEOPLE = 15  # in the mail; all of them stand in the file
MOST_ROWS = 20

_TABLE_STYLE = "border-collapse:collapse;margin:0 0 16px 0;font-size:14px"
_TABLE = Markup('<table width="100%" cellpadding="0" cellspacing="0" border="0" style="{}">').format(_TABLE_STYLE)
_CELL = "padding:4px 8px 4px 0;border-bottom:1px solid #8a929c;vertical-align:top;text-align:left"
_HEAD = f"{_CELL};font-weight:600"
_NUMBER = f"{_CELL};text-align:right;white-space:nowrap"
_BAR = Markup(
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
    '<td width="{0}%" bgcolor="#2f6fd0" style="height:10px;line-height:10px;font-size:1px">&nbsp;</td>'
    '<td width="{1}%" bgcolor="#b9c0c9" style="height:10px;line-height:10px;font-size:1px">&nbsp;</td></tr></table>'
)

Table = tuple[str, Callable[[Row], str], Sequence[Row]]


class Drawing:
    """Draws one letter."""

    def __init__(self, letter: OrganisationLetter, wording: OrganisationWording) -> None:
        self._letter = letter
        self._wording = wording

    def html(self) -> Markup:
        """The body of the mail."""
        say = self._wording.say
        parts = [self._campaign_html(report) for report in self._letter.campaigns]
        health = Markup("").join(Markup("<li>{}</li>").format(line) for line in self._wording.health(self._letter.roster))
        parts += [Markup("<h2>{}</h2><ul>{}</ul>").format(say("roster"), health)]
        parts += [Markup("<h2>{}</h2><p>{}</p>").format(say("evidence"), line) for line in self._wording.seal(self._letter)]
        return Markup("").join(parts)

    def text(self) -> str:
        """The same as text."""
        say = self._wording.say
        parts = [self._campaign_text(report) for report in self._letter.campaigns]
        health = "\n".join(f"- {line}" for line in self._wording.health(self._letter.roster))
        parts += [f"{say('roster')}\n{health}"]
        parts += [f"{say('evidence')}\n{line}" for line in self._wording.seal(self._letter)]
        return "\n\n".join(parts)

    def _campaign_html(self, report: CampaignReport) -> Markup:
        counted = report.figures
        sections = [Markup("<h2>{}</h2>").format(counted.campaign)]
        sections += [Markup("<p>{}</p>").format(line) for line in self._sentences(report)]
        sections += [self._table_html(*table) for table in self._tables(report) if table[2]]
        sections.append(Markup("<p>{}</p>").format(self._wording.say("small")))
        sections.append(self._curve_html(counted.curve))
        sections += [self._list_html(heading, lines) for heading, lines in self._lists(report)]
        return Markup("").join(sections)

    def _campaign_text(self, report: CampaignReport) -> str:
        counted = report.figures
        sections = [counted.campaign, *self._sentences(report)]
        for heading, name, rows in self._tables(report):
            lines = [(name(row), self._wording.figure(row.figure)) for row in rows[:MOST_ROWS]]
            sections += [f"{heading}\n{_aligned(lines)}{self._more(rows)}"] if lines else []
        sections.append(self._wording.say("small"))
        curve = [(self._wording.day(point.day), self._wording.number(point.open)) for point in _weekly(counted.curve)]
        sections += [f"{self._wording.say('curve')}\n{_aligned(curve)}"] if curve else []
        for heading, entries in self._lists(report):
            sections.append(f"{heading}\n" + "\n".join(f"- {line}" for line in entries))
        return "\n\n".join(sections)

    def _sentences(self, report: CampaignReport) -> list[str]:
        """As of when, what is new, and the answer where the heading of the mail is about another campaign too."""
        said = [self._wording.say("stand", moment=self._wording.moment(report.figures.at)), self._wording.change(report)]
        if len(self._letter.campaigns) > 1:
            said.insert(0, self._wording.answer(report))
        return [line for line in said if line]

    def _more(self, rows: Sequence[Row]) -> str:
        left_out = len(rows) - MOST_ROWS
        return f"\n  {self._wording.say('more', count=self._wording.number(left_out))}" if left_out > 0 else ""

    def _tables(self, report: CampaignReport) -> list[Table]:
        say, counted = self._wording.say, report.figures
        return [
            (say("by_country"), self._wording.country, counted.by_country),
            (say("by_department"), self._wording.department, counted.by_department),
            (say("by_language"), self._wording.spoken, counted.by_language),
        ]

    def _lists(self, report: CampaignReport) -> list[tuple[str, list[str]]]:
        say, counted = self._wording.say, report.figures
        answers = list(self._wording.counts(counted.by_answer))
        sure = list(self._wording.counts(counted.by_assurance))
        states = list(self._wording.counts(counted.reminders))
        steps = [self._wording.step(step) for step in counted.next_steps] or [say("no_step")]
        people = [self._wording.pair(one.employee_id, "; ".join(one.reasons)) for one in report.undeliverable[:MOST_PEOPLE]]
        if counted.undeliverable > len(people):
            people.append(say("more", count=self._wording.number(counted.undeliverable - len(people))))
        lists = [
            (say("undeliverable"), people or [say("everybody")]),
            (say("next"), steps),
            (say("answers"), answers),
            (say("assurances"), sure),
            (say("reminders"), states),
        ]
        return [(heading, lines) for heading, lines in lists if lines]

    def _table_html(self, heading: str, name: Callable[[Row], str], rows: Sequence[Row]) -> Markup:
        lines = [self._row_html(name(row), row) for row in rows[:MOST_ROWS]]
        more = Markup("<p>{}</p>").format(self._more(rows).strip()) if len(rows) > MOST_ROWS else Markup("")
        return Markup("{}{}{}</table>{}").format(_heading(heading), _TABLE, Markup("").join(lines), more)

    def _row_html(self, name: str, row: Row) -> Markup:
        figure = row.figure
        share = round(100 * figure.at_least / figure.people)
        cells = '<tr><th scope="row" width="35%" style="{}">{}</th><td width="25%" style="{}">{}</td><td style="{}">{}</td></tr>'
        return Markup(cells).format(_HEAD, name, _CELL, _bar(share), _CELL, self._wording.figure(figure))  # noqa: S704 - our own

    def _curve_html(self, curve: Sequence[Point]) -> Markup:
        if not curve:
            return Markup("")
        say, number = self._wording.say, self._wording.number
        head = Markup('<tr><th scope="col" style="{0}">{2}</th><td style="{0}"></td><th scope="col" style="{1}">{3}</th></tr>')
        titles = head.format(_HEAD, _NUMBER, say("day"), say("open"))
        most = max(point.open for point in curve) or 1
        row = Markup('<tr><td style="{0}">{2}</td><td width="50%" style="{0}">{4}</td><td style="{1}">{3}</td></tr>')
        rows = [
            row.format(_CELL, _NUMBER, self._wording.day(point.day), number(point.open), _bar(round(100 * point.open / most)))
            for point in _weekly(curve)
        ]
        return Markup("{}{}{}{}</table>").format(_heading(say("curve")), _TABLE, titles, Markup("").join(rows))

    def _list_html(self, heading: str, lines: Iterable[str]) -> Markup:
        items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
        return Markup("{}<ul>{}</ul>").format(_heading(heading), items)


def _heading(text: str) -> Markup:
    return Markup('<h3 style="margin:20px 0 6px 0;font-size:16px;line-height:1.3">{}</h3>').format(text)


def _bar(share: int) -> Markup:
    return _BAR.format(share, 100 - share)


def _weekly(curve: Sequence[Point]) -> list[Point]:
    """The last day of each week, and today: a curve of four months has eighteen such points."""
    return [point for point in curve if point.day.isoweekday() == 7 or point is curve[-1] or point is curve[0]]


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    width = min(max((len(name) for name, _ in lines), default=0), 40)
    return indent("\n".join(f"{name:<{width}}  {said}" for name, said in lines), "  ")
