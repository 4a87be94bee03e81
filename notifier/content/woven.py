"""Mails that are the same for many people, but for a few words of their own: rendered once, and then only filled in.

A template in which a person's words are only printed, or asked for whether there are any, gives the same text around them for
everybody else. So it is rendered with a mark in place of each word, cut at the marks, and the pieces are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from jinja2 import nodes
from markupsafe import escape

from notifier.content.plain import one_line
from notifier.content.rendered import Rendered
from notifier.content.typography import plain_spaces

PERSONAL = ("given_name", "name", "link")
"""The names of a person's own words. Each is one line."""
MOST_LETTERS = 128
"""How many letters a cache keeps: more than the messages, languages, dates and first notices of one day."""

# Characters that Unicode leaves to private use: no tool escapes them, and no author types them.
_MARK = re.compile(f"\ue000({'|'.join(PERSONAL)})\ue001")


def mark(name: str) -> str:
    """What stands for a word until the text is cut."""
    return f"\ue000{name}\ue001"


def only_printed(tree: nodes.Template) -> bool:
    """Whether the template does nothing with a person's words but print them, or ask whether there are any."""
    harmless: list[nodes.Node] = [child for output in tree.find_all(nodes.Output) for child in output.nodes]
    harmless += [condition.test for condition in tree.find_all(nodes.If)]
    known = {id(node) for node in harmless}
    return all(id(name) in known for name in tree.find_all(nodes.Name) if name.name in PERSONAL)


def in_text(word: str) -> str:
    """A person's word as it stands in a plain text."""
    return plain_spaces(word)


def in_html(word: str) -> str:
    """A person's word as it stands in HTML."""
    return str(escape(word))


class Pattern:
    """A text with its marks cut out.

    Attributes:
        pieces: of the text, any of which may be empty: one more than there are places for words.
        names: of the words between them.
    """

    __slots__ = ("names", "pieces")

    def __init__(self, marked: str) -> None:
        cut = _MARK.split(marked)
        self.pieces, self.names = tuple(cut[::2]), tuple(cut[1::2])

    def fill(self, words: Mapping[str, str]) -> str:
        """The text with a person's words in their places."""
        filled = [self.pieces[0]]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            filled += words[name], piece
        return "".join(filled)


class Letter:
    """What is the same for many people of a mail.

    Attributes:
        language, addresses: see `Rendered`.
        names: of the words that stand in its texts, each once.
    """

    __slots__ = ("addresses", "html", "language", "names", "subject", "text")

    def __init__(self, marked: Rendered) -> None:
        self.subject, self.html, self.text = Pattern(marked.subject), Pattern(marked.html), Pattern(marked.text)
        self.language, self.addresses = marked.language, marked.addresses
        self.names = tuple({*self.html.names, *self.text.names})


class Woven(Rendered):
    """A letter with the words of one person.

    Its texts are put together for whoever asks for them. The mail that leaves does not: it is made of the letter's bytes.

    Attributes:
        words: by name, as they are, neither escaped nor encoded.
    """

    __slots__ = ("letter", "words")

    letter: Letter
    words: Mapping[str, str]

    def __init__(self, letter: Letter, words: Mapping[str, str]) -> None:
        keep = object.__setattr__  # as the one of every frozen class does
        keep(self, "letter", letter)
        keep(self, "words", words)
        keep(self, "subject", one_line(letter.subject.fill(words)) if letter.subject.names else letter.subject.pieces[0])
        keep(self, "language", letter.language)
        keep(self, "addresses", letter.addresses)
        keep(self, "blocks", ())
        keep(self, "attachments", ())

    @property
    def html(self) -> str:
        return self.letter.html.fill({name: in_html(word) for name, word in self.words.items()})

    @property
    def text(self) -> str:
        return self.letter.text.fill({name: in_text(word) for name, word in self.words.items()})
