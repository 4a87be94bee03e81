"""Reminders that count down to a date, in each person's language and working hours, until they answer."""

from importlib.metadata import version

__version__ = version("notifier")
