"""The keys that links are signed with: made, read, and followed by new ones."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from notifier.domain.links import KEY_BYTES, LinkKeys
from notifier.errors import ConfigurationError, NotPermittedError


def read_keys(path: Path) -> LinkKeys:
    """The keys that links are signed with.

    Raises:
        ConfigurationError: the file is missing or is no key file.
        NotPermittedError: it may not be read.
    """
    try:
        return LinkKeys.load(path.read_text("ascii"), source=str(path))
    except FileNotFoundError:
        msg = f"{path}: the keys that links are signed with are missing"
        hint = "make them with `notifier init`; if links went out already, restore this file from its backup instead"
        raise ConfigurationError(msg, hint=hint) from None
    except PermissionError:
        msg = f"{path}: this user may not read the keys that links are signed with"
        raise NotPermittedError(msg, hint="let the service's user, and nobody else, read the file") from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: the keys that links are signed with cannot be read: {error}"
        raise ConfigurationError(msg, hint="restore the file from its backup") from None


def write_new_keys(path: Path) -> None:
    """Make a key file, for its owner's eyes only. An existing one is left alone.

    Raises:
        FileExistsError: there is one already.
    """
    keys = LinkKeys({1: secrets.token_bytes(KEY_BYTES)}, 1)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keys.dump())


def rotate_keys(path: Path) -> LinkKeys:
    """Add a key that signs from now on. Links that went out keep working: their keys stay in the file.

    Raises:
        ConfigurationError, NotPermittedError: as `read_keys`, or the file cannot be written.
    """
    keys = read_keys(path).with_new(secrets.token_bytes(KEY_BYTES))
    fresh = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(keys.dump())
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except OSError as error:
        msg = f"{path}: the keys cannot be written: {error.strerror}"
        raise NotPermittedError(msg, hint="run it as the service's user, or let that user write into the folder") from None
    return keys
