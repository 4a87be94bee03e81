"""A mail server on loopback that takes its time: `python -m bench.slow_server PORT far` or `PORT slow`.

- far: it answers 10 ms after a command came, so what comes together is answered together (RFC 2920), as over a long way.
- slow: it works 10 ms on each command of a connection, one after the other, however they came.

It takes every mail and keeps none.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_DELAY_SECONDS = 0.01
_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-slow.example.com\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


class Session(asyncio.Protocol):
    """One client."""

    def __init__(self, *, slow: bool) -> None:
        self._slow = slow
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""
        self._content = False
        self._answer([b"220 slow.example.com ESMTP\r\n"])

    def data_received(self, data: bytes) -> None:
        self._received += data
        answers = []
        while (answer := self._next_answer()) is not None:
            answers.append(answer)
        if answers:
            self._answer(answers)

    def _next_answer(self) -> bytes | None:
        part, end, rest = self._received.partition(_END if self._content else b"\r\n")
        if not end:
            return None
        self._received = rest
        if self._content:
            self._content = False
            return b"250 2.0.0 Ok: queued\r\n"
        verb = part[:4].upper()
        self._content = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 2.0.0 Ok\r\n")

    def _answer(self, answers: list[bytes]) -> None:
        if not self._slow:
            self._loop.call_later(_DELAY_SECONDS, self._write, b"".join(answers))
            return
        for answer in answers:
            self._free_at = max(self._free_at, self._loop.time()) + _DELAY_SECONDS
            self._loop.call_at(self._free_at, self._write, answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():  # whoever asked may have gone meanwhile
            self._transport.write(answer)


async def serve(port: int, *, slow: bool) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(slow=slow), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), slow=sys.argv[2] == "slow"))
