"""What pydantic found, in words: each value with its place, what is wanted there, and one thing to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails

from notifier.settings import schema
from notifier.settings.kinds import WrongValueError
from notifier.settings.layers import Layer, dotted
from notifier.settings.locate import KeyPath, Span
from notifier.settings.report import Finding, Source, show_value

_IN_DICT_KEY = "[key]"
_MEANT = {
    "german": "de",
    "deutsch": "de",
    "french": "fr",
    "français": "fr",
    "english": "en",
    "ssl": "tls",
    "plain": "none",
    "warn": "warning",
}


@dataclass(frozen=True, slots=True)
class Explainer:
    """Puts errors into words.

    Attributes:
        layers: where values come from, the strongest first.
        file: the configuration file, for what stands nowhere.
    """

    layers: Sequence[Layer]
    file: Layer
    source: Source

    def explain(self, error: ErrorDetails) -> Finding | None:
        """One problem in words; None for one that follows from another."""
        path = tuple(part for part in error["loc"] if part != _IN_DICT_KEY)
        if error["type"] == "missing":
            return self._missing(path)
        cause = error.get("ctx", {}).get("error")
        wrong = cause if isinstance(cause, WrongValueError) else None
        path = (*path, *(wrong.key if wrong else ()))
        value, is_default = self._value(path, error["input"] if wrong is None or not wrong.key else None)
        if error["type"] == "too_short" and value:
            return None  # pydantic counts only the items it could use; each of the others has been named
        if wrong is None:
            wrong = _judge(error["type"], value, schema.find(path))
        in_name = _IN_DICT_KEY in error["loc"]
        return self._finding(path, path[-1] if in_name else value, wrong, at_key=in_name, is_default=is_default)

    def unusable(self, path: KeyPath, file: Path, wrong: WrongValueError) -> Finding:
        """A file or folder that is named, but cannot be used."""
        return self._finding(path, file, wrong, at_key=False, is_default=False)

    def _value(self, path: KeyPath, otherwise: Any) -> tuple[Any, bool]:
        for layer in self.layers:
            if (value := layer.get(path)) is not None:
                return value, False
        key = schema.find(path)
        return (key.default, True) if otherwise is None and key else (otherwise, False)

    def _finding(self, path: KeyPath, value: Any, wrong: WrongValueError, *, at_key: bool, is_default: bool) -> Finding:
        key = schema.find(path)
        layer = next((layer for layer in self.layers if layer.get(path) is not None and layer.origin(path)), self.file)
        origin = layer.origin(path)
        found = None if (isinstance(value, dict | list | tuple) and value) or (key and key.kind.is_secret) else show_value(value)
        says = f"{found}{' (the default)' if is_default else ''} {wrong.says}" if found is not None else wrong.says
        span: Span | None = None
        if origin and origin.entry:
            span = origin.entry.key if at_key or origin.entry.value is None else origin.entry.value
        return Finding(dotted(path), says, wrong.wanted, wrong.fix, origin.source if origin else self.source, span, found)

    def _missing(self, path: KeyPath) -> Finding:
        key = schema.find(path)
        layer = next((layer for layer in self.layers if layer.get(path[:-1]) is not None and layer.origin(path[:-1])), self.file)
        origin = layer.origin(path[:-1])
        span = origin.entry.value or origin.entry.key if origin and origin.entry else None
        if origin is None and len(path) > 1:  # the table it belongs to is missing as a whole
            path = path[:-1]
            key = schema.find(path)
        wanted = key.kind.phrase if key else "a value"
        return Finding(dotted(path), "missing", wanted, _how_to_add(path, key), origin.source if origin else self.source, span)


def _how_to_add(path: KeyPath, key: schema.Key | None) -> str:
    if key is None:
        return "add it"
    if key.kind.model:
        pairs = [
            f"{name} = {_example(path, name)}"
            for name, (_, field) in schema.children(key.kind.model).items()
            if field.is_required()
        ]
        return f"add [{dotted(path)}] with " + " and ".join(pairs)
    if key.kind.type is dict:
        return f"add [{dotted(path)}.linkedin-ai-training] with deadline = 2025-11-03 and its steps"
    if key.kind.type is tuple:
        return f'add [[{dotted(path)}]] with days_before = 30 and message = "notice"'
    return f"add {path[-1]} = {key.example}"


def _example(path: KeyPath, name: str) -> str:
    key = schema.find((*path, name))
    return key.example if key else ""


def _judge(kind: str, value: Any, key: schema.Key | None) -> WrongValueError:
    """What is wrong with a value of which pydantic says only the kind of error."""
    if key is None:
        return WrongValueError("a value of another kind", "look it up in the reference")
    judges: dict[Any, Callable[[Any, schema.Key], WrongValueError]] = {int: _number, tuple: _list, dict: _names}
    if kind == "literal_error":
        return _choice(value, key)
    if key.kind.model is not None:
        return WrongValueError("a table", _as_table(key))
    return judges.get(key.kind.type, _text)(value, key)


def _number(value: Any, key: schema.Key) -> WrongValueError:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return WrongValueError(key.kind.phrase, f"write it without quotes: {value.strip()}", says="is a text, not a number")
    default = key.default if key.default is not None else key.example
    like = f", like {default}" if str(default).isdecimal() else ""
    return WrongValueError(key.kind.phrase, f"write {key.kind.phrase}{like}")


def _choice(value: Any, key: schema.Key) -> WrongValueError:
    choices = [str(choice) for choice in key.kind.args]
    text = str(value).strip().lower()
    near = [_MEANT[text]] if _MEANT.get(text) in choices else difflib.get_close_matches(text, choices, 1, 0.5)
    if not near and len(text) >= 3:
        near = [choice for choice in choices if text.startswith(choice)]
    either = ", ".join(f'"{choice}"' for choice in choices[:-1]) + f' or "{choices[-1]}"' if len(choices) > 1 else f'"{choices[0]}"'
    return WrongValueError(key.kind.phrase, f'write "{near[0]}"' if near else f"write {either}")


def _list(value: Any, key: schema.Key) -> WrongValueError:
    item = schema.item_of(key.kind)
    if isinstance(value, list | tuple) and not value:
        example = f'"{item.args[0]}"' if item.args else "one"
        fix = _as_table(key) if item.model else f"name at least one, like [{example}]"
        return WrongValueError("a list with something in it", fix, says="is empty")
    if item.model:
        return WrongValueError("a list of tables", _as_table(key))
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    return WrongValueError("a list", f"write {show_value(parts)}")


def _as_table(key: schema.Key) -> str:
    kind = schema.item_of(key.kind) if key.kind.type is tuple else key.kind
    required = (
        {name: field for name, (_, field) in schema.children(kind.model).items() if field.is_required()} if kind.model else {}
    )
    pairs = ", ".join(
        f"{name} = {schema.Key((name,), schema.kind_of(field.annotation, tuple(field.metadata)), field).example}"
        for name, field in required.items()
    )
    return f"write {{ {pairs} }}" if key.kind.type is not tuple else f"write [{{ {pairs} }}]"


def _names(value: Any, key: schema.Key) -> WrongValueError:
    if value == {}:
        return WrongValueError(
            "at least one", f"add [{key.dotted}.linkedin-ai-training] with deadline = 2025-11-03 and its steps", says="is empty"
        )
    return WrongValueError("a table", f"write [{key.dotted}] on a line of its own, and its keys below")


def _text(value: Any, key: schema.Key) -> WrongValueError:
    if isinstance(value, bool | int | float | date | datetime):
        return WrongValueError("a text", f'write "{show_value(value)}"', says="is not a text in quotes")
    return WrongValueError(key.kind.phrase, f"write {key.example}, for example")
