"""Reading the configuration file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.errors import NotPermittedError
from notifier.settings.locate import Entry, KeyPath, locate
from notifier.settings.report import Finding, Source, failure, logins_in
from notifier.settings.syntax import explain_syntax

_NEW_LINE = b"\n"
_REST = "the rest is checked once the file can be read."


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A configuration file that could be read."""

    source: Source
    values: dict[str, Any]
    entries: dict[KeyPath, Entry]


def read_toml(path: Path) -> TomlFile:
    """Read the file; a byte order mark and Windows line ends are fine.

    Raises:
        ConfigurationError: it is not valid TOML.
        NotPermittedError: it may not be read.
    """
    name = str(path)
    try:
        raw = path.read_bytes()
    except PermissionError:
        msg = f"{name}: this user may not read it"
        raise NotPermittedError(msg, hint=f"as root: chgrp notifier {name} && chmod 640 {name}") from None
    except IsADirectoryError:
        finding = Finding("", "is a folder", "a file", f"name the file in it: {path / 'config.toml'}", Source(name, ""))
        raise failure([finding]) from None
    text = _decode(raw, name)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise failure([explain_syntax(text, name, str(error))], closing=_REST) from None
    return TomlFile(Source(name, text, logins_in(text)), values, locate(text))


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            line, says = "", "is written in UTF-16"
        else:
            line, says = f":{raw.count(_NEW_LINE, 0, error.start) + 1}", "holds a character that is not UTF-8"
        finding = Finding("", says, "a text in UTF-8", "open it in an editor and save it as UTF-8", f"{name}{line}")
        raise failure([finding], closing=_REST) from None
