"""config.example.toml says all there is to say, and nothing that is not so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from notifier.settings import load, reference, schema

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
CAMPAIGN = "linkedin-ai-training"
NO_DEFAULT = "# No default; for example:"
SLACK = {"slack-bot-token": "xoxb-1-2", "slack-app-token": "xapp-1-2", "slack-signing-secret": "8f742231b10e8888abcd9900aa1185a5"}


def _entries() -> list[tuple[str, Any, str, bool, bool]]:
    """For each key of the file: its name, its value, the words above it, whether it is commented out, whether only an example."""
    table, words, entries = "", [], []
    for line in EXAMPLE.read_text().splitlines():
        if header := re.match(r"\[+([\w.-]+)\]", line):
            table, words = header[1].replace(CAMPAIGN, schema.ANY_NAME), []
        elif pair := re.match(r"(#?)([a-z_]+) = (.*)", line):
            key = f"{table}.{pair[2]}" if table else pair[2]
            text = " ".join(word.removeprefix("# ") for word in words if word != NO_DEFAULT)
            entries.append((key, tomllib.loads(f"x = {pair[3]}")["x"], text, bool(pair[1]), NO_DEFAULT in words))
            words = []
        elif line.startswith("# "):
            words.append(line)
        else:
            words = []
    return entries


ENTRIES = _entries()
KEYS = {key.dotted: key for key in schema.all_keys()}


def test_each_key_stands_there_and_no_other() -> None:
    """Secrets do not: the head of the file says where they go."""
    secret = {key.dotted for key in KEYS.values() if key.kind.is_secret}
    assert {entry[0] for entry in ENTRIES} == KEYS.keys() - secret
    for path in schema.secrets():
        assert "__".join(path) in EXAMPLE.read_text()
        assert "NOTIFIER_" + "__".join(path).upper() in EXAMPLE.read_text()


@pytest.mark.parametrize("name", sorted({entry[0] for entry in ENTRIES}))
def test_the_words_above_a_key_are_those_of_the_model(name: str) -> None:
    first = next(entry for entry in ENTRIES if entry[0] == name)
    assert first[2] == KEYS[name].doc


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry[3]], ids=lambda entry: entry[0])
def test_what_is_commented_out_is_the_default(entry: tuple[str, Any, str, bool, bool]) -> None:
    name, value, _, _, is_example = entry
    default = KEYS[name].default
    if is_example:
        assert default is None
    else:
        assert value == (str(default) if isinstance(default, Path) else list(default) if isinstance(default, tuple) else default)


def test_it_loads_as_it_stands() -> None:
    settings = load(EXAMPLE, environment={})
    (campaign,) = settings.domain_campaigns
    assert campaign.id == CAMPAIGN
    assert campaign.deadline.isoformat() == "2025-11-03"
    assert {step.message for step in campaign.steps} == {"notice", "reminder", "last-call", "overdue"}


def test_it_loads_with_every_key_in_use(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    text = text.replace("sqlite:///notifier.db", "postgresql+psycopg://notifier@db.example.com/notifier")
    text = re.sub(r"^(certificate|federated)_\w+ = .*\n", "", text, flags=re.MULTILINE)  # a secret is proof enough of the app
    (tmp_path / "config.toml").write_text(text)
    passwords = ("database-password", "smtp-password", "imap-password", "directory-password", "staff-password")
    for name in (*passwords, "client-secret", "sign-in-secret", "ca.pem"):
        (tmp_path / name).write_text("correct horse")
    for name, secret in SLACK.items():
        (tmp_path / name).write_text(secret)
    for name in ("webhook-secret", "webhook-secret-before"):
        (tmp_path / name).write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (tmp_path / "texts").mkdir()
    assert load(tmp_path / "config.toml", environment={}).email.smtp.per_minute == 30


def test_the_reference_names_every_key() -> None:
    text = reference()
    for key in KEYS.values():
        assert f"### `{key.path[-1]}`\n\n{key.doc}" in text
        name = ".".join("NAME" if part == schema.ANY_NAME else part for part in key.path[:-1])
        assert not name or f"[{name}]" in text
