"""Holds: sending stopped for everything, for one channel or one of its outlets; by a person, or for a while because a provider
asked for it.

Planning, pages and answers go on under a hold. A lifted hold stays as a record of who stopped what, when and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, insert, or_, select, update

from notifier.store.tables import holds

EVERYTHING = "all"
COPY = "copy"  # everything too, because the store looks like a copy of another one: see `store/identity.py`
SERVICE = "notifier"  # the actor of a hold that nobody asked for


@dataclass(frozen=True, slots=True)
class Hold:
    """`until` is None for a hold that somebody has to lift."""

    scope: str
    since: datetime
    until: datetime | None
    reason: str
    actor: str

    def stops(self, channel: str) -> bool:
        """Whether nothing goes out on this channel while it is in force."""
        return self.scope in {EVERYTHING, COPY, channel}


def of_outlet(channel: str, outlet: str) -> str:
    """The scope of a hold that stops one outlet of a channel and nothing else."""
    return f"{channel}/{outlet}"


def active(connection: Connection, now: datetime, scopes: Sequence[str] = ()) -> list[Hold]:
    """Holds in force, oldest first; with `scopes` only those of these scopes.

    A pause that begins later than now was placed by a clock that ran ahead, and is over.
    """
    pause = and_(holds.c.until > now, holds.c.since <= now)
    statement = (
        select(holds.c.scope, holds.c.since, holds.c.until, holds.c.reason, holds.c.actor)
        .where(holds.c.lifted_at.is_(None), or_(holds.c.until.is_(None), pause))
        .order_by(holds.c.since, holds.c.id)
    )
    if scopes:
        statement = statement.where(holds.c.scope.in_(scopes))
    return [Hold(*row) for row in connection.execute(statement).all()]


def place(connection: Connection, *, scope: str, reason: str, actor: str, now: datetime, until: datetime | None = None) -> None:
    """Stop sending. A pause that ends by itself replaces an earlier pause of the same scope."""
    if until is not None:
        earlier = (holds.c.scope == scope, holds.c.lifted_at.is_(None), holds.c.until.is_not(None))
        connection.execute(update(holds).where(*earlier).values(lifted_at=now, lifted_by=SERVICE))
    connection.execute(insert(holds).values(scope=scope, since=now, until=until, reason=reason, actor=actor))


def lift(connection: Connection, *, scope: str | None, actor: str, now: datetime) -> int:
    """Lift the holds of this scope, or every hold but that of a copied store. Returns how many were in force."""
    in_force = [holds.c.lifted_at.is_(None), or_(holds.c.until.is_(None), holds.c.until > now)]
    in_force.append(holds.c.scope != COPY if scope is None else holds.c.scope == scope)
    return connection.execute(update(holds).where(*in_force).values(lifted_at=now, lifted_by=actor)).rowcount
