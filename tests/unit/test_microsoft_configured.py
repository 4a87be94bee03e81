"""From the settings to the parts that talk to Microsoft."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.channels.graph import GraphChannel
from notifier.channels.smtp import SmtpChannel
from notifier.errors import ConfigurationError
from notifier.service import email_channel, limits_of
from notifier.settings import Settings, load
from notifier.store.quota import Limits

APP = """[microsoft]
tenant = "example.onmicrosoft.com"
client_id = "8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11"
"""
GRAPH = 'via = "graph"\n[email.graph]\nmailboxes = ["privacy@example.com", "privacy-2@example.com"]\n'
XOAUTH2 = '[email.smtp]\nhost = "smtp.office365.com"\nusername = "privacy@example.com"\nlogin = "xoauth2"\n'
SECRET = {"NOTIFIER_MICROSOFT__CLIENT_SECRET": "correct horse"}


def settings_of(folder: Path, email: str, environment: dict[str, str]) -> Settings:
    (folder / "config.toml").write_text(
        f"""[organisation]
name = "Example SA"
contact = "Privacy Office <privacy@example.com>"
[campaigns.linkedin-ai-training]
deadline = 2025-11-03
steps = [{{ days_before = 30, message = "notice" }}]
{APP}
[email]
from = "Privacy Office <privacy@example.com>"
{email}"""
    )
    return load(folder / "config.toml", environment=environment)


@pytest.mark.parametrize(("choice", "resends"), [("stop", False), ("resend", True), ("look", True)])
def test_graph(tmp_path: Path, choice: str, resends: bool) -> None:
    """Nobody's message goes out twice unless the operator has chosen that, or it is looked for first."""
    settings = settings_of(tmp_path, f'{GRAPH}when_uncertain = "{choice}"\n', SECRET)
    channel = email_channel(settings)
    assert isinstance(channel, GraphChannel)
    assert (channel.name, channel.concurrency, channel.resend_when_uncertain) == ("graph", 4, resends)
    assert limits_of(settings)["graph"] == Limits(
        at_once=4, outlets={"privacy@example.com": Limits(30, 10_000), "privacy-2@example.com": Limits(30, 10_000)}
    )


def test_smtp_with_a_token_needs_no_password(tmp_path: Path) -> None:
    assert isinstance(email_channel(settings_of(tmp_path, XOAUTH2, SECRET)), SmtpChannel)


@pytest.mark.parametrize("email", [GRAPH, XOAUTH2], ids=["graph", "xoauth2"])
def test_an_app_that_cannot_prove_itself_is_told_so_before_anything_is_sent(tmp_path: Path, email: str) -> None:
    """Asked when the channel is made: who only stops or explains the service need not know the secret."""
    settings = settings_of(tmp_path, email, {})
    with pytest.raises(ConfigurationError, match="nothing to prove itself with") as caught:
        email_channel(settings)
    assert "client_secret_file" in str(caught.value.hint)
