"""A small company with stories, for every test that needs people.

Ada runs it from Zurich. Bruno leads Geneva (Chloé, Inès, Mario), Dieter leads Munich (Elif, Jörg), Fiona leads the rest of the
world (George, Hana, Liam, Žofie). It is October 2025 for them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Connection

from notifier.domain.employee import Employee
from notifier.store import employees
from notifier.store.employees import StoredEmployee

NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)

ADA = Employee("1", "ada.beispiel@example.com", "Ada", "Beispiel", "Europe/Zurich", "de", "CH", "ZH", "Board")
"""The head: no manager, and the manager of everybody in the end."""
BRUNO = Employee("2", "bruno.exemple@example.com", "Bruno", "Exemple", "Europe/Zurich", "fr", "CH", "GE", "Sales", "1")
"""Leads Geneva, in French."""
CHLOE = Employee(
    "3", "chloe.dupont-exemple@example.com", "Chloé", "Dupont-Exemple", "Europe/Zurich", "fr", "CH", "GE", "Sales", "2"
)
"""In Geneva; an accent and a double name."""
DIETER = Employee("4", "dieter.muster@example.com", "Dieter", "Muster", "Europe/Berlin", "de", "DE", "BY", "Engineering", "1")
"""Leads Munich: 1 November is a holiday for him."""
ELIF = Employee("5", "elif.oernek@example.com", "Elif", "Örnek", "Europe/Berlin", "de", "DE", "BE", "Engineering", "4")
"""In Berlin: 1 November is no holiday for her."""
FIONA = Employee("6", "fiona.sample@example.com", "Fiona", "Sample", "Europe/London", "en", "GB", "ENG", "Support", "1")
"""Leads the rest of the world, in English."""
GEORGE = Employee("7", "george.sample@example.com", "George", "Sample", "America/New_York", "en", "US", "NY", "Support", "6")
"""His summer time ends a week after that of the others."""
HANA = Employee("8", "hana.mihon@example.com", "Hana", "Mihon", "Asia/Tokyo", "en", "JP", None, "Support", "6")
"""The first to start the day."""
INES = Employee(
    "9", "ines.modele@example.com", "Inès", "Modèle", "Europe/Paris", "fr", "FR", None, "Sales", "2", leave_until=date(2025, 10, 31)
)
"""On leave until the last Friday before the deadline."""
JOERG = Employee(
    "10", "joerg.ehemals@example.com", "Jörg", "Ehemals", "Europe/Berlin", "de", "DE", "BY", "Engineering", "4", active=False
)
"""Left: nobody writes to him any more."""
LIAM = Employee("11", "liam.sydney@example.com", "Liam", "Sydney", "Australia/Sydney", None, "AU", "NSW", "Support", "6")
"""The roster says nothing about his language."""
MARIO = Employee("12", "mario.esempio@example.com", "Mario", "Esempio", "Europe/Zurich", None, "CH", "TI", "Sales", "2")
"""Speaks a language there are no texts in."""
ZOFIE = Employee(
    "13", "zofie@example.com", 'Žofie "Žo" {{7*7}}', "O’Neil, <b>Jr.</b>", "Europe/Prague", "en", "CZ", None, "Support", "6"
)
"""Her name is made of what breaks programs."""

COMPANY = (ADA, BRUNO, CHLOE, DIETER, ELIF, FIONA, GEORGE, HANA, INES, JOERG, LIAM, MARIO, ZOFIE)
PRESENT = tuple(person for person in COMPANY if person.active)


def move_in(connection: Connection, now: datetime = NOW) -> dict[str, StoredEmployee]:
    """Put the company into the store; Jörg has left already. Returns everybody by id."""
    employees.add(connection, COMPANY, now)
    gone = [known.key for known in employees.load(connection).values() if not known.employee.active]
    employees.mark_left(connection, gone, now)
    return employees.load(connection)
