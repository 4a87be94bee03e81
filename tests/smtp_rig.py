"""The SMTP channel towards a scripted server, for tests of the channel alone."""

from __future__ import annotations

from typing import Any

from notifier.channels.smtp import SmtpChannel
from tests.outgoing import REPLY_TO, SENDER
from tests.smtp_server import ScriptedServer


def channel_to(server: ScriptedServer, *, connections: int = 1, timeout: float, final_timeout: float, **more: Any) -> SmtpChannel:
    """Timeouts are in seconds: for any answer, and for the one to the final dot."""
    return SmtpChannel(
        host="127.0.0.1",
        port=server.port,
        security="none",
        sender=SENDER,
        reply_to=REPLY_TO,
        helo="notifier.example.com",
        connections=connections,
        timeout=timeout,
        final_timeout=final_timeout,
        **more,
    )
