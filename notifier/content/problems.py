"""What can be wrong with a text, told so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from notifier.errors import NotifierError


@dataclass(frozen=True, slots=True)
class TextProblem:
    """One thing that is wrong with one text.

    Attributes:
        path: the file; for a missing text, where it was looked for first.
        line: counted from 1; 0 where the problem has no line.
        wrong: what is wrong, as a sentence without a full stop.
        fix: one thing to do, as an instruction.
    """

    path: Path
    line: int
    wrong: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{where}: {self.wrong}"


class TextError(NotifierError):
    """A text cannot be used."""

    exit_code = 78

    def __init__(self, problem: TextProblem) -> None:
        super().__init__(str(problem), hint=problem.fix)
        self.problem = problem
