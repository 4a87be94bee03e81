"""The ways out that the settings name: channels, their limits, and in which order they are tried."""

from __future__ import annotations

from notifier.bounces.hearing import BounceReader, TokenProvider
from notifier.bounces.imap import ImapMailbox, Server
from notifier.bounces.mailbox import Mailbox
from notifier.bounces.maildir import Maildir, require_maildir
from notifier.channels.base import Channel
from notifier.channels.file import FileChannel
from notifier.channels.graph import AT_ONCE, GraphChannel
from notifier.channels.slack import REWRITES_PER_MINUTE, SlackChannel
from notifier.channels.smtp import SmtpChannel
from notifier.domain.ladder import SLACK, Ladders
from notifier.errors import ConfigurationError
from notifier.microsoft import exchange_tokens, graph_client
from notifier.settings import Settings
from notifier.settings.section import revealed
from notifier.slack import SlackApi
from notifier.store.database import Database
from notifier.store.quota import Limits


def ladders_of(settings: Settings) -> Ladders:
    """On which channels each step is tried, and in which order."""
    return Ladders.of(settings.sending.ladder, email=settings.email.via, campaigns=settings.domain_campaigns)


def limits_of(settings: Settings) -> dict[str, Limits]:
    """What each channel's provider allows."""
    smtp, graph = settings.email.smtp, settings.email.graph
    mailboxes = {mailbox: Limits(graph.per_minute, graph.per_day) for mailbox in graph.mailboxes}
    return {
        "smtp": Limits(smtp.per_minute, smtp.per_day),
        "graph": Limits(at_once=AT_ONCE, outlets=mailboxes),
        SLACK: Limits(settings.slack.per_minute, rewrites_per_minute=REWRITES_PER_MINUTE),
    }


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """Every channel that something is sent on. Raises as `email_channel` and `slack_channel` do."""
    return tuple(slack_channel(settings) if name == SLACK else email_channel(settings) for name in ladders_of(settings).channels)


def slack_channel(settings: Settings) -> Channel:
    """Direct messages on Slack.

    Raises:
        ConfigurationError: a secret is missing that it needs.
    """
    slack = settings.slack
    if slack.answers == "buttons" and slack.app_token is None and slack.signing_secret is None:
        msg = 'slack.answers: "buttons" needs a way for button presses to come in'
        hint = (
            "for Socket Mode name the file of the app-level token with slack.app_token_file, for HTTP that of the signing secret "
            'with slack.signing_secret_file; or write answers = "link"'
        )
        raise ConfigurationError(msg, hint=hint)
    return SlackChannel(token=_bot_token(settings), team_id=slack.team_id, base_url=slack.api_url)


def slack_api(settings: Settings) -> SlackApi:
    """Slack's Web API as the bot. Raises ConfigurationError where there is no bot token."""
    return SlackApi(_bot_token(settings), team_id=settings.slack.team_id, base_url=settings.slack.api_url)


def app_api(settings: Settings) -> SlackApi:
    """Slack's Web API as the app, which opens connections for buttons. Raises ConfigurationError where there is no app token."""
    if settings.slack.app_token is None:
        msg = "slack.app_token: there is none"
        raise ConfigurationError(msg, hint="name the file it stands in with slack.app_token_file, or set NOTIFIER_SLACK__APP_TOKEN")
    return SlackApi(settings.slack.app_token.get_secret_value(), base_url=settings.slack.api_url)


def _bot_token(settings: Settings) -> str:
    if settings.slack.bot_token is None:
        msg = "slack.bot_token: Slack is used, and there is no token"
        raise ConfigurationError(msg, hint="name the file it stands in with slack.bot_token_file, or set NOTIFIER_SLACK__BOT_TOKEN")
    return settings.slack.bot_token.get_secret_value()


def email_channel(settings: Settings) -> Channel:
    """The channel that `email.via` names.

    Raises:
        ConfigurationError: a login without its password or secret. Asked here and not of the settings, since who only stops or
            explains the service need not know it.
    """
    email = settings.email
    reply_to = email.reply_to or settings.organisation.contact
    if email.via == "file":
        return FileChannel(email.file.folder, sender=email.from_, reply_to=reply_to)
    if email.via == "graph":
        return _graph_channel(settings, reply_to)
    return smtp_channel(settings)


def smtp_channel(settings: Settings) -> SmtpChannel:
    """Mail through the server of [email.smtp]. Raises as `email_channel` does."""
    email, smtp = settings.email, settings.email.smtp
    by_token = smtp.login == "xoauth2"
    if smtp.username and smtp.password is None and not by_token:
        msg = f"email.smtp.username: {smtp.username!r} has no password"
        hint = "name the file it stands in with email.smtp.password_file, or set NOTIFIER_EMAIL__SMTP__PASSWORD"
        raise ConfigurationError(msg, hint=hint)
    return SmtpChannel(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        sender=email.from_,
        reply_to=email.reply_to or settings.organisation.contact,
        username=smtp.username,
        password=revealed(smtp.password),
        token_provider=exchange_tokens(settings.microsoft) if by_token else None,
        ca_file=smtp.ca_file,
        connections=smtp.connections,
        timeout=smtp.timeout,
    )


def _graph_channel(settings: Settings, reply_to: str) -> Channel:
    graph = settings.email.graph
    return GraphChannel(
        graph_client(settings.microsoft),
        mailbox=graph.mailboxes[0],
        sender=settings.email.from_,
        reply_to=reply_to,
        verified=graph.verified,
        resend_when_uncertain=graph.when_uncertain == "resend",
    )


def bounce_reader(settings: Settings, database: Database) -> BounceReader | None:
    """What hears of mails that come back; None where nobody looks. Raises as `bounce_mailbox` does."""
    found = bounce_mailbox(settings)
    return None if found is None else BounceReader(found[0], database, ladders_of(settings), found[1])


def bounce_mailbox(settings: Settings) -> tuple[Mailbox, TokenProvider | None] | None:
    """Where mails come back to, and what gives tokens to log in there where it wants one; None where nobody looks.

    Raises:
        ConfigurationError: a login without its password or secret.
    """
    bounces = settings.email.bounces
    if bounces.via == "maildir" and bounces.folder is not None:
        return Maildir(bounces.folder), None
    if bounces.via != "imap":
        return None
    imap = bounces.imap
    by_token = imap.login == "xoauth2"
    if imap.password is None and not by_token:
        msg = f"email.bounces.imap.username: {imap.username!r} has no password"
        hint = "name the file it stands in with email.bounces.imap.password_file, or set NOTIFIER_EMAIL__BOUNCES__IMAP__PASSWORD"
        raise ConfigurationError(msg, hint=hint)
    server = Server(
        host=imap.host or "",
        port=imap.port,
        security=imap.security,
        username=imap.username or "",
        password=revealed(imap.password),
        folder=imap.folder,
        ca_file=imap.ca_file,
    )
    return ImapMailbox(server), exchange_tokens(settings.microsoft) if by_token else None


def require_bounce_folder(settings: Settings) -> None:
    """Raises ConfigurationError or NotPermittedError where mails come back to a folder, and it is no Maildir."""
    bounces = settings.email.bounces
    if bounces.via == "maildir" and bounces.folder is not None:
        require_maildir(bounces.folder)
