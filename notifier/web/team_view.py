"""The words of a manager's page: figures as `summary/wording.py` says them, and what was just done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from notifier.domain.progress import Figure
from notifier.store.teams import Member
from notifier.summary.facts import TeamProgress
from notifier.summary.texts import campaign_title
from notifier.summary.wording import Wording
from notifier.web.pages import Say
from notifier.web.site import Site

_DOMAIN = "team"
_SAID = {
    "reminded": "Whoever is still open in your team will get one more reminder, in their own working hours.",
    "reminded-before": "You have had your team reminded today. Tomorrow you can do so again.",
    "leave": "Noted. Nothing is sent to them before they are back.",
    "back": "Noted. They are reminded like everybody else.",
    "not-mine": "Thank you. Somebody will look into it and correct it where the list comes from.",
    "mine": "Noted: they stay in your team.",
    "no-day": "Please give the last day of the absence, today or later.",
    "unknown": "That did not fit your team as it is now, so nothing was changed. Please look again.",
    "again": "That was very quick, so nothing was changed. Please press the button once more.",
}
_NOT_DONE = frozenset({"no-day", "unknown", "again"})


@dataclass(frozen=True, slots=True)
class Standing:
    """One campaign.

    Attributes:
        progress: as the last letter told it.
        running: whether anybody can still answer.
        reminded: the manager has had the team reminded today.
    """

    progress: TeamProgress
    running: bool
    reminded: bool


@dataclass(frozen=True, slots=True)
class TeamView:
    """What a manager's page shows.

    Attributes:
        today: where the manager is.
        written_on: the day of the letter whose figures these are; None where none was written yet.
        said: the code of what was just done, or anything a visitor has typed there.
        fields: what its forms carry besides, by name.
        sign_out: the address for whoever is signed in; "" at the other door.
    """

    name: str
    language: str
    today: date
    written_on: date | None
    standings: tuple[Standing, ...]
    members: tuple[Member, ...]
    said: str
    fields: Mapping[str, str]
    sign_out: str


def render(site: Site, view: TeamView) -> str:
    """The page."""
    say = Say(view.language, _DOMAIN)
    wording = Wording(view.language, view.today, site.sender.organisation)
    return site.pages.page(
        "page-team.html",
        view.language,
        say=say,
        title=say("Your team"),
        name=view.name,
        said=say(_SAID[view.said]) if view.said in _SAID else None,
        done=view.said not in _NOT_DONE,
        as_of=wording.day(view.written_on) if view.written_on else None,
        campaigns=[_campaign(site, view, wording, one) for one in view.standings],
        members=[_member(wording, one, view.today) for one in view.members],
        today=view.today.isoformat(),
        fields=tuple(view.fields.items()),
        sign_out=view.sign_out,
    )


def _campaign(site: Site, view: TeamView, wording: Wording, standing: Standing) -> Mapping[str, object]:
    progress = standing.progress
    return {
        "id": progress.campaign,
        "title": campaign_title(site.catalogue, site.campaigns[progress.campaign], view.language),
        "answer": wording.answer(progress),
        "time_left": wording.time_left(progress.deadline),
        "change": wording.change(progress, view.written_on) if view.written_on else "",
        "around": wording.say("around") if progress.around else "",
        "bars": [(wording.bar(bar), wording.figure(bar.figure, short=True), _share(bar.figure)) for bar in progress.bars],
        "inexact": any(bar.figure.settled is None for bar in progress.bars),
        "bounds": wording.say("bounds"),
        "named_title": wording.say("named"),
        "named": [(one.name, wording.details(one)) for one in progress.named],
        "running": standing.running and not progress.last,
        "reminded": standing.reminded,
    }


def _share(figure: Figure) -> tuple[int, int]:
    """Settled for sure, and settled perhaps, in hundredths."""
    return 100 * figure.at_least // figure.people, 100 * figure.at_most // figure.people


def _member(wording: Wording, member: Member, today: date) -> Mapping[str, object]:
    away = member.leave_until is not None and member.leave_until >= today
    return {
        "id": member.public_id,
        "name": member.name,
        "leave": wording.say("leave", day=wording.day(member.leave_until)) if away and member.leave_until else "",
        "noted": member.noted,
        "disowned": member.disowned,
    }
