"""What can be told about one layer by itself: keys that do not exist, secrets where others can read them, values for tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from notifier.settings import schema
from notifier.settings.layers import Layer, dotted, put, split_login, suggestion
from notifier.settings.locate import KeyPath
from notifier.settings.report import Finding, show_value

_URL: KeyPath = ("storage", "url")
_SQLITE = "sqlite:///"


@dataclass(slots=True)
class Inspection:
    """A layer, cleaned of what was found, with absolute paths.

    Attributes:
        broken: paths about which something has been said, so that nothing more needs to be.
    """

    layer: Layer
    findings: list[Finding] = field(default_factory=list)
    broken: set[KeyPath] = field(default_factory=set)


def inspect(layer: Layer) -> Inspection:
    """Look at every key of a layer. The layer itself is not changed."""
    inspection = Inspection(layer)
    values = _table(inspection, layer.values, ())
    inspection.layer = replace(layer, values=values)
    _take_login_out(inspection)
    return inspection


def _table(inspection: Inspection, values: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name, value in values.items():
        here = (*path, name)
        key = schema.find(here)
        if key is None:
            _unknown(inspection, here)
        elif key.kind.is_secret and inspection.layer.public:
            _secret(inspection, here)
        elif key.kind.is_table and not isinstance(value, dict):
            _no_table(inspection, here, value)
        else:
            clean[name] = _value(inspection, value, here, key.kind)
    return clean


def _value(inspection: Inspection, value: Any, path: KeyPath, kind: schema.Kind) -> Any:
    if isinstance(value, dict) and kind.is_table:
        return _table(inspection, value, path)
    if isinstance(value, list) and kind.type is tuple:
        item = schema.item_of(kind)
        return [_value(inspection, one, (*path, number), item) for number, one in enumerate(value)]
    if isinstance(value, str) and value and kind.type is Path:
        return str(inspection.layer.folder / value)
    if path == _URL and isinstance(value, str) and value.startswith(_SQLITE) and value != _SQLITE:
        return _SQLITE + str(inspection.layer.folder / value.removeprefix(_SQLITE))
    return value


def _unknown(inspection: Inspection, path: KeyPath) -> None:
    parent = schema.find(path[:-1])
    names = list(schema.children(parent.kind.model)) if parent and parent.kind.model else []
    fix, near = suggestion(str(path[-1]), names, f"take it out; known here: {', '.join(names)}")
    if not near and (elsewhere := [key for key in schema.all_keys() if key.path[-1] == path[-1]]):
        table = ".".join(elsewhere[0].path[:-1]).replace(schema.ANY_NAME, "NAME")
        near, fix = f"; it belongs in [{table}]", f"move it below [{table}]" if table else "move it to the top of the file"
    if near.startswith("; did"):
        meant = fix.removeprefix("write ")
        inspection.broken.add((*path[:-1], meant))
        meant_key = schema.find((*path[:-1], meant))
        if meant_key and meant_key.kind.is_secret:
            fix = f"take it out, and name a file that holds it: {meant}_file"
    origin = inspection.layer.origin(path)
    if near.startswith("; did") and origin and origin.entry and origin.entry.value is None:
        fix = f"write [{dotted((*path[:-1], fix.removeprefix('write ')))}]"
    inspection.broken.add(path)
    _say(inspection, path, f"unknown key{near}", "a key of the configuration", fix, at_key=True)


def _secret(inspection: Inspection, path: KeyPath) -> None:
    inspection.broken.add(path)
    name = path[-1]
    if inspection.layer.origins and _in_file(inspection, path):
        says, fix = "a secret does not belong in this file", f'take it out, change it, and write {name}_file = "PATH" instead'
    else:
        variable = "NOTIFIER_" + "__".join(str(part) for part in path).upper()
        says, fix = "a secret on the command line can be seen by others", f"use {dotted(path)}_file, or the variable {variable}"
    _say(inspection, path, says, "no secret", fix, at_key=True)


def _no_table(inspection: Inspection, path: KeyPath, value: Any) -> None:
    inspection.broken.add(path)
    shown = "" if isinstance(value, list) else f"{show_value(value)} "
    fix = f"write [{dotted(path)}] on a line of its own, and its keys below"
    _say(inspection, path, f"{shown}is not a table" if shown else "a list, but a table is needed", "a table", fix)


def _take_login_out(inspection: Inspection) -> None:
    """No password stays in a URL: it would be printed with it."""
    url = inspection.layer.get(_URL)
    split = split_login(url) if isinstance(url, str) else None
    if split is None:
        return
    put(inspection.layer.values, ("storage", "url"), split[0])
    if inspection.layer.public:
        inspection.broken.add(("storage", "password"))
        fix = "take it out of the URL, change it, and name the file it is in: password_file"
        _say(inspection, _URL, "there is a password in it", "a URL without a password", fix)
    elif inspection.layer.get(("storage", "password")) is None:
        put(inspection.layer.values, ("storage", "password"), split[1])


def _in_file(inspection: Inspection, path: KeyPath) -> bool:
    origin = inspection.layer.origin(path)
    return origin is not None and not isinstance(origin.source, str)


def _say(inspection: Inspection, path: KeyPath, says: str, wanted: str, fix: str, *, at_key: bool = False) -> None:
    origin = inspection.layer.origin(path)
    if origin is None:
        return
    entry = origin.entry
    span = None if entry is None else entry.key if at_key or entry.value is None else entry.value
    inspection.findings.append(Finding(dotted(path), says, wanted, fix, origin.source, span))
