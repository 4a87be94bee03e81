"""How commands, messages and answers of SMTP are written on the wire."""

from __future__ import annotations

import socket
from contextlib import suppress

from notifier.channels.smtp_opening import Opened
from notifier.channels.smtp_terms import Envelope

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it; elsewhere it is not needed as often


class Commands:
    """The commands of an envelope, with the options that the server at hand understands."""

    def __init__(self, opened: Opened, sender: str) -> None:
        """`sender` is a bare address, in ASCII."""
        self._mail = f"MAIL FROM:<{sender}>"
        self._size = opened.size
        self._dsn = opened.dsn
        self._pipelining = opened.pipelining

    def first(self, envelope: Envelope) -> bytes:
        """All commands of an envelope where they may travel together (RFC 2920), else the first."""
        size = f" SIZE={len(envelope.raw)}" if self._size else ""
        identity = f" RET=HDRS ENVID={envelope.envelope_id}" if self._dsn else ""
        mail = f"{self._mail}{size}{identity}\r\n"
        return f"{mail}{self._rcpt(envelope)}DATA\r\n".encode("ascii") if self._pipelining else mail.encode("ascii")

    def after_mail(self, envelope: Envelope) -> bytes:
        return self._rcpt(envelope).encode("ascii")

    def _rcpt(self, envelope: Envelope) -> str:
        notify = " NOTIFY=FAILURE" if self._dsn else ""
        return f"RCPT TO:<{envelope.recipient}>{notify}\r\n"


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
