"""The documentation is checked by the code it is about."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs import generate
from notifier import __version__, errors
from notifier.cli.app import cli
from notifier.roster.columns import FIELDS
from notifier.roster.reading import LeftOutBecause
from notifier.settings import schema
from notifier.store.tables import State

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
GENERATED = ("cli.md", "configuration.md", "texts.md")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`|^\s*```\w*\n(.*?)^\s*```", re.MULTILINE | re.DOTALL)
_TOML = re.compile(r"^( *)```toml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _code(page: Path) -> Iterator[str]:
    for inline, block in _CODE.findall(_text(page)):
        yield from (inline or block).splitlines()


def _verbs(group: click.Group, above: str = "notifier") -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{above} {name}"
        if isinstance(command, click.Group):
            yield from _verbs(command, f"{above} {name}")


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_generated_pages_are_what_make_docs_writes(tmp_path: Path) -> None:
    generate.main(tmp_path)
    for name in GENERATED:
        assert _text(REFERENCE / name) == _text(tmp_path / name), "run `make docs`"


def test_every_verb_is_in_the_reference() -> None:
    headings = set(re.findall(r"^## `(notifier [^`]+)`$", _text(REFERENCE / "cli.md"), re.MULTILINE))
    assert headings == set(_verbs(cli.read_all()))


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


@every_page
def test_commands_exist(page: Path) -> None:
    """Every `notifier VERB` and each of its long options is one that the command line has."""
    for line in _code(page):
        for words in re.findall(r"\bnotifier((?: +[a-z]+)+(?: [^#|`&;]*)?)", line):
            _check_command(words.split(), line)


def _check_command(words: list[str], line: str) -> None:
    command: click.Command = cli.read_all()
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if command is cli:
        return  # the word notifier as a name of something else
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known | {"--help"}, line


def test_pages_show_no_verb_that_does_not_exist() -> None:
    shown = {
        match for page in PAGES for line in _code(page) for match in re.findall(r"^(?:sudo -u notifier )?notifier ([a-z]+)", line)
    }
    assert shown <= {verb.split()[1] for verb in _verbs(cli.read_all())}
    assert len(shown) > 10


@every_page
def test_settings_exist(page: Path) -> None:
    """Every key in an example of TOML, and every dotted key and variable that a page names."""
    for _, block in _TOML.findall(_text(page)):
        if not block.startswith("+++"):
            _check_table(tomllib.loads(inspect.cleandoc(block)), ())
    tables = "|".join(sorted({key.path[0] for key in schema.all_keys() if len(key.path) > 1} - {"campaigns"}))
    for line in _code(page):
        for dotted in re.findall(rf"(?<![\w./-])((?:{tables})(?:\.[a-z_]+)+)(?![\w./@-])", line):
            path = tuple(dotted.split("."))
            if path[-1] in {"csv", "xlsx"}:
                continue
            assert schema.find(path) or schema.find(("campaigns", "any", *path)), dotted
        for variable in re.findall(r"NOTIFIER_[A-Z_]*__[A-Z_]+", line):
            assert schema.find(tuple(part.lower() for part in variable.removeprefix("NOTIFIER_").split("__"))), variable


def _check_table(table: object, path: tuple[str | int, ...]) -> None:
    if isinstance(table, dict):
        for key, value in table.items():
            assert schema.find((*path, key)), ".".join(map(str, (*path, key)))
            _check_table(value, (*path, key))
    elif isinstance(table, list):
        for index, value in enumerate(table):
            _check_table(value, (*path, index))


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", _text(ROOT / "Makefile"), re.MULTILINE))
    shown = {word for page in PAGES for line in _code(page) for word in re.findall(r"\bmake ([a-z]+)\b", line)}
    assert {"demo", "test", "lint", "lock", "docs", "wheel"} <= shown | {"docs"}
    assert shown <= targets


def test_every_state_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)`", _text(REFERENCE / "states.md"), re.MULTILINE)
    assert rows == [state.value for state in sorted(State, key=lambda state: rows.index(state.value))]


def test_every_exit_code_is_explained() -> None:
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.NotifierError)]
    rows = {int(code) for code in re.findall(r"^\| (\d+) ", _text(REFERENCE / "exit-codes.md"), re.MULTILINE)}
    assert {one.exit_code for one in classes} | {0, 130} == rows


def test_every_roster_field_and_outcome_is_explained() -> None:
    text = _text(REFERENCE / "roster.md")
    for name in (*FIELDS, *LeftOutBecause):
        assert f"`{name}`" in text


def test_every_log_event_is_explained() -> None:
    rows = re.findall(r"^\| (`+) ?(.+?) ?\1 \| (?:info|warning|error)", _text(REFERENCE / "logs.md"), re.MULTILINE)
    assert {event for _, event in rows} == set(_logged())


def _logged() -> Iterator[str]:
    for file in (ROOT / "notifier").rglob("*.py"):
        for node in ast.walk(ast.parse(_text(file))):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id="log" | "_log"), attr="debug" | "info" | "warning" | "error" | "exception"
                    ),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))["project"]
    wanted = {re.split(r"[\[<>=;! ]", requirement)[0] for requirement in project["dependencies"]}
    rows = re.findall(r"^\| ([a-z][a-z0-9-]+) \| \S", _text(ROOT / "docs" / "explanation" / "dependencies.md"), re.MULTILINE)
    assert set(rows) - {"package"} == wanted


def test_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in _text(ROOT / "CHANGELOG.md")
