"""Texts in quoted-printable (RFC 2045, 6.7) with the line ends of a mail, and back again.

A filled pattern is encoded line by line: the lines that are the same for everybody once, when its first mail is written.
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
    return b2a_qp(line.encode("utf-8", "replace"), istext=True)


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


def says(content: bytes, text: str) -> bool:
    """Whether a part, decoded, is the text. What is the same in many mails has been decoded once and is only compared."""
    if not isinstance(text, Woven):
        return _decodes_to(content, _canonical(text))
    at = 0
    own, expected = [], []
    for piece in _pieces(text.pattern):
        if isinstance(piece, bytes):
            end = at + len(piece)
            if content[at:end] != piece:
                return False
        else:
            end = _end_of_line(content, at)
            own.append(content[at:end])
            expected.append(piece % text.words)
        at = end
    return at == len(content) and _decodes_to(b"".join(own), "".join(expected))


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
