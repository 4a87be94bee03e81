"""The locks fit what pyproject.toml asks for, so that `make lock` is not forgotten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)[^\n]*\n((?:    --hash=\S+[^\n]*\n)*)", re.MULTILINE)


def _pins(lock: str) -> dict[str, tuple[str, str]]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {canonicalize_name(name): (version, hashes) for name, version, hashes in _PIN.findall(text)}


def _group(name: str) -> Iterator[str]:
    for item in PROJECT["dependency-groups"][name]:
        if isinstance(item, dict):
            yield from _group(item["include-group"])
        else:
            yield item


LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": [*PROJECT["project"]["dependencies"], *_group("dev")],
    "requirements-build.lock": [*_group("build")],
}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_the_project(lock: str) -> None:
    pins = _pins(lock)
    for text in LOCKS[lock]:
        wanted = Requirement(text)
        version, _ = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version, prereleases=True), f"{lock}: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hash(lock: str) -> None:
    pins = _pins(lock)
    assert pins
    assert all("--hash=sha256:" in hashes for _, hashes in pins.values())


def test_locks_agree() -> None:
    """One .venv serves the demo and the tests."""
    every = _pins("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-build.lock"):
        assert {name: version for name, (version, _) in _pins(lock).items() if every[name][0] != version} == {}
