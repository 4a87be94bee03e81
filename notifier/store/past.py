"""How things stood at an instant that is past: who was asked then, and who of them had settled.

Everybody counts as what the roster has them as today (in the audience or not), and whoever left and came back as if they had never
been away. So the figures of a day and the list of its people are the same.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, or_

from notifier.domain.campaign import Campaign
from notifier.store.lookups import is_there
from notifier.store.steps import in_audience
from notifier.store.tables import acknowledgements, employees

ANSWER_ENDS_AT: ColumnElement[datetime | None] = case(
    (employees.c.left_at.is_(None), acknowledgements.c.revoked_at),
    (acknowledgements.c.revoked_at < employees.c.left_at, acknowledgements.c.revoked_at),
    else_=employees.c.left_at,
)
"""When an answer stopped counting: it was taken back, or the person left. None while it counts."""


def ever_there() -> ColumnElement[bool]:
    """Whether somebody was ever in the roster; the row of an officer's address never was."""
    return or_(employees.c.left_at.is_(None), employees.c.left_at > employees.c.joined_at)


def settling(campaign: Campaign) -> list[ColumnElement[bool]]:
    """Which answers, of the people of the statement, have settled something for a while."""
    counted_once = or_(ANSWER_ENDS_AT.is_(None), acknowledgements.c.answered_at < ANSWER_ENDS_AT)
    return [acknowledgements.c.campaign == campaign.id, acknowledgements.c.settles, counted_once]


def asked_before(campaign: Campaign, instant: datetime) -> list[ColumnElement[bool]]:
    """Who was asked, right before an instant."""
    stayed = or_(employees.c.left_at.is_(None), employees.c.left_at >= instant)
    return [employees.c.joined_at < instant, stayed, ever_there(), *in_audience(campaign.audience)]


def settled_before(campaign: Campaign, instant: datetime) -> ColumnElement[bool]:
    """Who of them had settled, right before an instant."""
    still = or_(ANSWER_ENDS_AT.is_(None), instant <= ANSWER_ENDS_AT)
    of_person = acknowledgements.c.employee_key == employees.c.key
    return is_there(of_person, *settling(campaign), and_(acknowledgements.c.answered_at < instant, still))
