"""One real test message on each channel, to one person.

It is the admin's own act: it goes past the outbox and past every hold, and leaves no trace in the store.
"""

from __future__ import annotations

import secrets
from email.utils import parseaddr

from notifier.channels.base import Channel, DeliveryFailed, Outgoing
from notifier.content.trial import trial_mail, trial_slack
from notifier.doctor.findings import Area, Finding
from notifier.doctor.parts import Parts
from notifier.domain.ladder import SLACK
from notifier.domain.slack_replies import mending
from notifier.errors import NotifierError
from notifier.service import ladders_of
from notifier.settings import Settings
from notifier.slack import SlackApi, SlackRefused, SlackSilent

AREA = Area("Test message")

_NAMES = {SLACK: "Slack", "smtp": "mail server", "graph": "Microsoft Graph", "file": "mail folder"}


async def send_trial(settings: Settings, parts: Parts, address: str) -> list[Finding]:
    """Send it on every channel of the ladder; on Slack to the member with that e-mail address.

    Returns:
        What each provider said.

    Raises:
        ConfigurationError: a secret is missing that a channel needs.
    """
    channels = {channel.name: channel for channel in parts.channels()}
    return [await _send(settings, parts, channels[name], address) for name in ladders_of(settings).channels]


async def _send(settings: Settings, parts: Parts, channel: Channel, address: str) -> Finding:
    name = _NAMES[channel.name]
    try:
        to = await _member(parts.slack(), address) if channel.name == SLACK else address
        receipt = await channel.send(_message(settings, parts, channel.name, to))
    except DeliveryFailed as failed:
        return AREA.problem(name, f"not sent ({failed.verdict}): {failed.reply}", "`notifier doctor` looks at what it needs")
    except NotifierError as error:
        return AREA.failed(name, error)
    finally:
        await channel.close()
    return AREA.ok(name, f"sent: {receipt.reply}", "look whether it arrived, and not among the spam")


async def _member(api: SlackApi, address: str) -> str:
    try:
        answer = await api.call("users.lookupByEmail", {"email": address}, read=True)
    except (SlackRefused, SlackSilent) as error:
        name = error.error if isinstance(error, SlackRefused) else None
        if name == "users_not_found":
            msg, hint = "no member of the workspace has that e-mail address", "name somebody who is on Slack"
        else:
            msg, hint = f"Slack says {error}", mending(name) or "`notifier doctor` looks at what it needs"
        raise NotifierError(msg, hint=hint) from error
    finally:
        await api.close()
    return str((answer.get("user") or {}).get("id"))


def _message(settings: Settings, parts: Parts, channel: str, to: str) -> Outgoing:
    organisation = settings.organisation
    render = trial_slack if channel == SLACK else trial_mail
    domain = parseaddr(settings.email.from_)[1].rpartition("@")[2]
    return Outgoing(
        delivery_id=0,
        employee_key=0,
        campaign="test",
        address=to,
        name="",
        message_id=f"test-{secrets.token_hex(8)}@{domain}",
        dated=parts.clock.now(),
        rendered=render(organisation.name, organisation.default_language),
    )
