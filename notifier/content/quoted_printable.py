"""Texts in quoted-printable (RFC 2045, 6.7) with the line ends of a mail, and back again.

A text may come in pieces, with a word of a person between each two: then each word has a line of its own, which soft line breaks
take out again, so that pieces and words are written without looking at each other. No line begins with a dot, because SMTP would
have to double it: such a dot is written as a code.
"""

from __future__ import annotations

import re
from binascii import a2b_qp, b2a_qp
from collections.abc import Sequence

from notifier.content.headers import UnsendableMailError

_LINE_END = re.compile(r"\r\n?|\n")
_SOFT_BREAK = b"=\r\n"
_BEGINS_A_LINE = (b"", b"\n")


def encoded(text: str) -> bytes:
    """A whole text. Its last line is ended."""
    return _encoded(_plain(_ended(text)))


def encoded_pieces(pieces: Sequence[str]) -> list[bytes]:
    """The pieces of one text.

    Raises:
        UnsendableMailError: what was encoded says something else when it is decoded.
    """
    *others, last = pieces
    return [*map(encoded_word, others), _read_back(encoded(last), _plain(_ended(last)))]


def encoded_word(text: str) -> bytes:
    """A word, or a piece behind which a word follows: a soft break ends it. Raises as `encoded_pieces` does."""
    plain = _plain(text)
    written = _encoded(plain + b"x\r\n")[:-3]  # "=" stands where one more character has room
    return _read_back(written if written[-1:] in _BEGINS_A_LINE else written + _SOFT_BREAK, plain)


def says(content: bytes, text: str) -> bool:
    """Whether it is the text, encoded: see `encoded`."""
    return _says(content, _plain(_ended(text)))


def decodes_to(content: bytes, word: str) -> bool:
    """Whether it is the word, encoded."""
    return a2b_qp(content) == _plain(word)


def _encoded(plain: bytes) -> bytes:
    """Lines that are ended."""
    written = b"\n" + b2a_qp(plain, istext=True)
    while b"\n." in written:
        written = written.replace(b"\n.", b"\n=2E" + _SOFT_BREAK)
    return written[1:]


def _ended(text: str) -> str:
    return text if text.endswith(("\r", "\n")) else text + "\n"


def _plain(text: str) -> bytes:
    """The text with the line ends of a mail."""
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    return lines.encode("utf-8", "replace")


def _read_back(content: bytes, plain: bytes) -> bytes:
    if not _says(content, plain):
        msg = "a text says something else when it has been written as a mail; it was not sent"
        raise UnsendableMailError(msg, hint="report this as a fault, with the text")
    return content


def _says(content: bytes, plain: bytes) -> bool:
    """Whether it decodes to this, and SMTP has nothing to change in it: no other line ends, and no dot in front of a line."""
    breaks = content.count(b"\r\n")
    clean = content.count(b"\n") == breaks == content.count(b"\r") and not content.startswith(b".") and b"\n." not in content
    return clean and a2b_qp(content) == plain
