"""The evidence at the end of the demonstration: an archive as `notifier evidence export` writes it, checked as an auditor would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from notifier.service import Service
from notifier.summary import verify_evidence
from notifier.summary.evidence import Wanted, export

NAME = "evidence.zip"


@dataclass(frozen=True, slots=True)
class Evidence:
    """An archive that was written.

    Attributes:
        entries: of the ledger.
        seal: the hash of the last one.
        findings: what is wrong with it: nothing, unless somebody changed the store by hand.
    """

    file: Path
    entries: int
    seal: str
    findings: tuple[str, ...]


def hand_over(service: Service, folder: Path, now: datetime) -> Evidence:
    """Write and check the archive of the campaign, in that folder.

    Raises:
        NotifierError: it cannot be written.
    """
    settings = service.settings
    wanted = Wanted(
        campaign=next(iter(service.campaigns.values())),
        organisation=settings.organisation.name,
        language=settings.organisation.default_language,
        with_names=True,
        actor="demonstration",
    )
    written = export(service.database, wanted, folder / NAME, now)
    findings, _ = verify_evidence.check(written.path, ())
    return Evidence(written.path, written.entries, written.head.hash, tuple(findings))
