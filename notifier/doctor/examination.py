"""Running checks: all at once, each for a bounded time, and none of them can stop the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from notifier.doctor.findings import Area, Finding
from notifier.errors import NotifierError

T = TypeVar("T")

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """Something to find out.

    Attributes:
        name: under which it stands where the check itself comes to nothing.
        run: raises NotifierError for what has words of its own.
    """

    area: Area
    name: str
    run: Callable[[], Awaitable[Sequence[Finding]]]


async def examine(
    checks: Sequence[Check], *, patience: float = PATIENCE_SECONDS, done: Callable[[], None] = lambda: None
) -> list[Finding]:
    """Run the checks.

    Args:
        patience: seconds for each.
        done: called after each.

    Returns:
        What they found, in their order.
    """

    async def run(check: Check) -> Sequence[Finding]:
        found = await _run(check, patience)
        done()
        return found

    return [finding for found in await asyncio.gather(*(run(check) for check in checks)) for finding in found]


async def _run(check: Check, patience: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(patience):
            return await check.run()
    except TimeoutError:
        advice = "check that this machine may connect there, and that it answers; a firewall that says nothing looks like this"
        return [check.area.problem(check.name, f"no answer within {patience:g} seconds", advice)]
    except NotifierError as error:
        return [check.area.failed(check.name, error)]
    except Exception as error:  # noqa: BLE001 - one check that breaks must not take the others with it
        found = f"it could not be found out: {type(error).__name__}"
        return [check.area.problem(check.name, found, "please report this as a fault of notifier")]


async def in_thread(work: Callable[[], T]) -> T:
    """Run what can only wait in a thread. The program's end does not wait for that thread, however long it hangs."""
    outcome: Future[T] = Future()

    def run() -> None:
        outcome.set_running_or_notify_cancel()  # from here on nobody can cancel it
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            outcome.set_exception(error)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await asyncio.wrap_future(outcome)
