"""What a manager does on the page of their team. Each act is noted in the ledger, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from notifier.delivery.nudging import Nudger
from notifier.store import ledger, teams
from notifier.store.database import Connection
from notifier.store.employees import StoredEmployee
from notifier.store.teams import Member
from notifier.web.site import Site

_LONGEST_LEAVE = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Visit:
    """A manager at one of the doors.

    Attributes:
        back: the address of the page, seen from itself.
        today: the date where the manager is.
    """

    manager: StoredEmployee
    back: str
    language: str
    today: date

    @property
    def actor(self) -> str:
        """As the ledger names them."""
        return f"manager {self.manager.employee.id}"


def do(connection: Connection, site: Site, nudger: Nudger, visit: Visit, form: Mapping[str, str]) -> str:
    """Do what a form asks for. Returns the code of what to say about it."""
    if form.get("do") == "remind":
        return _remind(connection, site, nudger, visit, form)
    members = teams.members(connection, visit.manager.key)
    member = next((one for one in members if one.public_id == form.get("person")), None)
    return "unknown" if member is None else _about(connection, site, visit, member, form)


def _remind(connection: Connection, site: Site, nudger: Nudger, visit: Visit, form: Mapping[str, str]) -> str:
    campaign = site.campaigns.get(form.get("campaign", ""))
    if campaign is None or visit.today >= campaign.closes_on:
        return "unknown"
    if not nudger.remind(connection, campaign, visit.manager.key, today=visit.today, now=site.now()):
        return "reminded-before"
    ledger.note(connection, event="team reminded", now=site.now(), actor=visit.actor, campaign=campaign.id, facts={})
    return "reminded"


def _about(connection: Connection, site: Site, visit: Visit, member: Member, form: Mapping[str, str]) -> str:
    """What a manager says about somebody of the team."""
    now, manager = site.now(), visit.manager.key
    facts_of_it: dict[str, ledger.Fact] = {}
    match form.get("do"):
        case "leave":
            until = _day(form.get("until", ""), visit.today)
            if until is None:
                return "no-day"
            teams.note_leave(connection, member.key, until, by=visit.actor, now=now)
            event, said, facts_of_it = "leave noted", "leave", {"until": until.isoformat()}
        case "back":
            event, said = "leave ended", "back"
            if not teams.end_leave(connection, member.key):
                return said
        case "not-mine":
            event, said = "not in the team", "not-mine"
            if not teams.disown(connection, manager_key=manager, employee_key=member.key, now=now):
                return said
        case "mine":
            event, said = "in the team after all", "mine"
            if not teams.own(connection, manager_key=manager, employee_key=member.key, by=visit.actor, now=now):
                return said
        case _:
            return "unknown"
    ledger.note(connection, event=event, now=now, actor=visit.actor, employee_key=member.key, facts=facts_of_it)
    return said


def _day(text: str, today: date) -> date | None:
    """The last day of an absence, if it can be one."""
    try:
        until = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return until if today <= until <= today + _LONGEST_LEAVE else None
