"""The command line as a whole: its verbs, its options, and what a person sees when something goes wrong.

Each verb prints a result or one clear error. The exit code says which kind: 0 ok, 1 failed, 2 usage, 65 bad data, 75 try later,
77 permission, 78 configuration. A traceback is never shown; should the program itself be at fault, it goes to a file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from notifier import __version__
from notifier.cli import (
    admin,
    api,
    demo,
    doctor,
    evidence,
    operate,
    people,
    plan,
    preview,
    privacy,
    roster,
    sending,
    setup,
    summary,
    travel,
)
from notifier.cli.output import complain
from notifier.errors import NotifierError
from notifier.logs import redact, traceback_without_words

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="notifier")
def cli() -> None:
    """Tells every employee about something to do before a date, counts the days down, and stops when they answer."""


for family in (
    setup,
    doctor,
    roster,
    preview,
    plan,
    travel,
    demo,
    operate,
    sending,
    people,
    privacy,
    summary,
    evidence,
    admin,
    api,
):
    for command in family.COMMANDS:
        cli.add_command(command)


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
