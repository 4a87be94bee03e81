"""Settings: defaults < the TOML file < secret files < environment < flags, checked as a whole."""

from notifier.settings.loading import Loaded, find_file, load, read
from notifier.settings.models import Settings
from notifier.settings.reference import reference
from notifier.settings.refresh import Refresh, parse_refresh
from notifier.settings.show import Row, show

__all__ = ["Loaded", "Refresh", "Row", "Settings", "find_file", "load", "parse_refresh", "read", "reference", "show"]
