"""Write the parts of the reference that come from the code: `make docs`. A test fails when they are not up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from notifier.cli.app import cli
from notifier.content.facts import NAMES
from notifier.content.source import MESSAGE_KEYS, PAGE_KEYS
from notifier.domain.campaign import Answer
from notifier.settings import reference

_CLI_HEAD = """\
# Commands

Every verb prints a result or one clear error. Verbs that print facts have `--json`; its keys are stable, the texts for people are
not. `notifier VERB --help` says the same as this page. [Exit codes](exit-codes.md).
"""

_TEXTS_HEAD = """\
# Texts

A text is a Markdown file with a front matter in TOML between two lines `+++`. [How to write your own](../how-to/texts.md).

- A message, `CAMPAIGN/MESSAGE.LANGUAGE.md`, has the keys {message}; `button` may be left out. Every campaign has
  the message `receipt`, and each that one of its steps names.
- The page, `CAMPAIGN/page.LANGUAGE.md`, has the keys {page}. `[answers]` has one text each for
  {answers}.

Values stand between `{{{{` and `}}}}`, conditions between `{{%` and `%}}`, as Jinja has them. A text may use these values and no
others; `notifier check` names one that does not exist.

| value | for example |
| --- | --- |
"""


def pages() -> dict[str, str]:
    """The generated files by name, as Markdown."""
    verbs = _verbs(cli.read_all(), click.Context(cli, info_name="notifier"))
    return {"cli.md": "\n".join([_CLI_HEAD, *verbs]), "configuration.md": reference(), "texts.md": _texts()}


def _texts() -> str:
    words = {"message": MESSAGE_KEYS, "page": PAGE_KEYS, "answers": [answer.value for answer in Answer]}
    head = _TEXTS_HEAD.format(**{name: ", ".join(f"`{word}`" for word in these) for name, these in words.items()})
    return head + "\n".join(f"| `{name}` | {_shown(value)} |" for name, value in NAMES.items())


def _shown(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _verbs(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in sorted(group.commands):
        verb = group.commands[name]
        inner = click.Context(verb, info_name=name, parent=context)
        yield from _verb(verb, inner)
        if isinstance(verb, click.Group):
            yield from _verbs(verb, inner)


def _verb(verb: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`\n"
    yield f"{(verb.help or '').strip()}\n"
    yield f"```\n{verb.get_usage(context).removeprefix('Usage: ')}\n```\n"
    options = [record for parameter in verb.get_params(context) if (record := _option(parameter, context))]
    if options:
        yield "| option | what it does |\n| --- | --- |\n" + "\n".join(f"| {names} | {text} |" for names, text in options) + "\n"


def _option(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    if not isinstance(parameter, click.Option) or parameter.hidden or "--help" in parameter.opts:
        return None
    record = parameter.get_help_record(context)
    return record and (f"`{_cell(record[0])}`", _cell(record[1]))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(folder: Path) -> None:
    """Write every generated page into `folder`."""
    for name, text in pages().items():
        (folder / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("reference"))
