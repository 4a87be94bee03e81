"""What stands in a mail behind its head: a plain text and the same as HTML, in quoted-printable.

Of a letter to many people all pieces are encoded once, and read back. A mail is then these, by turns with the words of its person,
which are encoded and read back once for both of its parts. What leaves is looked at from its beginning to its end: every piece of
the letter and every word of this person, one behind the other, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from notifier.content.quoted_printable import decodes_to, encoded, encoded_pieces, encoded_word, says
from notifier.content.rendered import Rendered
from notifier.content.woven import MOST_LETTERS, Letter, Woven, in_html, in_text

# No quoted-printable or base64 text can hold such a line, since "=_" is no code of either.
BOUNDARY = "=_texts"
_EDGE = f"\r\n--{BOUNDARY}".encode("ascii")
_CODED = "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
BEFORE_TEXT = f"\r\n\r\n--{BOUNDARY}\r\nContent-Type: text/plain; {_CODED}"
_BEFORE_HTML = _EDGE + f"\r\nContent-Type: text/html; {_CODED}".encode("ascii")
_END = _EDGE + b"--\r\n"
_TEXT, _HTML = 0, 1
_MOST_WORDS = 16  # those of the mail in hand: they are asked for when it is written, and when it is looked at


@dataclass(frozen=True, slots=True)
class _Shared:
    """The body of a letter.

    Attributes:
        pieces: one more than there are places.
        lengths: of the pieces.
        places: of words between the pieces: which of `_own` each takes.
    """

    pieces: tuple[bytes, ...]
    lengths: tuple[int, ...]
    places: tuple[int, ...]


def body_of(rendered: Rendered) -> Sequence[bytes]:
    """The body in pieces, from the first line of the text on; `BEFORE_TEXT` belongs to the head.

    Raises:
        UnsendableMailError: what was encoded says something else when it is decoded.
    """
    if not isinstance(rendered, Woven):
        return encoded(rendered.text), _BEFORE_HTML, encoded(rendered.html), _END
    shared = _shared(rendered.letter)
    body = [b""] * (2 * len(shared.pieces) - 1)
    body[::2] = shared.pieces
    written = _own(rendered)
    body[1::2] = [written[place] for place in shared.places]
    return body


def is_body(rendered: Rendered, raw: bytes, start: int) -> bool:
    """Whether the bytes from `start` on are this body, and nothing more. Raises as `body_of` does.

    That the words are those of this person is asked of the words themselves, whatever was kept of them.
    """
    if not isinstance(rendered, Woven):
        between, end = raw.find(_EDGE, start), len(raw) - len(_END)
        begin = between + len(_BEFORE_HTML)
        framed = between >= 0 and raw.startswith(_BEFORE_HTML, between) and raw.find(_EDGE, begin) == end and raw.endswith(_END)
        return framed and says(raw[start:between], rendered.text) and says(raw[begin:end], rendered.html)
    shared, written = _shared(rendered.letter), _own(rendered)
    for name, in_its_text in zip(rendered.letter.names, written[::2], strict=True):
        if not decodes_to(in_its_text, in_text(rendered.words[name])):
            return False
    words = [written[place] for place in shared.places]
    at = start
    for piece, length, word in zip(shared.pieces, shared.lengths, (*words, b""), strict=True):
        if not raw.startswith(piece, at) or not raw.startswith(word, at + length):
            return False
        at += length + len(word)
    return at == len(raw)


@lru_cache(maxsize=MOST_LETTERS)
def _shared(letter: Letter) -> _Shared:
    *text, last_of_text = encoded_pieces(letter.text.pieces)
    first_of_html, *html = encoded_pieces(letter.html.pieces)
    pieces = [*text, last_of_text + _BEFORE_HTML + first_of_html, *html]
    pieces[-1] += _END
    number = {name: 2 * at for at, name in enumerate(letter.names)}
    places = (*(number[name] for name in letter.text.names), *(number[name] + 1 for name in letter.html.names))
    return _Shared(tuple(pieces), tuple(map(len, pieces)), places)


def _own(woven: Woven) -> list[bytes]:
    """The person's words, each as it stands in the text and as it stands in the HTML."""
    written: list[bytes] = []
    for name in woven.letter.names:
        written += _written(woven.words[name])
    return written


@lru_cache(maxsize=_MOST_WORDS)
def _written(word: str) -> tuple[bytes, bytes]:
    """How a word stands in the text, and in the HTML. It depends on nothing but the word."""
    text, html = in_text(word), in_html(word)
    written = encoded_word(text)
    return written, written if html == text else encoded_word(html)
