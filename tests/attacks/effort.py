"""How hard to try: what fits into `make test`, or, with NOTIFIER_TEST_LONG set, what a release is held to."""

from __future__ import annotations

import os

LONG = bool(os.environ.get("NOTIFIER_TEST_LONG"))


def tries(usual: int, long: int) -> int:
    """So many tries now."""
    return long if LONG else usual
