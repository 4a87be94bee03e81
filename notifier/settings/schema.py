"""What the models say about a key: where it may stand, what it holds, what it is called. Read from them, so it cannot differ."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from notifier.settings.kinds import Says
from notifier.settings.models import Settings

ANY_NAME = "*"


@dataclass(frozen=True, slots=True)
class Kind:
    """What may stand somewhere: an annotation without its wrapping.

    Attributes:
        type: `str`, `int`, `date`, `Path`, `SecretStr`, `Literal`, `dict`, `tuple`, or a model.
        args: the arguments of a Literal, dict or tuple.
        metadata: everything the annotation was wrapped in.
    """

    type: Any
    args: tuple[Any, ...] = ()
    metadata: tuple[Any, ...] = ()

    @property
    def model(self) -> type[BaseModel] | None:
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def is_table(self) -> bool:
        return self.model is not None or self.type is dict

    @property
    def is_secret(self) -> bool:
        return self.type is SecretStr

    @property
    def says(self) -> Says | None:
        return next((item for item in self.metadata if isinstance(item, Says)), None)

    @property
    def holds_text(self) -> bool:
        """Whether a bare value on the command line is meant as it stands."""
        return self.type in {str, Path, SecretStr, Literal}

    @property
    def phrase(self) -> str:
        """What is expected: "a whole number from 1 to 65535"."""
        if self.says:
            return self.says.phrase
        if self.type is Literal:
            return f'"{self.args[0]}"' if len(self.args) == 1 else "one of " + ", ".join(f'"{choice}"' for choice in self.args)
        if self.type is int:
            return "a whole number" + self._range()
        if self.type is tuple:
            return "a list"
        names = {Path: "the path of a file or folder", date: "a date", SecretStr: "a secret"}
        return "a table" if self.is_table else names.get(self.type, "text")

    def _range(self) -> str:
        least = next((item.ge for item in self.metadata if isinstance(item, Ge)), None)
        most = next((item.le for item in self.metadata if isinstance(item, Le)), None)
        if most is None:
            return "" if least is None else f", {least} or more"
        return f" from {least} to {most}"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration.

    Attributes:
        path: its parts; ANY_NAME stands for a name that the admin chooses.
        kind: what it holds.
        field: the model's field, None for a name that the admin chooses.
    """

    path: tuple[str, ...]
    kind: Kind
    field: FieldInfo | None = None

    @property
    def dotted(self) -> str:
        return ".".join(self.path)

    @property
    def is_required(self) -> bool:
        return self.field is not None and self.field.is_required()

    @property
    def default(self) -> Any:
        return None if self.field is None or self.is_required else self.field.get_default(call_default_factory=True)

    @property
    def doc(self) -> str:
        return (self.field and self.field.description) or ""

    @property
    def example(self) -> str:
        """A value as it is written in TOML."""
        if self.field and self.field.examples:
            return str(self.field.examples[0])
        return self.kind.says.example if self.kind.says else f"({self.kind.phrase})"


def kind_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> Kind:
    """Unwrap an annotation: `Annotated`, and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *around = get_args(annotation)
        return kind_of(inner, (*metadata, *around))
    if origin in {Union, types.UnionType}:
        return kind_of(next(part for part in get_args(annotation) if part is not types.NoneType), metadata)
    return Kind(origin or annotation, get_args(annotation), tuple(_flatten(metadata)))


def children(model: type[BaseModel]) -> dict[str, tuple[Kind, FieldInfo]]:
    """The keys of a table, as they are written in the file."""
    return {
        field.alias or name: (kind_of(field.annotation, tuple(field.metadata)), field) for name, field in model.model_fields.items()
    }


def find(path: tuple[str | int, ...]) -> Key | None:
    """The key at a path (numbers are items of arrays), or None if there is none of that name."""
    key = Key((), Kind(Settings))
    for part in path:
        below = _step(key, part)
        if below is None:
            return None
        key = below
    return key


def all_keys() -> Iterator[Key]:
    """Every key that holds a value, in the order of the models."""
    yield from _below(Key((), Kind(Settings)))


def tables() -> Iterator[Key]:
    """Every table with keys of its own, the whole first; one for each item of an array of tables too."""
    yield from _tables(Key((), Kind(Settings)))


def secrets() -> tuple[tuple[str, ...], ...]:
    """The paths of everything that must not be seen."""
    return tuple(key.path for key in all_keys() if key.kind.is_secret)


def item_of(kind: Kind) -> Kind:
    """What stands in an array, or under the names of a table whose names the admin chooses."""
    return kind_of(kind.args[1] if kind.type is dict else kind.args[0])


def _step(key: Key, part: str | int) -> Key | None:
    if isinstance(part, int):
        return Key(key.path, item_of(key.kind), key.field) if key.kind.type is tuple else None
    if key.kind.type is dict:
        return Key((*key.path, ANY_NAME), item_of(key.kind))
    if key.kind.model is None or part not in (named := children(key.kind.model)):
        return None
    return Key((*key.path, part), *named[part])


def _nested(key: Key) -> Iterator[Key]:
    if key.kind.model is not None:
        for name, (kind, field) in children(key.kind.model).items():
            yield Key((*key.path, name), kind, field)
    elif key.kind.type is dict and item_of(key.kind).model:
        yield Key((*key.path, ANY_NAME), item_of(key.kind))
    elif key.kind.type is tuple and item_of(key.kind).model:
        yield from _nested(Key(key.path, item_of(key.kind), key.field))


def _below(key: Key) -> Iterator[Key]:
    nested = list(_nested(key))
    for one in nested:
        yield from _below(one)
    if not nested:
        yield key


def _tables(key: Key) -> Iterator[Key]:
    nested = list(_nested(key))
    if nested and key.kind.type is not dict:
        yield Key(key.path, item_of(key.kind), key.field) if key.kind.type is tuple else key
    for one in nested:
        yield from _tables(one)


def _flatten(metadata: tuple[Any, ...]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item
