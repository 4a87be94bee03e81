"""Who may see and do what, of those who run the service: the roles, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SESSION_LASTS = timedelta(hours=12)
SIGN_IN_LINK_LASTS = timedelta(minutes=10)


class Role(StrEnum):
    """What somebody may do, from the least to the most."""

    MANAGER = "manager"  # the page of their own team, and nothing else
    VIEWER = "viewer"  # figures only, no person
    OFFICER = "officer"  # persons too, and what is done for one of them
    ADMIN = "admin"  # everything: stop, resume, retry, approve a roster

    def includes(self, other: Role) -> bool:
        """Whether this role may do all that the other one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


OPERATORS = (Role.VIEWER, Role.OFFICER, Role.ADMIN)
"""The roles of those who run the service."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who is signed in.

    Attributes:
        issuer, subject: who it is, for ever; an e-mail address can pass to somebody else. A link of `admin link` has the issuer
            "notifier" and as its subject whoever made it.
        name: for people to read; proves nothing.
        session: the number of the session.
        employee_key: whom of the roster they are, where the identity provider says so.
    """

    issuer: str
    subject: str
    name: str
    role: Role
    session: int
    employee_key: int | None = None

    @property
    def actor(self) -> str:
        """As the ledger names them."""
        return f"{self.name} ({self.issuer}|{self.subject})"[:255]
