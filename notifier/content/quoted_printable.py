"""Texts in quoted-printable (RFC 2045, 6.7) with the line ends of a mail, and back again.

A filled pattern is encoded line by line: the lines that are the same for everybody once, when its first mail is written. A
line does not begin with a dot, because SMTP would have to double it: the dots of such a line are written as codes.
"""

from __future__ import annotations

import re
from binascii import a2b_qp, b2a_qp
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from notifier.content.headers import UnsendableMailError
from notifier.content.woven import MOST_PATTERNS, Pattern, Woven

_LINE_END = re.compile(r"\r\n?|\n")
_EQUALS = ord("=")
_STAND_IN = "\1"  # what is written for it is as wide as what is written for a dot; a text that holds it keeps its dots


def _canonical(text: str) -> str:
    """The text with the line ends of a mail, the last line ended too."""
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    return lines if lines.endswith("\r\n") else lines + "\r\n"


def encoded(text: str) -> list[bytes]:
    """The text in quoted-printable, in pieces."""
    if isinstance(text, Woven):
        words = text.words
        return [piece if isinstance(piece, bytes) else _encoded_line(piece % words) for piece in _pieces(text.pattern)]
    return [_encoded_line(line + "\r\n") for line in _canonical(text).removesuffix("\r\n").split("\r\n")]


def _encoded_line(line: str) -> bytes:
    written = b2a_qp(line.encode("utf-8", "replace"), istext=True)
    if (not written.startswith(b".") and b"\n." not in written) or _STAND_IN in line:
        return written
    return b2a_qp(line.replace(".", _STAND_IN).encode("utf-8", "replace"), istext=True).replace(b"=01", b"=2E")


@lru_cache(maxsize=MOST_PATTERNS)
def _pieces(pattern: Pattern) -> tuple[bytes | str, ...]:
    """The lines of a pattern: those that hold no word encoded and joined, each of the others as a format for its words.

    Raises:
        UnsendableMailError: what was encoded says something else when it is decoded.
    """
    pieces: list[bytes | str] = []
    for whole, lines in groupby(_lines(pattern), key=lambda line: len(line) == 1):
        if not whole:
            pieces += map(_format, lines)
            continue
        texts = [text for (text,) in lines]
        written = b"".join(map(_encoded_line, texts))
        if not _decodes_to(written, "".join(texts)):
            msg = "a text says something else when it has been written as a mail; it was not sent"
            raise UnsendableMailError(msg, hint="report this as a fault, with the text")
        pieces.append(written)
    return tuple(pieces)


def _format(line: Sequence[str]) -> str:
    return "".join(f"%({piece})s" if place % 2 else piece.replace("%", "%%") for place, piece in enumerate(line))


def _lines(pattern: Pattern) -> list[list[str]]:
    """The pattern, line by line, each with its line end and by turns a piece of the text and the name of a word."""
    lines, line = [], list[str]()
    for place, piece in enumerate(pattern.pieces):
        first, *more = _LINE_END.split(piece) if place % 2 == 0 else [piece]
        line.append(first)
        for begun in more:
            lines.append(line)
            line = [begun]
    if line != [""] or not lines:
        lines.append(line)
    return [[*pieces, last + "\r\n"] for *pieces, last in lines]


def end_of(text: str, content: bytes, start: int, edge: bytes) -> int | None:
    """Where a part that begins at `start` ends, or None if it is not the text, encoded.

    What is the same in many mails has been decoded once and is only compared.

    Args:
        edge: what follows the part.
    """
    if not isinstance(text, Woven):
        end = content.find(edge, start)
        return end if end >= 0 and _decodes_to(content[start:end], _canonical(text)) else None
    at = start
    own, expected = [], []
    for piece in _pieces(text.pattern):
        if isinstance(piece, bytes):
            if not content.startswith(piece, at):
                return None
            at += len(piece)
        else:
            end = _end_of_line(content, at)
            own.append(content[at:end])
            expected.append(piece % text.words)
            at = end
    return at if _decodes_to(b"".join(own), "".join(expected)) else None


def _end_of_line(content: bytes, start: int) -> int:
    """Behind the line that begins at `start`: a line end after "=" is none."""
    end = content.find(b"\r\n", start)
    while end > start and content[end - 1] == _EQUALS:
        end = content.find(b"\r\n", end + 2)
    return len(content) if end < 0 else end + 2


def _decodes_to(content: bytes, text: str) -> bool:
    breaks = content.count(b"\r\n")
    clean = content.count(b"\n") == breaks == content.count(b"\r")
    return clean and a2b_qp(content) == text.encode("utf-8", "replace")
