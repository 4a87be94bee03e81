"""JSON Schema (2020-12) as far as our own document uses it. A word that is not known here is an error: nothing goes unchecked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
_FORMATS: dict[str, Callable[[str], object]] = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}
_OF_OBJECTS = {"properties", "required", "additionalProperties", "propertyNames"}
_SAID_ONLY = {"title", "description", "default"}


@dataclass
class Checker:
    """Checks values against schemas of one document."""

    document: Mapping[str, Any]

    def wrong(self, value: Any, schema: Mapping[str, Any], where: str = "$") -> Iterator[str]:
        """Everything in which a value is not what the schema says."""
        for word, said in schema.items():
            if word in _SAID_ONLY or (word in _OF_OBJECTS and not isinstance(value, dict)):
                continue
            check = getattr(self, f"_{word.lstrip('$')}", None)
            if check is None:
                yield f"{where}: no test knows {word}"
            else:
                yield from check(value, said, schema, where)

    def _ref(self, value: Any, said: str, _schema: Any, where: str) -> Iterator[str]:
        found: Any = self.document
        for part in re.fullmatch(r"#/(.+)", said)[1].split("/"):  # type: ignore[index]
            found = found[part]
        yield from self.wrong(value, found, where)

    def _anyOf(self, value: Any, said: list[Any], _schema: Any, where: str) -> Iterator[str]:  # noqa: N802 - as it is written there
        if all(any(self.wrong(value, one, where)) for one in said):
            yield f"{where}: {value!r} is none of the alternatives"

    def _type(self, value: Any, said: str, _schema: Any, where: str) -> Iterator[str]:
        if not isinstance(value, _TYPES[said]) or (isinstance(value, bool) and said != "boolean"):
            yield f"{where}: {value!r} is no {said}"

    def _enum(self, value: Any, said: list[Any], _schema: Any, where: str) -> Iterator[str]:
        if value not in said:
            yield f"{where}: {value!r} is none of {said}"

    def _format(self, value: Any, said: str, _schema: Any, where: str) -> Iterator[str]:
        try:
            _FORMATS[said](value)
        except (TypeError, ValueError):
            yield f"{where}: {value!r} is no {said}"

    def _properties(self, value: dict[str, Any], said: dict[str, Any], _schema: Any, where: str) -> Iterator[str]:
        for name in value.keys() & said.keys():
            yield from self.wrong(value[name], said[name], f"{where}.{name}")

    def _required(self, value: dict[str, Any], said: list[str], _schema: Any, where: str) -> Iterator[str]:
        yield from (f"{where}: {name} is missing" for name in said if name not in value)

    def _additionalProperties(self, value: dict[str, Any], said: Any, schema: Any, where: str) -> Iterator[str]:  # noqa: N802
        for name in value.keys() - schema.get("properties", {}).keys():
            yield from [f"{where}: {name} is not described"] if said is False else self.wrong(value[name], said, f"{where}.{name}")

    def _propertyNames(self, value: dict[str, Any], said: Any, _schema: Any, where: str) -> Iterator[str]:  # noqa: N802
        for name in value:
            yield from self.wrong(name, said, f"{where} {name}")

    def _items(self, value: list[Any], said: Any, _schema: Any, where: str) -> Iterator[str]:
        for index, item in enumerate(value):
            yield from self.wrong(item, said, f"{where}[{index}]")
