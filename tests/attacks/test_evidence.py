"""An archive of evidence and somebody who changes it: whatever is changed, removed, swapped, added or repeated is found.

Whoever changes something also makes good whatever can be made good without making the chain again: the hash of an entry or a seal,
and those in the manifest.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from notifier.domain.evidence import MANIFEST, seals_text
from notifier.domain.ledger import COVERED, KEPT, WITHHELD, canonical, entries_hash, hash_of, rest_hash, seal_hash
from notifier.store import ledger, seals
from notifier.store.oversight import ledger as table
from notifier.store.oversight import seals as seal_table
from notifier.summary.verify_evidence import check
from tests.evidence_rig import LATER, OTHER, archive_of, findings, is_found, live, pack, store, taken_apart
from tests.people import COMPANY

Files = dict[str, bytes]
Lines = list[dict[str, Any]]
TABLES = ("deliveries.csv", "answers.csv", "roster_syncs.csv")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A good archive of a store in which somebody was forgotten, with three seals."""
    folder = tmp_path_factory.mktemp("evidence")
    with store(folder) as database:
        keys = live(database)
        with database.write() as connection:
            ledger.forget(connection, keys["1"], now=LATER, actor="Ada")
        seals.seal(database, LATER)
        return taken_apart(archive_of(database, folder).path)


@pytest.fixture(scope="module")
def lines(files: Files) -> Lines:
    return [json.loads(line) for line in files["ledger.jsonl"].splitlines()]


@pytest.fixture(scope="module")
def chain(files: Files) -> Lines:
    return list(json.loads(files["seals.json"]))


@dataclass(frozen=True, repr=False)
class Good:
    """The archive, for tests that are told with all their arguments."""

    files: Files
    lines: Lines


@pytest.fixture(scope="module")
def good(files: Files, lines: Lines) -> Good:
    return Good(files, lines)


