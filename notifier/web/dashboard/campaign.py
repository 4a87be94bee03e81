"""Campaign: how many days are left, how far everybody is, day by day, and by country, department and language.

What is shown here are the organisation's figures (`summary/organisation.py`), with small groups put together and without exact
counts near none and all: `domain/progress.py` says why. Each leads an officer to the people behind it, and that look is noted.
Those of a day that is past lead to the people as they stood on its evening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.operators import Role
from notifier.domain.progress import Row
from notifier.summary.organisation import OrganisationFigures
from notifier.web.dashboard import charts, words
from notifier.web.dashboard.desk import Office
from notifier.web.dashboard.frame import View
from notifier.web.notices import Notice, Refused

_MOST_LINES = 20
_WEEK = 7
_TABLES = {
    "country": ("By country", "Country"),
    "department": ("By department", "Department"),
    "language": ("By language", "Language"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table.

    Attributes:
        href: the list of its people; `&is=` with open, settled or all says which of them.
        settled: in words: "36", "at most 2", "at least 39".
        percent: of the bar: how many are settled for sure.
    """

    name: str
    href: str
    people: str
    settled: str
    open: str
    percent: int


async def first(office: Office, request: Request) -> Response:
    """GET of the page without a name: the first campaign, or one of several."""
    view = await office.frame.enter(request, Role.VIEWER)
    campaigns = list(office.site.campaigns)
    if not campaigns:
        raise Refused(Notice.NOWHERE)
    return office.frame.back(view, f"/campaigns/{campaigns[0]}")


async def show(office: Office, request: Request) -> Response:
    """GET."""
    view = await office.frame.enter(request, Role.VIEWER)
    campaign = office.campaign(request)
    await office.looks.note(request, view, campaign.id)
    told = await office.desk.board.figures(campaign, view.now)
    say = view.say
    # A list is of the first campaign unless it is named. Where there is one only, all those links are a sixth of the page.
    only = f"campaign={campaign.id}&" if len(office.site.campaigns) > 1 else ""
    return office.frame.show(
        request,
        view,
        "campaign.html",
        campaign.id,
        campaign=campaign,
        only=only,
        others=[name for name in office.site.campaigns if name != campaign.id],
        told=told,
        left=countdown(view, told.days_left),
        percent=told.settled * 100 // told.people if told.people else 0,
        curve=charts.draw(told.curve, campaign),
        tables=[
            _table(view, only, "country", told.by_country, view.country),
            _table(view, only, "department", told.by_department, str),
            _table(view, only, "language", told.by_language, view.tongue),
        ],
        minimum=office.desk.minimum_group,
        answers=[
            *((f"answer={answer}", view.answer(answer), count) for answer, count in told.by_answer.items() if count),
            *((f"assurance={one}", say(words.ASSURANCES[one]), count) for one, count in told.by_assurance.items() if count),
        ],
        reminders=[(state, view.state(state), count) for state, count in told.reminders.items()],
        next_step=next(iter(told.next_steps), None),
        pace=_pace(view, told),
    )


def countdown(view: View, days_left: int) -> str:
    """ "19 days left", in words."""
    counted = words.days(days_left, view.language)
    if days_left > 1:
        return str(view.say("%(days)s left", days=counted))
    if days_left == 1:
        return str(view.say("today is the last day"))
    return str(view.say("the deadline is today")) if days_left == 0 else str(view.say("%(days)s past the deadline", days=counted))


def _pace(view: View, told: OrganisationFigures) -> str:
    """The change of the last seven days: "412 more settled than a week ago"."""
    if len(told.curve) <= _WEEK:
        return ""
    change = told.curve[-1].settled - told.curve[-1 - _WEEK].settled
    count = view.number(abs(change))
    if change > 0:
        return str(view.say("%(count)s more settled than a week ago", count=count))
    if change < 0:
        return str(view.say("%(count)s fewer settled than a week ago", count=count))
    return str(view.say("as many settled as a week ago"))


def _table(view: View, only: str, what: str, rows: Sequence[Row], name: Callable[[str], str]) -> tuple[str, str, list[Line], int]:
    """Title and heading of a table, its first lines, and how many more there are; the largest groups first."""
    title, heading = _TABLES[what]
    largest = sorted(rows, key=lambda row: (-row.figure.people, row.cells))
    lines = [_line(view, only, row, what, name) for row in largest[:_MOST_LINES]]
    return str(view.say(title)), str(view.say(heading)), lines, len(largest) - len(lines)


def _line(view: View, only: str, row: Row, what: str, name: Callable[[str], str]) -> Line:
    unknown = str(view.say("organisation’s default") if what == "language" else view.say("not in the roster"))
    names = sorted(name(cell) if cell else unknown for cell in row.cells)
    query = only + urlencode([(what, cell) for cell in row.cells])
    figure = row.figure
    return Line(
        name=", ".join(names[:3]) + (f" … ({view.number(len(names))})" if len(names) > 3 else ""),
        href=f"{view.root}/people?{query}",
        people=view.number(figure.people),
        settled=_bounds(view, figure.at_least, figure.at_most, figure.people),
        open=_bounds(view, figure.people - figure.at_most, figure.people - figure.at_least, figure.people),
        percent=figure.at_least * 100 // figure.people if figure.people else 0,
    )


def _bounds(view: View, at_least: int, at_most: int, people: int) -> str:
    if at_least == at_most:
        return view.number(at_least)
    if at_most == people:
        return str(view.say("at least %(count)s", count=view.number(at_least)))
    return str(view.say("at most %(count)s", count=view.number(at_most)))
