"""The app in Microsoft Entra ID: its login, its permissions by name, the mailboxes, and until when its credential holds."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from notifier.doctor.findings import Area, Finding
from notifier.doctor.seen_clocks import SeenClocks
from notifier.microsoft import Certificate, GraphClient, LostError
from notifier.settings import Settings

AREA = Area("Microsoft 365")

_CONSENT = (
    "add it under API permissions of the app registration (application permission of Microsoft Graph), and grant admin consent"
)
_SCOPED = (
    "if Exchange gives the app that right (RBAC for Applications), it does not show here and all is well: "
    "`notifier doctor --send-test ADDRESS` tells; else "
)
_RENEW = "upload a new certificate in Certificates & secrets of the app registration, and name it in microsoft.certificate_file"


def needs_app(settings: Settings) -> bool:
    """Whether anything is done as the app."""
    email = settings.email
    by_token = email.via == "smtp" and email.smtp.login == "xoauth2"
    return email.via == "graph" or by_token or settings.roster.source == "entra"


def needs_graph(settings: Settings) -> bool:
    """Whether Microsoft Graph is asked for anything."""
    return settings.email.via == "graph" or settings.roster.source == "entra"


async def look_at_app(graph: GraphClient, settings: Settings, clocks: SeenClocks) -> list[Finding]:
    """Log in, read the permissions in the token, and ask for each mailbox and for one person.

    Raises:
        LoginRefusedError, ConfigurationError, TryLaterError: there is no token.
    """
    try:
        roles = await graph.roles()
        findings = [AREA.ok("login", f"the app gets a token in {settings.microsoft.tenant}"), *_permissions(settings, roles)]
        if settings.email.via == "graph":
            mailboxes = settings.email.graph.mailboxes
            findings += [await _mailbox(graph, address, clocks) for address in mailboxes]  # Graph takes no more than 4 at once
    finally:
        await graph.close()
    return findings


def _permissions(settings: Settings, roles: frozenset[str] | None) -> list[Finding]:
    if roles is None:
        return [AREA.ok("permissions", "they cannot be read from this token", "`notifier doctor --send-test ADDRESS` tells")]
    mail, people = [], []
    if settings.email.via == "graph":
        mail = ["Mail.Send", *(["Mail.ReadWrite"] if settings.email.graph.verified else [])]
    if settings.roster.source == "entra":
        people = ["User.Read.All"]
    held = ", ".join(sorted(roles)) or "none"
    lacking_people = [role for role in people if not roles & {role, "Directory.Read.All"}]
    lacking_mail = [role for role in mail if role not in roles]
    findings = [AREA.problem("permissions", f"{role} is missing (the app has: {held})", _CONSENT) for role in lacking_people]
    findings += [
        AREA.warning("permissions", f"{role} is not in the token (the app has: {held})", _SCOPED + _CONSENT)
        for role in lacking_mail
    ]
    return findings or [AREA.ok("permissions", held)]


async def _mailbox(graph: GraphClient, address: str, clocks: SeenClocks) -> Finding:
    name = f"mailbox {address}"
    try:
        with clocks.watching("Microsoft Graph") as said:
            answer = await graph.request("GET", f"/users/{quote(address, safe='')}?$select=id,accountEnabled")
            said(answer.date)
    except LostError as lost:
        return AREA.problem(name, lost.reason, "check the way out to Microsoft Graph")
    if answer.status == 200:
        return AREA.ok(name, "is there")
    if answer.status == 404:
        return AREA.problem(name, "there is no such mailbox", "check email.graph.mailboxes; a new mailbox takes some minutes")
    if answer.status == 403:
        return AREA.ok(name, "cannot be seen: the app may not read people, and need not to send", None)
    return AREA.warning(name, f"Graph says {answer.status} {answer.code}".strip(), "try again in a minute")


async def look_at_people(graph: GraphClient, clocks: SeenClocks, area: Area) -> list[Finding]:
    """Ask for one person of the directory. Raises as `look_at_app` does."""
    name = "source"
    try:
        with clocks.watching("Microsoft Graph") as said:
            answer = await graph.request("GET", "/users?$top=1&$select=id")
            said(answer.date)
    except LostError as lost:
        return [area.problem(name, lost.reason, "check the way out to Microsoft Graph")]
    finally:
        await graph.close()
    if answer.status == 200:
        people = answer.body.get("value")
        some = "shows people" if people else "shows nobody"
        return [area.ok(name, f"Microsoft Entra ID {some} to the app")]
    if answer.status in {401, 403}:
        return [area.problem(name, "Microsoft Graph does not let the app read people", f"User.Read.All is missing: {_CONSENT}")]
    return [area.warning(name, f"Graph says {answer.status} {answer.code}".strip(), "try again in a minute")]


def look_at_credential(settings: Settings, now: datetime) -> list[Finding]:
    """Until when the app's credential holds, where that can be seen.

    Raises:
        ConfigurationError: the certificate cannot be read.
    """
    microsoft = settings.microsoft
    if microsoft.certificate_file is not None:
        return [
            AREA.until("credential", "the app's certificate", Certificate(microsoft.certificate_file).ends(), now, _RENEW, soon=30)
        ]
    if microsoft.federated_token_file is not None:
        return [AREA.ok("credential", "a token of this platform, which renews it by itself")]
    advice = "look at Certificates & secrets of the app registration, and put its end into your calendar"
    return [AREA.ok("credential", "a client secret; its end cannot be seen from here", advice)]