def repaired(files: Files, *, manifest: dict[str, Any] | None = None, **changed: bytes | None) -> Files:
    """These files with some changed, or removed (None), and the manifest made to fit them."""
    now = {name: content for name, content in (files | changed).items() if content is not None}
    made = {**json.loads(files[MANIFEST]), **(manifest or {})}
    made["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in now.items() if name != MANIFEST}
    return now | {MANIFEST: (canonical(made) + "\n").encode()}


def as_they_are(files: Files, lines: Lines) -> Files:
    """Another ledger."""
    return repaired(files, **{"ledger.jsonl": "".join(f"{canonical(line)}\n" for line in lines).encode()})


def with_lines(files: Files, lines: Lines) -> Files:
    """Another ledger, each entry with the hash that it has now."""
    return as_they_are(files, [_hashed(line, hash_of) for line in lines])


def with_seals(files: Files, chain: Lines) -> Files:
    """Other seals, each with the hash that it has now."""
    made = [_hashed(seal, seal_hash) for seal in chain]
    head = {name: made[-1].get(name) for name in ("number", "last", "hash")} if made else {}
    return repaired(files, manifest={"head": head}, **{"seals.json": seals_text(made).encode()})


def _hashed(one: dict[str, Any], of: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    try:
        return one | {"hash": of(one)}
    except (KeyError, TypeError):
        return one


def others(value: Any) -> Iterator[Any]:
    """Other values of the same kind."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
        case str():
            yield value + "x"
        case dict():
            yield from ({**value, name: other} for name in value for other in others(value[name]))
            yield {**value, "more": 1}
            yield from ({key: value[key] for key in value if key != name} for name in value)
        case _:
            yield "x"


def rearranged(items: list[Any]) -> Iterator[list[Any]]:
    """One of them removed, twice there, swapped with the next one."""
    for n in range(len(items)):
        yield [*items[:n], *items[n + 1 :]]
        yield [*items[: n + 1], *items[n:]]
        if n + 1 < len(items) and items[n] != items[n + 1]:
            yield [*items[:n], items[n + 1], items[n], *items[n + 2 :]]


def test_a_good_archive_has_no_findings(files: Files, lines: Lines) -> None:
    assert findings(files) == []
    assert findings(repaired(files)) == []
    assert {line["campaign"] for line in lines} == {"", "linkedin-ai-training", OTHER}


def test_a_change_of_any_field_of_each_kind_of_entry_is_found(files: Files, lines: Lines) -> None:
    one_of_each = {line.get("event"): n for n, line in enumerate(lines)}
    for n in one_of_each.values():
        line = lines[n]
        for name in line:
            made = as_they_are if name == "hash" else with_lines
            for other in others(line[name]):
                if other != line[name]:
                    assert is_found(made(files, [*lines[:n], line | {name: other}, *lines[n + 1 :]])), (n, name, other)
            gone = {key: line[key] for key in line if key != name}
            assert is_found(made(files, [*lines[:n], gone, *lines[n + 1 :]])), (n, name)


def test_an_entry_that_is_removed_repeated_or_swapped_is_found(files: Files, lines: Lines) -> None:
    assert is_found(with_lines(files, lines[1:]))
    for other in rearranged(lines):
        numbered = [line | {"position": n} for n, line in enumerate(other, 1)]
        assert is_found(with_lines(files, numbered))


def test_an_entry_that_is_held_back_is_found(files: Files, lines: Lines) -> None:
    """Its hash is right, and so is the chain: but it is of the campaign that was asked for."""

    for n, line in enumerate(lines):
        if line["campaign"] != OTHER:
            whole = {name: line[name] for name in ("at", "event", "subject", "person", "commitment")}
            rest = rest_hash(facts=canonical(line["facts"]), **whole)
            held_back = {"position": line["position"], "campaign": line["campaign"], "rest": rest, "hash": line["hash"]}
            assert any("held back" in finding for finding in findings(with_lines(files, [*lines[:n], held_back, *lines[n + 1 :]])))


def test_a_change_in_the_seals_is_found(files: Files, chain: Lines) -> None:
    """The last seal could be made again, and is found by its hash alone, where that was noted."""
    for n, seal in enumerate(chain):
        for name in seal:
            for other in others(seal[name]):
                changed = [*chain[:n], seal | {name: other}, *chain[n + 1 :]]
                assert is_found(repaired(files, **{"seals.json": seals_text(changed).encode()}))
                assert is_found(with_seals(files, changed), chain[-1]["hash"]) or name == "hash"
    for other in rearranged(chain):
        assert is_found(with_seals(files, other))
        assert is_found(repaired(files, **{"seals.json": seals_text(other).encode()}))


@pytest.mark.parametrize("name", TABLES)
def test_a_change_in_a_table_is_found(files: Files, name: str) -> None:
    rows = list(csv.reader(io.StringIO(files[name].decode("utf-8-sig"), newline="")))
    assert len(rows) > 2

    def written(rows: list[list[str]]) -> Files:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return repaired(files, **{name: text.getvalue().encode("utf-8-sig")})

    assert findings(written(rows)) == []
    for n, row in enumerate(rows[:4]):
        for column, content in enumerate(row):
            changed = [*row[:column], content + "1", *row[column + 1 :]]
            assert is_found(written([*rows[:n], changed, *rows[n + 1 :]])), (n, column)
        assert is_found(written([*rows[:n], row[:-1], *rows[n + 1 :]]))
    for other in rearranged(rows):
        assert is_found(written(other))


def test_a_change_of_any_other_file_is_found(files: Files) -> None:
    for name in files.keys() - {MANIFEST, "ledger.jsonl", "seals.json", *TABLES}:
        assert is_found(repaired(files, **{name: files[name] + b" "})), name
    for name in files.keys() - {MANIFEST}:
        assert is_found(repaired(files, **{name: None})), name
    assert is_found(repaired(files, **{"more.txt": b"more"}))
    assert findings(files | {"more.txt": b"more"}) == ["more.txt: the file was added to the archive"]
    assert findings({name: content for name, content in files.items() if name != MANIFEST})


def test_a_change_in_the_manifest_is_found(files: Files) -> None:
    manifest = json.loads(files[MANIFEST])
    for name in manifest:
        for other in others(manifest[name]):
            assert is_found(files | {MANIFEST: (canonical({**manifest, name: other}) + "\n").encode()}), (name, other)
    assert is_found(files | {MANIFEST: json.dumps(manifest).encode()})
    assert is_found(files | {MANIFEST: (canonical({**manifest, "more": 1}) + "\n").encode()})


def test_what_is_personal_is_missing_only_where_the_ledger_says_so(files: Files, lines: Lines) -> None:
    assert any(line["person"] and "personal" not in line for line in lines if "person" in line)
    for n, line in enumerate(lines):
        if "personal" in line:
            bare = {key: line[key] for key in line if key not in {"personal", "salt"}} | {"actor": ""}
            said = findings(with_lines(files, [*lines[:n], bare, *lines[n + 1 :]]))
            assert any("nothing says that it was dropped" in one for one in said), n


def test_only_a_seal_noted_elsewhere_shows_that_the_chain_was_made_again(files: Files, lines: Lines, chain: Lines) -> None:
    """What the documentation says it cannot do: whoever makes everything again, from the first entry on, leaves no trace in it."""
    n = next(n for n, line in enumerate(lines) if line.get("event") == "roster applied")
    at = lines[n]["at"]
    earlier = at.replace("2025-10-01", "2025-09-01")
    forged = [line | ({"at": earlier} if line is lines[n] else {}) for line in lines]
    made: Lines = []
    for seal in chain:
        hashes = [hash_of(line) for line in forged[seal["first"] - 1 : seal["last"]]]
        previous = made[-1]["hash"] if made else seal["previous"]
        new = seal | {"entries_hash": entries_hash(hashes), "previous": previous}
        made.append(new | {"hash": seal_hash(new)})
    rows = files["roster_syncs.csv"].replace(f"{n + 1},{at}".encode(), f"{n + 1},{earlier}".encode())
    last = {name: made[-1][name] for name in ("number", "last", "hash")}
    every = with_lines(files, forged) | {"seals.json": seals_text(made).encode(), "roster_syncs.csv": rows}
    forgery = repaired(every, manifest={"head": last})
    assert findings(forgery) == []
    assert findings(files, chain[0]["hash"], chain[-1]["hash"]) == []
    for seal in chain:
        assert len(findings(forgery, seal["hash"])) == 1


_PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_JSON = _PLAIN | st.lists(_PLAIN, max_size=2) | st.dictionaries(st.text(max_size=3), _PLAIN, max_size=2)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 99), name=st.sampled_from(sorted(COVERED | KEPT | WITHHELD)) | st.text(max_size=3), value=_JSON)
def test_whatever_is_written_in_place_of_something_is_found(good: Good, place: int, name: str, value: Any) -> None:
    files, lines, n = good.files, good.lines, place % len(good.lines)
    changed = lines[n] | {name: value}
    if canonical(changed) != canonical(lines[n]) and name != "hash":
        found = is_found(with_lines(files, [*lines[:n], changed, *lines[n + 1 :]]))
        assert found, (n, name, value)


@settings(max_examples=40, deadline=None)
@given(file=st.integers(0, 99), start=st.floats(0, 1), gone=st.integers(0, 40), put=st.binary(max_size=20))
def test_other_bytes_in_any_file_are_found(good: Good, file: int, start: float, gone: int, put: bytes) -> None:
    """Whatever stands in the file then, the check ends with findings and not with an error."""
    files = good.files
    name = sorted(files)[file % len(files)]
    at = int(start * len(files[name]))
    content = files[name][:at] + put + files[name][at + gone :]
    assert content == files[name] or is_found(files | {name: content})


def test_what_is_no_archive_is_refused(tmp_path: Path, files: Files) -> None:
    path = tmp_path / "evidence.zip"
    assert check(path)[0] == [f"the archive cannot be read: [Errno 2] No such file or directory: '{path}'"]
    path.write_bytes(b"no zip")
    assert check(path)[0] == ["the archive cannot be read: File is not a zip file"]
    assert findings({}) != []
    assert findings({MANIFEST: files[MANIFEST]}) != []


def test_a_change_in_the_store_is_found_in_the_next_archive(tmp_path: Path) -> None:
    with store(tmp_path) as database:
        live(database)
        with database.read() as connection:
            row = connection.execute(select(table).where(table.c.event == "person viewed")).mappings().one()
        wrong = {
            "at": LATER,
            "campaign": OTHER,
            "employee_key": 7,
            "subject": 77,
            "position": 999,
            "facts": "{}",
            "personal": '{"actor":"Eve"}',
            "salt": "00" * 16,
        } | dict.fromkeys(("event", "actor", "commitment"), "Eve")
        assert {"id", *wrong} == set(table.c.keys())
        for column, value in wrong.items():
            for now in (value, row[column]):
                with database.write() as connection:
                    connection.execute(update(table).where(table.c.id == row["id"]).values({column: now}))
                if now is value:
                    assert check(archive_of(database, tmp_path, name=f"{column}.zip").path)[0], column
        assert check(archive_of(database, tmp_path).path)[0] == []


def test_an_entry_that_was_taken_out_of_the_store_or_put_into_it_is_found(tmp_path: Path) -> None:
    with store(tmp_path) as database:
        live(database)
        second, third = table.c.position == 2, table.c.position == 3
        copied = {"at": LATER, "event": "answered", "facts": "{}", "commitment": "", "position": 2}
        for n, act in enumerate(
            (
                [update(table).where(second).values(position=-1)],
                [update(table).where(third).values(position=2), update(table).where(table.c.position == -1).values(position=3)],
                [delete(table).where(third)],
                [insert(table).values(copied | {"position": 3})],
                [delete(seal_table).where(seal_table.c.number == 1)],
            )
        ):
            with database.write() as connection:
                for statement in act:
                    connection.execute(statement)
            assert check(archive_of(database, tmp_path, name=f"{n}.zip").path)[0]


def test_the_checker_in_the_archive_needs_nothing_but_python(tmp_path: Path, files: Files, chain: Lines) -> None:
    program, good, bad = tmp_path / "verify.py", tmp_path / "good.zip", tmp_path / "bad.zip"
    program.write_bytes(files["verify.py"])
    pack(good, files)
    pack(bad, repaired(files, **{"answers.csv": files["answers.csv"].replace(b"done", b"help")}))

    def run(*arguments: str | Path) -> tuple[int, str]:
        command = [sys.executable, "-I", "-S", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        assert done.stderr == ""
        return done.returncode, done.stdout

    code, said = run(good, chain[0]["hash"])
    assert (code, said.splitlines()[0]) == (
        0,
        f"ok: linkedin-ai-training, {chain[-1]['last']} entries under 3 seals, what is personal was dropped from 1",
    )
    assert said.splitlines()[1].endswith(chain[-1]["hash"])
    code, said = run(bad)
    assert code == 1
    assert all(line.startswith("answers.csv: the row of position") for line in said.splitlines())
    assert run(good, "0" * 64) == (
        1,
        f"the seal {'0' * 64} is not in this chain: it is another chain, or was made again after that seal\n",
    )
    assert run()[0] == 2


def test_an_archive_without_names_holds_none(tmp_path: Path) -> None:
    with store(tmp_path) as database:
        live(database)
        archive = archive_of(database, tmp_path, with_names=False)
    files = taken_apart(archive.path)
    assert findings(files) == []
    everything = b"\n".join(files.values()).decode()
    for person in COMPANY:
        for word in (person.email, person.name):
            assert word not in everything
    for word in ("ada@machine", "Ada (https", "no such user", "Sujet"):
        assert word not in everything, word
    assert not [line for line in files["ledger.jsonl"].splitlines() if b"salt" in line]


def test_no_cell_of_a_table_is_a_formula(files: Files) -> None:
    """CWE-1236: what begins with one of these is run by a spreadsheet program. Here the provider's words begin with "="."""
    cells = []
    for name in (*TABLES, "roster.csv"):
        for row in csv.reader(io.StringIO(files[name].decode("utf-8-sig"), newline="")):
            cells += row
    assert [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r", "\n"))] == []
    assert [cell for cell in cells if cell.startswith("-") and not cell[1:].isdigit()] == []
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
