"""Verbs for the first five minutes: init, check, config show, completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from notifier import shipped
from notifier.cli.options import Configured, configured, json_option
from notifier.cli.output import complain, print_json, say, table
from notifier.clock import SystemClock
from notifier.domain.employee import LANGUAGES
from notifier.errors import BadDataError, ConfigurationError, NotifierError, NotPermittedError, UsageError
from notifier.roster.report import reading_as_lines
from notifier.service import (
    catalogue_of,
    read_configured_roster,
    read_keys,
    require_bounce_folder,
    rotate_keys,
    sender_of,
    template_folders,
    write_new_keys,
)
from notifier.service.summaries import letter_problems
from notifier.settings import Settings, show

_ROSTER = """id,email,given name,family name,language,time zone,country,region,department,manager
1001,anna.muster@example.com,Anna,Muster,de,Europe/Berlin,DE,BY,Sales,zoe.exemple@example.com
1002,zoe.exemple@example.com,Zoé,Exemple,fr,Europe/Zurich,CH,GE,Sales,
1003,john.sample@example.com,John,Sample,en,Europe/London,GB,,Finance,zoe.exemple@example.com
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--name", help="The organisation's name.")
@click.option("--contact", help="Whom employees can ask: Privacy Office <privacy@example.com>.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of people about whom nothing is known.")
@click.option("--time-zone", help="The time zone of people whose roster row names none.")
@click.option("--base-url", help="What employees' browsers reach: https://notifier.example.com.")
@click.option("--smtp-host", help="The mail server.")
@click.option("--yes", is_flag=True, help="Ask nothing; take the example's values where none is given.")
@json_option
def init(folder: Path, yes: bool, as_json: bool, **given: str | None) -> None:
    """Write a commented configuration, a sample roster and the keys for links into FOLDER. Nothing is ever replaced."""
    answers = {name: value if value is not None or yes else _ask(name) for name, value in given.items()}
    config = folder / "config.toml"
    wanted: dict[Path, Callable[[Path], None]] = {
        config: partial(_write_text, text=_configuration(answers)),
        folder / "roster.csv": partial(_write_text, text=_ROSTER),
        folder / "link-keys": write_new_keys,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [path for path, write in wanted.items() if _write_new(path, write)]
    except OSError as error:
        msg = f"{error.filename or folder}: cannot be written: {error.strerror}"
        raise NotPermittedError(msg, hint="name a folder in which you may write") from None
    if as_json:
        print_json({"written": written})
        return
    for path in written:
        say(f"written: {path}")
    say()
    say(f"Next: look through {config}, then `notifier check --config {config}`.")


_QUESTIONS = {
    "name": ("The organisation's name, as employees know it", "Example SA"),
    "contact": ("Whom employees can ask", "Privacy Office <privacy@example.com>"),
    "language": ("Language of people about whom nothing is known (en, fr, de)", "en"),
    "time_zone": ("Time zone of people whose roster row names none", "Europe/Zurich"),
    "base_url": ("What employees' browsers reach", "https://notifier.example.com"),
    "smtp_host": ("The mail server", "smtp.example.com"),
}


def _ask(name: str) -> str:
    question, example = _QUESTIONS[name]
    answer: str = click.prompt(question, default=example, err=True)
    return answer


def _configuration(answers: Mapping[str, str | None]) -> str:
    """The example with the answers in it; the lines around them stay as they are."""
    keys = {
        "name": ("organisation", "name"),
        "contact": ("organisation", "contact"),
        "language": ("organisation", "default_language"),
        "time_zone": ("organisation", "default_time_zone"),
        "base_url": ("web", "base_url"),
        "smtp_host": ("email.smtp", "host"),
    }
    wanted = {keys[name]: value for name, value in answers.items() if value is not None}
    table, lines = "", []
    for line in shipped.example_configuration().read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        key = line.partition("=")[0].lstrip("# ").strip()
        if "=" in line and (value := wanted.pop((table, key), None)) is not None:
            line = f"{key} = {_toml(value)}"  # noqa: PLW2901 - the line as it is to be written
        lines.append(line)
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_new(path: Path, write: Callable[[Path], None]) -> bool:
    try:
        write(path)
    except FileExistsError:
        complain(f"{path} is there already and was left alone", None)
        return False
    return True


def _write_text(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


@click.command()
@configured
@json_option
def check(where: Configured, as_json: bool) -> int:
    """Check configuration, link keys, roster, Maildir and every text. Reaches nothing outside, changes nothing."""
    settings = where.settings()
    problems: list[NotifierError] = []
    lines: list[str] = []
    looks: Sequence[Callable[[], object]] = (
        lambda: read_keys(settings.links.keys_file),
        lambda: lines.extend(_roster_lines(settings)),
        lambda: require_bounce_folder(settings),
    )
    for look in looks:
        try:
            look()
        except NotifierError as error:
            problems.append(error)
    problems += _text_problems(settings)
    if as_json:
        print_json({"problems": [{"message": str(one), "fix": one.hint} for one in problems], "roster": lines})
    else:
        for line in lines:
            say(line)
        for problem in problems:
            complain(str(problem), problem.hint, problem.quoted)
    if not problems and not as_json:
        say()
        say("Configuration, link keys, roster and texts are good.")
    return max((problem.exit_code for problem in problems), default=0)


def _roster_lines(settings: Settings) -> list[str]:
    """What the roster holds, where it is a file; a directory or a database is only named."""
    if settings.roster.source != "file":
        return [f'roster.source is "{settings.roster.source}", which is not asked here: see `notifier roster check`']
    reading = read_configured_roster(settings, SystemClock().now())
    if not reading.accepted:
        msg = f"{reading.source}: there is nobody in it to write to"
        raise BadDataError(msg, hint="look at `notifier roster check`: it names what was left out or set aside")
    return reading_as_lines(reading)


def _text_problems(settings: Settings) -> list[NotifierError]:
    catalogue = catalogue_of(settings)
    problems = [
        problem
        for campaign in settings.domain_campaigns
        for problem in catalogue.check(campaign.id, {step.message for step in campaign.steps})
    ]
    problems += letter_problems(settings, template_folders(settings), sender_of(settings))
    return [ConfigurationError(f"{one.path}:{one.line}: {one.wrong}", hint=one.fix) for one in problems]


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
@configured
@json_option
def config_show(where: Configured, as_json: bool) -> None:
    """Print every key, its value and where it comes from. Secrets are masked."""
    rows = show(where.read())
    if as_json:
        print_json(rows)
    else:
        table(["key", "value", "from"], ((row.key, row.value, row.source) for row in rows))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete notifier's verbs: `eval "$(notifier completion bash)"`."""
    completer = get_completion_class(shell)
    if completer is None:
        msg = f"no completion for {shell}"
        raise UsageError(msg, hint="name bash, zsh or fish")
    root = context.find_root().command
    say(completer(root, {}, "notifier", "_NOTIFIER_COMPLETE").source())


@click.group()
def keys() -> None:
    """The keys that personal links are signed with."""


@keys.command()
@configured
@json_option
def rotate(where: Configured, as_json: bool) -> None:
    """Sign new links with a new key. Links that went out keep working."""
    path = where.settings().links.keys_file
    current = rotate_keys(path).current
    if as_json:
        print_json({"keys_file": path, "current": current})
    else:
        say(f"{path} has a new key ({current}), which signs from now on; the earlier ones still open their links.")
        say("Next: keep a copy of the file in a safe place, then reload the service (SIGHUP).")


COMMANDS = (init, check, config, keys, completion)
