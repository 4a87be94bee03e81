"""Programs that read the API: each has a name, a role, and a token of which only the SHA-256 is kept.

A token is looked up by its hash, so how long that takes tells nothing of it. It holds until it is revoked; on which day it was
used last is written down, so that forgotten ones can be found.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from notifier.domain.operators import Role
from notifier.store.inserts import insert_into
from notifier.store.oversight import api_clients

_PREFIX = "notifier_"  # so that those who search for leaked secrets know one when they see it
_COLUMNS = tuple(api_clients.c[name] for name in ("name", "role", "made_at", "made_by", "seen_on", "revoked_at"))


@dataclass(frozen=True, slots=True)
class Client:
    """A program.

    Attributes:
        seen_on: the day in UTC on which it asked last.
    """

    name: str
    role: Role
    made_at: datetime
    made_by: str
    seen_on: date | None
    revoked_at: datetime | None


def add(connection: Connection, name: str, *, role: Role, made_by: str, now: datetime) -> str | None:
    """Make a token for a program. Returns it, which is kept nowhere; None where the name has a token that still holds."""
    token = _PREFIX + secrets.token_urlsafe(32)
    values = {"token_hash": _hash(token), "role": role, "made_at": now, "made_by": made_by, "seen_on": None, "revoked_at": None}
    row = insert_into(connection, api_clients).values(name=name, **values)
    renewed = row.on_conflict_do_update(
        index_elements=[api_clients.c.name], set_=values, where=api_clients.c.revoked_at.is_not(None)
    )
    return token if connection.execute(renewed.returning(api_clients.c.name)).first() else None


def find(connection: Connection, token: str) -> Client | None:
    """Whose token it is, unless it was revoked."""
    which = (api_clients.c.token_hash == _hash(token), api_clients.c.revoked_at.is_(None))
    row = connection.execute(select(*_COLUMNS).where(*which)).one_or_none()
    return None if row is None else _client(row)


def seen(connection: Connection, name: str, day: date) -> None:
    """Write down on which day a program asked."""
    connection.execute(update(api_clients).where(api_clients.c.name == name).values(seen_on=day))


def every(connection: Connection) -> list[Client]:
    """All, by name, the revoked ones too."""
    return [_client(row) for row in connection.execute(select(*_COLUMNS).order_by(api_clients.c.name))]


def revoke(connection: Connection, name: str, now: datetime) -> bool:
    """End a token. False where there is none of that name that holds."""
    which = (api_clients.c.name == name, api_clients.c.revoked_at.is_(None))
    return connection.execute(update(api_clients).where(*which).values(revoked_at=now)).rowcount == 1


def _client(row: Row[Any]) -> Client:
    return Client(row.name, Role(row.role), row.made_at, row.made_by, row.seen_on, row.revoked_at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
