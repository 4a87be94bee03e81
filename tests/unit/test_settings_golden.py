"""What an admin reads for each wrong configuration: the exact text, in tests/golden/configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import load

CASES = sorted((Path(__file__).parents[1] / "golden" / "configuration").iterdir())
WHOLE_FILE = {"missing-tables", "empty-file"}
NO_KEY = {"remark-with-semicolon", "variable-unknown", "flags"}


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _fail(case: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigurationError:
    monkeypatch.chdir(case)
    environment = dict(line.split("=", 1) for line in _lines(case / "environment"))
    with pytest.raises(ConfigurationError) as caught:
        load(Path("config.toml"), environment=environment, overrides=_lines(case / "flags"))
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_message_is_the_one_written_down(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = _fail(case, monkeypatch)
    assert str(error).replace(str(case), "FOLDER") + "\n" == (case / "expected.txt").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_problem_has_a_place_a_key_and_a_fix(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = case.name.partition("-")[2]
    error = _fail(case, monkeypatch)
    assert error.exit_code == 78
    assert error.problems
    for problem in error.problems:
        assert problem.fix
        assert problem.wanted
        assert problem.key or name in NO_KEY
        in_file = problem.where.startswith("config.toml")
        assert not in_file or problem.where.count(":") == 2 or name in WHOLE_FILE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_secret_and_no_words_of_the_libraries(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = _fail(case, monkeypatch)
    everything = f"{error}{error!r}{error.problems}".lower()
    assert "correct" not in everything  # every secret of the cases begins like this
    for words in ("input should", "field required", "extra inputs", "value error", "valid string", "pydantic", "expected newline"):
        assert words not in everything


def test_there_are_at_least_forty() -> None:
    assert len(CASES) >= 40
