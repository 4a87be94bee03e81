"""Rosters that were refused as suspicious: who would have come, gone and changed, for somebody to look at and approve.

An approval is good for the next reading and no other. If that one would change as many people as were approved, or fewer, it is
applied without being asked about again; either way the approval is used up. It is what `roster sync --accept-changes N` is on the
command line, given ahead.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, insert, select, update

from notifier.store.oversight import refused_rosters
from notifier.store.tables import roster_syncs

MOST_NAMED = 500


@dataclass(frozen=True, slots=True)
class Touched:
    """Somebody whom the roster would have changed.

    Attributes:
        what: the names of the fields that differ; empty for who would come or go.
    """

    id: str
    name: str
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One kind of change: how many people, and the first MOST_NAMED of them."""

    count: int
    people: tuple[Touched, ...]


@dataclass(frozen=True, slots=True)
class RefusedRoster:
    """What was refused.

    Attributes:
        size: how many people it would have touched.
        reason: why it was refused, in words.
        groups: by kind: "joiners", "leavers", "returned", "moved", "changed".
    """

    sync_id: int
    at: datetime
    source: str
    size: int
    reason: str
    groups: Mapping[str, Group]
    approved_at: datetime | None
    approved_by: str | None


def keep(connection: Connection, sync_id: int, size: int, groups: Mapping[str, tuple[int, Sequence[Touched]]]) -> None:
    """Keep what a reading would have changed.

    Args:
        groups: by kind, how many people, and at least the first MOST_NAMED of them.
    """
    content = {kind: [count, [[one.id, one.name, *one.what] for one in people]] for kind, (count, people) in groups.items()}
    packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode())
    connection.execute(insert(refused_rosters).values(sync_id=sync_id, size=size, changes=packed))


def waiting(connection: Connection) -> RefusedRoster | None:
    """The newest reading of the roster, if it was refused."""
    statement = (
        select(*refused_rosters.c, *roster_syncs.c["at", "source", "reason"])
        .join_from(refused_rosters, roster_syncs)
        .where(refused_rosters.c.sync_id == _newest(), ~roster_syncs.c.applied)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    kept = json.loads(zlib.decompress(row.changes))
    groups = {
        kind: Group(count, tuple(Touched(id_, name, tuple(what)) for id_, name, *what in people))
        for kind, (count, people) in kept.items()
    }
    reason = row.reason or ""
    return RefusedRoster(row.sync_id, row.at, row.source, row.size, reason, groups, row.approved_at, row.approved_by)


def approve(connection: Connection, sync_id: int, *, by: str, now: datetime) -> bool:
    """Let the next reading be applied if it changes as many people or fewer. False where another reading has come meanwhile."""
    newest = (refused_rosters.c.sync_id == sync_id, refused_rosters.c.sync_id == _newest(), refused_rosters.c.approved_at.is_(None))
    return connection.execute(update(refused_rosters).where(*newest).values(approved_at=now, approved_by=by)).rowcount == 1


def approved_size(connection: Connection) -> int | None:
    """How many changes of the next reading are approved; None where nothing is."""
    approved = (refused_rosters.c.sync_id == _newest(), refused_rosters.c.approved_at.is_not(None))
    size: int | None = connection.scalar(select(refused_rosters.c.size).where(*approved))
    return size


def _newest() -> ScalarSelect[Any]:
    return select(func.max(roster_syncs.c.id)).scalar_subquery()
