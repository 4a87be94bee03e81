"""What `ScriptedServer` can be told to do in place of what a server does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Say:
    """Answer with these lines (without line ends), not before `when` is set."""

    text: str
    when: asyncio.Event | None = None


@dataclass(frozen=True)
class Raw:
    """Answer with exactly these bytes."""

    data: bytes


@dataclass(frozen=True)
class SayAndClose:
    text: str


@dataclass(frozen=True)
class Hang:
    """Never answer; the connection stays open until the client or the test goes."""


@dataclass(frozen=True)
class Close:
    """Close without an answer; `keep` first takes the message, as a server does that fails right after its commit."""

    keep: bool = False


@dataclass(frozen=True)
class Drip:
    """Answer one byte at a time, `every` seconds apart; the line never ends when `text` has none."""

    text: str
    every: float


@dataclass(frozen=True)
class SayTwice:
    """Answer, and then once more without being asked."""

    text: str
    second: str


Action = Say | Raw | SayAndClose | Hang | Close | Drip | SayTwice


def beginning(action: Action) -> str:
    """The first sign of the answer, which says whether it is a yes."""
    return action.text[:1] if isinstance(action, Say | SayAndClose | SayTwice | Drip) else ""
