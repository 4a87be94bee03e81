"""Settings and parts for the doctor to look at, all of them on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from notifier.channels.base import Channel
from notifier.channels.slack import SlackChannel
from notifier.clock import Clock, SystemClock
from notifier.doctor.findings import Finding
from notifier.doctor.parts import Parts, parts_of
from notifier.service import write_new_keys
from notifier.settings import Settings
from notifier.slack import SlackApi
from tests.microsoft_calls import Call, GraphError, Reply, Route
from tests.microsoft_server import MicrosoftServer
from tests.slack_server import APP_TOKEN, TOKEN, SlackServer

PASSWORD = "correct horse battery"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
SECRETS = (PASSWORD, TOKEN, APP_TOKEN, SIGNING_SECRET)


def settings_in(folder: Path, **tables: Any) -> Settings:
    """Settings with a roster and link keys in this folder; tables that are named replace the ones here."""
    keys = folder / "link-keys"
    if not keys.exists():
        write_new_keys(keys)
        (folder / "roster.csv").write_text("id,email\n1,zoe@example.com\n", "utf-8")
    usual: dict[str, Any] = {
        "organisation": {"name": "Example SA", "contact": "Privacy Office <privacy@example.com>"},
        "storage": {"url": f"sqlite:///{folder}/notifier.db"},
        "links": {"keys_file": keys},
        "roster": {"path": folder / "roster.csv"},
        "email": {"via": "file", "from": "Privacy Office <privacy@example.com>", "file": {"folder": folder / "outgoing"}},
        "campaigns": {"test": {"deadline": "2025-11-03", "steps": [{"days_before": 30, "message": "notice"}]}},
    }
    return Settings.model_validate({**usual, **tables})


def smtp_table(port: int, **more: Any) -> dict[str, Any]:
    """[email] with a server on this port."""
    smtp = {"host": "localhost", "port": port, "security": "none", "timeout": 5, **more}
    return {"from": "Privacy Office <privacy@example.com>", "smtp": smtp}


def microsoft_table(server: MicrosoftServer) -> dict[str, Any]:
    """[microsoft] with the app of the fake, and its secret."""
    authority = server.authority
    return {"tenant": authority.tenant, "client_id": authority.client_id, "client_secret": authority.secret}


def parts_at(
    settings: Settings,
    *,
    slack: SlackServer | None = None,
    microsoft: MicrosoftServer | None = None,
    name_server: str | None = None,
    clock: Clock | None = None,
    channels: Sequence[Channel] | None = None,
    trusted: ssl.SSLContext | None = None,
) -> Parts:
    """The parts as they are made from the settings, but for those whose way leads outside."""
    parts = parts_of(settings, clock or SystemClock(), name_server)
    if slack is not None:
        parts = replace(
            parts,
            slack=lambda: SlackApi(TOKEN, base_url=slack.base_url),
            app=lambda: SlackApi(APP_TOKEN, base_url=slack.base_url),
        )
    if microsoft is not None:
        parts = replace(parts, graph=microsoft.client)
    if channels is not None:
        parts = replace(parts, channels=lambda: channels)
    return replace(parts, tls=lambda: trusted) if trusted is not None else parts


def slack_channel(slack: SlackServer) -> SlackChannel:
    return SlackChannel(token=TOKEN, base_url=slack.base_url)


async def _user(call: Call) -> Reply:
    if call.values["mailbox"] not in call.server.mailboxes:
        raise GraphError(404, "Request_ResourceNotFound", "Resource does not exist.")
    return 200, {"id": "1", "accountEnabled": True}


async def _users(_call: Call) -> Reply:
    return 200, {"value": [{"id": "1"}]}


_READERS = frozenset({"User.Read.All", "Directory.Read.All"})
PEOPLE_ROUTES = (Route("users", "GET", "/users", _READERS, _users), Route("user", "GET", "/users/{mailbox}", _READERS, _user))


def told(findings: Sequence[Finding], area: str, name: str) -> tuple[str, str, str | None]:
    """State, words and advice of the one finding with that name."""
    (one,) = [finding for finding in findings if (finding.area, finding.name) == (area, name)]
    return one.state.value, one.found, one.advice
