"""The machine: its clock, its disk, its Python and its limits."""

from __future__ import annotations

import email.errors
import os
import platform
import re
import resource
import shutil
import zoneinfo
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

from notifier.doctor.findings import Area, Finding
from notifier.settings import Settings

AREA = Area("Machine")

_CLOCK_ODD, _CLOCK_WRONG = 60, 300  # seconds; Slack and Entra ID refuse proofs that are five minutes off
_DISK_LOW, _DISK_FULL = 1_000_000_000, 100_000_000  # bytes
_OTHER_FILES = 256  # sockets of visitors, the store, the libraries
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs"})
_PASSING = {"overlay": "the container's own layer, which goes with it", "tmpfs": "memory, which a restart empties"}
TRAPS: Mapping[str, tuple[tuple[int, ...], str]] = {
    "aiosmtplib": ((5, 1, 2), "lets a mail server be impersonated before encryption (CVE-2026-55558)"),
    "apscheduler": ((3, 11, 3), "hangs when clocks change to winter time"),
    "jinja2": ((3, 1, 6), "lets texts out of their sandbox (CVE-2025-27516)"),
    "slack-sdk": ((3, 47, 0), "does not come back after a lost connection"),
}
"""By library: the first version without a fault that matters here, and the fault."""


def look_at_clock(ahead: Mapping[str, float]) -> list[Finding]:
    """Args:
    ahead: seconds by which our clock is ahead of others', by who they are.
    """
    if not ahead:
        advice = "see that this machine follows a time server"
        return [AREA.ok("clock", "could not be compared: nobody who tells the time was reached", advice)]
    who, seconds = max(ahead.items(), key=lambda item: abs(item[1]))
    off = abs(seconds)
    if off <= _CLOCK_ODD:
        return [AREA.ok("clock", f"agrees with that of {', '.join(sorted(ahead))}")]
    found = f"is {off:,.0f} seconds {'ahead of' if seconds > 0 else 'behind'} that of {who}"
    advice = "let this machine follow a time server (timedatectl set-ntp true)"
    return [AREA.problem("clock", found, advice) if off > _CLOCK_WRONG else AREA.warning("clock", found, advice)]


def look_at_time_zones(now: datetime, places: Iterable[str] = zoneinfo.TZPATH) -> list[Finding]:
    """How old the rules of the time zones are; the system's come before those of the package tzdata."""
    version = next((found for place in places if (found := _zones_of(Path(place)))), None) or metadata.version("tzdata")
    year = re.match(r"\d{4}", version)
    if year is not None and now.year - int(year[0]) > 1:
        advice = "update the system's package tzdata: countries change their clocks every year"
        return [AREA.warning("time zones", f"rules of {version}", advice)]
    return [AREA.ok("time zones", f"rules of {version}")]


def _zones_of(place: Path) -> str | None:
    for name, pattern in (("tzdata.zi", r"# version (\S+)"), ("+VERSION", r"(\S+)")):
        try:
            with (place / name).open(encoding="ascii", errors="replace") as file:
                first = file.readline()
        except OSError:
            continue
        if found := re.match(pattern, first):
            return found[1]
    return None


def look_at_disk(path: Path) -> list[Finding]:
    """Args:
    path: the file of an SQLite store.
    """
    folder = path.absolute().parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [AREA.problem("disk", f"{folder}: {error.strerror}", "make the folder, and let the service's user write there")]
    found = f"{free / 1e9:,.1f} GB free at {folder}"
    advice = "free some space: without it nothing can be recorded, and so nothing is sent"
    if free < _DISK_LOW:
        return [AREA.problem("disk", found, advice) if free < _DISK_FULL else AREA.warning("disk", found, advice)]
    if not os.access(folder, os.W_OK):
        return [AREA.problem("disk", f"this user may not write in {folder}", "let the service's user write there")]
    return [AREA.ok("disk", found)]


def look_at_filesystem(path: Path, mounts: Path = _MOUNTS) -> list[Finding]:
    """What kind of filesystem an SQLite store lies on. Locks and flushes of the network's are not to be relied on."""
    try:
        kind = filesystem_of(path.absolute().parent.resolve(), mounts.read_text("utf-8", "surrogateescape"))
    except OSError:
        kind = None
    if kind is None:
        return [AREA.ok("filesystem", "cannot be told on this system", "keep an SQLite store on a disk of this machine")]
    if kind in _NETWORK:
        advice = "move the store to a disk of this machine, or use PostgreSQL (docs: how-to/postgresql)"
        return [AREA.problem("filesystem", f"{kind}: an SQLite store is damaged sooner or later on a network's filesystem", advice)]
    if kind in _PASSING:
        advice = "put the store on a volume"
        return [AREA.warning("filesystem", f"{kind}: {_PASSING[kind]}", advice)]
    return [AREA.ok("filesystem", kind)]


def filesystem_of(folder: Path, mounts: str) -> str | None:
    """The kind of the filesystem that a folder is on.

    Args:
        mounts: as Linux tells them in /proc/self/mountinfo: ID PARENT DEVICE ROOT PLACE OPTIONS … - KIND SOURCE OPTIONS.
    """
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        place = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4]))
        if folder.is_relative_to(place) and (best is None or len(place.parts) >= best[0]):
            best = len(place.parts), after.split(" ")[0]
    return best[1] if best else None


def look_at_python(*, guarded: bool = hasattr(email.errors, "HeaderWriteError")) -> list[Finding]:
    """Args:
    guarded: whether Python itself refuses a line break in a header, which the mending of CVE-2024-6923 brought.
    """
    version = platform.python_version()
    if guarded:
        return [AREA.ok("Python", f"{version}, which refuses broken mail headers itself")]
    found = f"{version} lets a line break into mail headers (CVE-2024-6923); notifier checks the bytes of each mail itself"
    return [AREA.warning("Python", found, "update Python to 3.11.10, 3.12.5 or later")]


def look_at_libraries(installed: Mapping[str, str] | None = None) -> list[Finding]:
    """Args:
    installed: versions by name, in place of those that are installed.
    """
    versions = installed or {name: metadata.version(name) for name in TRAPS}
    found = [
        AREA.problem("libraries", f"{name} {versions[name]} {fault}", f"install {name} {'.'.join(map(str, needed))} or later")
        for name, (needed, fault) in TRAPS.items()
        if tuple(int(part) for part in re.findall(r"\d+", versions[name])[:3]) < needed
    ]
    return found or [AREA.ok("libraries", ", ".join(f"{name} {versions[name]}" for name in TRAPS))]


def look_at_open_files(settings: Settings, limit: int | None = None) -> list[Finding]:
    """Args:
    limit: how many files and connections a process may have open, in place of this one's.
    """
    limit = limit if limit is not None else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = settings.email.smtp.connections + _OTHER_FILES
    if limit == resource.RLIM_INFINITY:
        return [AREA.ok("open files", "no limit")]
    found = f"up to {limit:,} for each process"
    if limit < needed:
        return [AREA.warning("open files", found, f"allow {needed:,} or more (ulimit -n; LimitNOFILE= of the unit)")]
    return [AREA.ok("open files", found)]
