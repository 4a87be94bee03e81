"""What was written for a delivery when it was planned: the figures of a summary, the content of a webhook.

A letter is written in the transaction that plans its delivery and never changed, so a repeat is the same bytes, and what a manager
was told is known for ever. It belongs to the message, not to the row: the next channel of the ladder carries the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, tuple_

from notifier.store.inserts import insert_into
from notifier.store.oversight import letters
from notifier.store.tables import Kind

if TYPE_CHECKING:
    from notifier.store.claims import Claimed

WRITTEN = frozenset({Kind.SUMMARY, Kind.ESCALATION, Kind.ORGANISATION, Kind.WEBHOOK})
_OF_A_MESSAGE = ("kind", "employee_key", "occasion", "campaign")


@dataclass(frozen=True, slots=True)
class Letter:
    """What one message says. `content` is JSON; `campaign` is "" for one about all campaigns."""

    kind: Kind
    employee_key: int
    occasion: int
    campaign: str
    content: str


def write(connection: Connection, written: Sequence[Letter], now: datetime) -> None:
    """Keep these. One that is there already stays as it is."""
    if not written:
        return
    rows = [{name: getattr(one, name) for name in (*_OF_A_MESSAGE, "content")} | {"written_at": now} for one in written]
    connection.execute(insert_into(connection, letters).on_conflict_do_nothing(), rows)


def read(connection: Connection, *, kind: Kind, employee_key: int, occasion: int, campaign: str = "") -> str | None:
    """The content of one, if it was written."""
    of_message = (kind.value, employee_key, occasion, campaign)
    statement = select(letters.c.content).where(
        *(letters.c[name] == value for name, value in zip(_OF_A_MESSAGE, of_message, strict=True))
    )
    content: str | None = connection.scalar(statement)
    return content


def attached(connection: Connection, rows: tuple[Claimed, ...]) -> tuple[Claimed, ...]:
    """The rows, each with what was written for it. Where nothing needs a letter, this costs nothing."""
    keys = [_key(row) for row in rows if row.kind in WRITTEN]
    if not keys:
        return rows
    columns = letters.c[_OF_A_MESSAGE]
    found = connection.execute(select(*columns, letters.c.content).where(tuple_(*columns).in_(keys)))
    content = {tuple(row[:4]): row.content for row in found}
    return tuple(replace(row, letter=content.get(_key(row), "")) for row in rows)


def _key(row: Claimed) -> tuple[str, int, int, str]:
    return (row.kind.value, row.employee_key, row.occasion, row.campaign)
