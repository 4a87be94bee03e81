"""The keys that say whom to tell of answers."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from notifier.settings.kinds import THIS_MACHINE, Says, WrongValueError
from notifier.settings.section import Section

_PREFIX = "whsec_"
_EXAMPLE = "https://hr.example.com/hooks/notifier"


def _url(text: str) -> str:
    if not _is_address(text):
        rest = text.partition("://")[2].rpartition("@")[2].partition("#")[0] if "://" in text else text
        better = f"https://{rest}"
        fix = better if _is_address(better) else "https://hr.example.com/hooks/notifier"
        raise WrongValueError(wanted="an address with https", fix=f'write "{fix}"')
    return text


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in THIS_MACHINE)
    clean = "@" not in parts.netloc and not parts.fragment and text.isprintable() and " " not in text
    return encrypted and bool(parts.hostname) and clean


def _secret(secret: SecretStr) -> SecretStr:
    """Standard Webhooks: "whsec_" and 24 to 64 bytes in base64."""
    text = secret.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except ValueError:
        size = 0
    if not text.startswith(_PREFIX) or not 24 <= size <= 64:
        raise WrongValueError(
            wanted='a secret for webhooks: "whsec_" and 24 to 64 bytes in base64',
            fix='make one: echo "whsec_$(openssl rand -base64 32)"',
        )
    return secret


WebhookUrl = Annotated[str, AfterValidator(_url), Says("an address with https", f'"{_EXAMPLE}"')]
WebhookSecret = Annotated[SecretStr, AfterValidator(_secret)]


class Webhook(Section):
    """A program that is told when somebody answers, as Standard Webhooks has it."""

    url: WebhookUrl | None = None
    """What is called, by POST. Left out: nobody is told."""
    secret: WebhookSecret | None = None
    """What each call is signed with. Not in this file: see the head of it."""
    secret_file: Path | None = None
    """A file that holds the secret (whsec_…) and nothing else; whoever is called checks the signature with the same one."""
    former_secret: WebhookSecret | None = None
    """The secret before, while whoever is called changes over to the new one: calls are signed with both."""
    former_secret_file: Path | None = None
    """A file that holds the secret before and nothing else. Take it out when everybody has the new one."""
    tell_answer: bool = False
    """Whether to say which answer it was. Without it only: settled, or open."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a server with a certificate of your own."""

    @model_validator(mode="after")
    def _is_used(self) -> Webhook:
        if self.secret is not None and self.url is None:
            raise WrongValueError(
                wanted="an address to call", fix="add url, or take the secret out", says="signs calls to nobody", key=("secret",)
            )
        return self
