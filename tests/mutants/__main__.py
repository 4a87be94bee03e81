"""`make mutants`: is there a test for each thing the code does?

    python -m tests.mutants domain store delivery
    python -m tests.mutants store --digits 37
    python -m tests.mutants domain --go-on       # behind an interrupted run

mutmut changes one thing in one function at a time (a comparison, a number, a word, an argument left out) and runs the tests that
reach the function. A change that no test notices survives: it makes no difference, or a test is missing. All of it happens in a
copy of the tree below `build/mutants`, with mutmut installed by name into an environment of its own there. `--digits 37` takes
only the changes whose number within their function ends so, a fifth of them.

A few functions run while their module is loaded, which mutmut does before it changes anything. Each of their changes is tried in a
process of its own, with all the tests of its part, until the first fails.

What is left alone: statements outside of functions, functions with a decorator, enumerations (mutmut cannot change them), and what
is only logged. The store is tried on SQLite only, in memory where the machine has a folder for that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

_MUTMUT = "mutmut>=3.8,<4"
_ROOT = Path(__file__).parents[2]
_BUILD = _ROOT / "build" / "mutants"
_COPIED = ("notifier", "tests", "templates", "docs", "deploy", "config.example.toml", "pyproject.toml")
_ARGUMENTS = ("-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not postgresql")
_LONGEST_SECONDS = 300
_NOTICED = ("killed", "timeout")  # a change that hangs is noticed too
_EVERY_DIGIT = "0123456789"
_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the code, and the tests that are asked about it: the quick ones of those that are about it.

    Attributes:
        loading: functions that run while their module is loaded, as mutmut names them.
    """

    changed: tuple[str, ...]
    asked: tuple[str, ...]
    loading: tuple[str, ...] = ()


