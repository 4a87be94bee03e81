"""Where the files are that come with the program: beside the package in a wheel, else at the top of the repository."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder of the texts and layouts that came with the program."""
    return _shipped("templates")


def example_configuration() -> Path:
    """The configuration file with every key, explained."""
    return _shipped("config.example.toml")


def _shipped(name: str) -> Path:
    packaged = _PACKAGE / name
    return packaged if packaged.exists() else _PACKAGE.parent / name
