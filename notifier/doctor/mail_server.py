"""The mail server: as far as it can be asked before a message."""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from typing import Protocol

from notifier.channels.smtp_opening import Seen
from notifier.channels.smtp_terms import Refused, Silent, Unfit
from notifier.doctor.findings import Area, Finding
from notifier.domain.smtp_replies import Stage, one_line
from notifier.settings import Settings

AREA = Area("Mail server")

_NOBODY = "nobody@example.invalid"  # no message is concerned, so there is no recipient to take out of the words
_SMALL = 100_000  # bytes; the largest mail we write has 30,000 of HTML
_EXCHANGE = ("office365.com", "office365.us", "partner.outlook.cn")
_LOGIN_ADVICE = {
    "5.7.139": 'switch "Authenticated SMTP" on for that mailbox in the Microsoft 365 admin centre, or set email.via to "graph"',
    "5.7.3": "see that the app has the right SMTP.SendAsApp and is registered in Exchange, with full access to that mailbox",
}


class Server(Protocol):
    """What can be looked at: `channels.smtp.SmtpChannel`, which says what is raised."""

    async def look(self) -> Seen: ...


async def look_at_server(channel: Server, settings: Settings, now: datetime) -> list[Finding]:
    """Connect, encrypt, log in, name the sender, and leave."""
    smtp = settings.email.smtp
    where = f"{smtp.host}:{smtp.port}"
    try:
        seen = await channel.look()
    except Refused as refused:
        return [_refused(where, refused)]
    except Silent as silent:
        advice = "check email.smtp.host and email.smtp.port, and that this machine may connect there"
        return [AREA.problem("connection", f"{where}: {silent.reason}", advice)]
    except Unfit as reason:
        return [AREA.problem("connection", f"{where}: {reason}", "look at the keys of [email.smtp] that it names")]
    return [
        *_encryption(where, seen, now),
        AREA.ok("login", _login(settings)),
        _sender(settings, seen),
        _extensions(seen),
        *look_at_limits(settings),
    ]


def _refused(where: str, refused: Refused) -> Finding:
    words = f"{where} says {_words(refused)}"
    if refused.stage is not Stage.LOGIN:
        return AREA.problem("connection", words, "the server turns this machine away; ask its administrators to let it in")
    known = next((advice for code, advice in _LOGIN_ADVICE.items() if code in refused.text), None)
    advice = "check email.smtp.username and what email.smtp.password_file holds; the account may be locked, or may not send"
    return AREA.problem("login", words, known or advice)


def _encryption(where: str, seen: Seen, now: datetime) -> list[Finding]:
    if seen.encryption is None:
        return [AREA.ok("connection", f"{where} answers, without encryption", "only right for a relay on this machine or net")]
    connected = AREA.ok("connection", f"{where} answers, encrypted by {seen.encryption}")
    if seen.certificate_ends is None:
        return [connected]
    advice = "have the server's certificate renewed: no mail leaves once it has ended"
    return [connected, AREA.until("certificate", "the certificate", seen.certificate_ends, now, advice)]


def _login(settings: Settings) -> str:
    smtp = settings.email.smtp
    if smtp.username is None:
        return "none is configured; the server asked for none so far"
    return f"as {smtp.username}, with {'a token' if smtp.login == 'xoauth2' else 'a password'}"


def _sender(settings: Settings, seen: Seen) -> Finding:
    address = parseaddr(settings.email.from_)[1]
    if seen.refused is None:
        return AREA.ok("sender", f"{address} is taken as sender, as far as the server says before a message")
    advice = "give this login the right to send as that address, or set email.from to an address of its own"
    if settings.email.smtp.username is None:
        advice = "the server may want a login: set email.smtp.username; or let it admit this machine and that sender"
    return AREA.problem("sender", f"{address} is refused as sender: {_words(seen.refused)}", advice)


def _extensions(seen: Seen) -> Finding:
    lacking = []
    if "PIPELINING" not in seen.extensions:
        lacking.append("without PIPELINING each message takes four round trips")
    if "DSN" not in seen.extensions:
        lacking.append("without DSN a failure report is known only by the message it quotes")
    offered = ", ".join(name for name in ("PIPELINING", "DSN", "8BITMIME", "SIZE") if name in seen.extensions)
    found = f"offers {offered}" if offered else "offers nothing beyond plain SMTP"
    if seen.largest:
        found += f", messages up to {seen.largest / 1_000_000:.1f} MB"
        if seen.largest < _SMALL:
            return AREA.warning("extensions", found, "have the limit raised: a mail may have up to 0.1 MB")
    return AREA.ok("extensions", found, "; ".join(lacking) or None)


def look_at_limits(settings: Settings) -> list[Finding]:
    """Whether what Exchange Online allows is configured, where it is the server."""
    smtp = settings.email.smtp
    if not smtp.host.endswith(_EXCHANGE):
        return []
    wrong = []
    if smtp.connections > 3:
        wrong.append(f"email.smtp.connections is {smtp.connections}, Exchange Online takes 3")
    if (smtp.per_minute or 31) > 30:
        wrong.append("email.smtp.per_minute has to be 30 or less")
    if (smtp.per_day or 10_001) > 10_000:
        wrong.append("email.smtp.per_day has to be 10000 or less")
    if not wrong:
        return [AREA.ok("limits", "those of Exchange Online are configured")]
    return [AREA.warning("limits", "; ".join(wrong), "what exceeds the limits of Exchange Online is refused or delayed there")]


def _words(refused: Refused) -> str:
    return f"{refused.code} {one_line(refused.text, _NOBODY)}"
