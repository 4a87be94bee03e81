"""The places a value can come from, each read into the same shape: the file, secret files, the environment, flags."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from notifier.settings import schema
from notifier.settings.locate import Entry, KeyPath, Span
from notifier.settings.report import Finding, Source
from notifier.settings.toml_file import TomlFile

PREFIX = "NOTIFIER_"
CONFIG_VARIABLE = "NOTIFIER_CONFIG"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
_DELIMITER = "__"
_LOGIN = re.compile(r"(?P<before>[^:]+://[^/:@]*):(?P<password>.*)@(?P<after>[^@]*)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from.

    Attributes:
        label: as `config show` prints it: "config.toml:12", "environment NOTIFIER_WEB__LISTEN".
        source: as a message names it.
        entry: its place, when the source is a file.
    """

    label: str
    source: Source | str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """The values of one source.

    Attributes:
        values: nested, as in the file. Secret: never printed.
        origins: where each value comes from, by its path.
        folder: what relative paths start from.
        public: whether others can read it (the file, the command line), so that no secret may stand in it.
    """

    values: dict[str, Any] = field(repr=False)
    origins: Mapping[KeyPath, Origin]
    folder: Path
    public: bool = False

    def get(self, path: KeyPath) -> Any:
        """The value at a path, None if this layer has none."""
        value: Any = self.values
        for part in path:
            value = _item(value, part)
        return value

    def origin(self, path: KeyPath) -> Origin | None:
        """Where a value comes from: itself, else the table or list it stands in."""
        while path:
            if found := self.origins.get(path):
                return found
            path = path[:-1]
        return None


