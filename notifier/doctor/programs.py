"""The program that is told of answers, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from notifier.channels.base import DeliveryFailed
from notifier.doctor.findings import Area, Finding

AREA = Area("Webhook")

_SHOWS_LATER = "whether it takes the secret shows with the first call"
_MEND = "check webhook.url, and the way out to it: proxy, firewall, webhook.ca_file"


class Program(Protocol):
    """What is called when somebody answers: see `channels/webhook.py`."""

    async def reach(self) -> str:
        """Ask for an answer, and tell it. Raises DeliveryFailed."""

    async def close(self) -> None:
        """Let go of the connection."""


async def look_at_webhook(programs: Sequence[Program]) -> list[Finding]:
    """Whether somebody answers there. No call is made, so whether the signature is taken shows with the first one."""
    found = []
    for program in programs:
        try:
            found.append(AREA.ok("address", f"it answers ({await program.reach()})", _SHOWS_LATER))
        except DeliveryFailed as error:
            found.append(AREA.problem("address", error.reply, _MEND))
        finally:
            await program.close()
    return found
