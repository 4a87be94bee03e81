"""One file of text: TOML front matter between two lines of `+++`, and Markdown below it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from notifier.content.problems import TextError, TextProblem
from notifier.domain.campaign import OFFERED

_FRONT_MATTER = re.compile(r"\ufeff?\+\+\+[ \t]*\n(.*?\n)?\+\+\+[ \t]*(?:\n|\Z)(.*)", re.DOTALL)
_TOML_LINE = re.compile(r" \(at line (\d+), column \d+\)")

MESSAGE_KEYS = ("subject", "preheader", "button")
PAGE_KEYS = ("title", "button", "answers")
_OPTIONAL = frozenset({"button"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file that is a template of its own. `line` is where it begins in the file, counted from 1."""

    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file, taken apart.

    Attributes:
        values: the texts of the front matter by key; those of `[answers]` by the answer.
        body: the Markdown.
    """

    path: Path
    values: Mapping[str, Piece]
    body: Piece

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (*self.values.values(), self.body)


def find(folders: Sequence[Path], name: str) -> Path:
    """The file of that name in the first folder that has one.

    Raises:
        TextError: none has.
    """
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(str(folder) for folder in folders)
    raise TextError(TextProblem(folders[0] / name, 0, f"there is no such text in {looked}", f"write {name} in one of them"))


def read_message(path: Path) -> Source:
    """The text of a mail.

    Raises:
        TextError: it cannot be read, or its front matter is not as it should be.
    """
    return _read(path, MESSAGE_KEYS)


def read_page(path: Path) -> Source:
    """The words of a page. Raises as `read_message` does."""
    return _read(path, PAGE_KEYS)


def read_plain(path: Path) -> Source:
    """Markdown without front matter. Raises as `read_message` does."""
    return Source(path, {}, Piece(read_text(path), 1))


def read_text(path: Path) -> str:
    """The whole file.

    Raises:
        TextError: it cannot be read, or it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TextError(TextProblem(path, line, "this is not UTF-8", "save the file as UTF-8")) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TextError(TextProblem(path, 0, f"it cannot be read: {reason}", "check its permissions")) from None


def _read(path: Path, keys: tuple[str, ...]) -> Source:
    text = read_text(path)
    match = _FRONT_MATTER.fullmatch(text)
    if match is None:
        fix = f"begin the file with a line +++, then {' and '.join(keys)}, then another line +++"
        raise TextError(TextProblem(path, 1, "the front matter is missing", fix))
    front = match.group(1) or ""
    found = _parse(path, front)
    _only_known(path, front, found, keys)
    values: dict[str, Piece] = {}
    for key in keys:
        if key == "answers":
            values |= _answers(path, front, found)
        elif key in found or keys == PAGE_KEYS or key not in _OPTIONAL:
            values[key] = _text(path, front, found, key)
    return Source(path, values, Piece(match.group(2), text[: match.start(2)].count("\n") + 1))


def _parse(path: Path, front: str) -> dict[str, Any]:
    try:
        return tomllib.loads(front)
    except tomllib.TOMLDecodeError as error:
        where = _TOML_LINE.search(str(error))
        line = int(where.group(1)) + 1 if where else 1
        reason = _TOML_LINE.sub("", str(error)).rstrip(".")
        fix = 'write each line as: key = "text"'
        raise TextError(TextProblem(path, line, f"the front matter is not TOML: {reason}", fix)) from None


def _only_known(path: Path, front: str, found: Mapping[str, Any], keys: Collection[str]) -> None:
    for key in found:
        if key not in keys:
            near = get_close_matches(key, keys, 1)
            fix = f"did you mean {near[0]}?" if near else f"use only {', '.join(keys)}"
            raise TextError(TextProblem(path, _line_of(front, key), f"unknown key {key}", fix))


def _answers(path: Path, front: str, found: Mapping[str, Any]) -> dict[str, Piece]:
    table = found.get("answers")
    if not isinstance(table, dict):
        raise TextError(TextProblem(path, 1, "the table [answers] is missing", "add [answers] with one line for each answer"))
    _only_known(path, front, table, [answer.value for answer in OFFERED])
    return {answer.value: _text(path, front, table, answer.value) for answer in OFFERED}


def _text(path: Path, front: str, found: Mapping[str, Any], key: str) -> Piece:
    line = _line_of(front, key)
    value = found.get(key)
    if not isinstance(value, str) or not value.strip():
        wrong = f"{key} is missing" if value is None else f"{key} is not a text"
        raise TextError(TextProblem(path, line, wrong, f'write {key} = "..."'))
    return Piece(value, line)


def _line_of(front: str, key: str) -> int:
    """The line of the file on which a key of the front matter stands; the first one where it does not."""
    for number, line in enumerate(front.splitlines(), start=2):
        if line.partition("=")[0].strip() == key:
            return number
    return 1
