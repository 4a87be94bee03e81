"""The store that the settings name."""

from __future__ import annotations

from notifier.settings import Settings
from notifier.settings.section import revealed
from notifier.store.database import Database


def open_store(settings: Settings) -> Database:
    """The configured store; nothing is opened before its first use."""
    return Database(settings.storage.url, revealed(settings.storage.password))
