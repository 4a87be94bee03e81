"""Every key with its value and where that comes from. Secrets are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from notifier.settings import schema
from notifier.settings.layers import dotted
from notifier.settings.loading import Loaded
from notifier.settings.locate import KeyPath
from notifier.settings.report import mask_login, show_value

DEFAULT = "default"
MASK = "********"
NOT_SET = "(not set)"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `config show`.

    Attributes:
        key: dotted.
        value: as it is written in TOML; MASK for a secret, NOT_SET for what has no value.
        source: "default", "config.toml:12", "environment NOTIFIER_…", "credential …", "file …" or "flag --set …".
    """

    key: str
    value: str
    source: str


def show(loaded: Loaded) -> tuple[Row, ...]:
    """Every key, in the order of the reference."""
    return tuple(Row(dotted(path), value, loaded.sources.get(path, DEFAULT)) for path, value in _rows(loaded.settings, ()))


def _rows(model: BaseModel, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    for name, (kind, field) in schema.children(type(model)).items():
        attribute = next(attribute for attribute, info in type(model).model_fields.items() if info is field)
        yield from _value(getattr(model, attribute), kind, (*path, name))


def _value(value: Any, kind: schema.Kind, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, BaseModel):
        yield from _rows(value, path)
    elif isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _value(item, schema.item_of(kind), (*path, name))
    elif value is None:
        yield path, NOT_SET
    elif kind.is_secret:
        yield path, MASK
    else:
        yield path, mask_login(_written(value))


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return show_value([_plain(item) for item in value])
    return show_value(value, longest=None) if isinstance(value, str | Path) else show_value(value)


def _plain(item: Any) -> Any:
    return item.model_dump(by_alias=True) if isinstance(item, BaseModel) else item
