"""R5: what the system calls say. A claim is flushed to the disk before anything of its message is on the wire."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.daemon_rig import PATIENCE, daemon, make_home
from tests.faults.processes import close_books, store_of
from tests.faults.relay import Relay
from tests.faults.stores import states
from tests.faults.tried import Tried
from tests.smtp_actions import Drip

ORDER = "R5 a claim is flushed before its message is on the wire"
_CALLS = "pwrite64,fdatasync,fsync,sendto,sendmsg,write,writev"
_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. )?(?P<call>\w+)(?P<rest>.*)")
_DOMAIN = re.compile(r"@example\.com")


def can_be_watched() -> bool:
    """Whether this machine has strace."""
    return shutil.which("strace") is not None


async def flushed_before_sent(folder: Path, chance: Random, *, people: int) -> Tried:
    """Every system call of the daemon that writes, from before the first message to after the last one."""
    tried = Tried(ORDER)
    folder.mkdir()
    trace = folder / "calls"
    async with Relay() as relay:
        relay.on("CONNECT", Drip("220 relay.example.com\r\n", every=0.05), times=chance.randint(1, 4))
        home = make_home(folder, people=people, smtp_port=relay.port)
        async with daemon(home) as running:
            await running.until(lambda: running.said("running"))
            watcher = await asyncio.create_subprocess_exec(
                *("strace", "-qq", "-f", "-y", "-s", "65536", "-e", f"trace={_CALLS}", "-o", str(trace), "-p", str(running.pid))
            )
            await running.until(lambda: states(store_of(home)) == {"accepted": people})
            running.signal(signal.SIGTERM)
            await running.ended()
            await asyncio.wait_for(watcher.wait(), PATIENCE)
        close_books(tried, home, relay, people)
        ids = set(relay.copies())
    early = list(_sent_unflushed(trace.read_text("utf-8", "replace").splitlines(), ids, tried))
    tried.demand(not early, f"{len(early)} messages were on the wire before their claim was flushed")
    tried.demand(tried.tries == people, f"only {tried.tries} of {people} were seen on the wire")
    return tried


def _sent_unflushed(calls: list[str], ids: set[str], tried: Tried) -> Iterator[str]:
    """Message-IDs that went out before the log of the store, with them in it, had been flushed. Counts each message once."""
    lengths = {len(one) for one in ids}
    written, flushed, seen = set[str](), set[str](), set[str]()
    flushing: dict[str, set[str]] = {}  # by thread: what the flush under way will have made durable
    for line in calls:
        found = _LINE.match(line)
        if found is None:
            continue
        thread, call, rest = found["thread"], found["call"], found["rest"]
        # In a page of the store other words stand before them without a space.
        named = {rest[domain.end() - length : domain.end()] for domain in _DOMAIN.finditer(rest) for length in lengths} & ids
        if call == "pwrite64" and ".db-wal>" in rest:
            written |= named
        elif call in {"fdatasync", "fsync"} and (".db-wal>" in rest or "resumed" in rest):
            flushing.setdefault(thread, set(written))
            if rest.endswith("= 0"):
                flushed |= flushing.pop(thread)
        elif call not in {"pwrite64", "fdatasync", "fsync"} and "socket:" in rest:
            tried.tries += len(named - seen)
            yield from named - seen - flushed
            seen |= named
