"""The programs that the measured ones talk to, or are measured beside."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.common import child
from bench.house import prepare

ROOT = Path(__file__).parents[1]
_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
_STARTING_SECONDS = 10


def program(name: str) -> str:
    """Where a program of Debian's `postfix` lies.

    Raises:
        SystemExit: it is not installed.
    """
    if (path := shutil.which(name, path=_SBIN)) is None:
        sys.exit(f"{name} is missing: apt-get install postfix")
    return path


def postfix_version() -> str:
    """Of the Postfix that `smtp-sink` and `smtp-source` belong to."""
    said = subprocess.run([program("postconf"), "-d", "-h", "mail_version"], capture_output=True, text=True, check=True)
    return f"Postfix {said.stdout.strip()}"


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's server that takes every mail and keeps none, for as long as the block lasts. Yields its port."""
    port = free_port()
    with server([program("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1024"], port):
        yield port


@contextmanager
def server(command: Sequence[str], port: int) -> Iterator[None]:
    """Any server that listens on that port of 127.0.0.1, for as long as the block lasts."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until = time.monotonic() + _STARTING_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def smtp_source(port: int, mails: int, connections: int) -> float:
    """Mails a second of Postfix's own load generator: one ready body of 9,000 bytes, kept connections, no records."""
    command = [program("smtp-source"), "-d", "-s", str(connections), "-l", "9000", "-m", str(mails), f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return mails / (time.perf_counter() - began)


def notifier(port: int, mails: int, connections: int) -> dict[str, Any]:
    """What `bench.wave` says about a wave to that many people."""
    with TemporaryDirectory(prefix="notifier-bench-") as name:
        prepare(Path(name), mails, port=port, connections=connections)
        done = subprocess.run(child("bench.wave", name), cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if result["mails"] != mails:
        sys.exit(f"only {result['mails']} of {mails} mails were accepted")
    return result
