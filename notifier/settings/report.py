"""How problems are printed: place, key, what is wrong, the line itself, and one thing to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from notifier.errors import ConfigurationError, Problem
from notifier.settings.locate import Span, line_and_column

_LONGEST_VALUE = 60
_LONGEST_LINE = 110
_HIDDEN = "…"
_LOGIN_IN_URL = re.compile(r"://[^\s/:@\"']*:([^\s\"']*)@")


@dataclass(frozen=True, slots=True)
class Source:
    """A text that keys stand in.

    Attributes:
        name: as the admin knows it: "config.toml".
        hidden: the places of values that must not be printed.
    """

    name: str
    text: str
    hidden: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, before it has a place in words.

    Attributes:
        key: dotted, or empty when no key can be told.
        says: what is wrong, a whole phrase: '"31.03.2026" is not a date'.
        wanted: what is expected, as a phrase.
        fix: one thing to do.
        found: what stands there, ready to print.
        source: the file it stands in, with `span`; or a name like NOTIFIER_EMAIL__FROM.
        span: the characters it is about; None for the file as a whole.
    """

    key: str
    says: str
    wanted: str
    fix: str
    source: Source | str
    span: Span | None = None
    found: str | None = None

    @property
    def where(self) -> str:
        if isinstance(self.source, str):
            return self.source
        if self.span is None:
            return self.source.name
        line, column = line_and_column(self.source.text, self.span.start)
        return f"{self.source.name}:{line}:{column}"

    @property
    def problem(self) -> Problem:
        return Problem(where=self.where, key=self.key, found=self.found, wanted=self.wanted, fix=self.fix)

    def __str__(self) -> str:
        head = f"{self.where}  {self.key}: {self.says}" if self.key else f"{self.where}  {self.says}"
        if isinstance(self.source, str) or self.span is None:
            return f"{head}\n    {self.fix}"
        return f"{head}\n{_frame(self.source, self.span, self.fix)}"


def failure(findings: Iterable[Finding], *, closing: str = "nothing was changed.") -> ConfigurationError:
    """One error for all that was found, in the order of the file."""
    ordered = sorted(findings, key=lambda finding: (isinstance(finding.source, str), finding.span.start if finding.span else -1))
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    text = "\n".join(str(finding) for finding in ordered)
    return ConfigurationError(f"{text}\n{count}, {closing}", problems=tuple(finding.problem for finding in ordered))


def show_value(value: Any, *, longest: int | None = _LONGEST_VALUE) -> str:
    """A value as in TOML, without a password in a URL; a text longer than `longest` characters is cut, a path never."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {show_value(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, str):
        shown = mask_login(value)
        shown = shown if longest is None or len(shown) <= longest else shown[: longest - 1] + "…"
        return json.dumps(shown, ensure_ascii=False)
    if isinstance(value, Sequence):
        return "[" + ", ".join(show_value(item) for item in value) + "]"
    return _show_scalar(value)


def _show_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    return json.dumps(str(value), ensure_ascii=False) if isinstance(value, Path) else str(value)


def mask_login(url: str) -> str:
    """A URL without the password in it."""
    match = _LOGIN_IN_URL.search(url)
    return url if match is None else f"{url[: match.start(1)]}{_HIDDEN}{url[match.end(1) :]}"


def logins_in(text: str) -> tuple[Span, ...]:
    """The places of passwords that stand inside URLs."""
    return tuple(Span(*match.span(1)) for match in _LOGIN_IN_URL.finditer(text))


def _frame(source: Source, span: Span, fix: str) -> str:
    text = source.text
    number, _ = line_and_column(text, span.start)
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.start)
    end = len(text) if end < 0 else end
    marked_end = max(span.start, min(span.end, end))
    before = _display(text, start, span.start, source.hidden)
    marked = _display(text, span.start, marked_end, source.hidden)
    line = (before + marked + _display(text, marked_end, end, source.hidden)).rstrip()
    if len(before) > _LONGEST_LINE // 2:
        cut = len(before) - _LONGEST_LINE // 4
        line, before = "…" + line[cut:], "…" + before[cut:]
    line = line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
    margin = " " * len(str(number))
    carets = "^" * max(1, min(len(marked), _LONGEST_LINE - len(before)))
    return f"    {number} | {line}\n    {margin} | {' ' * len(before)}{carets} {fix}"


def _display(text: str, start: int, end: int, hidden: Sequence[Span]) -> str:
    """Characters `start` to `end` as they may be printed: secrets hidden, one column for each character."""
    parts: list[str] = []
    for span in sorted(hidden, key=lambda span: span.start):
        if span.start < end and span.end > start:
            parts.append(text[start : max(start, span.start)] + _HIDDEN)
            start = max(start, min(span.end, end))
    parts.append(text[start:end])
    return "".join(character if character.isprintable() else " " for character in "".join(parts))
