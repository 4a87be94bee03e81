"""The company of the demonstration: real-looking, made up, the same for the same seed. Some of its people have a story.

Everything about a person that the service learns, it reads from the roster file that `write_roster` writes.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from notifier.demo.places import DEPARTMENTS, HOMES
from notifier.domain.campaign import Answer

NAME = "Aurora Instruments SA"
DOMAIN = "aurora.example"
FEWEST = 40
HEAD_ID = "A0001"
JOINS_ON, LEAVES_ON = date(2025, 10, 15), date(2025, 10, 17)
_TEAM = 8
_WITHOUT_DECOMPOSITION = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "Ł": "L", "ı": "i", "đ": "d", "œ": "oe", "æ": "ae"})


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the roster, as its columns have it: everything is text."""

    id: str
    given_name: str
    family_name: str
    email: str
    language: str
    country: str
    region: str
    time_zone: str
    department: str
    manager_id: str
    leave_until: str = ""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody with a story answers to a reminder, and how long after it arrived."""

    answer: Answer
    after: timedelta


@dataclass(frozen=True, slots=True)
class Story:
    """Somebody to follow through the demonstration.

    Attributes:
        in_short: what is special about them, as a phrase.
        replies: by `days_before` of the reminder; to no other one do they answer.
        from_day, until_day: the days on which the roster gains and loses them, or None.
    """

    person: Person
    in_short: str
    replies: dict[int, Reply]
    from_day: date | None = None
    until_day: date | None = None


def _person(
    number: int,
    given: str,
    family: str,
    local: str,
    language: str,
    region: str,
    department: str,
    *,
    time_zone: str = "",
    leave_until: str = "",
) -> Person:
    """Somebody who reports to the head. The region is named with its country: "CH-GE", or the country alone: "LU"."""
    country, _, part = region.partition("-")
    return Person(
        id=f"A{number:04}",
        given_name=given,
        family_name=family,
        email=f"{local}@{DOMAIN}",
        language=language,
        country=country,
        region=region if part else "",
        time_zone=time_zone,
        department=department,
        manager_id=HEAD_ID,
        leave_until=leave_until,
    )


_SOON = timedelta(minutes=24)
_NEXT_MORNING = timedelta(hours=23)

ZOE = _person(2, "Zoé", "Favre-Montandon", "zoe.favre", "fr-CH", "CH-GE", "Legal")
MAXIMILIAN = _person(
    3, "Maximilian", "Freiherr von Hohenschwarzenberg-Donauwörth", "m.hohenschwarzenberg", "de-DE", "DE-BY", "Production"
)
JOERG = _person(4, "Jörg", "Kühne", "joerg.kuehne", "German", "DE-SN", "Research")
INES = _person(5, "Inés", "Etxeberria Núñez", "ines.etxeberria", "", "ES-MD", "Sales", leave_until="2025-10-29")
LUKASZ = _person(6, "Łukasz", "Wójcik", "lukasz.wojcik", "en", "GB-ENG", "IT")
HANNAH = _person(7, "Hannah", "Sørensen-Weiß", "hannah.sorensen", "de-AT", "AT-9", "People")
SIOBHAN = _person(8, "Siobhán", "O'Connell", "siobhan.oconnell", "en-GB", "GB-SCT", "Customer Care")
BENOIT = _person(9, "Benoît", "L’Écuyer", "benoit.lecuyer", "fr-CA", "CA-QC", "Finance", time_zone="America/Toronto")
BOBBY = _person(
    10, "Robert", "<script>alert('Bobby Tables')</script>", "bobby.tables", "en-CA", "CA-BC", "IT", time_zone="America/Vancouver"
)
MISAKI = _person(11, "美咲", "田中", "misaki.tanaka", "fr", "LU", "Research")

STORIES = (
    Story(ZOE, "answers the first message, and never hears of it again", {30: Reply(Answer.DONE, _SOON)}),
    Story(JOERG, "in Saxony 31 October is a holiday, so the last call comes a day earlier", {1: Reply(Answer.ALREADY_OFF, _SOON)}),
    Story(INES, "on leave until 29 October: written to once she is back", {7: Reply(Answer.NO_ACCOUNT, _NEXT_MORNING)}),
    Story(
        MISAKI, "asks for help first, then it is done", {14: Reply(Answer.HELP, _SOON), 7: Reply(Answer.DONE, timedelta(hours=26))}
    ),
    Story(LUKASZ, "joins on 15 October and gets the current step as a first notice", {}, from_day=JOINS_ON),
    Story(HANNAH, "leaves on 17 October: not one message after that", {}, until_day=LEAVES_ON),
    Story(BENOIT, "his mail server says “not now” first, so it is tried again", {14: Reply(Answer.PREFER_NOT_TO_SAY, _SOON)}),
    Story(SIOBHAN, "her mailbox does not exist: refused, with the server's own words", {}),
    Story(MAXIMILIAN, "waits until the day has passed, then answers the late message", {-7: Reply(Answer.DONE, _SOON)}),
    Story(BOBBY, "has a name that breaks other programs, and never answers", {}),
)
REFUSED_ADDRESS = SIOBHAN.email
GREYLISTED_ADDRESS = BENOIT.email

_HEADER = {
    "id": "Employee ID",
    "given_name": "First name",
    "family_name": "Last name",
    "email": "Work email",
    "language": "Preferred language",
    "country": "Country",
    "region": "State/Province",
    "time_zone": "Time zone",
    "department": "Department",
    "manager_id": "Manager ID",
    "leave_until": "On leave until",
}


def people(count: int, seed: int) -> list[Person]:
    """The whole company, those with stories first; `count` of them, at least FEWEST."""
    random = Random(seed)  # noqa: S311 - a play, not a secret
    head = replace(_person(1, "Héloïse", "Brandt", "heloise.brandt", "fr-CH", "CH-GE", "Board"), manager_id="")
    known = [head, *(story.person for story in STORIES)]
    taken = {person.email for person in known}
    homes = [home for home in HOMES for _ in range(home.share)]
    random.shuffle(homes)
    leads: dict[str, list[str]] = {}
    for number in range(len(known) + 1, max(count, FEWEST) + 1):
        home = homes[number % len(homes)]
        given, family = random.choice(home.given_names), random.choice(home.family_names)
        team = leads.setdefault(home.country, [])
        place = (home.language, home.country, home.region, home.time_zone, random.choice(DEPARTMENTS))
        person_id = f"A{number:04}"
        manager = team[-1] if team else HEAD_ID
        known.append(Person(person_id, given, family, _address(given, family, taken), *place, manager))
        if sum(person.country == home.country for person in known) % _TEAM == 1:
            team.append(person_id)
    return known


def on_roster(everybody: Sequence[Person], day: date) -> list[Person]:
    """Those who are in the roster on a day."""
    away = {
        story.person.id
        for story in STORIES
        if (story.from_day is not None and day < story.from_day) or (story.until_day is not None and day >= story.until_day)
    }
    return [person for person in everybody if person.id not in away]


def write_roster(path: Path, everybody: Iterable[Person]) -> None:
    """Write the file that an HR system would export."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Person)])
        writer.writerow(_HEADER)
        writer.writerows(asdict(person) for person in everybody)


def _address(given: str, family: str, taken: set[str]) -> str:
    """An address that nobody has yet."""
    local = ".".join(_plain(part) for part in (given, family))
    email, number = f"{local}@{DOMAIN}", 2
    while email in taken:
        email, number = f"{local}{number}@{DOMAIN}", number + 1
    taken.add(email)
    return email


def _plain(name: str) -> str:
    """The name in ASCII letters, as addresses are made: "Müller" becomes "muller"."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_WITHOUT_DECOMPOSITION))
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha()).lower()
