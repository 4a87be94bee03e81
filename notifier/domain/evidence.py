"""What stands in an archive of evidence: its files, and the tables in which each row says what one entry of the ledger says.

A part of the program that an auditor receives, as `domain/ledger.py` is: it needs nothing but Python itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.domain.ledger import ANSWERED, ENDED, ROSTER_APPLIED, ROSTER_REFUSED, TAKEN_BACK, WITHHELD, canonical, digest

FORMAT = 1
MANIFEST, LEDGER, SEALS = "manifest.json", "ledger.jsonl", "seals.json"

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A file of rows that each say in cells what one entry says.

    Attributes:
        events: an entry whose event begins with one of these has a row.
        columns: the header; each is a field of the entry, or of its facts, or of what is personal in it.
    """

    events: tuple[str, ...]
    columns: tuple[str, ...]

    def has(self, line: Line) -> bool:
        """Whether this entry has a row here."""
        return line.keys() != WITHHELD and line["event"].startswith(self.events)

    def row(self, line: Line) -> list[str]:
        """The row of an entry."""
        known = {**line.get("personal", {}), **line["facts"], **line}
        return [cell(known.get(name)) for name in self.columns]


_WHO = ("position", "at", "event", "campaign", "person", "employee_id")
_WORDS = ("subject_line", "reason", "reply", "reference", "message_id")
TABLES = {
    "deliveries.csv": Table(
        (ENDED,),
        (*_WHO, "kind", "occasion", "message", "channel", "language", "attempts", *_WORDS),
    ),
    "answers.csv": Table((ANSWERED, TAKEN_BACK), (*_WHO, "answer", "assurance", "channel", "settles", "revoked_because", "actor")),
    "roster_syncs.csv": Table(
        (ROSTER_APPLIED, ROSTER_REFUSED),
        (*_WHO[:3], "source", "accepted", "left_out", "set_aside", "joiners", "leavers", "changed", "reason"),
    ),
}
CHAINED = frozenset({MANIFEST, LEDGER, SEALS, *TABLES})
"""Files that are checked against the chain itself. All others are bound to it by the entry of the export."""


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet program takes for a formula."""
    if isinstance(value, str):
        return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def bound(hashes: Mapping[str, str]) -> str:
    """What the entry of an export says about the files that are not made of the ledger."""
    return digest(canonical({name: value for name, value in hashes.items() if name not in CHAINED}))


def text_file(facts: Line) -> str:
    """Where the version of a text stands that an entry tells of."""
    return f"texts/{facts['name']}.{facts['language']}.{facts['sha256'][:12]}.md"


def seals_text(seals: Sequence[Line]) -> str:
    """The file of the seals, one a line."""
    return "[\n" + ",\n".join(map(canonical, seals)) + "\n]\n"
