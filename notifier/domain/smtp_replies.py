"""What an SMTP reply means: pure judgement of a code, its enhanced code (RFC 3463), its words, and the moment it came.

The moment matters as much as the code. Before `RCPT` nobody has been named, so a refusal is about us. At `RCPT` it is about the
person, unless the server says otherwise: many servers keep what they hold against the client until then. Once the message is
there, a bare 554 is about the message, as are a size and a form that are not taken at any moment. After the final dot, silence
means that nobody knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from notifier.domain.retry import Verdict


class Stage(IntEnum):
    """The part of an SMTP session that an answer belongs to, in the order of the session."""

    CONNECT = 1
    """Greeting, EHLO and encryption."""
    LOGIN = 2
    MAIL = 3
    RCPT = 4
    DATA = 5
    """From the DATA command up to the answer that asks for the message."""
    FINAL = 6
    """From the first byte of the message up to the answer to its final dot."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to make of a failure.

    Attributes:
        verdict: see `channels/base.py`.
        pause: how long the whole channel should leave the provider alone, or None where only this message is concerned.
    """

    verdict: Verdict
    pause: timedelta | None = None


_TRY_LATER = Judgement(Verdict.TEMPORARY)
_REFUSED = Judgement(Verdict.PERMANENT)
_TEXT_REFUSED = Judgement(Verdict.CONTENT)
_NOBODY_KNOWS = Judgement(Verdict.UNCERTAIN)
_BUSY = Judgement(Verdict.TEMPORARY, timedelta(minutes=1))
_UNREACHABLE = Judgement(Verdict.TEMPORARY, timedelta(minutes=5))
_LOGIN_REFUSED = Judgement(Verdict.SENDER, timedelta(minutes=15))
_SENDER_REFUSED = Judgement(Verdict.SENDER, timedelta(minutes=15))
_BLOCKED = Judgement(Verdict.SENDER, timedelta(hours=1))
_OUT_OF_QUOTA = Judgement(Verdict.SENDER, timedelta(hours=1))

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")

_LOGIN_CODES = frozenset({530, 534, 535, 538})
_NOT_UNDERSTOOD = frozenset({500, 502, 503, 504, 555})
_BY_STATUS = {
    **dict.fromkeys(("5.7.3", "5.7.8", "5.7.9", "5.7.57", "5.7.139"), _LOGIN_REFUSED),
    **dict.fromkeys(("5.1.90", "5.4.5", "5.7.232", "5.7.233"), _OUT_OF_QUOTA),
    **dict.fromkeys(("5.7.64", "5.7.703", "5.7.705", "5.7.708"), _BLOCKED),
    **dict.fromkeys(("5.1.7", "5.1.8", "5.2.252", "5.7.60", "5.7.62"), _SENDER_REFUSED),
}
_THROTTLED_STATUS = frozenset({"4.3.1", "4.3.2", "4.5.3"})

_NAMES_THE_CLIENT = re.compile(r"client host|sender address|helo command|\bsend ?as\b", re.IGNORECASE)
_NAMES_A_LIMIT = re.compile(r"\blimit\b|\bquota\b", re.IGNORECASE)

_LONGEST_LINE = 200
_ADDRESS = re.compile(r"<?[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+>?")


def enhanced_code(text: str) -> str | None:
    """The enhanced status code a reply begins with ("5.1.1"), or None (RFC 2034)."""
    found = _ENHANCED.match(text)
    return found[1] if found else None


def judge_reply(stage: Stage, code: int, text: str) -> Judgement:
    """What a reply other than success means.

    Args:
        stage: what it answers.
        code: the reply code; anything outside 400-599, as -1 for no code at all, counts as no answer.
        text: the words after the code, without it.
    """
    status = enhanced_code(text)
    if 400 <= code <= 499:
        return _judge_not_now(stage, code, status)
    if 500 <= code <= 599:
        return _judge_never(stage, code, status, text)
    return judge_silence(stage)


def judge_silence(stage: Stage) -> Judgement:
    """What it means that no answer came: time ran out, the connection was lost, or what came was no SMTP."""
    if stage is Stage.FINAL:
        return _NOBODY_KNOWS
    return _UNREACHABLE if stage < Stage.MAIL else _TRY_LATER


def _judge_not_now(stage: Stage, code: int, status: str | None) -> Judgement:
    if stage is Stage.LOGIN:
        return _UNREACHABLE
    if stage < Stage.RCPT or code in {421, 432} or status in _THROTTLED_STATUS:
        return _BUSY
    return _TRY_LATER


def _judge_never(stage: Stage, code: int, status: str | None, text: str) -> Judgement:
    if stage is Stage.LOGIN or code in _LOGIN_CODES:
        return _LOGIN_REFUSED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if stage is Stage.CONNECT or code in _NOT_UNDERSTOOD:
        return _SENDER_REFUSED
    return _judge_full(stage, code, status) or _judge_by_moment(stage, code, status, text)


def _judge_by_moment(stage: Stage, code: int, status: str | None, text: str) -> Judgement:
    if stage is Stage.RCPT:
        return _SENDER_REFUSED if _about_us(status, text) else _REFUSED
    if _of_class(status, "5.7"):
        return _BLOCKED
    if _of_class(status, "5.6"):
        return _TEXT_REFUSED
    if stage is Stage.MAIL:
        return _SENDER_REFUSED
    return _TEXT_REFUSED if status is None and code == 554 else _REFUSED


def _judge_full(stage: Stage, code: int, status: str | None) -> Judgement | None:
    """A mailbox that is full, theirs or ours, or a message that is too big: 552 serves all three. None: nothing of the kind."""
    if status == "5.3.4":
        return _TEXT_REFUSED
    if stage is Stage.RCPT:
        return _TRY_LATER if code == 552 or status == "5.2.2" else None
    if status in {"5.2.0", "5.2.2"} and (code == 554 or stage is Stage.MAIL):
        return _OUT_OF_QUOTA  # Exchange keeps a copy of what it sends, in the mailbox of the sender
    if status == "5.2.2":
        return _TRY_LATER
    return _TEXT_REFUSED if code == 552 else None


_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte


def _about_us(status: str | None, text: str) -> bool:
    if _NAMES_THE_CLIENT.search(text):
        return True
    return _of_class(status, "5.7") and _NAMES_A_LIMIT.search(text) is not None


def _of_class(status: str | None, prefix: str) -> bool:
    return status is not None and status.startswith(f"{prefix}.")


def one_line(text: str, address: str) -> str:
    """A provider's words on one line of at most 200 characters, printable, without any address or the name in `address`.

    Args:
        text: as it came; may hold lines, control characters and bytes that are no UTF-8 (as surrogates).
        address: the recipient's.
    """
    local = address.rpartition("@")[0]
    if text.isascii() and text.isprintable() and "@" not in text and "  " not in text and local.lower() not in text.lower():
        return _cut(text.strip())  # as nearly every answer: nothing in it to take out
    readable = _NO_BYTE.sub("�", text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in readable).split())
    line = re.sub(rf"<?{re.escape(address)}>?", "<…>", line, flags=re.IGNORECASE)
    line = _ADDRESS.sub("<…>", line)
    if len(local) > 2:
        line = re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "<…>", line, flags=re.IGNORECASE)
    return _cut(line)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
