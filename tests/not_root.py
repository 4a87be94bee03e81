"""Permissions apply to nobody who is root: being somebody else for a moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def not_root() -> Iterator[None]:
    """As a user to whom permissions apply."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


def let_everybody_in(folder: Path) -> None:
    """Into a folder of pytest's, which is closed to others by itself."""
    for above in (folder, *folder.parents[:3]):
        above.chmod(0o755)
