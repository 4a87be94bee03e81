"""How commands, messages and answers of SMTP are written on the wire."""

from __future__ import annotations

import socket
from contextlib import suppress

from notifier.channels.smtp_opening import Opened
from notifier.channels.smtp_terms import Envelope
from notifier.domain.smtp_replies import Stage

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it; elsewhere it is not needed as often


def command(opened: Opened, envelope: Envelope, stage: Stage) -> bytes:
    """The command of an envelope that the answers of that stage answer: MAIL, RCPT or DATA."""
    if stage is Stage.DATA:
        return b"DATA\r\n"
    if stage is Stage.RCPT:
        notify = " NOTIFY=FAILURE" if opened.dsn else ""
        return f"RCPT TO:<{envelope.recipient}>{notify}\r\n".encode("ascii")
    size = f" SIZE={len(envelope.raw)}" if opened.size else ""
    identity = f" RET=HDRS ENVID={envelope.envelope_id}" if opened.dsn else ""
    return f"MAIL FROM:<{envelope.sender}>{size}{identity}\r\n".encode("ascii")


def first_commands(opened: Opened, envelope: Envelope) -> bytes:
    """All commands of an envelope where they may travel together (RFC 2920), else the first."""
    first = command(opened, envelope, Stage.MAIL)
    if not opened.pipelining:
        return first
    return first + command(opened, envelope, Stage.RCPT) + command(opened, envelope, Stage.DATA)


def text_of(*lines: bytes) -> str:
    """What an answer says, line by line; bytes that are no UTF-8 stay as surrogates."""
    return "\n".join(line.decode("utf-8", "surrogateescape").strip() for line in lines)


def acknowledge_at_once(connected: socket.socket | None) -> None:
    """Say that the data has come, where more is to come without our sending anything: a server that writes its answers one by one
    may wait for that with the next one, for 40 ms each time.
    """
    if _QUICKACK is not None and connected is not None:
        with suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
