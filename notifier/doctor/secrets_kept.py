"""The files that hold secrets: nobody but the service may read them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from notifier.doctor.findings import Area, Finding
from notifier.settings import Settings

AREA = Area("Machine")

_SECRET_BY_THEMSELVES = ("keys_file", "certificate_file", "federated_token_file")


def secret_files(section: BaseModel, key: str = "") -> Iterator[tuple[str, Path]]:
    """Every configured file with a secret in it: the ones that stand beside a key for the secret itself, and some more."""
    fields = type(section).model_fields
    for name in fields:
        value, path = getattr(section, name), f"{key}.{name}".lstrip(".")
        if isinstance(value, BaseModel):
            yield from secret_files(value, path)
        elif isinstance(value, Path) and (name.removesuffix("_file") in {*fields} - {name} or name in _SECRET_BY_THEMSELVES):
            yield path, value


def look_at_secret_files(settings: Settings) -> list[Finding]:
    """Who may read each of them."""
    found = [finding for key, path in secret_files(settings) if (finding := _look_at(key, path)) is not None]
    return found or [AREA.ok("secrets", "the files with link keys and secrets are closed to others")]


def _look_at(key: str, path: Path) -> Finding | None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if key == "links.keys_file":
            advice = "make it with `notifier init`; if links went out already, restore it from its backup instead"
            return AREA.problem("secrets", f"{key}: {path} is missing", advice)
        return None  # whoever needs it says so
    except OSError as error:
        return AREA.problem("secrets", f"{key}: {path}: {error.strerror}", "let the service's user read it")
    if mode & stat.S_IROTH:
        return AREA.problem("secrets", f"{key}: everybody on this machine may read {path}", f"chmod 600 {path}")
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        return AREA.problem("secrets", f"{key}: others may write {path}", f"chmod 600 {path}")
    return None
