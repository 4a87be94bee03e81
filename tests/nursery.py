"""A process that has read the program once and forks a daemon for each line it is given: a start costs no second reading.

    python nursery.py < requests

Each request is a line of JSON: `log`, `folder`, `arguments`, `environment`. The daemon's number appears in a file beside the log
that ends in `.pid`, and once it has ended its exit code in one that ends in `.code`: negative where a signal ended it. The nursery
ends with its input, and what it started ends with it. It has no threads, so what it forks is what a fresh interpreter is after its
imports.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from notifier.__main__ import main
from notifier.cli.app import cli

_PR_SET_PDEATHSIG = 1


def _note(path: Path, number: int) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(str(number), "ascii")
    unfinished.replace(path)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _keep(request: dict[str, Any]) -> None:
    """Start the daemon, and wait for its end in a process that does nothing else. Returns in the daemon only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _end_with_parent()
    child = os.fork()
    if child:
        log = Path(request["log"])
        _note(log.with_suffix(".pid"), child)
        _, status = os.waitpid(child, 0)
        _note(log.with_suffix(".code"), os.waitstatus_to_exitcode(status))
        os._exit(0)
    _end_with_parent()


def _requested() -> dict[str, Any] | None:
    """Serve until the end of the input. Returns what is asked for in each daemon, and None in the nursery itself."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what became of a keeper
    cli.read_all()
    gc.freeze()  # what all of them share is not looked at by each of them, and so not copied
    for line in sys.stdin:
        if not os.fork():
            request: dict[str, Any] = json.loads(line)
            _keep(request)
            return request
    return None


def _become(request: dict[str, Any]) -> None:
    """What a shell does between fork and exec."""
    output = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, what in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(what, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["notifier", *request["arguments"]]
    main()


if __name__ == "__main__":
    asked = _requested()
    if asked is not None:
        _become(asked)
