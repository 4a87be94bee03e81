"""One exception tree. Each class knows the exit code a command ends with; `str(error)` is what an admin reads.

A message says where, what, and how to mend it. Nothing here ever carries a password or a token.
"""

from __future__ import annotations

from dataclasses import dataclass


class NotifierError(Exception):
    """Something failed that the reader can act on.

    Attributes:
        exit_code: what the command line ends with (sysexits where they have a name for it).
        hint: one sentence on what to do next, or None.
        quoted: what was found there, word for word, or None. It may name people: a terminal shows it, a log never does.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, quoted: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.quoted = quoted


class UsageError(NotifierError):
    """The command was called in a way that makes no sense."""

    exit_code = 2


class BadDataError(NotifierError):
    """A roster or another input file cannot be used as it is."""

    exit_code = 65


class TryLaterError(NotifierError):
    """Nothing is wrong that waiting, or another process ending, would not mend."""

    exit_code = 75


class NotPermittedError(NotifierError):
    """The process may not read, write or connect where it has to."""

    exit_code = 77


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the configuration.

    Attributes:
        where: file and line ("config.toml:14:12"), or the name of the environment variable, flag or secret file.
        key: the dotted key, "campaigns.linkedin-ai-training.deadline".
        found: what stands there, ready to print, or None when the key is missing. Never a secret.
        wanted: what is expected there, as a phrase.
        fix: one thing to do, as an instruction.
    """

    where: str
    key: str
    found: str | None
    wanted: str
    fix: str


class ConfigurationError(NotifierError):
    """The configuration has problems; all of them are listed at once."""

    exit_code = 78

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class StoreError(NotifierError):
    """The store cannot be used: missing, of another version, locked, damaged."""

    exit_code = 75
