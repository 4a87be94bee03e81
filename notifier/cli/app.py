"""The command line as a whole: its verbs, its options, and what a person sees when something goes wrong.

Each verb prints a result or one clear error. The exit code says which kind: 0 ok, 1 failed, 2 usage, 65 bad data, 75 try later,
77 permission, 78 configuration. A traceback is never shown; should the program itself be at fault, it goes to a file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import click

from notifier import __version__
from notifier.cli.output import complain
from notifier.errors import NotifierError
from notifier.logs import redact, traceback_without_words

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "admin": ("admin",),
    "api": ("api",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "evidence": ("evidence",),
    "operate": ("run", "migrate", "backup"),
    "people": ("explain", "acknowledge"),
    "plan": ("plan",),
    "preview": ("preview",),
    "privacy": ("person", "privacy"),
    "roster": ("roster",),
    "sending": ("status", "queue", "hold", "resume"),
    "setup": ("init", "check", "config", "keys", "completion"),
    "summary": ("summary",),
    "travel": ("simulate",),
}


class Verbs(click.Group):
    """Verbs, each read with its module when it is asked for: what one verb needs costs the others no time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as Click has it
        return sorted(verb for verbs in _FAMILIES.values() for verb in verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.commands:
            owners = [family for family, verbs in _FAMILIES.items() if cmd_name in verbs]
            self._read(owners or [*_FAMILIES])  # of all of them, where Click is to say which verb may be meant
        return self.commands.get(cmd_name)

    def read_all(self) -> Verbs:
        """The same, with every verb there."""
        self._read([*_FAMILIES])
        return self

    def _read(self, families: Sequence[str]) -> None:
        for family in families:
            for command in import_module(f"notifier.cli.{family}").COMMANDS:
                self.add_command(command)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="notifier")
def cli() -> None:
    """Tells every employee about something to do before a date, counts the days down, and stops when they answer."""


def run(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code."""
    try:
        result = cli.main(list(arguments), prog_name="notifier", standalone_mode=False)
    except click.exceptions.Abort:
        complain("interrupted", None)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except NotifierError as error:
        complain(str(error), error.hint, error.quoted)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has had enough
        result = 0
    except Exception as error:  # noqa: BLE001 - the last door: a person gets a sentence, the file gets the rest
        complain("something went wrong inside notifier itself", f"please report it with {_keep_traceback(error)}")
        result = 1
    return result if isinstance(result, int) else 0


def _keep_traceback(error: Exception) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="notifier-fault-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(redact(traceback_without_words(error)))
    return Path(file.name)
