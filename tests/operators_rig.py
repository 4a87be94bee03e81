"""Operators who are signed in already, for tests of what they may do."""

from __future__ import annotations

from datetime import datetime

from notifier.domain.operators import Role
from notifier.store import sessions
from notifier.store.database import Database
from notifier.web import operators


def sign_in(
    database: Database, base_url: str, now: datetime, role: Role = Role.ADMIN, name: str = "Olga Officer"
) -> dict[str, str]:
    """Open a session. Returns the cookie that its browser holds, by name.

    Args:
        now: of the visitors' clock.
    """
    token = sessions.new_token()
    with database.write() as connection:
        sessions.begin(
            connection, token=token, issuer="https://login.example.com", subject=f"{role}-1", name=name, role=role, now=now
        )
    return {operators.cookie_name(base_url): token}
