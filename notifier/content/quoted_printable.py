"""Texts in quoted-printable (RFC 2045, 6.7) with the line ends of a mail, and back again.

A filled pattern is written piece by piece: what is the same for everybody once, when its first mail is written, and each word
of a person on a line of its own, which soft line breaks take out again. No line begins with a dot, because SMTP would have to
double it: such a dot is written as a code.
"""

from __future__ import annotations

import re
from binascii import a2b_qp, b2a_qp
from functools import lru_cache

from notifier.content.headers import UnsendableMailError
from notifier.content.woven import MOST_PATTERNS, Pattern, Woven

_LINE_END = re.compile(r"\r\n?|\n")
_SOFT_BREAK = b"=\r\n"
_MOST_WORDS = 16  # those of the mail in hand: they stand in both of its parts, and are looked at once more before they leave


def encoded(text: str) -> list[bytes]:
    """The text in quoted-printable, in pieces."""
    if not isinstance(text, Woven):
        return [_encoded(_ended(text))]
    own = {name: _encoded_word(word) for name, word in text.words.items()}
    return [own[piece] if isinstance(piece, str) else piece for piece in _pieces(text.pattern)]


def end_of(text: str, content: bytes, start: int, edge: bytes) -> int | None:
    """Where a part that begins at `start` ends, or None if it is not the text, encoded.

    Of a filled pattern every piece and every word has been read back; that they stand here, one behind the other, is compared.

    Args:
        edge: what follows the part.
    """
    if not isinstance(text, Woven):
        end = content.find(edge, start)
        return end if end >= 0 and _says(content[start:end], _ended(text)) else None
    at = start
    for piece in encoded(text):
        if not content.startswith(piece, at):
            return None
        at += len(piece)
    return at


@lru_cache(maxsize=MOST_PATTERNS)
def _pieces(pattern: Pattern) -> tuple[bytes | str, ...]:
    """The pattern with its pieces encoded, and the names of its words between them.

    Raises:
        UnsendableMailError: what was encoded says something else when it is decoded.
    """
    *others, last = pattern.pieces
    pieces = [piece if place % 2 else _read_back(_encoded_begun(piece), piece) for place, piece in enumerate(others)]
    return (*pieces, _read_back(_encoded(_ended(last)), _ended(last)))


@lru_cache(maxsize=_MOST_WORDS)
def _encoded_word(word: str) -> bytes:
    """A word with a line to itself. Raises as `_pieces` does."""
    return _read_back(_encoded_begun(word), word)


def _encoded_begun(text: str) -> bytes:
    """A text whose last line goes on in the next piece: a soft break ends it, with "=" where one more character has room."""
    written = _encoded(f"{text}x\r\n").removesuffix(b"x\r\n")
    return written if written.endswith(b"\n") or not written else written + _SOFT_BREAK


def _encoded(text: str) -> bytes:
    """A text whose last line is ended."""
    written = b"\n" + b2a_qp(_plain(text), istext=True)
    while b"\n." in written:
        written = written.replace(b"\n.", b"\n=2E" + _SOFT_BREAK)
    return written[1:]


def _ended(text: str) -> str:
    return text if text.endswith(("\r", "\n")) else text + "\n"


def _plain(text: str) -> bytes:
    """The text with the line ends of a mail."""
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    return lines.encode("utf-8", "replace")


def _read_back(content: bytes, text: str) -> bytes:
    if not _says(content, text):
        msg = "a text says something else when it has been written as a mail; it was not sent"
        raise UnsendableMailError(msg, hint="report this as a fault, with the text")
    return content


def _says(content: bytes, text: str) -> bool:
    """Whether it decodes to the text, and SMTP has nothing to change in it: no other line ends, and no dot in front of a line."""
    breaks = content.count(b"\r\n")
    clean = content.count(b"\n") == breaks == content.count(b"\r") and not content.startswith(b".") and b"\n." not in content
    return clean and a2b_qp(content) == _plain(text)
