"""The keys that say for how long records about persons are kept."""

from __future__ import annotations

from pydantic import Field

from notifier.settings.kinds import Whole
from notifier.settings.section import Section


class Privacy(Section):
    """For how long records about persons are kept."""

    keep_days: Whole = Field(default=90, ge=0, le=3650)
    """Days after a campaign's deadline, and not before it has closed, until answers and deliveries are purged; counts stay."""
