"""What stands in an archive of evidence: which entry has a row in which table, what a cell says, what the export is bound to."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from notifier.domain.evidence import CHAINED, TABLES, bound, cell, seals_text, text_file

ENTRY: dict[str, Any] = {
    "position": 7,
    "at": "2025-10-03T07:00:00Z",
    "event": "delivery accepted",
    "campaign": "linkedin-ai-training",
    "person": 3,
    "actor": "",
    "facts": {"kind": "reminder", "occasion": -3, "channel": "smtp", "attempts": 1, "at": "a fact of another name"},
    "personal": {"employee_id": "e3", "reply": "=250 Ok", "channel": "personal"},
}


def test_a_row_holds_what_its_entry_says_first_in_its_own_words_then_in_its_facts() -> None:
    row = TABLES["deliveries.csv"].row(ENTRY)
    who = ["7", "2025-10-03T07:00:00Z", "delivery accepted", "linkedin-ai-training", "3", "e3"]
    assert row == [*who, "reminder", "-3", "", "smtp", "", "1", "", "", "'=250 Ok", "", ""]
    without_names = {name: value for name, value in ENTRY.items() if name != "personal"}
    assert TABLES["deliveries.csv"].row(without_names) == [*who[:5], "", *row[6:14], "", "", ""]


@pytest.mark.parametrize(
    ("event", "table"),
    [
        ("delivery accepted", "deliveries.csv"),
        ("delivery cancelled", "deliveries.csv"),
        ("answered", "answers.csv"),
        ("answer taken back", "answers.csv"),
        ("roster applied", "roster_syncs.csv"),
        ("roster refused", "roster_syncs.csv"),
        ("hold placed", None),
    ],
)
def test_an_entry_has_a_row_in_the_table_of_its_event_and_in_no_other(event: str, table: str | None) -> None:
    assert [name for name, one in TABLES.items() if one.has(ENTRY | {"event": event})] == ([table] if table else [])
    withheld = {"position": 7, "campaign": "another", "rest": "ab" * 32, "hash": "cd" * 32}
    assert not any(one.has(withheld) for one in TABLES.values())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *((sign + "1+1", f"'{sign}1+1") for sign in "=+-@\t\r\n"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        (-3, "-3"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_no_cell_is_a_formula_and_a_number_is_one(value: object, written: str) -> None:
    assert cell(value) == written


def test_an_export_is_bound_to_the_files_that_the_chain_does_not_hold() -> None:
    """The digest of their hashes as JSON with sorted names and no spaces."""
    hashes = dict.fromkeys(CHAINED, "ff") | {"report.fr.html": "02", "people.csv": "01"}
    assert bound(hashes) == hashlib.sha256(b'{"people.csv":"01","report.fr.html":"02"}').hexdigest()


def test_files_are_named_and_written_so() -> None:
    assert text_file({"name": "notice", "language": "fr", "sha256": "0123456789abcdef" * 4}) == "texts/notice.fr.0123456789ab.md"
    assert seals_text([]) == "[\n\n]\n"
    assert seals_text([{"b": "é", "a": 1}, {}]) == '[\n{"a":1,"b":"é"},\n{}\n]\n'
