"""The formulas of the ledger, worked out here by hand, and what is found in entries and seals that are not as they were."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from notifier.domain import ledger
from notifier.domain.ledger import BEFORE_THE_FIRST, canonical, entry_findings, hash_of, is_bare, seal_findings, seal_hash

SALT = "000102030405060708090a0b0c0d0e0f"
PERSONAL = {"employee_id": "é1", "actor": "Ada"}
AT = "2025-10-01T06:00:00.000000+00:00"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def line(**differs: Any) -> dict[str, Any]:
    """An entry as it stands in an archive, hashed by hand."""
    committed = hashlib.sha256(bytes.fromhex(SALT) + '{"actor":"Ada","employee_id":"é1"}'.encode()).hexdigest()
    rest = sha(f'["{AT}","answered",7,17,"{{\\"answer\\":\\"done\\",\\"settles\\":true}}","{committed}"]')
    entry = {
        "position": 3,
        "at": AT,
        "event": "answered",
        "subject": 7,
        "campaign": "c",
        "person": 17,
        "facts": {"settles": True, "answer": "done"},
        "commitment": committed,
        "actor": "Ada",
        "hash": sha(f'[3,"c","{rest}"]'),
        "personal": dict(PERSONAL),
        "salt": SALT,
    }
    return entry | differs


def seal(number: int, previous: str, **differs: Any) -> dict[str, Any]:
    """A seal over two entries, hashed by hand."""
    first = 2 * number - 1
    values = {"number": number, "at": AT, "first": first, "last": first + 1, "entries_hash": sha("ab"), "previous": previous}
    return values | {"hash": sha(f'[{number},"{AT}",{first},{first + 1},"{sha("ab")}","{previous}"]')} | differs


def test_the_same_value_is_the_same_text() -> None:
    assert canonical({"b": [1, None, True], "a": "é\n"}) == '{"a":"é\\n","b":[1,null,true]}'
    assert json.loads(canonical(PERSONAL)) == PERSONAL


def test_an_entry_is_hashed_as_the_documentation_says() -> None:
    assert list(entry_findings(line())) == []
    assert ledger.entries_hash(["ab", "cd"]) == sha("abcd")


def test_an_entry_of_another_campaign_can_be_held_back() -> None:
    whole = line()
    rest = ledger.rest_hash(
        at=AT, event="answered", subject=7, person=17, facts=canonical(whole["facts"]), commitment=whole["commitment"]
    )
    withheld = {"position": 3, "campaign": "c", "rest": rest, "hash": whole["hash"]}
    assert list(entry_findings(withheld)) == []
    assert hash_of(withheld) == hash_of(whole)
    assert list(entry_findings(withheld | {"campaign": "d"})) == ["its content does not have its hash: something in it was changed"]


@pytest.mark.parametrize("name", sorted(line()))
def test_a_change_of_any_field_is_found(name: str) -> None:
    whole = line()
    changed: Any = {**whole[name], "answer": "help"} if isinstance(whole[name], dict) else whole[name] * 2
    assert list(entry_findings(whole | {name: changed})) != []
    assert list(entry_findings({key: value for key, value in whole.items() if key != name})) != []
    assert list(entry_findings(whole | {"more": 1})) != []


def test_after_an_erasure_an_entry_still_has_its_hash() -> None:
    erased = {name: value for name, value in line(actor="").items() if name not in {"personal", "salt"}}
    assert list(entry_findings(erased)) == []
    assert is_bare(erased)
    assert not is_bare(line())
    assert list(entry_findings(erased | {"actor": "Eve"})) == ["it names an actor without anything that proves it"]


def test_a_chain_of_seals() -> None:
    first = seal(1, BEFORE_THE_FIRST)
    second = seal(2, first["hash"])
    assert seal_hash(first) == first["hash"]
    assert list(seal_findings([first, second])) == []


@pytest.mark.parametrize("name", sorted(seal(1, BEFORE_THE_FIRST)))
def test_a_change_in_a_seal_is_found(name: str) -> None:
    first = seal(1, BEFORE_THE_FIRST)
    second = seal(2, first["hash"])
    assert list(seal_findings([first | {name: first[name] * 2}, second])) != []
    assert list(seal_findings([first, second | {name: second[name] * 2}])) != []
    assert list(seal_findings([first, {key: value for key, value in second.items() if key != name}])) != []


def test_seals_that_are_gone_or_stand_in_another_order_are_found() -> None:
    first = seal(1, BEFORE_THE_FIRST)
    second = seal(2, first["hash"])
    for chain in ([second], [second, first], [first, first, second], [first, second, second]):
        assert list(seal_findings(chain)) != []


def test_a_seal_made_again_no_longer_fits_those_behind_it() -> None:
    first, other = seal(1, BEFORE_THE_FIRST), seal(1, BEFORE_THE_FIRST, entries_hash=sha("other"))
    other["hash"] = seal_hash(other)
    assert list(seal_findings([other, seal(2, first["hash"])])) == ["seal 2: it does not name the hash of the seal before"]


@pytest.mark.parametrize(
    ("first", "last", "whole"),
    [(1, 1, True), (1, 0, False), (2, 2, False), (0, 1, False)],
    ids=["one entry", "none", "not the next one", "one before the first"],
)
def test_a_seal_begins_behind_the_one_before_and_holds_at_least_one_entry(first: int, last: int, *, whole: bool) -> None:
    one = seal(1, BEFORE_THE_FIRST, first=first, last=last)
    one["hash"] = seal_hash(one)
    told = [] if whole else [f"seal 1: it seals {first} to {last}, and the one before ends at 0"]
    assert list(seal_findings([one])) == told
