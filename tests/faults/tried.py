"""What came of a promise under fault: how often it was tried, what was lost, what was repeated, and how much may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_SHOWN = 3


@dataclass
class Tried:
    """The line of one promise.

    Attributes:
        promise: its number and its fault.
        tries: faults that were made.
        lost: messages or answers that are gone.
        repeated: messages that arrived more than once, each copy after the first counted.
        bound: how many repeats the promise allows for these tries.
        wrong: everything else that is not as promised, in words.
    """

    promise: str
    tries: int = 0
    lost: int = 0
    repeated: int = 0
    bound: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        return self.tries > 0 and self.lost == 0 and self.repeated <= self.bound and not self.wrong

    def demand(self, holds_true: object, else_wrong: str) -> None:
        """Note what is wrong, where it does not hold."""
        if not holds_true:
            self.wrong.append(else_wrong)

    def add(self, other: Tried) -> None:
        """Take the tries of another run of the same promise in."""
        self.tries += other.tries
        self.lost += other.lost
        self.repeated += other.repeated
        self.bound += other.bound
        self.wrong += other.wrong


def together(runs: Iterable[Tried]) -> list[Tried]:
    """One line for each promise, in the order in which they came first."""
    lines: dict[str, Tried] = {}
    for run in runs:
        lines.setdefault(run.promise, Tried(run.promise)).add(run)
    return list(lines.values())


def table(lines: Iterable[Tried]) -> str:
    """The closing table, in Markdown."""
    head = ["| promise | tries | lost | repeated | bound | kept |", "|---|---:|---:|---:|---:|---|"]
    return "\n".join(
        head
        + [
            f"| {one.promise} | {one.tries} | {one.lost} | {one.repeated} | {one.bound} | {'yes' if one.kept else _why_not(one)} |"
            for one in lines
        ]
    )


def _why_not(one: Tried) -> str:
    shown = "; ".join(one.wrong[:_SHOWN])
    more = len(one.wrong) - _SHOWN
    return f"**no** {shown}" + (f"; and {more} more" if more > 0 else "")
