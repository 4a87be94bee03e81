"""The store: the only place that knows SQL. Importing any part of it makes every table known."""

from notifier.store import oversight, tables

__all__ = ["oversight", "tables"]
