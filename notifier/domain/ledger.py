"""How the ledger is hashed and sealed, and how that is checked.

An *entry* says what happened. Its hash covers its position, its campaign, and the hash of its *rest*: when, what, of which row,
about whom (a number, not a name), the facts, and a commitment. What is personal (names, addresses, the provider's words, who acted)
is covered by that commitment alone, the SHA-256 of a random salt and of what is personal. So an erasure drops both, and the entry
keeps its hash. An entry of another campaign can be handed over as its campaign, position and rest: enough to check the chain, and
it cannot stand in for an entry that was asked for.

A *seal* covers a run of entries by their hashes, and the seal before it. Whoever knows the hash of one seal notices every change,
removal, insertion or swap of anything up to there.

This file is a part of the program that an auditor receives too, so it needs nothing but Python itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BEFORE_THE_FIRST = "0" * 64
"""What the first seal names as the hash of the one before."""

ANSWERED = "answered"
TAKEN_BACK = "answer taken back"
ROSTER_APPLIED = "roster applied"
ROSTER_REFUSED = "roster refused"
HOLD_PLACED = "hold placed"
HOLD_LIFTED = "hold lifted"
TEXT_IN_USE = "text in use"
FORGOTTEN = "personal data dropped"
EXPORTED = "evidence exported"
ENDED = "delivery "
"""What the event of a delivery that ended begins with; its state follows."""

WITHHELD = frozenset({"position", "campaign", "rest", "hash"})
COVERED = frozenset({"position", "at", "event", "subject", "campaign", "person", "facts", "commitment", "actor", "hash"})
KEPT = frozenset({"personal", "salt"})
SEALED = ("number", "at", "first", "last", "entries_hash", "previous")
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


def canonical(value: object) -> str:
    """JSON that is the same text for the same value: keys in order, no spaces, no escapes that are not needed."""
    return _ENCODER.encode(value)


def digest(text: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def commitment(salt: str, personal: str) -> str:
    """What stands for `personal`, a canonical text, in the hash of its entry. The salt is hexadecimal."""
    return hashlib.sha256(bytes.fromhex(salt) + personal.encode()).hexdigest()


def rest_hash(*, at: str, event: str, subject: int, person: int | None, facts: str, commitment: str) -> str:
    """The hash of all of an entry that is neither its position nor its campaign.

    Args:
        at: an instant as ISO 8601 with microseconds, in UTC.
        facts: as a canonical text.
    """
    return digest(canonical([at, event, subject, person, facts, commitment]))


def entry_hash(*, position: int, campaign: str, rest: str) -> str:
    """The hash of an entry."""
    return digest(canonical([position, campaign, rest]))


def entries_hash(hashes: Iterable[str]) -> str:
    """The hash of a run of entries, in their order."""
    return digest("".join(hashes))


def seal_hash(seal: Mapping[str, Any]) -> str:
    """The hash of a seal: of its number, instant, first and last position, entries and the seal before."""
    return digest(canonical([seal[name] for name in SEALED]))


def hash_of(line: Mapping[str, Any]) -> str:
    """The hash of an entry as it stands in an archive, whole or withheld. Raises KeyError, TypeError."""
    rest = line["rest"] if line.keys() == WITHHELD else _rest_of(line)
    return entry_hash(position=line["position"], campaign=line["campaign"], rest=rest)


def _rest_of(line: Mapping[str, Any]) -> str:
    names = ("at", "event", "subject", "person", "commitment")
    return rest_hash(facts=canonical(line["facts"]), **{name: line[name] for name in names})


def entry_findings(line: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an entry by itself. Whether something personal may be missing, its reader has to know."""
    if line.keys() not in (WITHHELD, COVERED, COVERED | KEPT):
        yield "it does not have the fields of an entry"
        return
    if line["hash"] != hash_of(line):
        yield "its content does not have its hash: something in it was changed"
    if "personal" in line:
        if commitment(line["salt"], canonical(line["personal"])) != line["commitment"]:
            yield "what is personal in it was changed: it is not what the entry committed to"
        elif line["actor"] != line["personal"].get("actor", ""):
            yield "it names another actor than the one it committed to"
    elif line.keys() != WITHHELD and line["actor"] != "":
        yield "it names an actor without anything that proves it"


def is_bare(line: Mapping[str, Any]) -> bool:
    """Whether an entry committed to something personal that is not there any more."""
    return "personal" not in line and bool(line.get("commitment"))


def seal_findings(seals: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with a chain of seals by itself: numbers and positions without gaps, each hash, each link."""
    previous, number, last = BEFORE_THE_FIRST, 0, 0
    for seal in seals:
        where = f"seal {number + 1}"
        if seal.keys() != {*SEALED, "hash"}:
            yield f"{where}: it does not have the fields of a seal"
            return
        if seal["number"] != number + 1:
            yield f"{where}: a seal is missing here, or there is one too many: number {seal['number']} follows {number}"
        if seal["first"] != last + 1 or seal["last"] < seal["first"]:
            yield f"{where}: it seals {seal['first']} to {seal['last']}, and the one before ends at {last}"
        if seal["previous"] != previous:
            yield f"{where}: it does not name the hash of the seal before"
        if seal["hash"] != seal_hash(seal):
            yield f"{where}: its content does not have its hash: something in it was changed"
        previous, number, last = seal["hash"], seal["number"], seal["last"]
