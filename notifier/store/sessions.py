"""Operators who are signed in, and the one-time links that sign them in where there is no identity provider.

What a browser holds is 256 random bits; the store keeps their SHA-256 only, so that neither the store nor its backups sign anybody
in. A session ends `SESSION_LASTS` after it began, `SESSION_IDLES` after it was last used, or when somebody revokes it, whichever
comes first; each use is written down at most once a minute. A link is good for `SIGN_IN_LINK_LASTS` and for one use.

Every instant here is an argument: that of the people at their browsers, which a moved clock of a campaign does not move.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from notifier.domain.operators import SESSION_LASTS, SIGN_IN_LINK_LASTS, Operator, Role
from notifier.store.inserts import insert_into
from notifier.store.oversight import sessions, sign_in_links, spent_sign_ins

SESSION_IDLES = timedelta(hours=2)
LINK_ISSUER = "notifier"  # of whoever came by a link
_NOTED_AFTER = timedelta(minutes=1)
_LONGEST = 255
_COLUMNS = tuple(sessions.c["id", "issuer", "subject", "name", "role", "employee_key"])


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is open.

    Attributes:
        fresh: whether its last use was written down so lately that this one need not be.
    """

    operator: Operator
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    fresh: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is still good."""

    role: Role
    made_by: str
    ends_at: datetime


def new_token() -> str:
    """256 random bits as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def begin(
    connection: Connection,
    *,
    token: str,
    issuer: str,
    subject: str,
    name: str,
    role: Role,
    now: datetime,
    employee_key: int | None = None,
) -> Operator:
    """Open a session for whoever holds `token`.

    Args:
        issuer, subject, name, employee_key: as in `Operator`.

    Raises:
        ValueError: issuer or subject is longer than 255 characters; cut, they would no longer tell people apart.
    """
    if max(len(issuer), len(subject)) > _LONGEST:
        msg = "an issuer or a subject is longer than 255 characters"
        raise ValueError(msg)
    values = {"issuer": issuer, "subject": subject, "name": name[:_LONGEST], "role": role, "employee_key": employee_key}
    row = insert(sessions).values(**values, token_hash=_hash(token), began_at=now, seen_at=now, ends_at=now + SESSION_LASTS)
    number = connection.execute(row.returning(sessions.c.id)).scalar_one()
    return Operator(issuer, subject, name[:_LONGEST], role, number, employee_key)


def find(connection: Connection, token: str, now: datetime) -> Session | None:
    """The open session of whoever holds `token`."""
    found = _open(connection, now, sessions.c.token_hash == _hash(token))
    return found[0] if found else None


def every_open(connection: Connection, now: datetime) -> list[Session]:
    """All that are open, the newest last."""
    return _open(connection, now)


def seen(connection: Connection, number: int, now: datetime) -> None:
    """Write down that a session is used."""
    connection.execute(update(sessions).where(sessions.c.id == number).values(seen_at=now))


def revoke(connection: Connection, now: datetime, number: int | None = None) -> list[Operator]:
    """End one session, or every one. Returns whose were open; of one that has ended already, nothing."""
    which = [_is_open(now), *([] if number is None else [sessions.c.id == number])]
    ended = connection.execute(update(sessions).where(*which).values(revoked_at=now).returning(*_COLUMNS))
    return [_operator(*row) for row in ended]


def make_link(connection: Connection, *, role: Role, made_by: str, now: datetime) -> str:
    """Make a link that signs in once. Returns its token, which is kept nowhere."""
    token = new_token()
    row = {"token_hash": _hash(token), "role": role, "made_by": made_by[:_LONGEST], "made_at": now}
    connection.execute(insert(sign_in_links).values(**row, ends_at=now + SIGN_IN_LINK_LASTS))
    return token


def link(connection: Connection, token: str, now: datetime) -> Link | None:
    """The link with this token, unless it was used or its time is over. Looking does not use it."""
    columns = (sign_in_links.c.role, sign_in_links.c.made_by, sign_in_links.c.ends_at)
    row = connection.execute(select(*columns).where(_is_good(token, now))).one_or_none()
    return None if row is None else Link(Role(row.role), row.made_by, row.ends_at)


def use_link(connection: Connection, token: str, now: datetime) -> Link | None:
    """The same, and it is used up by this; of two who come at once, one gets it."""
    used = update(sign_in_links).where(_is_good(token, now)).values(used_at=now)
    row = connection.execute(used.returning(sign_in_links.c.role, sign_in_links.c.made_by, sign_in_links.c.ends_at)).one_or_none()
    return None if row is None else Link(Role(row.role), row.made_by, row.ends_at)


def spend(connection: Connection, state: str, *, now: datetime, until: datetime) -> bool:
    """Whether a sign-in at a provider is answered for the first time; it never is again.

    Args:
        state: of that sign-in.
        until: when it is too old anyway, and need not be remembered any longer.
    """
    connection.execute(delete(spent_sign_ins).where(spent_sign_ins.c.ends_at < now))
    row = insert_into(connection, spent_sign_ins).values(state_hash=_hash(state), ends_at=until)
    first = row.on_conflict_do_nothing().returning(spent_sign_ins.c.state_hash)
    return connection.execute(first).first() is not None


def _open(connection: Connection, now: datetime, *which: ColumnElement[bool]) -> list[Session]:
    columns = (sessions.c.began_at, sessions.c.seen_at, sessions.c.ends_at)
    rows = connection.execute(select(*_COLUMNS, *columns).where(_is_open(now), *which).order_by(sessions.c.id))
    return [
        Session(_operator(*row[: len(_COLUMNS)]), row.began_at, row.seen_at, row.ends_at, fresh=now - row.seen_at < _NOTED_AFTER)
        for row in rows
    ]


def _is_open(now: datetime) -> ColumnElement[bool]:
    return and_(sessions.c.revoked_at.is_(None), sessions.c.ends_at > now, sessions.c.seen_at > now - SESSION_IDLES)


def _is_good(token: str, now: datetime) -> ColumnElement[bool]:
    return and_(sign_in_links.c.token_hash == _hash(token), sign_in_links.c.used_at.is_(None), sign_in_links.c.ends_at > now)


def _operator(number: int, issuer: str, subject: str, name: str, role: str, employee_key: int | None) -> Operator:
    return Operator(issuer, subject, name, Role(role), number, employee_key)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
