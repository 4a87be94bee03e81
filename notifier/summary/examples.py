"""Letters that nobody is sent: to look at one, and to try texts on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from notifier.domain.countdown import local_date
from notifier.domain.employee import Employee
from notifier.domain.progress import Figure
from notifier.store.claims import Claimed
from notifier.store.employees import StoredEmployee
from notifier.store.tables import Kind
from notifier.summary.facts import Bar, OpenReport, TeamLetter, TeamProgress, written

_NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)
_MONDAY = date(2025, 10, 13)
_ADA = Employee("1", "ada.beispiel@example.com", "Ada", "Beispiel", "Europe/Zurich")

EXAMPLE = TeamLetter(
    on=_MONDAY,
    campaigns=(
        TeamProgress(
            campaign="example",
            deadline=date(2025, 11, 3),
            bars=(
                Bar(direct=True, teams=(), figure=Figure(12, 7, 7)),
                Bar(direct=False, teams=("Bruno Exemple",), figure=Figure(14, 12, 14)),
            ),
            named=(OpenReport("Zoé Exemple", 2, date(2025, 10, 31)),),
            before=Figure(26, 10, 12),
            before_on=_MONDAY - timedelta(days=7),
        ),
    ),
    next_on=_MONDAY + timedelta(days=7),
    link_until=_MONDAY + timedelta(days=14),
)
"""A letter in which most of what can be said is said."""

MANAGER = StoredEmployee(0, _ADA, "A" * 22, 1, None, 0, _NOON, None)


def row_of(
    letter: TeamLetter, manager: StoredEmployee, *, kind: Kind, message: str, now: datetime = _NOON, language: str | None = None
) -> Claimed:
    """A row as if it had been claimed.

    Args:
        language: in place of the manager's own.
    """
    person = manager.employee
    return Claimed(
        id=0,
        epoch=0,
        campaign="",
        kind=kind,
        occasion=0,
        message=message,
        attempts=1,
        message_id="preview@preview.invalid",
        dated=now,
        expires_at=now,
        today=local_date(now, person.time_zone),
        first_notice=False,
        employee_key=manager.key,
        address=person.email,
        email=person.email,
        given_name=person.given_name,
        family_name=person.family_name,
        roster_language=person.language,
        language_choice=language or manager.language_choice,
        country=person.country or "",
        time_zone=person.time_zone,
        public_id=manager.public_id,
        link_version=manager.link_version,
        answer=None,
        answered_at=None,
        letter=written(letter),
    )
