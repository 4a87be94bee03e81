"""Every version of every text that was in use, and an entry of the ledger for each change of what is in use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from notifier.domain.ledger import TEXT_IN_USE, canonical, digest
from notifier.store import ledger
from notifier.store.inserts import insert_into
from notifier.store.oversight import texts
from notifier.store.tables import meta

_IN_USE = "texts_in_use"


@dataclass(frozen=True, slots=True)
class Text:
    """One version of a text.

    Attributes:
        name: of the message, or "page".
        source: the file as it was, front matter and all.
    """

    campaign: str
    name: str
    language: str
    source: str

    @property
    def hash(self) -> str:
        """SHA-256 of the source in UTF-8, in hexadecimal."""
        return digest(self.source)

    @property
    def place(self) -> str:
        """Which text it is a version of: "campaign/name.language"."""
        return f"{self.campaign}/{self.name}.{self.language}"


def use(connection: Connection, versions: Sequence[Text], now: datetime) -> int:
    """From now on these are in use. Keeps those that are new, and notes each change. Returns how many there were.

    A text that is not among them was taken out; should it come back, that is a change again.
    """
    stored: str | None = connection.scalar(select(meta.c.value).where(meta.c.key == _IN_USE))
    before: dict[str, str] = json.loads(stored or "{}")
    in_use = {version.place: version.hash for version in versions}
    changed = [version for version in versions if before.get(version.place) != version.hash]
    if in_use == before:
        return 0
    for one in changed:
        about = {"hash": one.hash, "campaign": one.campaign, "name": one.name, "language": one.language}
        row = about | {"first_used_at": now, "source": one.source}
        connection.execute(insert_into(connection, texts).values(row).on_conflict_do_nothing())
        facts = {"name": one.name, "language": one.language, "sha256": one.hash}
        ledger.note(connection, event=TEXT_IN_USE, now=now, campaign=one.campaign, facts=facts)
    upsert = insert_into(connection, meta).values(key=_IN_USE, value=canonical(in_use))
    connection.execute(upsert.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": canonical(in_use)}))
    return len(changed)


def in_use_from(connection: Connection, campaign: str) -> Iterator[tuple[datetime, str, str, str]]:
    """Since when each version was in use first, with its name, language and hash."""
    columns = texts.c["first_used_at", "name", "language", "hash"]
    ordered = select(*columns).where(texts.c.campaign == campaign).order_by(*columns)
    return (tuple(row) for row in connection.execute(ordered))


def of_campaign(connection: Connection, campaign: str) -> Iterator[Text]:
    """Every version that was ever in use, from the first."""
    columns = texts.c["campaign", "name", "language", "source"]
    ordered = select(*columns).where(texts.c.campaign == campaign).order_by(texts.c.first_used_at, texts.c.name, texts.c.language)
    return (Text(*row) for row in connection.execute(ordered.order_by(texts.c.hash)))
