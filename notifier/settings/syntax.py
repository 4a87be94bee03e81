"""Why a file is not valid TOML, in words an admin knows. `tomllib` says where it stopped, and little more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from notifier.settings import schema
from notifier.settings.dates import suggest_day
from notifier.settings.locate import Span, line_and_column
from notifier.settings.report import Finding, Source, logins_in

_AT = re.compile(r" \(at line (\d+), column (\d+)\)| \(at end of document\)")
_PAIR = re.compile(r"\s*(?P<key>[\w.\"'-]+)\s*=\s*(?P<value>[^#]*?)\s*(?:#.*)?$")
_WORD_AND_VALUE = re.compile(r"(?:^\s*([\w-]+)[ \t]*:|([\w-]*)[\"']?[ \t]*=)[ \t]*")
_HEADER = re.compile(r"^[ \t]*\[+[ \t]*([\w.-]+)[ \t]*\]", re.MULTILINE)
_LIKE_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
_TRUTH = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_OTHER_QUOTES = re.compile(r"[“”„‟«»‘’‚]")
_LOOK = "look at the name of the key and at the quotes; if it is a secret, take it out of this file"
_BACKSLASH = "a \\ inside double quotes has a meaning of its own"


def explain_syntax(text: str, name: str, message: str) -> Finding:
    """Put an error of `tomllib` into words.

    Args:
        text: the file's.
        name: of the file.
        message: what `tomllib` says.
    """
    at = _AT.search(message)
    offset = len(text.rstrip())
    if at and at[1]:
        offset = sum(len(line) + 1 for line in text.split("\n")[: int(at[1]) - 1]) + int(at[2]) - 1
    hidden = (*_private_places(text), *logins_in(text))
    place = _Place(text, min(offset, max(0, len(text) - 1)), hidden)
    says, fix, span = _in_words(message[: at.start()] if at else message, place)
    if place.is_private:  # the particular words may repeat a part of the line
        says, fix = "not valid TOML", _LOOK
    return Finding(_key_at(place), says, "valid TOML", fix, Source(name, text, hidden), span)


def _private_places(text: str) -> Iterator[Span]:
    """What must not be printed of a text whose keys cannot be told for sure: every value but those of keys that are known."""
    known = {key.path[-1] for key in schema.all_keys() if not key.kind.is_secret} | {
        table.path[-1] for table in schema.tables() if table.path
    }
    for line in re.finditer(r"[^\n]+", text):
        if "=" not in line[0]:
            words = re.match(r"\s*([\w-]+)(.*)", line[0])
            start = line.start() + (words.start(2) if words else 0)
            if not re.match(r"\s*([\[#;]|//|--|/\*)", line[0]) and not (words and words[1] in known):
                yield Span(start, line.end())
        for pair in _WORD_AND_VALUE.finditer(line[0]):
            if (pair[1] or pair[2]) not in known:
                yield Span(line.start() + pair.end(), line.end())


class _Place:
    """Where reading stopped, and the line around it."""

    def __init__(self, text: str, offset: int, hidden: Sequence[Span]) -> None:
        self.text = text
        if text[offset : offset + 1] == "\n" and offset:
            offset -= 1
        self.start = text.rfind("\n", 0, offset) + 1
        end = text.find("\n", offset)
        self.end = len(text) if end < 0 else end
        self.line = text[self.start : self.end]
        self.offset = offset
        pair = _PAIR.match(self.line)
        self.key = pair["key"] if pair else None
        self.value = pair["value"] if pair else ""
        self.is_private = any(span.start < self.end and span.end > self.start for span in hidden)
        value_start = pair.start("value") if pair else len(self.line) - len(self.line.lstrip())
        self.value_span = Span(self.start + value_start, self.start + (pair.end("value") if pair else len(self.line.rstrip())))

    @property
    def whole(self) -> Span:
        stripped = self.line.strip()
        start = self.start + self.line.index(stripped)
        return Span(start, start + len(stripped))

    @property
    def here(self) -> Span:
        return Span(self.offset, self.offset + 1)


def _in_words(kind: str, place: _Place) -> tuple[str, str, Span]:
    """What is wrong, what to do, and where, for one of the messages of `tomllib`."""
    if kind.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate", "Cannot redefine", "Duplicate inline")):
        return _repeated(place)
    if kind.startswith(("Invalid value", "Expected newline", "Invalid date")):
        return _bad_value(place)
    if kind.startswith(("Expected '='", "Invalid initial")):
        return _no_equals(place)
    if kind.startswith("Invalid statement"):
        return _no_statement(place)
    if kind.startswith("Expected ']"):
        return "the name of a table is not closed", _closed_header(place), place.whole
    return _broken_value(kind, place)


def _broken_value(kind: str, place: _Place) -> tuple[str, str, Span]:
    if kind.startswith("Illegal character '\\n'") and re.fullmatch(r"\"[^\"]*|'[^']*", place.value):
        return "a text in quotes does not end on its line", f"close the quotes: {place.value}{place.value[0]}", place.value_span
    if kind.startswith(("Unescaped", "Invalid hex")) and place.value.startswith('"'):
        return _BACKSLASH, f"put the text in single quotes: '{place.value.strip(chr(34))}'", place.value_span
    fixed = {
        "Unclosed array": ("a list is not closed, or a comma is missing in it", "put a comma between the items, and ] at the end"),
        "Unclosed inline": ("a table in { } is not closed on its line", "write it on one line, with a comma between the pairs"),
        "Unterminated": ("a text in quotes does not end", "close the quotes"),
        "Illegal character '\\n'": ("a text in quotes does not end on its line", "close the quotes at the end of the text"),
        "Unescaped": (_BACKSLASH, "put the text in single quotes"),
        "Invalid hex": (_BACKSLASH, "put the text in single quotes"),
    }
    for start, (says, fix) in fixed.items():
        if kind.startswith(start):
            span = place.here if start == "Unclosed array" or place.key is None else place.value_span
            return says, fix, span
    return f"not valid TOML: {kind[:1].lower()}{kind[1:]}", "type the line again", place.here


def _key_at(place: _Place) -> str:
    """The dotted key of the line, as far as it can be told; empty for a line that is none."""
    headers = _HEADER.findall(place.text[: place.start])
    if header := _HEADER.match(place.line):
        return header[1]
    if unclosed := re.fullmatch(r"\s*\[+\s*([\w.-]+)[\s\]]*", place.line):
        return unclosed[1]
    name = re.match(r"\s*([\w.-]+)\s*[=:]", place.line)
    return ".".join([*headers[-1:], name[1]]) if name else ""


def _repeated(place: _Place) -> tuple[str, str, Span]:
    line = place.line.strip()
    if header := re.match(r"\[+\s*([^\]]+?)\s*\]+", line):
        first = re.search(rf"^[ \t]*\[\s*{re.escape(header[1])}\s*\]", place.text[: place.start], re.MULTILINE)
        where = f" in line {line_and_column(place.text, first.end())[0]}" if first else ""
        span = Span(place.whole.start, place.whole.start + header.end())
        return f"the table {header[0]} stands here a second time", f"put all its keys under the first one{where}", span
    key = place.key or line
    table = max(place.text.rfind("\n[", 0, place.start), 0)
    first = re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", place.text[table : place.start], re.MULTILINE)
    where = f"; the first is in line {line_and_column(place.text, table + first.end())[0]}" if first else ""
    return (
        f"{key} stands here a second time",
        f"take one of the two out{where}",
        Span(place.whole.start, place.whole.start + len(key)),
    )


def _bad_value(place: _Place) -> tuple[str, str, Span]:
    value, span = place.value, place.value_span
    if place.key is None:
        return "not valid TOML", "end the line here; everything after it goes on a line of its own", place.here
    if not value:
        return f"nothing stands after {place.key} =", "write a value, or take the line out", place.whole
    says, fix = _unquoted(place.key, value)
    return says, fix, span


def _unquoted(key: str, value: str) -> tuple[str, str]:
    if _OTHER_QUOTES.search(value):
        return "these are not straight quotes", f'write {key} = "{_OTHER_QUOTES.sub("", value)}"'
    if _LIKE_DATE.fullmatch(value):
        return f"{value} is not a date", suggest_day(value)
    if value.lower() in _TRUTH:
        return f"{value} is not a value", f"write {_TRUTH[value.lower()]}"
    if re.fullmatch(r"0\d+", value):
        return f"{value} begins with a zero", f"write {int(value)}"
    if re.search(r"[\"'\[\]{}]", value):
        return "not valid TOML", "look at the quotes, brackets and commas of this line"
    return "a text without quotes", f'write {key} = "{value}"'


def _no_equals(place: _Place) -> tuple[str, str, Span]:
    line = place.line.strip()
    if pair := re.match(r"([\w-]+)\s*:\s+(.*)", line):
        value = pair[2] if re.fullmatch(r"\d+|true|false|[\"'\[].*", pair[2]) else f'"{pair[2]}"'
        return "a colon where TOML has =", f"write {pair[1]} = {value}", place.whole
    if re.match(r"[\w.-]*[^\x00-\x7f]", line):
        return "a key with other letters than a to z", "write the key as the reference has it", place.whole
    return "a key without a value", "write it as key = value, or take the line out", place.whole


def _no_statement(place: _Place) -> tuple[str, str, Span]:
    if remark := re.match(r"(//|;|--|/\*)\s*", place.line.lstrip()):
        return "a remark that does not begin with #", f"write # {place.line.lstrip()[remark.end() :].rstrip()}", place.whole
    return "not valid TOML", "write key = value, [table], or # before a remark", place.whole


def _closed_header(place: _Place) -> str:
    name = re.sub(r"[\[\]]|#.*", "", place.line).strip()
    return f"write [[{name}]]" if place.line.lstrip().startswith("[[") else f"write [{name}]"
