"""The keys that say how messages leave on Slack."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from notifier.settings.kinds import Says, Whole, WrongValueError
from notifier.settings.section import Section


def _token(beginning: str, where: str) -> Callable[[SecretStr], SecretStr]:
    def check(secret: SecretStr) -> SecretStr:
        if not re.fullmatch(rf"{beginning}[\w.-]+", secret.get_secret_value()):
            raise WrongValueError(
                wanted=f"a token that begins with {beginning}", fix=f"copy it from {where}", says=f"does not begin with {beginning}"
            )
        return secret

    return check


def _signing_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-f]{32,64}", secret.get_secret_value()):
        raise WrongValueError(
            wanted="a signing secret: small letters a to f and digits", fix='copy it from "Basic Information" of the app'
        )
    return secret


def _team(name: str) -> str:
    if not re.fullmatch(r"[TE][A-Z0-9]{2,}", name):
        raise WrongValueError(
            wanted="the id of a workspace",
            fix='write the id that begins with T, like "T0123ABCD"; it stands in the address of Slack',
        )
    return name


def _api(text: str) -> str:
    if re.fullmatch(r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:\d+)?/api/?", text):
        return f"{text.rstrip('/')}/"
    host = re.sub(r"^\w+:/*", "", text).partition("/")[0] or "slack.com"
    raise WrongValueError(wanted="an address of Slack's Web API", fix=f'write "https://{host}/api/"')


BotToken = Annotated[SecretStr, AfterValidator(_token("xoxb-", '"OAuth & Permissions" of the app'))]
AppToken = Annotated[SecretStr, AfterValidator(_token("xapp-", '"Basic Information" of the app, App-Level Tokens'))]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
Team = Annotated[str, AfterValidator(_team), Says("the id of a workspace", '"T0123ABCD"')]
ApiAddress = Annotated[str, AfterValidator(_api), Says("an address of Slack's Web API", '"https://slack.com/api/"')]


class Slack(Section):
    """How messages leave on Slack, where "slack" stands in sending.ladder."""

    bot_token: BotToken | None = None
    """The Bot User OAuth Token, xoxb-… Not in this file: see the head of it."""
    bot_token_file: Path | None = None
    """A file that holds the Bot User OAuth Token (xoxb-…) and nothing else."""
    team_id: Team | None = None
    """The workspace, if the app is installed for a whole Enterprise Grid organisation."""
    answers: Literal["link", "buttons"] = "link"
    """link: one button opens the person's page. buttons: people answer in Slack itself; it needs app_token or signing_secret."""
    app_token: AppToken | None = None
    """The app-level token, xapp-…, for buttons through Socket Mode. Not in this file: see the head of it."""
    app_token_file: Path | None = None
    """A file that holds the app-level token (xapp-…); button presses then come through a connection that we open (Socket Mode)."""
    signing_secret: SigningSecret | None = None
    """The Signing Secret, for buttons through HTTP. Not in this file: see the head of it."""
    signing_secret_file: Path | None = None
    """A file that holds the Signing Secret; button presses then come to /slack/actions below web.base_url."""
    per_minute: Whole = Field(default=180, ge=1, le=300)
    """Messages a minute, over all processes. Slack allows several hundred in a workspace: 10,000 people take 56 minutes."""
    api_url: ApiAddress = "https://slack.com/api/"
    """Slack's Web API; https://slack-gov.com/api/ is that of GovSlack."""