def _item(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def dotted(path: Sequence[str | int]) -> str:
    """The key as an admin writes it; items of a list have its name."""
    return ".".join(str(part) for part in path if isinstance(part, str))


def put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a value deep inside, making the tables on the way."""
    for part in path[:-1]:
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    values[path[-1]] = value


def file_layer(file: TomlFile, folder: Path) -> Layer:
    """The TOML file."""
    hidden = [*file.source.hidden, *_private_places(file)]
    source = Source(file.source.name, file.source.text, tuple(hidden))
    origins = {
        path: Origin(f"{source.name}:{source.text.count(chr(10), 0, entry.key.start) + 1}", source, entry)
        for path, entry in file.entries.items()
    }
    return Layer(file.values, origins, folder, public=True)


def default_layer(folder: Path) -> Layer:
    """The defaults that are paths: they start from the folder of the file, as if they stood in it."""
    values: dict[str, Any] = {}
    for key in schema.all_keys():
        if (
            key.default is not None
            and schema.ANY_NAME not in key.path
            and (key.kind.type is Path or key.path == ("storage", "url"))
        ):
            put(values, key.path, str(key.default))
    return Layer(values, {}, folder)


def environment_layer(environment: Mapping[str, str], known_campaigns: Sequence[str]) -> tuple[Layer, list[Finding]]:
    """The variables that begin with NOTIFIER_. An empty one counts as not set."""
    values: dict[str, Any] = {}
    origins: dict[KeyPath, Origin] = {}
    findings: list[Finding] = []
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not text:
            continue
        path = _path_of(name)
        key = path and schema.find(path)
        if not path or not key or key.kind.model:
            findings.append(_unknown_variable(name, known_campaigns))
            continue
        put(values, path, _value(text, key.kind))
        origins[path] = Origin(f"environment {name}", name)
    return Layer(values, origins, Path.cwd()), findings


def flag_layer(overrides: Sequence[str]) -> tuple[Layer, list[Finding]]:
    """`--set key=value`, in their order."""
    values: dict[str, Any] = {}
    origins: dict[KeyPath, Origin] = {}
    findings: list[Finding] = []
    for override in overrides:
        name, equals, text = override.partition("=")
        path = tuple(part.strip() for part in name.split("."))
        flag = f"--set {name.strip()}"
        if not equals:
            findings.append(Finding("", "is not key=value", "key=value", "write it like --set email.smtp.port=25", flag))
            continue
        key = schema.find(path)
        if key is None or key.kind.model:
            fix, near = suggestion(
                name.strip(), [known.dotted for known in schema.all_keys()], "`notifier config show` lists every key"
            )
            findings.append(Finding(name.strip(), f"unknown key{near}", "a key of the configuration", fix, flag))
            continue
        put(values, path, _value(text.strip(), key.kind))
        origins[path] = Origin(f"flag {flag}", flag)
    return Layer(values, origins, Path.cwd(), public=True), findings


def secret_layers(above: Sequence[Layer], environment: Mapping[str, str]) -> tuple[Layer, Layer, list[Finding]]:
    """Credentials of systemd, and the files that `*_file` keys name.

    Args:
        above: the layers in which a `*_file` key may stand, the strongest first; with absolute paths.
    """
    findings: list[Finding] = []
    named: tuple[dict[str, Any], dict[KeyPath, Origin]] = ({}, {})
    passed: tuple[dict[str, Any], dict[KeyPath, Origin]] = ({}, {})
    directory = environment.get(CREDENTIALS_VARIABLE)
    for path in schema.secrets():
        for name in (_DELIMITER.join(path), ".".join(path)) if directory else ():
            credential = Path(directory or "") / name
            if is_there(credential):
                put(passed[0], path, _read_secret(credential, dotted(path), f"credential {name}", None, findings))
                passed[1][path] = Origin(f"credential {name}", f"credential {name}")
        companion = (*path[:-1], f"{path[-1]}_file")
        layer = next((layer for layer in above if isinstance(layer.get(companion), str)), None)
        if layer is not None:
            file, origin = Path(layer.get(companion)), layer.origin(companion)
            put(named[0], path, _read_secret(file, dotted(companion), str(file), origin, findings))
            named[1][path] = Origin(f"file {file}", origin.source if origin else str(file), origin.entry if origin else None)
    return Layer(*passed, Path()), Layer(*named, Path()), findings


def is_there(path: Path) -> bool:
    """Whether there is such a file, or one behind a folder that is closed to this user: reading it will say so."""
    try:
        return path.exists()
    except PermissionError:
        return True


def suggestion(name: str, known: Sequence[str], otherwise: str) -> tuple[str, str]:
    """What to do about an unknown name: an instruction, and '; did you mean "…"?' or nothing."""
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return (f"write {near[0]}", f'; did you mean "{near[0]}"?') if near else (otherwise, "")


def split_login(url: str) -> tuple[str, str] | None:
    """A database URL without its password, and the password; None if there is none in it."""
    match = _LOGIN.fullmatch(url)
    return (f"{match['before']}@{match['after']}", unquote(match["password"])) if match else None


def _path_of(variable: str) -> tuple[str, ...] | None:
    path: tuple[str, ...] = ()
    for part in variable.removeprefix(PREFIX).lower().split(_DELIMITER):
        key = schema.find(path) if path else None
        says = key and key.kind.type is dict and schema.kind_of(key.kind.args[0]).says
        path = (*path, says.from_variable(part) if says else part)
        if not part:
            return None
    return path


def _unknown_variable(name: str, known_campaigns: Sequence[str]) -> Finding:
    known: list[str] = [CONFIG_VARIABLE]
    for key in schema.all_keys():
        for campaign in known_campaigns if schema.ANY_NAME in key.path else [""]:
            parts = [campaign if part == schema.ANY_NAME else part for part in key.path]
            known.append(PREFIX + _DELIMITER.join(parts).replace("-", "_").upper())
    last_part = name.rpartition("_")[2]
    ending = [one for one in known if one.rpartition("_")[2] == last_part][:3]
    otherwise = f"take it out, or write {' or '.join(ending)}" if ending else f"take it out, or write one like {known[1]}"
    near_names = difflib.get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], 1, 0.7)
    fix, near = suggestion(name, [PREFIX + one for one in near_names], otherwise)
    return Finding("", f"is not a setting{near}", "the name of a setting", fix, name)


def _value(text: str, kind: schema.Kind) -> Any:
    """A text from outside as the key needs it: read as TOML where that gives more than a text."""
    if kind.is_secret:
        return text
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return text if kind.holds_text and not isinstance(value, str) else value


def _read_secret(file: Path, key: str, name: str, origin: Origin | None, findings: list[Finding]) -> str:
    """What the file holds, without the line end; a stand-in after a finding, so that nothing else is said about it."""
    source: Source | str = origin.source if origin else name
    span = (origin.entry.value if origin and origin.entry else None) or None

    def wrong(says: str, fix: str) -> str:
        findings.append(Finding(key, says, "a file that holds the secret", fix, source, span, f'"{file}"'))
        return "-"

    quoted = f'"{file}"'
    try:
        text = file.read_text("utf-8-sig").rstrip("\r\n")
    except FileNotFoundError:
        return wrong(f"{quoted} does not exist", "write the secret into that file, or name the file it is in")
    except PermissionError:
        return wrong(f"{quoted} may not be read by this user", f"as root: chgrp notifier {file} && chmod 640 {file}")
    except IsADirectoryError:
        return wrong(f"{quoted} is a folder", "name the file in it")
    except (OSError, ValueError):  # not UTF-8, or a name that no file can have
        return wrong(f"{quoted} is not a text file", "write the secret into it as text, on one line")
    if not text or "\n" in text:
        return wrong(f"{quoted} {'is empty' if not text else 'has more than one line'}", "write the secret into it, on one line")
    return text


def _private_places(file: TomlFile) -> Iterator[Span]:
    """Values of secrets, and of keys nobody knows: a misspelled secret is one too."""
    for path, entry in file.entries.items():
        key = schema.find(path)
        if entry.value and (key is None or key.kind.is_secret) and not isinstance(_get(file.values, path), dict | list):
            yield entry.value


def _get(values: Any, path: KeyPath) -> Any:
    for part in path:
        values = values[part]
    return values
