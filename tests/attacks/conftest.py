"""Attacks: the promises of the letter S, each against the real parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.store.database import Database
from tests.browser_rig import chromium
from tests.pages_rig import Rig, running_pages

__all__ = ["chromium"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def pages(sqlite_database: Database) -> Iterator[Rig]:
    with running_pages(sqlite_database) as rig:
        yield rig
