"""How a command speaks: facts to standard output, everything else to standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_WIDE = 10_000  # a table that is piped somewhere is not wrapped


def stdout() -> Console:
    """A console for facts. Colours only on a terminal, and never where NO_COLOR is set."""
    return Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else Console(highlight=False, width=_WIDE)


def stderr() -> Console:
    """A console for progress, advice and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str = "") -> None:
    """One line for a person. The text is printed as it is."""
    stdout().print(Text(line))


def complain(message: str, hint: str | None, quoted: str | None = None) -> None:
    """An error, what was found there, and what to do about it."""
    console = stderr()
    console.print(Text(message, style="red" if console.is_terminal else ""))
    if quoted:
        console.print(Text(f"    {quoted}"))
    if hint:
        console.print(Text(f"  → {hint}"))


def as_json(value: Any) -> str:
    """JSON for machines: dates in ISO 8601, enums by value, dataclasses by field, paths as text."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def print_json(value: Any) -> None:
    """One JSON document."""
    sys.stdout.write(as_json(value) + "\n")


def print_json_lines(values: Iterable[Any]) -> None:
    """One JSON document a line."""
    for value in values:
        print_json(value)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[int] = ()) -> None:
    """A table for a person.

    Args:
        numbers: columns (from 0) that hold numbers and stand to the right.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, header in enumerate(headers):
        grid.add_column(header, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = stdout()
    with console.capture() as drawn:
        console.print(grid)
    for line in drawn.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Any]:
    """A progress bar on standard error, where that is a terminal. Yields `update(completed)`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = stderr()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda completed: bar.update(task, completed=completed)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    msg = f"no JSON for {type(value).__name__}"
    raise TypeError(msg)
