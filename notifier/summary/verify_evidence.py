"""Checks an evidence archive of notifier with nothing but Python: `python3 verify.py EVIDENCE.zip [HASH]…`

What is checked: every file is the one that the archive was made with; every entry of the ledger has its hash, and what is personal
in it is what it committed to; the seals are an unbroken chain over all entries, in their order and without gaps; every row of
deliveries.csv, answers.csv and roster_syncs.csv is what its entry says, and none is missing or too many.

Each HASH is that of a seal which somebody noted elsewhere: it has to be in the chain. Without one nobody can tell this chain from
another one, made up from the beginning by whoever ran the machine.

Prints a line for each thing that is wrong and ends with 1; or one line that begins with "ok", and ends with 0.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import IO, Any

from notifier.domain.evidence import FORMAT, LEDGER, MANIFEST, SEALS, TABLES, Line, bound, seals_text, text_file
from notifier.domain.ledger import (
    EXPORTED,
    FORGOTTEN,
    TEXT_IN_USE,
    WITHHELD,
    canonical,
    entries_hash,
    entry_findings,
    is_bare,
    seal_findings,
)

_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)


@dataclass
class _Rows:
    """A table of the archive, read beside the ledger."""

    name: str
    rows: Iterator[list[str]]
    current: list[str] | None = None

    def begin(self) -> Iterator[str]:
        if next(self.rows, None) != list(TABLES[self.name].columns):
            yield f"{self.name}: the first row does not name the columns"
        self.current = next(self.rows, None)

    def take(self, line: Line) -> Iterator[str]:
        """Compare the next row with an entry that should have one."""
        wanted = TABLES[self.name].row(line)
        while self.current is not None and _place(self.current) < line["position"]:
            yield f"{self.name}: a row of position {_place(self.current)} belongs to no entry here"
            self.current = next(self.rows, None)
        if self.current is None or _place(self.current) > line["position"]:
            yield f"{self.name}: the row of position {line['position']} is missing"
            return
        if self.current != wanted:
            yield f"{self.name}: the row of position {line['position']} is not what the ledger says"
        self.current = next(self.rows, None)

    def end(self) -> Iterator[str]:
        while self.current is not None:
            yield f"{self.name}: a row of position {_place(self.current)} belongs to no entry here"
            self.current = next(self.rows, None)


def _place(row: Sequence[str]) -> int:
    return int(row[0]) if row and row[0].isascii() and row[0].isdigit() else -1


@dataclass
class Verification:
    """The check of one archive. `findings` does it; the rest is known when that has come to its end.

    Attributes:
        noted: hashes of seals that have to be in the chain.
    """

    archive: zipfile.ZipFile
    noted: Sequence[str] = ()
    manifest: dict[str, Any] = field(default_factory=dict)
    seals: list[dict[str, Any]] = field(default_factory=list)
    entries: int = 0
    erased: int = 0
    _texts: set[str] = field(default_factory=set)
    _export: Line = field(default_factory=dict)
    _bare: dict[tuple[int | None, str], int] = field(default_factory=dict)
    _forgotten: dict[object, int] = field(default_factory=dict)

    def findings(self) -> Iterator[str]:
        """Everything that is wrong."""
        for part in (self._files, self._chain_of_seals, self._ledger, self._missing_words, self._export_of_it):
            try:
                yield from part()
            except _BROKEN as error:
                yield f"the archive cannot be read further ({part.__name__.strip('_')}): {type(error).__name__}: {error}"
                return

    def _files(self) -> Iterator[str]:
        """Every file is there once, and is the one that the manifest names."""
        names = Counter(self.archive.namelist())
        yield from (f"{name}: the file is in the archive {count} times" for name, count in names.items() if count > 1)
        manifest = self.archive.read(MANIFEST).decode()
        self.manifest = json.loads(manifest)
        if manifest != canonical(self.manifest) + "\n":
            yield f"{MANIFEST}: it was written by another program"
        if self.manifest["format"] != FORMAT:
            yield f"{MANIFEST}: this program reads archives of format {FORMAT}, and this is {self.manifest['format']!r}"
        wanted = self.manifest["files"]
        for name in sorted(names.keys() - wanted.keys() - {MANIFEST}):
            yield f"{name}: the file was added to the archive"
        for name in sorted(wanted):
            if name not in names:
                yield f"{name}: the file is missing"
            elif _hash_of_file(self.archive, name) != wanted[name]:
                yield f"{name}: the file was changed"

    def _chain_of_seals(self) -> Iterator[str]:
        content = self.archive.read(SEALS).decode()
        self.seals = json.loads(content)
        if content != seals_text(self.seals):
            yield f"{SEALS}: it was written by another program"
        yield from seal_findings(self.seals)
        head = {name: self.seals[-1][name] for name in ("number", "last", "hash")}
        if self.manifest["head"] != head:
            yield f"{MANIFEST}: it names another last seal than {SEALS} has"
        known = {seal["hash"] for seal in self.seals}
        for one in self.noted:
            if one not in known:
                yield f"the seal {one} is not in this chain: it is another chain, or was made again after that seal"

    def _ledger(self) -> Iterator[str]:
        """Every entry, its seal, and its rows in the tables."""
        tables = [_Rows(name, _csv_rows(self.archive, name)) for name in TABLES]
        for table in tables:
            yield from table.begin()
        seals = iter(self.seals)
        seal = next(seals, None)
        hashes: list[str] = []
        for content in self.archive.open(LEDGER):
            self.entries += 1
            line = _parsed(content)
            if line is None or line.get("position") != self.entries:
                yield f"{LEDGER}: line {self.entries} is not entry {self.entries}: one was changed, removed or added"
                return
            yield from (f"{LEDGER}: position {self.entries}: {what}" for what in entry_findings(line))
            hashes.append(line["hash"])  # which has been found to be that of the entry, or else is a finding
            if seal is not None and seal["last"] == self.entries:
                if entries_hash(hashes) != seal["entries_hash"]:
                    yield f"{SEALS}: seal {seal['number']} is over other entries than {seal['first']} to {seal['last']} are here"
                hashes, seal = [], next(seals, None)
            yield from self._note(line)
            for table in tables:
                if TABLES[table.name].has(line):
                    yield from table.take(line)
        if hashes or seal is not None:
            yield f"{LEDGER}: it ends at position {self.entries}, and the last seal at {self.seals[-1]['last']}"
        for table in tables:
            yield from table.end()

    def _note(self, line: Line) -> Iterator[str]:
        """Remember what the rest of the archive is compared with."""
        ours = line["campaign"] in {"", self.manifest["campaign"]}
        if line.keys() == WITHHELD:
            if ours:
                yield f"{LEDGER}: position {line['position']}: an entry of this campaign was held back"
            return
        if not ours:
            yield f"{LEDGER}: position {line['position']}: an entry of another campaign stands open here"
        if is_bare(line):
            self.erased += 1
            self._bare[line["person"], line["campaign"]] = line["position"]
        if line["event"] == FORGOTTEN:
            person = line["facts"]["person"]
            self._forgotten[line["campaign"] if person is None else person] = line["position"]
        elif line["event"] == TEXT_IN_USE:
            name = text_file(line["facts"])
            self._texts.add(name)
            if self.manifest["files"].get(name) != line["facts"]["sha256"]:
                yield f"{name}: the text is not the one that was in use from {line['at']}"
        elif line["event"] == EXPORTED and line["at"] == self.manifest["made_at"]:
            self._export = line

    def _missing_words(self) -> Iterator[str]:
        """What is personal may be missing where the ledger says that it was dropped, or where all of it was left out."""
        if self.manifest["with_names"]:
            for (person, campaign), position in self._bare.items():
                if max(self._forgotten.get(person, 0), self._forgotten.get(campaign, 0)) < position:
                    yield f"{LEDGER}: position {position}: what is personal is gone, and nothing says that it was dropped"
        for name in sorted(self.manifest["files"]):
            if name.startswith("texts/") and name not in self._texts:
                yield f"{name}: the text was never in use"

    def _export_of_it(self) -> Iterator[str]:
        """The entry of the export says what else was in the archive, and how it was made."""
        if not self._export or self._export["campaign"] != self.manifest["campaign"]:
            yield f"{LEDGER}: there is no entry of this export"
            return
        facts = self._export["facts"]
        if facts["files"] != bound(self.manifest["files"]):
            yield f"{MANIFEST}: the report, the texts or the roster are not those of this export, or one was added or removed"
        said = {name: self.manifest[name] for name in ("made_at", "software", "language", "with_names")}
        if said != {"made_at": self._export["at"], **{name: facts[name] for name in ("software", "language", "with_names")}}:
            yield f"{MANIFEST}: it does not say how this export was made"
        if self.manifest.keys() != {"format", "campaign", "files", "head", *said}:
            yield f"{MANIFEST}: something was added or removed"

    def summary(self) -> str:
        """What was found to be good, in a line."""
        head = self.seals[-1]
        personal = f", what is personal was dropped from {self.erased}" if self.manifest["with_names"] and self.erased else ""
        names = "" if self.manifest["with_names"] else "; without names, so who each entry is about cannot be checked"
        return (
            f"ok: {self.manifest['campaign']}, {self.entries} entries under {len(self.seals)} seals{personal}{names}\n"
            f"last seal: number {head['number']}, up to position {head['last']}, {head['hash']}"
        )


def _parsed(content: bytes) -> dict[str, Any] | None:
    """An entry of a line; None where it is not written as the export writes it."""
    text = content.decode()
    line = json.loads(text)
    return line if isinstance(line, dict) and text == canonical(line) + "\n" else None


def _csv_rows(archive: zipfile.ZipFile, name: str) -> Iterator[list[str]]:
    return csv.reader(io.TextIOWrapper(archive.open(name), encoding="utf-8-sig", newline=""), strict=True)


def _hash_of_file(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return hash_of_stream(file)


def hash_of_stream(file: IO[bytes]) -> str:
    """The SHA-256 of what is left of a file."""
    found = hashlib.sha256()
    for piece in iter(partial(file.read, 1 << 20), b""):
        found.update(piece)
    return found.hexdigest()


def check(path: str | os.PathLike[str] | IO[bytes], noted: Sequence[str] = (), most: int = 1000) -> tuple[list[str], str]:
    """Check an archive. Returns what is wrong with it, and what to say where nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            verification = Verification(archive, noted)
            findings = list(islice(verification.findings(), most + 1))
    except (OSError, zipfile.BadZipFile) as error:
        return [f"the archive cannot be read: {error}"], ""
    if len(findings) > most:
        findings[most:] = ["and more"]
    return findings, "" if findings else verification.summary()


def main(arguments: Sequence[str]) -> int:
    """Check the archive that is named, and print what was found."""
    if not arguments:
        sys.stdout.write(f"{__doc__}\n")
        return 2
    findings, summary = check(arguments[0], arguments[1:])
    sys.stdout.write("".join(f"{line}\n" for line in findings or [summary]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
