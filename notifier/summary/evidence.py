"""An archive of evidence: everything that the ledger says about a campaign, with what an auditor needs to check and to read it.

Order matters. First everything that has happened is gathered and sealed, and counted for the report. What is not made of the
ledger itself (the report, the texts, the roster) is written, and the entry of this export commits to it. Then that entry is sealed,
and the ledger is written up to there with its tables. So the last seal covers the whole archive.

The archive appears under its name when it is complete; one that is cut off leaves nothing behind.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from notifier import __version__, shipped
from notifier.domain import evidence as tables
from notifier.domain import ledger as formulas
from notifier.domain.campaign import Campaign
from notifier.domain.evidence import FORMAT, LEDGER, MANIFEST, SEALS, TABLES, bound, cell, seals_text, text_file
from notifier.domain.ledger import EXPORTED, canonical
from notifier.errors import NotifierError, StoreError
from notifier.store import evidence, gathering, ledger, organisation, seals, stories, texts
from notifier.store.database import Connection, Database
from notifier.store.seals import Seal, instant
from notifier.summary import verify_evidence
from notifier.summary.evidence_report import Report, figures_of, render

_SOFTWARE = f"notifier {__version__}"
_TOLD_EVERY = 1000
_FUTURE = "from __future__ import annotations"
_NOT_THERE = (_FUTURE, "from notifier.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an archive is to hold.

    Attributes:
        organisation: its name, for the report.
        language: of the report.
        with_names: False: nothing personal; whom an entry is about stays a number.
        actor: who asked for it.
    """

    campaign: Campaign
    organisation: str
    language: str
    with_names: bool
    actor: str

    @property
    def facts(self) -> Mapping[str, str | bool]:
        """How it is made, as the ledger and the archive say it."""
        return {"software": _SOFTWARE, "language": self.language, "with_names": self.with_names}


@dataclass(frozen=True, slots=True)
class Exported:
    """An archive that was written."""

    path: Path
    entries: int
    head: Seal


class _Writable(Protocol):
    """Something that bytes can be written to."""

    def write(self, content: bytes, /) -> int: ...


@dataclass
class _Hashed:
    """Something that is written to, and what was written hashed."""

    file: IO[bytes]
    found: Any = field(default_factory=hashlib.sha256)

    def write(self, content: bytes, /) -> int:
        self.found.update(content)
        return self.file.write(content)


@dataclass
class _Archive:
    """A ZIP file that is being written, and the hash of each of its files."""

    file: zipfile.ZipFile
    at: datetime
    hashes: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def writing(self, name: str) -> Iterator[_Hashed]:
        """A file to write to."""
        about = zipfile.ZipInfo(name, (self.at.year, self.at.month, self.at.day, self.at.hour, self.at.minute, self.at.second))
        about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        with self.file.open(about, "w", force_zip64=True) as opened:
            hashed = _Hashed(opened)
            yield hashed
        self.hashes[name] = hashed.found.hexdigest()

    def add(self, name: str, content: str) -> None:
        """A whole file."""
        with self.writing(name) as file:
            file.write(content.encode())


def export(
    database: Database, wanted: Wanted, target: Path, now: datetime, progress: Callable[[int], None] = lambda _: None
) -> Exported:
    """Write an archive to `target`, which must not exist. The export itself is noted in the ledger.

    Args:
        progress: called with the number of entries written so far.

    Raises:
        NotifierError: the file is there already, or cannot be written.
        StoreError: the store cannot be used.
    """
    if target.exists():
        msg = f"{target} exists already; evidence never replaces a file"
        raise NotifierError(msg, hint="name another file")
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)  # it names people
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w") as zipped:
                exported = _write(database, wanted, _Archive(zipped, now), target, progress)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    except OSError as error:
        msg = f"the archive could not be written to {target}: {error.strerror}"
        raise NotifierError(msg, hint="check the folder, its permissions and the free space") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return exported


def _write(database: Database, wanted: Wanted, archive: _Archive, target: Path, progress: Callable[[int], None]) -> Exported:
    gathering.gather(database, since=None)
    seals.seal(database, archive.at)
    with database.read() as connection:
        _add_what_is_bound(connection, wanted, archive)
    facts = {"files": bound(archive.hashes), **wanted.facts}
    with database.write() as connection:
        ledger.note(connection, event=EXPORTED, now=archive.at, actor=wanted.actor, campaign=wanted.campaign.id, facts=facts)
    seals.seal(database, archive.at)
    with database.read() as connection:
        head = seals.head(connection)
        if head is None:
            msg = "the ledger could not be sealed"
            raise StoreError(msg, hint="try again")
        entries = _add_the_chain(connection, wanted, archive, head, target.parent, progress)
    manifest: dict[str, object] = {
        "format": FORMAT,
        "campaign": wanted.campaign.id,
        "made_at": instant(archive.at),
        "files": archive.hashes,
        "head": {"number": head.number, "last": head.last, "hash": head.hash},
    }
    archive.add(MANIFEST, canonical({**manifest, **wanted.facts}) + "\n")
    return Exported(target, entries, head)


