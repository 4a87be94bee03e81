"""The terms of an SMTP session: where it goes, what it carries, and the ways in which it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from notifier.domain.smtp_replies import Stage

Security = Literal["starttls", "tls", "none"]
TokenProvider = Callable[[str | None], Awaitable[str]]
"""Gives an OAuth 2 access token; another one in place of the token it is called with, which the server has refused."""


class Refused(Exception):  # noqa: N818 - it is what happened, not a mistake of ours
    """The server answered, and it was not yes. `text` is as it came: it may hold addresses."""

    def __init__(self, stage: Stage, code: int, text: str) -> None:
        super().__init__(f"{stage.name} {code}")
        self.stage = stage
        self.code = code
        self.text = text


class Silent(Exception):  # noqa: N818
    """No usable answer came. `reason` says so in our words, without addresses of people."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(f"{stage.name} {reason}")
        self.stage = stage
        self.reason = reason


class Unfit(Exception):  # noqa: N818
    """The server, or our configuration for it, does not allow to send at all; waiting will not mend it."""


class Stale(Exception):  # noqa: N818
    """A connection that had served before was gone when the next message began. Nothing of that message has left."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect and how. Times are in seconds; `final_timeout` is the wait for the answer to the final dot."""

    host: str
    port: int
    security: Security
    username: str | None
    password: str | None
    token_provider: TokenProvider | None
    helo: str | None
    timeout: float
    final_timeout: float


class Envelope(NamedTuple):
    """What the server is told beside the message itself. There is one for each mail, so it is a tuple: cheaper to make.

    Attributes:
        recipient: a bare address, in ASCII.
        envelope_id: comes back in a delivery status notification (RFC 3461); letters and digits.
        raw: the message, in ASCII, so that neither 8BITMIME nor SMTPUTF8 is needed. Every line ends in CR LF and none begins with
            a dot, so that it is sent as it is (RFC 5321, 4.5.2): `content/mail.py` sees to that.
    """

    recipient: str
    envelope_id: str
    raw: bytes


class Message:
    """A message that is to be handed over. `done` hears what the server said to it, code first, or why it was not taken.

    `Refused` and `Silent` say how far it came; with `Stale` nothing of its content was sent, and it may be tried again at once.
    """

    __slots__ = ("done", "envelope")

    def __init__(self, envelope: Envelope, done: asyncio.Future[str]) -> None:
        self.envelope = envelope
        self.done = done

    def fail(self, failure: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(failure)
