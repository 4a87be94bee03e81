"""Where each key and each value of a TOML text stands. `tomllib` reads values but does not tell their places.

The text must be valid TOML: `tomllib` has accepted it before it comes here, so this only has to follow, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_LONG = re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a key stands: its name (or its table's header), and its value unless it is a table with a header."""

    key: Span
    value: Span | None = None


def locate(text: str) -> dict[KeyPath, Entry]:
    """The places of every key of a valid TOML text, by its path; items of arrays have a number in the path.

    A table that has no header of its own ("a" in `[a.b]`) has the place of the first key that mentions it.
    """
    locator = _Locator(text)
    locator.run()
    return locator.entries


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Counted from 1, in characters."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


class _Locator:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", " \n")  # the same length, so that places stay true
        self.entries: dict[KeyPath, Entry] = {}
        self._arrays: dict[KeyPath, int] = {}
        self._position = 0

    def run(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK_LINES)
        while self._position < len(self.text):
            if self.text.startswith("[", self._position):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK_LINES)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self._position)
        self._position = match.end() if match else self._position

    def _take(self, *patterns: re.Pattern[str]) -> Span:
        for pattern in patterns:
            if match := pattern.match(self.text, self._position):
                self._position = match.end()
                return Span(match.start(), match.end())
        msg = f"not valid TOML at character {self._position}"
        raise ValueError(msg)

    def _header(self) -> KeyPath:
        start, is_array = self._position, self.text.startswith("[[", self._position)
        self._position += 2 if is_array else 1
        parts, _ = self._key()
        self._skip(_BLANK)
        self._position += 2 if is_array else 1
        span = Span(start, self._position)
        path: KeyPath = ()
        for part in parts[:-1]:
            path = self._inside((*path, part), span)
        path = (*path, parts[-1])
        self.entries.setdefault(path, Entry(span))
        if not is_array:
            self.entries[path] = Entry(span)
            return path
        self._arrays[path] = self._arrays.get(path, -1) + 1
        path = (*path, self._arrays[path])
        self.entries[path] = Entry(span)
        return path

    def _inside(self, path: KeyPath, span: Span) -> KeyPath:
        """The table of that name, or the newest one of an array of tables."""
        self.entries.setdefault(path, Entry(span))
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _key(self) -> tuple[list[str], Span]:
        """A dotted key: its parts and the place of the whole."""
        parts: list[str] = []
        self._skip(_BLANK)
        start = end = self._position
        while True:
            self._skip(_BLANK)
            span = self._take(_BARE, _QUOTED)
            written, end = self.text[span.start : span.end], span.end
            parts.append(written if _BARE.fullmatch(written) else str(tomllib.loads(f"key = {written}")["key"]))
            self._skip(_BLANK)
            if not self.text.startswith(".", self._position):
                return parts, Span(start, end)
            self._position += 1

    def _pair(self, table: KeyPath) -> None:
        parts, span = self._key()
        path = table
        for part in parts[:-1]:
            path = self._inside((*path, part), span)
        self._position += 1  # the equals sign
        self._value((*path, parts[-1]), span)

    def _value(self, path: KeyPath, key: Span | None) -> None:
        self._skip(_BLANK)
        start = self._position
        opening = self.text[start : start + 1]
        if opening == "[":
            self._items(path, "]")
        elif opening == "{":
            self._items(path, "}")
        elif opening in {'"', "'"}:
            self._take(_LONG, _QUOTED)
        else:
            span = self._take(_SCALAR)
            self._position = span.start + len(self.text[span.start : span.end].rstrip())
        value = Span(start, self._position)
        self.entries[path] = Entry(key or value, value)

    def _items(self, path: KeyPath, closing: str) -> None:
        """What stands in an array, or in an inline table."""
        self._position += 1
        number = 0
        while True:
            self._skip(_BLANK_LINES)
            if self.text.startswith(closing, self._position):
                self._position += 1
                return
            if closing == "]":
                self._value((*path, number), None)
                number += 1
            else:
                self._pair(path)
            self._skip(_BLANK_LINES)
            if self.text.startswith(",", self._position):
                self._position += 1
