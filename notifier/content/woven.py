"""Texts that are the same for many people, but for a few words of their own: rendered once, and then only filled in.

A template in which a person's words are only printed, or asked for whether there are any, gives the same text around them for
everybody else. So it is rendered with a mark in place of each word, cut at the marks, and the pieces are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from jinja2 import nodes

PERSONAL = ("given_name", "name", "link")
"""The names of a person's own words. Each is one line."""
MOST_PATTERNS = 512
"""How many patterns a cache keeps: two for each text that the catalogue keeps, with room to spare."""

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


class Pattern:
    """A text with its marks cut out.

    Attributes:
        pieces: by turns a piece of the text, which may be empty, and the name of a word; first and last a piece of the text.
        names: of the words, each once.
    """

    __slots__ = ("names", "pieces")

    def __init__(self, marked: str) -> None:
        self.pieces: tuple[str, ...] = tuple(_MARK.split(marked))
        self.names = frozenset(self.pieces[1::2])

    def fill(self, words: Mapping[str, str]) -> Woven:
        """The text with a person's words in their places."""
        pieces = list(self.pieces)
        for place in range(1, len(pieces), 2):
            pieces[place] = words[pieces[place]]
        woven = Woven("".join(pieces))
        woven.pattern, woven.words = self, words
        return woven


class Woven(str):
    """A filled pattern: a string like any other, that still knows how it came about.

    Attributes:
        words: by name, as they stand in the text.
    """

    __slots__ = ("pattern", "words")

    pattern: Pattern
    words: Mapping[str, str]
