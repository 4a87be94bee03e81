"""Where values come from, which one wins, and that nothing secret comes out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.errors import ConfigurationError, NotifierError, NotPermittedError
from notifier.settings import Loaded, load, read, show

FILE = """\
[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"

[email]
from = "privacy@example.com"
[email.smtp]
host = "smtp.example.com"
username = "notifier"
password_file = "secrets/smtp"

[campaigns.linkedin-ai-training]
deadline = 2025-11-03
[[campaigns.linkedin-ai-training.steps]]
days_before = 30
message = "notice"
"""
SECRET = "correct-horse-battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sound configuration and a password."""
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    (tmp_path / "config.toml").write_text(FILE)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "smtp").write_text(SECRET + "\n")
    return tmp_path


@contextmanager
def _not_root() -> Iterator[None]:
    """As a user to whom permissions apply."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def _read(folder: Path, environment: dict[str, str] | None = None, *overrides: str) -> Loaded:
    return read(folder / "config.toml", environment=environment or {}, overrides=overrides)


def _append(folder: Path, text: str) -> None:
    file = folder / "config.toml"
    file.write_text(text + file.read_text() if "[" not in text else file.read_text() + text)


def _row(loaded: Loaded, key: str) -> tuple[str, str]:
    return next((row.value, row.source) for row in show(loaded) if row.key == key)


def _password(loaded: Loaded) -> str:
    password = loaded.settings.email.smtp.password
    assert password is not None
    return password.get_secret_value()


class TestOrder:
    def test_each_source_beats_the_one_before(self, folder: Path) -> None:
        port = "NOTIFIER_EMAIL__SMTP__PORT"
        assert _read(folder).settings.email.smtp.port == 587
        (folder / "config.toml").write_text(FILE.replace("[email.smtp]", "[email.smtp]\nport = 1"))
        assert _read(folder).settings.email.smtp.port == 1
        assert _read(folder, {port: "2"}).settings.email.smtp.port == 2
        assert _read(folder, {port: "2"}, "email.smtp.port=3").settings.email.smtp.port == 3
        assert _read(folder, {port: "2"}, "email.smtp.port=3", "email.smtp.port=4").settings.email.smtp.port == 4

    def test_a_secret_file_a_credential_and_a_variable(self, folder: Path, tmp_path: Path) -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        environment = {"CREDENTIALS_DIRECTORY": str(credentials)}
        assert _password(_read(folder, environment)) == SECRET
        (credentials / "email__smtp__password").write_text("from systemd")
        assert _password(_read(folder, environment)) == "from systemd"
        assert _password(_read(folder, environment | {"NOTIFIER_EMAIL__SMTP__PASSWORD": "12345"})) == "12345"

    def test_a_credential_may_be_named_with_dots(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "email.smtp.password").write_text("dotted")
        assert _password(_read(folder, {"CREDENTIALS_DIRECTORY": str(tmp_path)})) == "dotted"

    def test_tables_are_merged_and_lists_replaced(self, folder: Path) -> None:
        loaded = _read(
            folder,
            {
                "NOTIFIER_SENDING__WORK_DAYS": '["mon", "tue"]',
                "NOTIFIER_CAMPAIGNS__LINKEDIN_AI_TRAINING__LANGUAGE_BY_COUNTRY__CH": "de",
                "NOTIFIER_CAMPAIGNS__LINKEDIN_AI_TRAINING__CLOSES_AFTER_DAYS": "30",
            },
        )
        campaign = loaded.settings.campaigns["linkedin-ai-training"]
        assert loaded.settings.sending.work_days == ("mon", "tue")
        assert campaign.language_by_country == {"CH": "de"}
        assert (campaign.closes_after_days, len(campaign.steps)) == (30, 1)

    @pytest.mark.parametrize(
        ("written", "value"),
        [("12345", "12345"), ('"12345"', "12345"), ("a = b", "a = b"), ("true", "true"), ("Ünïcode", "Ünïcode")],
    )
    def test_a_text_stays_a_text(self, folder: Path, written: str, value: str) -> None:
        assert _read(folder, {"NOTIFIER_ORGANISATION__NAME": written}).settings.organisation.name == value
        assert _read(folder, {}, f"organisation.name={written}").settings.organisation.name == value

    def test_an_empty_variable_counts_as_not_set(self, folder: Path) -> None:
        assert _read(folder, {"NOTIFIER_EMAIL__SMTP__HOST": ""}).settings.email.smtp.host == "smtp.example.com"

    def test_nothing_of_the_process_itself_is_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NOTIFIER_EMAIL__SMTP__HOST", "other.example.com")
        monkeypatch.setenv("EMAIL", "{}")
        assert _read(folder).settings.email.smtp.host == "smtp.example.com"

    def test_the_same_file_gives_equal_settings(self, folder: Path) -> None:
        assert _read(folder).settings == _read(folder).settings


class TestFinding:
    def test_the_places_in_their_order(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        other = tmp_path / "other.toml"
        other.write_text(FILE.replace("Example SA", "Other SA").replace("secrets/smtp", str(folder / "secrets/smtp")))
        assert load(None, environment={}).organisation.name == "Example SA"
        assert load(None, environment={"NOTIFIER_CONFIG": str(other)}).organisation.name == "Other SA"
        assert load(folder / "config.toml", environment={"NOTIFIER_CONFIG": str(other)}).organisation.name == "Example SA"

    def test_none_at_all_says_where_it_looked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigurationError, match=r"config\.toml or /etc/notifier/config\.toml") as caught:
            load(None, environment={})
        assert caught.value.hint is not None
        assert "notifier init" in caught.value.hint

    def test_a_named_file_that_is_missing_is_not_replaced_by_another(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        with pytest.raises(ConfigurationError, match=r"no configuration file at nowhere\.toml, which NOTIFIER_CONFIG names"):
            load(None, environment={"NOTIFIER_CONFIG": "nowhere.toml"})

    def test_a_folder(self, folder: Path) -> None:
        with pytest.raises(ConfigurationError, match="is a folder"):
            load(folder, environment={})

    def test_a_file_that_may_not_be_read(self, folder: Path) -> None:
        (folder / "config.toml").chmod(0)
        with _not_root(), pytest.raises(NotPermittedError, match="this user may not read it"):
            _read(folder)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
    def test_windows_editors(self, folder: Path, encoding: str) -> None:
        (folder / "config.toml").write_bytes(FILE.replace("\n", "\r\n").replace("SA", "Zürich").encode(encoding))
        assert _read(folder).settings.organisation.name == "Example Zürich"

    @pytest.mark.parametrize(("encoding", "where"), [("utf-16", "UTF-16"), ("cp1252", ":2  holds a character that is not UTF-8")])
    def test_other_encodings_are_named(self, folder: Path, encoding: str, where: str) -> None:
        (folder / "config.toml").write_bytes(FILE.replace("SA", "Zürich").encode(encoding))
        with pytest.raises(ConfigurationError, match=where):
            _read(folder)


class TestPaths:
    def test_those_in_the_file_and_the_defaults_start_from_its_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")
        _append(folder, '[storage]\nurl = "sqlite:///data/store.db"\n[roster]\npath = "people.csv"\n')
        loaded = _read(folder).settings
        assert loaded.storage.url == f"sqlite:///{folder}/data/store.db"
        assert loaded.roster.path == folder / "people.csv"
        assert loaded.links.keys_file == folder / "link-keys"
        assert loaded.email.file.folder == folder / "outgoing"

    def test_the_default_store_stands_beside_the_file(self, folder: Path) -> None:
        assert _read(folder).settings.storage.url == f"sqlite:///{folder}/notifier.db"

    def test_absolute_ones_stay(self, folder: Path) -> None:
        _append(folder, '[storage]\nurl = "sqlite:////var/lib/notifier/store.db"\n')
        assert _read(folder).settings.storage.url == "sqlite:////var/lib/notifier/store.db"

    def test_those_of_variables_and_flags_start_from_the_working_directory(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path / "secrets")
        loaded = _read(
            folder, {"NOTIFIER_ROSTER__PATH": "a.csv", "NOTIFIER_EMAIL__SMTP__PASSWORD_FILE": "smtp"}, "links.keys_file=k"
        )
        assert loaded.settings.roster.path == tmp_path / "secrets" / "a.csv"
        assert loaded.settings.links.keys_file == tmp_path / "secrets" / "k"
        assert _password(loaded) == SECRET


class TestShow:
    def test_every_value_has_its_source(self, folder: Path) -> None:
        loaded = _read(folder, {"NOTIFIER_WEB__LISTEN": "127.0.0.1:9000"}, "sending.window=08:00-12:00")
        file = folder / "config.toml"
        assert _row(loaded, "email.smtp.host") == ('"smtp.example.com"', f"{file}:8")
        assert _row(loaded, "email.smtp.port") == ("587", "default")
        assert _row(loaded, "email.smtp.password") == ("********", f"file {folder}/secrets/smtp")
        assert _row(loaded, "web.listen") == ('"127.0.0.1:9000"', "environment NOTIFIER_WEB__LISTEN")
        assert _row(loaded, "sending.window") == ('"08:00-12:00"', "flag --set sending.window")
        assert _row(loaded, "campaigns.linkedin-ai-training.deadline") == ("2025-11-03", f"{file}:13")
        steps = '[{ days_before = 30, message = "notice", channels = [] }]'
        assert _row(loaded, "campaigns.linkedin-ai-training.steps") == (steps, f"{file}:14")
        assert _row(loaded, "storage.password") == ("(not set)", "default")
        assert _row(loaded, "links.keys_file") == (f'"{folder}/link-keys"', "default")

    def test_a_password_inside_a_url_becomes_a_secret(self, folder: Path) -> None:
        loaded = _read(folder, {"NOTIFIER_STORAGE__URL": "postgresql+psycopg://me:correct%20horse@db.example.com/notifier"})
        storage = loaded.settings.storage
        assert storage.url == "postgresql+psycopg://me@db.example.com/notifier"
        assert storage.password is not None
        assert storage.password.get_secret_value() == "correct horse"
        assert "correct" not in f"{show(loaded)}{loaded!r}"

    def test_nothing_secret_in_any_representation(self, folder: Path) -> None:
        loaded = _read(folder, {"NOTIFIER_STORAGE__URL": "postgresql+psycopg://me@h/n", "NOTIFIER_STORAGE__PASSWORD": SECRET})
        assert SECRET not in f"{loaded}{loaded!r}{show(loaded)}{loaded.settings}{loaded.settings.model_dump()}"


class TestMistakes:
    def test_a_password_on_the_command_line_is_refused_and_not_repeated(self, folder: Path) -> None:
        for override in (f"email.smtp.password={SECRET}", f"storage.url=postgresql+psycopg://me:{SECRET}@h/n"):
            with pytest.raises(ConfigurationError) as caught:
                _read(folder, {}, override)
            assert SECRET not in f"{caught.value}{caught.value.problems}"

    def test_files_that_may_not_be_read(self, folder: Path) -> None:
        """Nor files in a folder that is closed to this user."""
        _append(folder, 'templates = "closed/texts"\n')
        (folder / "closed" / "texts").mkdir(parents=True)
        (folder / "closed").chmod(0)
        with _not_root(), pytest.raises(ConfigurationError, match=r"texts\" may not be read by this user"):
            _read(folder)
        (folder / "secrets" / "smtp").chmod(0)
        with _not_root(), pytest.raises(ConfigurationError, match=r"smtp\" may not be read by this user"):
            _read(folder)

    def test_a_secret_file_that_is_a_folder(self, folder: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"secrets\" is a folder"):
            _read(folder, {}, f"email.smtp.password_file={folder / 'secrets'}")

    def test_all_sources_are_checked_at_once(self, folder: Path) -> None:
        (folder / "config.toml").write_text(FILE.replace("2025-11-03", '"3.11.2025"'))
        with pytest.raises(ConfigurationError, match="4 problems, nothing was changed") as caught:
            _read(folder, {"NOTIFIER_EMAIL__VIA": "pigeon", "NOTIFIER_EMAIL__SMTP__PASSWORD_FILE": "/nowhere"}, "email.smtp.port=x")
        wheres = [problem.where for problem in caught.value.problems]
        assert wheres[0] == f"{folder / 'config.toml'}:13:12"
        assert set(wheres[1:]) == {"NOTIFIER_EMAIL__VIA", "NOTIFIER_EMAIL__SMTP__PASSWORD_FILE", "--set email.smtp.port"}


_WRONG_TOML = FILE.replace('password_file = "secrets/smtp"', f'password = "{SECRET}"')
_edits = st.lists(
    st.tuples(
        st.integers(0, len(_WRONG_TOML)),
        st.sampled_from(["delete", "insert", "replace"]),
        st.sampled_from(list("\"'[]{}=.,#\n\\ a1é:\t\x00")),
    ),
    min_size=1,
    max_size=3,
)


def _edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    for position, how, character in edits:
        keep = position if how == "insert" else position + 1
        text = text[:position] + ("" if how == "delete" else character) + text[keep:]
    return text


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_edits)
def test_no_slip_of_the_keyboard_gives_a_traceback_or_shows_the_secret(tmp_path: Path, edits: list[tuple[int, str, str]]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(_edited(_WRONG_TOML, edits), newline="")
    try:
        load(file, environment={})
    except NotifierError as error:
        assert SECRET not in f"{error}{error.hint}"  # noqa: PT017 - not every edit makes an error
        if isinstance(error, ConfigurationError):
            assert error.problems  # noqa: PT017


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_give_a_traceback(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(raw)
    with pytest.raises(ConfigurationError):
        load(file, environment={})