def _add_what_is_bound(connection: Connection, wanted: Wanted, archive: _Archive) -> None:
    """What is not made of the ledger, and so is bound to it by the entry of the export."""
    archive.add("README.txt", (shipped.templates() / "evidence" / "README.txt").read_text("utf-8"))
    archive.add("verify.py", verifier())
    report = _report(connection, wanted, archive.at)
    archive.add("report.html", render(report, wanted.language))
    archive.add("figures.json", json.dumps(figures_of(report), indent=1, ensure_ascii=False) + "\n")
    names = evidence.ROSTER if wanted.with_names else evidence.ROSTER_WITHOUT_NAMES
    with archive.writing("roster.csv") as file:
        write = _table(file, names)
        for row in evidence.roster(connection, with_names=wanted.with_names):
            write([cell(value) for value in row])
    for version in texts.of_campaign(connection, wanted.campaign.id):
        facts = {"name": version.name, "language": version.language, "sha256": version.hash}
        archive.add(text_file(facts), version.source)


def _report(connection: Connection, wanted: Wanted, now: datetime) -> Report:
    sealed = seals.head(connection)
    cells = organisation.cells(connection, wanted.campaign)
    return Report(
        campaign=wanted.campaign,
        organisation=wanted.organisation,
        made_at=now,
        actor=wanted.actor if wanted.with_names else "",
        figures=evidence.count(connection, campaign=wanted.campaign.id, up_to=0 if sealed is None else sealed.last),
        people=sum(one.people for one in cells),
        settled=sum(one.people for one in cells if one.settled),
        undeliverable=stories.undeliverable(connection, wanted.campaign.id),
        with_names=wanted.with_names,
        texts=list(texts.in_use_from(connection, wanted.campaign.id)),
        sealed=sealed,
    )


def _add_the_chain(
    connection: Connection, wanted: Wanted, archive: _Archive, head: Seal, folder: Path, progress: Callable[[int], None]
) -> int:
    """The seals, the ledger, and its tables beside it. Returns how many entries there are."""
    every = [asdict(seal) | {"at": instant(seal.at)} for seal in seals.chain(connection, head.number)]
    archive.add(SEALS, seals_text(every))
    lines = evidence.lines(connection, campaign=wanted.campaign.id, up_to=head.last, with_names=wanted.with_names)
    written = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(tempfile.TemporaryFile(dir=folder)) for name in TABLES}
        writes = {name: _table(file, TABLES[name].columns) for name, file in files.items()}
        with archive.writing(LEDGER) as file:
            for line in lines:
                file.write(canonical(line).encode() + b"\n")
                for name, table in TABLES.items():
                    if table.has(line):
                        writes[name](table.row(line))
                written += 1
                if written % _TOLD_EVERY == 0:
                    progress(written)
        for name, table_file in files.items():
            table_file.seek(0)
            with archive.writing(name) as file:
                shutil.copyfileobj(table_file, file)
    return written


@dataclass(frozen=True, slots=True)
class _Text:
    """Where text goes that is kept as bytes."""

    file: _Writable

    def write(self, text: str) -> int:
        return self.file.write(text.encode())


def _table(file: _Writable, columns: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    """Begin a table as spreadsheet programs read it. Returns what writes a row."""
    text = _Text(file)
    text.write("\ufeff")
    write: Callable[[Sequence[str]], Any] = csv.writer(text).writerow
    write(columns)
    return write


def verifier() -> str:
    """The program that checks an archive, as one file that needs nothing but Python: its parts one after the other."""
    imports: dict[str, None] = {}
    bodies = []
    for module in (formulas, tables, verify_evidence):
        source = Path(module.__file__ or "").read_text("utf-8")
        found = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        imports |= dict.fromkeys(ast.unparse(node) for node in found if not ast.unparse(node).startswith(_NOT_THERE))
        bodies.append("\n".join(source.splitlines()[found[-1].end_lineno :]).strip())
    about = f'"""{verify_evidence.__doc__}"""'
    return "\n\n\n".join(["#!/usr/bin/env python3\n" + about, "\n".join([_FUTURE, *imports]), *bodies]) + "\n"
