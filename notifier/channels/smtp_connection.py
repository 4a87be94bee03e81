"""One SMTP connection on which mail is handed over, message after message, so that it is always known how far each one came.

**Pipelining (RFC 2920).** Where the server announces it, the three commands of an envelope travel together, and the envelope of
the next message travels right behind the content of the last one: a message costs one round trip instead of four. So there may be
three messages under way: one whose content has been sent, one of which nothing but its envelope has, and one whose envelope waits
for the content of the second, to be written with it. Elsewhere one command at a time is sent, and one message.

**Answers come in the order of the commands.** Each belongs to the oldest message under way. Content is sent only after a 354, an
answer to DATA and to nothing else, so a server that says more than it was asked cannot make a message look taken that was not. An
answer that nobody waits for, or that is none, ends the connection.

**Whatever goes wrong** is a `Refused` (the server said so) or a `Silent` (no usable answer) with the stage it belongs to, for the
oldest message. The others have not begun: they are `Stale`, to be sent on another connection. After anything but a clean refusal
the connection is of no use.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from enum import Enum, auto

from notifier.channels.smtp_opening import Opened, system_reason
from notifier.channels.smtp_terms import Envelope, Refused, Silent, Stale
from notifier.channels.smtp_wire import acknowledge_at_once, command, first_commands, text_of
from notifier.domain.smtp_replies import Stage

_YES = {Stage.MAIL: (250,), Stage.RCPT: (250, 251), Stage.DATA: (354,)}
_AFTER = {Stage.MAIL: Stage.RCPT, Stage.RCPT: Stage.DATA}
_FINAL_DOT = b".\r\n"
_RESET = b"RSET\r\n"
_LONGEST_LINE = 8192
_LONGEST_ANSWER = 65_536
_FAREWELL_SECONDS = 2


class _Part(Enum):
    """How much of a message has been written."""

    NOTHING = auto()
    ENVELOPE = auto()
    CONTENT = auto()


class _Message:
    """A message under way. `refusal` is kept while further answers to commands that were sent with the refused one come in."""

    __slots__ = ("done", "envelope", "refusal", "resetting", "stage", "written")

    def __init__(self, envelope: Envelope, done: asyncio.Future[str]) -> None:
        self.envelope = envelope
        self.done = done
        self.stage = Stage.MAIL  # what the next answer answers
        self.written = _Part.NOTHING
        self.refusal: Refused | None = None
        self.resetting = False

    def fail(self, failure: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(failure)


class Connection(asyncio.Protocol):
    """Takes over an opened transport."""

    def __init__(self, opened: Opened, *, timeout: float, final_timeout: float) -> None:
        self._transport = opened.transport
        self._opened = opened
        self._timeout = timeout
        self._final_timeout = final_timeout
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[_Message] = deque()
        self._most = 3 if opened.pipelining else 1
        self._half_line = b""
        self._words: list[bytes] = []
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._contents = 0  # how many have been sent
        self._served = False
        self._over = False
        self._socket: socket.socket | None = opened.transport.get_extra_info("socket")
        self._farewell: asyncio.Future[None] | None = None
        self._transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Whether another message may be sent on it, now or later."""
        return not self._over and not self._transport.is_closing()

    @property
    def idle(self) -> bool:
        return not self._under_way

    @property
    def load(self) -> int:
        """How many messages are under way."""
        return len(self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether another message may be sent on it now."""
        return len(self._under_way) < self._most and self.usable

    async def transact(self, envelope: Envelope) -> str:
        """Hand over one message and return what the server said to it, code first.

        Raises:
            Refused, Silent: see the stage for how far it came.
            Stale: nothing of its content was sent; try on another connection.
        """
        if not self.has_room:
            raise Stale
        message = _Message(envelope, self._loop.create_future())
        self._under_way.append(message)
        ahead = len(self._under_way) - 1
        if ahead == 0 or (ahead == 1 and self._under_way[0].written is _Part.CONTENT):
            self._transport.write(self._envelope(message))
        if ahead == 0:
            self._wait(self._timeout)
        try:
            return await message.done
        except asyncio.CancelledError:
            self._abandon(message)
            raise

    async def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for long."""
        if self.usable and self.idle:
            self._farewell = self._loop.create_future()
            self._transport.write(b"QUIT\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._farewell, _FAREWELL_SECONDS)
        self.abort()

    def leave(self) -> None:
        """Say goodbye and close without waiting for an answer."""
        if self.usable and self.idle:
            self._transport.write(b"QUIT\r\n")
        self._over = True
        self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is still under way."""
        self._end(Silent(Stage.MAIL, "the connection was closed"))

    def data_received(self, data: bytes) -> None:
        contents = self._contents
        *lines, self._half_line = (self._half_line + data).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._half_line) > _LONGEST_LINE:
            self._no_answer("a line that does not end")
        if self._under_way and self._opened.pipelining and contents == self._contents:
            acknowledge_at_once(self._socket)  # else what was sent acknowledges it

    def connection_lost(self, exc: Exception | None) -> None:
        stage = self._under_way[0].stage if self._under_way else Stage.MAIL
        self._end(Silent(stage, system_reason(exc) or "the connection was lost"))
        if self._timer is not None:
            self._timer.cancel()

    def _read(self, line: bytes) -> None:
        if self._over:
            return
        if not line[:3].isdigit():
            self._no_answer(text_of(line))
            return
        self._words.append(line[4:])
        if line[3:4] == b"-":
            if sum(map(len, self._words)) > _LONGEST_ANSWER:
                self._no_answer("an answer that does not end")
            return
        words, self._words = self._words, []
        self._answered(int(line[:3]), words)

    def _answered(self, code: int, words: list[bytes]) -> None:
        message = self._under_way[0] if self._under_way else None
        if message is None or message.written is _Part.NOTHING:
            self._end(Stale())
        elif message.resetting:
            self._reset(message, code)
        elif message.stage is Stage.FINAL:
            self._finish(message, code, words)
        else:
            self._envelope_answered(message, code, words)

    def _envelope_answered(self, message: _Message, code: int, words: list[bytes]) -> None:
        stage = message.stage
        if message.refusal is None and code not in _YES[stage]:
            message.refusal = Refused(stage, code, text_of(*words))
            if code == 421 or not 400 <= code <= 599:
                self._end(message.refusal)
                return
        elif message.refusal is not None and code == 354:
            # It would take a message for nobody.
            self._end(message.refusal)
            return
        pipelining = self._opened.pipelining
        if message.refusal is not None and (stage is Stage.DATA or not pipelining):
            message.resetting = True
            self._send(_RESET)
        elif stage is Stage.DATA:
            message.stage, message.written = Stage.FINAL, _Part.CONTENT
            self._contents += 1
            self._send(message.envelope.raw, _FINAL_DOT)
            self._wait(self._final_timeout)
            return
        else:
            message.stage = _AFTER[stage]
            if pipelining:
                return  # the time for the whole envelope runs already
            self._transport.write(command(self._opened, message.envelope, message.stage))
        self._wait(self._timeout)

    def _send(self, *last: bytes) -> None:
        """Send what ends a message, and the envelope of the next one behind it."""
        following = self._under_way[1] if len(self._under_way) > 1 else None
        behind = self._envelope(following) if following is not None and following.written is _Part.NOTHING else b""
        self._transport.writelines((*last, behind))

    def _reset(self, message: _Message, code: int) -> None:
        refusal = message.refusal or Silent(message.stage, "no answer")
        if code != 250:
            self._end(refusal)
            return
        message.fail(refusal)
        self._served = True
        self._go_on()

    def _finish(self, message: _Message, code: int, words: list[bytes]) -> None:
        if not 200 <= code <= 299:
            # It may have been said before the final dot, with a second answer to follow: the connection is in doubt.
            self._end(Refused(Stage.FINAL, code, text_of(*words)))
            return
        if not message.done.done():
            message.done.set_result(f"{code} {text_of(*words)}")
        self._served = True
        self._go_on()

    def _go_on(self) -> None:
        """The oldest message is done with; the next one moves up."""
        self._under_way.popleft()
        if not self._under_way:
            return
        message = self._under_way[0]
        if message.done.done():
            self._end(Stale())  # given up by its sender, half-way
            return
        if message.written is _Part.NOTHING:
            self._transport.write(self._envelope(message))
        self._wait(self._timeout)

    def _abandon(self, message: _Message) -> None:
        """The sender of a message has gone. Others under way are not disturbed, but nothing new begins behind it."""
        if message not in self._under_way:
            return
        if message is self._under_way[0]:
            self._end(Stale())
        elif message.written is _Part.NOTHING:
            self._under_way.remove(message)

    def _no_answer(self, text: str) -> None:
        stage = self._under_way[0].stage if self._under_way else Stage.MAIL
        self._end(Refused(stage, -1, text))

    def _end(self, failure: Exception) -> None:
        """Close, and tell everyone under way: the oldest the failure, unless a refusal is known or nothing of it came through."""
        self._over = True
        self._transport.abort()
        messages, self._under_way = list(self._under_way), deque()
        for number, message in enumerate(messages):
            if number > 0 or self._never_began(message, failure):
                message.fail(Stale())
            else:
                message.fail(message.refusal or failure)
        if self._farewell is not None and not self._farewell.done():
            self._farewell.set_result(None)

    def _never_began(self, message: _Message, failure: Exception) -> bool:
        """A connection that had served before was gone when this message began."""
        gone = isinstance(failure, Silent) or (isinstance(failure, Refused) and failure.code == 421)
        return self._served and message.stage is Stage.MAIL and gone

    def _wait(self, seconds: float) -> None:
        """The next answer has to come within that time.

        The timer looks at the deadline at least once in the shortest of these times, and so is not set anew for each answer.
        """
        self._deadline = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_later(min(self._timeout, self._final_timeout), self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if not self._under_way:
            return
        left = self._deadline - self._loop.time()
        if left <= 0:
            self._end(Silent(self._under_way[0].stage, "no answer in time"))
        else:
            self._timer = self._loop.call_later(min(left, self._timeout, self._final_timeout), self._look_at_the_clock)

    def _envelope(self, message: _Message) -> bytes:
        message.written = _Part.ENVELOPE
        return first_commands(self._opened, message.envelope)
