"""The pages, as employees' browsers reach them: through the network, by the address that the links begin with."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from notifier.channels.smtp_opening import end_of_certificate
from notifier.doctor.findings import Area, Finding
from notifier.doctor.seen_clocks import SeenClocks
from notifier.domain.links import LinkKeys
from notifier.settings import Settings
from notifier.settings.kinds import THIS_MACHINE
from notifier.web.health import INSTANCE_HEADER, instance_of

AREA = Area("Web")

_RENEW = "have it renewed: browsers warn of the page once it has ended"


def look_at_addresses(settings: Settings) -> list[Finding]:
    """What the configuration itself says: the address of the links, and who can reach the service beside the proxy."""
    return [_links(settings.web.base_url), _listen(settings.web.listen)]


def _links(base_url: str) -> Finding:
    parts = urlsplit(base_url)
    found = f"every link begins with {base_url}"
    if parts.hostname in THIS_MACHINE:
        return AREA.warning("links", f"{found}: only browsers on this machine can open them", "set web.base_url")
    if parts.scheme != "https":
        advice = "put a proxy with a certificate in front, and write https:// in web.base_url"
        return AREA.warning("links", f"{found}: links and answers travel in the clear", advice)
    return AREA.ok("links", f"{found}; pages, forms and links are of that one address by construction")


def _listen(listen: str) -> Finding:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        private = ipaddress.ip_address(host).is_loopback
    except ValueError:
        private = host in THIS_MACHINE
    if private:
        return AREA.ok("listen", f"{listen} is reached from this machine only: by a proxy")
    advice = 'write "127.0.0.1:{}" behind a proxy on this machine; in a container, publish the port to the proxy alone'
    return AREA.warning("listen", f"{listen} is open to other machines, without encryption", advice.format(port))


async def look_from_outside(
    base_url: str, keys: LinkKeys, *, running: bool | None, clocks: SeenClocks, now: datetime, tls: ssl.SSLContext
) -> list[Finding]:
    """Ask the address of the links whether we are behind it.

    Args:
        running: whether a daemon runs on the store; None where the store cannot be asked.
        tls: what is trusted.
    """
    try:
        status, instance = await _ask(base_url, clocks, tls)
    except aiohttp.ClientConnectorCertificateError as error:
        return [_not_trusted(error)]
    except (aiohttp.ClientError, OSError) as error:
        return [_out_of_reach(base_url, running, getattr(error, "strerror", None) or type(error).__name__)]
    certificate = await _certificate(base_url, now, tls)
    if status == 200 and instance == instance_of(keys):
        return [AREA.ok("reachable", f"{base_url} leads to this notifier"), *certificate]
    if status == 200 and instance is not None:
        found = f"{base_url} leads to a notifier with other link keys"
        advice = "let the running one read its keys again (SIGHUP), or see which notifier web.base_url leads to"
        return [AREA.problem("reachable", found, advice), *certificate]
    if status in {502, 503, 504} and not running:
        return [_out_of_reach(base_url, running, f"the proxy says {status}"), *certificate]
    advice = "let the proxy pass every path below web.base_url on to web.listen, /healthz too"
    return [AREA.problem("reachable", f"{base_url}/healthz is answered by something else ({status})", advice), *certificate]


async def _ask(base_url: str, clocks: SeenClocks, tls: ssl.SSLContext) -> tuple[int, str | None]:
    connector = aiohttp.TCPConnector(ssl=tls, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        with clocks.watching(base_url) as said:
            async with session.get(f"{base_url}/healthz", allow_redirects=False) as response:
                said(response.headers.get("Date", ""))
                return response.status, response.headers.get(INSTANCE_HEADER)


async def _certificate(base_url: str, now: datetime, tls: ssl.SSLContext) -> list[Finding]:
    parts = urlsplit(base_url)
    if parts.scheme != "https":
        return []
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=tls)
    try:
        ends = end_of_certificate(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()
    return [] if ends is None else [AREA.until("certificate", "the certificate", ends, now, _RENEW)]


def _not_trusted(error: aiohttp.ClientConnectorCertificateError) -> Finding:
    cause = error.certificate_error
    words = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
    advice = "see that the certificate is for that name, not past its end, and sent with its intermediate ones; or, if it is of an "
    advice += "authority of your own, let this machine trust that one as browsers do"
    return AREA.problem("certificate", f"it is not trusted: {words}", advice)


def _out_of_reach(base_url: str, running: bool | None, why: str) -> Finding:
    if running:
        advice = "the service runs: look at the proxy, the name server and the firewall between here and web.listen"
        return AREA.problem("reachable", f"{base_url} cannot be reached: {why}", advice)
    found = f"{base_url} cannot be reached, and the service does not run: {why}"
    return AREA.warning("reachable", found, "start `notifier run`, then ask again")
