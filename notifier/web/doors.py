"""The pages around the sign-in of operators: how one comes in, and why one does not.

The texts are message ids of the catalogue `sign-in`. They may name the `organisation` and its `contact`, and where it is told the
person's `name` and `role`, and the role that is `needed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from notifier.domain.operators import Role

_AGAIN = "Sign in again"
_NOBODY = "Nobody was signed in. Please try again; if it stays so, tell %(contact)s."

ROLE_NAMES = {
    Role.MANAGER: "manager of a team",
    Role.VIEWER: "viewer",
    Role.OFFICER: "compliance officer",
    Role.ADMIN: "administrator",
}
"""As the pages call them: message ids too."""


@dataclass(frozen=True, slots=True)
class _Words:
    status: int
    title: str
    paragraphs: tuple[str, ...]
    action: str = ""


class Door(Enum):
    """Its value: the HTTP status, what is said, and what the button or link is called that leads on."""

    SIGN_IN = _Words(
        200,
        "Sign in",
        ("This part of the site is for those who look after the reminders of %(organisation)s.",),
        "Sign in with your account",
    )
    NO_PROVIDER = _Words(
        200,
        "Sign in",
        (
            "This part of the site is for those who look after the reminders of %(organisation)s.",
            "One comes in by a link that is good once: whoever runs the service makes it with <code>notifier admin link</code>.",
        ),
    )
    LINK = _Words(
        200,
        "Sign in",
        ("This link signs you in as %(role)s. It is good once, so please press the button only on your own computer.",),
        "Sign in",
    )
    LINK_OVER = _Words(
        410,
        "This link is no longer good",
        ("It works once, and for ten minutes. Please ask whoever runs the service for a new one.",),
    )
    SIGNED_OUT = _Words(200, "You are signed out", ("You can close this page.",), _AGAIN)
    ROLE = _Words(
        403,
        "This is not open to you",
        ("You are signed in as %(name)s: %(role)s. This takes the role: %(needed)s.", "If you need it, please ask %(contact)s."),
        "Sign out",
    )
    FOREIGN = _Words(
        403,
        "This did not come from our page",
        ("For your protection nothing is done that another site asks for. Please open the page here and do it there.",),
    )
    STALE = _Words(
        403,
        "Please do it once more",
        ("Nothing was done: the page had been open since before you signed in. Please open it again.",),
    )
    SIGNED_OUT_FORM = _Words(403, "You are no longer signed in", ("Nothing was done. Please sign in, then do it again.",), _AGAIN)
    NO_ROLE = _Words(
        403,
        "You have no role here",
        (
            "We know your account now, but nobody has given it a role in these reminders.",
            "If you should have one, please ask %(contact)s.",
        ),
    )
    TOO_MANY_GROUPS = _Words(
        403,
        "We could not see your groups",
        (
            "Your account is in so many groups that the sign-in service left them out, and so we cannot tell your role.",
            "Please tell %(contact)s: app roles in place of groups mend it.",
        ),
    )
    LOST = _Words(
        400,
        "Please begin again",
        ("This sign-in was begun too long ago, or in another browser, or has been finished already. Nobody was signed in.",),
        _AGAIN,
    )
    REFUSED = _Words(
        403, "You were not signed in", ("The sign-in service did not let you in, or you chose not to.", _NOBODY), _AGAIN
    )
    NOT_TRUSTED = _Words(
        403, "You were not signed in", ("What the sign-in service answered did not prove who you are.", _NOBODY), _AGAIN
    )
    UNREACHABLE = _Words(503, "The sign-in service does not answer", (_NOBODY,), _AGAIN)