_PARTS: Mapping[str, Part] = {
    "domain": Part(
        ("notifier/domain/*",),
        (
            *("tests/unit/test_bounce_words.py", "tests/unit/test_bounces.py", "tests/unit/test_campaign.py"),
            *("tests/unit/test_countdown.py", "tests/unit/test_employee.py", "tests/unit/test_evidence_archive.py"),
            *("tests/unit/test_graph_replies.py", "tests/unit/test_operators.py"),
            *("tests/unit/test_ladder.py", "tests/unit/test_ledger.py", "tests/unit/test_links.py", "tests/unit/test_progress.py"),
            *("tests/unit/test_progress_attacks.py", "tests/unit/test_retry.py", "tests/unit/test_slack_buttons.py"),
            *("tests/unit/test_slack_replies.py", "tests/unit/test_team_links.py", "tests/unit/test_teams.py"),
            "tests/unit/test_window.py",
            "tests/unit/test_working_days.py",
            # Ninety thousand days, which is too many for a thousand changes.
            "--deselect=tests/unit/test_window.py::test_every_zone_opens_once_a_day_and_inside_the_window",
        ),
        loading=("notifier.domain.graph_replies.x__sender",),
    ),
    "store": Part(
        tuple(
            f"notifier/store/{name}.py"
            for name in (
                *("acknowledgements", "bounces", "candidates", "claims", "confirmations", "holds", "letters", "marks", "outbox"),
                *("outcomes", "outlets", "planning", "prepared", "quota", "reach", "refusals", "replanning", "steps", "waves"),
            )
        ),
        (
            *("tests/unit/test_store_claims.py", "tests/unit/test_store_follows.py", "tests/unit/test_store_guards.py"),
            *("tests/unit/test_store_neighbours.py", "tests/unit/test_store_outbox.py", "tests/unit/test_store_steps.py"),
            *("tests/unit/test_planner_rules.py", "tests/unit/test_quota.py", "tests/contract/test_acknowledgements.py"),
            *("tests/contract/test_bounces.py", "tests/contract/test_claims.py", "tests/contract/test_ladder.py"),
            *("tests/contract/test_outbox.py", "tests/contract/test_outlets.py", "tests/contract/test_planner.py"),
            *("tests/contract/test_prepared.py", "tests/contract/test_reach.py", "tests/contract/test_rewrites.py"),
            "--deselect=tests/unit/test_planner_rules.py::test_more_than_one_transaction_holds_ends_in_one_tick",
            "--deselect=tests/contract/test_planner.py::test_no_minute_holds_more_than_the_limit",
            "--deselect=tests/contract/test_reach.py::test_20_000_people_are_matched_in_a_few_statements",
        ),
        loading=(
            *(f"notifier.store.confirmations.x_{name}" for name in ("_receipts", "_upsert", "rewrites")),
            "notifier.store.replanning.x__unsent_by_the_plan",
        ),
    ),
    "delivery": Part(
        ("notifier/delivery/*",),
        (
            *("tests/contract/test_dispatcher.py", "tests/contract/test_dispatcher_edges.py", "tests/contract/test_ladder.py"),
            *("tests/contract/test_outlet_pauses.py", "tests/contract/test_planner.py", "tests/contract/test_recorder.py"),
            *(
                "tests/contract/test_teams.py",
                "tests/contract/test_waves.py",
                "tests/unit/test_compose.py",
                "tests/unit/test_delivery.py",
            ),
            *("tests/unit/test_dispatcher_turns.py", "tests/unit/test_explain.py", "tests/unit/test_forecast.py"),
            *("tests/unit/test_lane.py", "tests/unit/test_outlook.py"),
            *("tests/unit/test_outlet_answers.py", "tests/unit/test_planner_campaigns.py", "tests/unit/test_planner_rules.py"),
            *("tests/unit/test_store_outbox.py", "tests/unit/test_ways.py"),
            "--deselect=tests/contract/test_planner.py::test_no_minute_holds_more_than_the_limit",
            "--deselect=tests/contract/test_dispatcher.py::test_a_storm_of_a_day_costs_one_connection_in_five_minutes",
            "--deselect=tests/contract/test_dispatcher.py::test_no_minute_sees_more_messages_than_the_limit",
            "--deselect=tests/contract/test_dispatcher.py::test_little_is_claimed_ahead",
            "--deselect=tests/contract/test_dispatcher.py::test_everybody_due_is_written_to_once",
            "--deselect=tests/contract/test_dispatcher.py::test_a_server_that_hangs_holds_up_its_own_message_only",
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=list(_PARTS), help="all of them, if none is named")
    parser.add_argument("--digits", default=_EVERY_DIGIT, help="only changes whose number ends in one of these digits")
    parser.add_argument("--go-on", action="store_true", help="keep what an earlier run has found, and the copy it was made in")
    asked = parser.parse_args()
    mutmut = _installed()
    found: dict[str, dict[str, str]] = {}
    for name in asked.parts:
        tree = _BUILD / name
        if not asked.go_on or not tree.exists():
            _copy(tree, _PARTS[name])
        finished = _run(mutmut, tree, asked.digits)
        found[name] = _verdicts(mutmut, tree)
        if not finished:
            break
        found[name].update(_tried_alone(tree, _PARTS[name], found[name], asked.digits))
    _print(found)


def _installed() -> str:
    """The program, in an environment that sees what the development environment has."""
    home = _BUILD / "environment"
    program = home / "bin" / "mutmut"
    if not program.exists():
        venv.create(home, with_pip=True, clear=True)
        here = sysconfig.get_path("purelib")
        there = sysconfig.get_path("purelib", vars={"base": str(home)})
        Path(there, "development.pth").write_text(f"{here}\n", encoding="utf-8")
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", _MUTMUT], check=True)  # noqa: S603 - our own words
    return str(program)


def _copy(tree: Path, part: Part) -> None:
    """A fresh copy of the tree, and in it what mutmut has to know."""
    shutil.rmtree(tree, ignore_errors=True)
    for name in _COPIED:
        source, target = _ROOT / name, tree / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    settings = {
        "source_paths": ["notifier/"],
        "only_mutate": part.changed,
        "do_not_mutate_patterns": [r"_log\.\w+"],
        "also_copy": [name for name in _COPIED if name not in {"notifier", "tests", "pyproject.toml"}],
        "pytest_add_cli_args": list(_ARGUMENTS),
        "pytest_add_cli_args_test_selection": part.asked,
        # Processes that have run a test before remember what it made them look up: a change to that would seem to survive.
        "process_isolation": ["forkserver"],
    }
    lines = ["[mutmut]"]
    for key, values in settings.items():
        lines.append(f"{key}={values[0]}" if len(values) == 1 else "\n    ".join((f"{key}=", *values)))
    (tree / "setup.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _run(mutmut: str, tree: Path, digits: str) -> bool:
    """Try the changes. False where it was interrupted (Ctrl-C): what has been found by then is told.

    Stores of the tests are kept in memory where the machine has a folder for that.
    """
    chosen = [] if set(digits) >= set(_EVERY_DIGIT) else [f"*{digit}" for digit in digits]
    command = [mutmut, "run", "--max-children", str(os.cpu_count() or 1), *chosen]
    try:
        done = subprocess.run(command, cwd=tree, env=os.environ | _folder(), check=False)  # noqa: S603 - installed by us
    except KeyboardInterrupt:
        return False
    if done.returncode:
        sys.exit("mutmut could not begin: see above; the tests have to pass before anything is changed")
    return True


def _folder() -> dict[str, str]:
    return {"TMPDIR": str(_MEMORY)} if _MEMORY.is_dir() else {}


def _tried_alone(tree: Path, part: Part, verdicts: Mapping[str, str], digits: str) -> dict[str, str]:
    """What becomes of changes to functions that run while their module is loaded."""
    python = _BUILD / "environment" / "bin" / "python"
    command = [python, "-m", "pytest", "-x", "-q", "--rootdir=.", *_ARGUMENTS, *part.asked]
    found = {}
    for mutant in verdicts:
        if mutant.rpartition("__mutmut_")[0] in part.loading and mutant[-1] in digits:
            environment = os.environ | _folder() | {"MUTANT_UNDER_TEST": mutant}
            try:
                done = subprocess.run(  # noqa: S603 - our own words
                    command, cwd=tree / "mutants", env=environment, capture_output=True, check=False, timeout=_LONGEST_SECONDS
                )
                found[mutant] = "survived" if done.returncode == 0 else "killed"
            except subprocess.TimeoutExpired:
                found[mutant] = "timeout"
    return found


def _verdicts(mutmut: str, tree: Path) -> dict[str, str]:
    """What became of each change that was tried."""
    command = [mutmut, "results", "--all", "true"]
    said = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True)  # noqa: S603 - installed by us
    pairs = (line.strip().rsplit(": ", 1) for line in said.stdout.splitlines() if ": " in line)
    return {name: verdict for name, verdict in pairs if verdict != "not checked"}


def _print(found: Mapping[str, Mapping[str, str]]) -> None:
    console = Console()
    table = Table(Column("module", no_wrap=True), "changes", "noticed", "by time", "missed", "share", title="What tests notice")
    for name, verdicts in found.items():
        of_module: dict[str, Counter[str]] = defaultdict(Counter)
        for mutant, verdict in verdicts.items():
            of_module[mutant.removeprefix("notifier.").rpartition(".")[0]][verdict] += 1
        for module, counts in sorted(of_module.items()):
            table.add_row(*_row(module, counts))
        table.add_row(*_row(f"{name}, together", sum(of_module.values(), Counter())), end_section=True)
    console.print(table)
    for name, verdicts in found.items():
        missed = sorted(mutant for mutant, verdict in verdicts.items() if verdict not in _NOTICED)
        if missed:
            console.print(f"\n{name}, not noticed; `mutmut show NAME` in build/mutants/{name} shows one:")
            console.print("\n".join(f"  {mutant}" for mutant in missed), highlight=False)


def _row(module: str, counts: Mapping[str, int]) -> Sequence[str]:
    tried = sum(counts.values())
    noticed = sum(counts.get(verdict, 0) for verdict in _NOTICED)
    share = f"{100 * noticed / tried:.1f} %" if tried else ""
    return module, str(tried), str(noticed), str(counts.get("timeout", 0)), str(tried - noticed), share


if __name__ == "__main__":
    main()
