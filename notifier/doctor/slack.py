"""Slack: both tokens, the granted scopes by name, and what buttons need."""

from __future__ import annotations

from typing import Any

from notifier.doctor.findings import Area, Finding
from notifier.doctor.seen_clocks import SeenClocks
from notifier.domain.slack_replies import mending
from notifier.settings import Settings
from notifier.slack import SlackApi, SlackRefused, SlackSilent

AREA = Area("Slack")

SCOPES = ("chat:write", "im:write", "users:read", "users:read.email")
"""What the bot needs: to write, to open the conversation, to find people, and by their address."""

_SCOPES_HEADER = "x-oauth-scopes"
_INSTALL = "add it under OAuth & Permissions of the app (deploy/slack-manifest.yaml has them all), and install the app again"


async def look_at_bot(api: SlackApi, clocks: SeenClocks) -> list[Finding]:
    """Who the bot token belongs to, and what it may do."""
    try:
        with clocks.watching("Slack") as said:
            answer, headers = await api.call_with_headers("auth.test", {})
            said(headers.get("date", ""))
    except (SlackRefused, SlackSilent) as error:
        return [_failed("bot token", "slack.bot_token_file", error)]
    finally:
        await api.close()
    return [_team(answer), *_scopes(headers.get(_SCOPES_HEADER))]


def _team(answer: dict[str, Any]) -> Finding:
    if not answer.get("bot_id"):
        advice = "copy the Bot User OAuth Token, xoxb-…, from OAuth & Permissions of the app"
        return AREA.problem("bot token", f"it is no bot's, in the workspace {answer.get('team')}", advice)
    return AREA.ok("bot token", f"of the bot {answer.get('user') or answer.get('bot_id')} in the workspace {answer.get('team')}")


def _scopes(header: str | None) -> list[Finding]:
    if header is None:
        advice = "compare OAuth & Permissions of the app with deploy/slack-manifest.yaml"
        return [AREA.warning("scopes", "Slack did not say which ones are granted", advice)]
    granted = {scope.strip() for scope in header.split(",")}
    lacking = [scope for scope in SCOPES if scope not in granted]
    if not lacking:
        return [AREA.ok("scopes", ", ".join(SCOPES))]
    return [AREA.problem("scopes", f"{scope} is not granted", _INSTALL) for scope in lacking]


async def look_at_socket(api: SlackApi) -> list[Finding]:
    """Whether the app token may open a connection for buttons. None is opened."""
    try:
        await api.call("apps.connections.open", {})
    except (SlackRefused, SlackSilent) as error:
        return [_failed("app token", "slack.app_token_file", error)]
    finally:
        await api.close()
    return [AREA.ok("app token", "may receive buttons (Socket Mode)")]


def look_at_signing_secret(settings: Settings) -> list[Finding]:
    """What can be said about buttons through HTTP before one is pressed. Its form is checked with the settings."""
    advice = f"let Interactivity & Shortcuts of the app send to {settings.web.base_url}/slack/actions, which Slack must reach"
    return [AREA.ok("signing secret", "has the right form; whether it is the app's own shows with the first button", advice)]


def _failed(name: str, key: str, error: SlackRefused | SlackSilent) -> Finding:
    if isinstance(error, SlackSilent):
        return AREA.problem(name, str(error), "check the way out to slack.com: proxy, firewall, name server")
    needed = f" ({error.needed})" if error.needed else ""
    mend = mending(error.error) or f"look at the app's page at api.slack.com/apps, and at what {key} holds"
    return AREA.problem(name, f"Slack says {error}{needed}", mend)
