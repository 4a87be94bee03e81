"""Jinja tags set aside while other tools work on a text, and put back afterwards.

Markdown, HTML and CSS tools would escape, encode or move a tag. So each tag is replaced by a word of letters and digits that
they all leave alone; when they are done, the word is replaced by the tag, letter for letter. What a tag prints is decided
only then, for one person, and by Jinja: no value of a person ever passes through Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_WORD = re.compile(r"q7tag(\d+)gat7q")
_LITERAL = re.compile(r"\{(?=[{%#])")
_BLOCK_LINES = re.compile(r"^[ \t]*((?:\{%.*?%\}[ \t]*)+)$", re.MULTILINE)

WORD = _WORD.pattern


class Tags:
    """The tags of one template, in the order in which they were set aside."""

    def __init__(self) -> None:
        self._sources: list[str] = []

    def set_aside(self, source: str, slots: Mapping[str, str] | None = None) -> str:
        """The source with a word in place of each tag; comments go, and `{{ slot }}` becomes what `slots` has for it."""

        def replace(match: re.Match[str]) -> str:
            tag = match.group()
            if tag.startswith("{#"):
                return ""
            slot = _SLOT.fullmatch(tag)
            if slots and slot and slot.group(1) in slots:
                return slots[slot.group(1)]
            self._sources.append(tag)
            return f"q7tag{len(self._sources) - 1}gat7q"

        return _TAG.sub(replace, source)

    def restore(self, text: str) -> str:
        """The text with its tags back, ready to be compiled. Braces that are text stay text."""
        text = _LITERAL.sub("{{ '{' }}", text)
        return _WORD.sub(lambda match: self._sources[int(match.group(1))], text)

    def tags_in(self, text: str) -> list[str]:
        """The tags whose words stand in `text`."""
        return [self._sources[int(number)] for number in _WORD.findall(text)]


def name_in(tag: str) -> str | None:
    """The name that a tag prints: "link" for `{{ link }}`, None for every other tag."""
    slot = _SLOT.fullmatch(tag)
    return slot.group(1) if slot else None


def stand_alone(markdown: str) -> str:
    """The Markdown with a blank line around each line of block tags, so that they end up between blocks, not inside one."""
    return _BLOCK_LINES.sub(r"\n\1\n", markdown)
