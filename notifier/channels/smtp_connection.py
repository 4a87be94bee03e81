"""One SMTP connection on which mail is handed over, message after message, so that it is always known how far each one came.

**Pipelining (RFC 2920).** Where the server announces it, the three commands of an envelope travel together, and the envelope of
the next message travels right behind the content of the last one: a message costs one round trip instead of four. So there may be
three messages under way: one whose content has been sent, one of which nothing but its envelope has, and one whose envelope waits
for the content of the second, to be written with it. Elsewhere one command at a time is sent, and one message.

**Answers come in the order of the commands.** Each belongs to the oldest message under way. Content is sent only after a 354, an
answer to DATA and to nothing else, so a server that says more than it was asked cannot make a message look taken that was not. An
answer that nobody waits for, or that is none, ends the connection.

**What nearly always comes** is a yes to a content, the three to an envelope, or both in this order, in one piece. That is taken at
once, which is cheaper; it comes to the same as line by line.

**Whatever goes wrong** is a `Refused` (the server said so) or a `Silent` (no usable answer) with the stage it belongs to, for the
oldest message. The others have not begun: they are `Stale`, to be sent on another connection. After anything but a clean refusal
the connection is of no use.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from notifier.channels.smtp_opening import Opened, system_reason
from notifier.channels.smtp_terms import Message, Refused, Silent, Stale
from notifier.channels.smtp_wire import Commands, acknowledge_at_once, text_of
from notifier.domain.smtp_replies import Stage

_USUAL = re.compile(rb"(?:(2\d\d [ -~]*)\r\n)?(250 [ -~]*\r\n25[01] [ -~]*\r\n354 [ -~]*\r\n)?")
_YES = {Stage.MAIL: (250,), Stage.RCPT: (250, 251), Stage.DATA: (354,)}
_FINAL_DOT = b".\r\n"
_DATA = b"DATA\r\n"
_RESET = b"RSET\r\n"
_LONGEST_LINE = 8192
_LONGEST_ANSWER = 65_536
_FAREWELL_SECONDS = 2


class Connection(asyncio.Protocol):
    """Takes over an opened transport.

    Attributes:
        under_way: the messages that were begun and have no outcome yet, the oldest first. To be read only.
    """

    def __init__(self, opened: Opened, *, sender: str, timeout: float, final_timeout: float) -> None:
        self.under_way: deque[Message] = deque()
        self._transport = opened.transport
        self._commands = Commands(opened, sender)
        self._pipelining = opened.pipelining
        self._most = 3 if opened.pipelining else 1
        self._timeout = timeout
        self._final_timeout = final_timeout
        self._loop = asyncio.get_running_loop()
        self._changed: Callable[[Connection], None] = lambda _: None
        self._written = 0  # how many of the messages under way have had their envelope written, or its beginning
        self._stage = Stage.MAIL  # what the next answer answers, of the oldest message
        self._refusal: Refused | None = None  # kept while further answers to commands that were sent with the refused one come in
        self._resetting = False
        self._half_line = b""
        self._words: list[bytes] = []
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._spoke = False  # whether anything was sent since the last read
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
    def has_room(self) -> bool:
        """Whether another message may be sent on it now."""
        return len(self.under_way) < self._most and self.usable

    def watch(self, changed: Callable[[Connection], None]) -> None:
        """Call this whenever there is room for another message, or the connection has come to its end."""
        self._changed = changed

    def begin(self, message: Message) -> None:
        """Hand over one message, behind those under way. Without room it is `Stale`."""
        if not self.has_room:
            message.fail(Stale())
            return
        ahead = len(self.under_way)
        self.under_way.append(message)
        if ahead == 0 or (ahead == 1 and self._stage is Stage.FINAL):
            self._spoke = True
            self._transport.write(self._next_envelope())
        if ahead == 0:
            self._wait(self._timeout)

    def abandon(self, message: Message) -> None:
        """The sender of a message has gone. Others under way are not disturbed, but nothing new begins behind it."""
        if message not in self.under_way:
            return
        if message is self.under_way[0]:
            self._end(Stale())
        elif self.under_way.index(message) >= self._written:
            self.under_way.remove(message)
            self._changed(self)

    async def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for long."""
        if self.usable and not self.under_way:
            self._farewell = self._loop.create_future()
            self._transport.write(b"QUIT\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._farewell, _FAREWELL_SECONDS)
        self.abort()

    def leave(self) -> None:
        """Say goodbye and close without waiting for an answer."""
        if self.usable and not self.under_way:
            self._transport.write(b"QUIT\r\n")
        self._over = True
        self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is still under way."""
        self._end(Silent(Stage.MAIL, "the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._spoke = False
        usual = _USUAL.fullmatch(data)
        if usual is None or not self._took(usual[1], usual[2]):
            self._read_lines(data)
        if not self._spoke and self.under_way and self._pipelining:
            acknowledge_at_once(self._socket)  # else what was sent acknowledges it

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Silent(self._stage, system_reason(exc) or "the connection was lost"))
        if self._timer is not None:
            self._timer.cancel()

    def _took(self, taken: bytes | None, asked: bytes | None) -> bool:
        """Take a yes to a content, and three to the envelope that is answered next, if they are that. Else nothing is done."""
        if self._half_line or self._words or self._over or self._refusal is not None:
            return False
        if taken is None:
            fits = self._stage is Stage.MAIL and self._written > 0
        else:
            fits = self._stage is Stage.FINAL and (asked is None or (self._written > 1 and not self.under_way[1].done.done()))
        if not fits or (asked is not None and not self._pipelining):
            return False
        if taken is not None:
            self._finish(taken.decode("ascii"))
        if asked is not None:
            self._send_content()
        return True

    def _read_lines(self, data: bytes) -> None:
        *lines, self._half_line = (self._half_line + data).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._half_line) > _LONGEST_LINE:
            self._end(Refused(self._stage, -1, "a line that does not end"))

    def _read(self, line: bytes) -> None:
        if self._over:
            return
        if not line[:3].isdigit():
            self._end(Refused(self._stage, -1, text_of(line)))
            return
        self._words.append(line[4:])
        if line[3:4] == b"-":
            if sum(map(len, self._words)) > _LONGEST_ANSWER:
                self._end(Refused(self._stage, -1, "an answer that does not end"))
            return
        words, self._words = self._words, []
        self._answered(int(line[:3]), words)

    def _answered(self, code: int, words: list[bytes]) -> None:
        if self._written == 0:
            self._end(Stale())  # nobody has asked
        elif self._resetting:
            self._reset(code)
        elif self._stage is not Stage.FINAL:
            self._envelope_answered(code, words)
        elif 200 <= code <= 299:
            self._finish(f"{code} {text_of(*words)}")
        else:
            # It may have been said before the final dot, with a second answer to follow: the connection is in doubt.
            self._end(Refused(Stage.FINAL, code, text_of(*words)))

    def _envelope_answered(self, code: int, words: list[bytes]) -> None:
        stage = self._stage
        if self._refusal is None and code not in _YES[stage]:
            self._refusal = Refused(stage, code, text_of(*words))
            if code == 421 or not 400 <= code <= 599:
                self._end(self._refusal)
                return
        elif self._refusal is not None and code == 354:
            # It would take a message for nobody.
            self._end(self._refusal)
            return
        if self._refusal is not None and (stage is Stage.DATA or not self._pipelining):
            self._resetting = True
            self._send(_RESET)
            self._wait(self._timeout)
        elif stage is Stage.DATA:
            self._send_content()
        else:
            self._stage = Stage.RCPT if stage is Stage.MAIL else Stage.DATA
            if not self._pipelining:  # else the time for the whole envelope runs already
                self._transport.write(_DATA if stage is Stage.RCPT else self._commands.after_mail(self.under_way[0].envelope))
                self._wait(self._timeout)

    def _send_content(self) -> None:
        self._stage = Stage.FINAL
        self._send(self.under_way[0].envelope.raw, _FINAL_DOT)
        self._wait(self._final_timeout)

    def _send(self, *last: bytes) -> None:
        """Send what ends a message, and the envelope of the next one behind it."""
        self._spoke = True
        behind = self._next_envelope() if self._written == 1 and len(self.under_way) > 1 else b""
        self._transport.writelines((*last, behind))

    def _next_envelope(self) -> bytes:
        self._written += 1
        return self._commands.first(self.under_way[self._written - 1].envelope)

    def _reset(self, code: int) -> None:
        refusal = self._refusal or Silent(self._stage, "no answer")
        if code != 250:
            self._end(refusal)
            return
        self.under_way[0].fail(refusal)
        self._go_on()

    def _finish(self, reply: str) -> None:
        done = self.under_way[0].done
        if not done.done():
            done.set_result(reply)
        self._go_on()

    def _go_on(self) -> None:
        """The oldest message is done with; the next one moves up."""
        self.under_way.popleft()
        self._written -= 1
        self._stage, self._refusal, self._resetting, self._served = Stage.MAIL, None, False, True
        if self.under_way:
            if self.under_way[0].done.done():
                self._end(Stale())  # given up by its sender, half-way
                return
            if self._written == 0:
                self._spoke = True
                self._transport.write(self._next_envelope())
            self._wait(self._timeout)
        self._changed(self)

    def _end(self, failure: Exception) -> None:
        """Close, and tell everyone under way: the oldest the failure, unless a refusal is known or nothing of it came through."""
        self._over = True
        self._transport.abort()
        if self.under_way:
            self.under_way.popleft().fail(Stale() if self._never_began(failure) else self._refusal or failure)
        while self.under_way:
            self.under_way.popleft().fail(Stale())
        self._written = 0
        if self._farewell is not None and not self._farewell.done():
            self._farewell.set_result(None)
        self._changed(self)

    def _never_began(self, failure: Exception) -> bool:
        """A connection that had served before was gone when this message began."""
        gone = isinstance(failure, Silent) or (isinstance(failure, Refused) and failure.code == 421)
        return self._served and self._stage is Stage.MAIL and gone

    def _wait(self, seconds: float) -> None:
        """The next answer has to come within that time.

        The timer looks at the deadline at least once in the shortest of these times, and so is not set anew for each answer.
        """
        self._deadline = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_later(min(self._timeout, self._final_timeout), self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if not self.under_way:
            return
        left = self._deadline - self._loop.time()
        if left <= 0:
            self._end(Silent(self._stage, "no answer in time"))
        else:
            self._timer = self._loop.call_later(min(left, self._timeout, self._final_timeout), self._look_at_the_clock)
