"""What the name servers say about the domain that mail comes from.

Where receivers look: MX (RFC 5321, 5.1; RFC 7505 for "takes no mail"), SPF (RFC 7208), DMARC (RFC 7489). Which of the addresses in
an SPF record the mail server has is for the receivers to judge; what can be told here is whether there is one record, and what it
says of everybody else. DKIM keys stand below a selector that only a signed message tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.resolver

from notifier.content.headers import ascii_address
from notifier.doctor.findings import Area, Finding
from notifier.errors import UsageError

AREA = Area("Sender's domain")

_SECONDS = 5.0
_MTA = "what may send for the domain is told by the operators of your mail server"
_ALIGNED = {"s": "exactly the same domain", "r": "the same domain or one below it"}
_POLICY = {
    "none": "are watched and delivered",
    "quarantine": "go to the spam folder",
    "reject": "are refused",
}


def resolver(name_server: str | None) -> dns.asyncresolver.Resolver:
    """Asks the system's name servers, or another one ("9.9.9.9", "127.0.0.1:5353").

    Raises:
        dns.exception.DNSException: the system has none.
        UsageError: that is no address.
    """
    asks = dns.asyncresolver.Resolver(configure=name_server is None)
    if name_server is not None:
        host, _, port = name_server.rpartition(":") if name_server.count(":") == 1 else (name_server, "", "")
        try:
            asks.nameservers, asks.port = [host], int(port or 53)
        except ValueError:
            msg = f"--name-server: {name_server!r} is not the address of a name server"
            raise UsageError(msg, hint='write one like "9.9.9.9", or "127.0.0.1:5353" with a port') from None
    asks.lifetime = _SECONDS
    return asks


async def look_at_domain(sender: str, name_server: str | None) -> list[Finding]:
    """SPF, DMARC, MX and DKIM of the domain of a bare address."""
    domain = ascii_address(sender).rpartition("@")[2]
    selector = "nobody outside can tell without the selector"
    hint = "look for `dkim=pass` in Authentication-Results of a message that `notifier doctor --send-test ADDRESS` sends"
    dkim = AREA.ok("DKIM", selector, hint)
    try:
        asks = resolver(name_server)
        mail, spf, dmarc = await asyncio.gather(_mx(asks, domain), _spf(asks, domain), _dmarc(asks, domain))
    except dns.exception.DNSException as error:
        found = f"{domain}: the name servers give no answer ({type(error).__name__})"
        advice = "ask another one with --name-server, or look at SPF and DMARC from a machine that may ask"
        return [AREA.warning("name servers", found, advice)]
    return [mail, spf, dmarc, dkim]


async def _mx(asks: dns.asyncresolver.Resolver, domain: str) -> Finding:
    advice = "failure reports and answers go there: write an email.from whose domain takes mail"
    try:
        answer = await asks.resolve(domain, "MX")
    except dns.resolver.NXDOMAIN:
        return AREA.problem("MX", f"there is no domain {domain}", "correct email.from; many servers refuse mail from such a domain")
    except dns.resolver.NoAnswer:
        if await _has_address(asks, domain):
            return AREA.ok("MX", f"{domain} has none, and takes mail at its own address")
        return AREA.problem("MX", f"{domain} takes no mail", advice)
    hosts = sorted((one.preference, one.exchange.to_text(omit_final_dot=True)) for one in answer)
    if [host for _, host in hosts] in ([""], ["."]):
        return AREA.problem("MX", f"{domain} says that it takes no mail", advice)
    return AREA.ok("MX", f"{domain} takes mail at {hosts[0][1]}" + (f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""))


async def _has_address(asks: dns.asyncresolver.Resolver, domain: str) -> bool:
    for kind in ("A", "AAAA"):
        try:
            await asks.resolve(domain, kind)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            continue
        return True
    return False


async def _spf(asks: dns.asyncresolver.Resolver, domain: str) -> Finding:
    records = [text for text in await _texts(asks, domain) if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        advice = f"have one written, like `v=spf1 include:… -all`; {_MTA}"
        return AREA.warning("SPF", f"{domain} has no record: anybody may write in its name", advice)
    if len(records) > 1:
        return AREA.problem("SPF", f"{domain} has {len(records)} records, which counts as an error", "make one of them")
    words = records[0].lower().split()
    last = next((word for word in words if word.lstrip("+-~?") == "all"), None)
    if last in {"-all", "~all"}:
        refused = "refused" if last == "-all" else "suspect"
        return AREA.ok("SPF", f"one record; servers that it does not name are {refused} ({last})")
    if last in {"+all", "all"}:
        return AREA.problem("SPF", f"one record, which lets everybody write in your name ({last})", "end it with -all or ~all")
    if last is None and (other := next((word for word in words if word.startswith("redirect=")), None)):
        return AREA.ok("SPF", f"one record, which goes on at {other.removeprefix('redirect=')}")
    ends = "ends with ?all" if last else "ends without all"
    return AREA.warning("SPF", f"one record, which {ends} and so says nothing of other servers", "end it with -all or ~all")


async def _dmarc(asks: dns.asyncresolver.Resolver, domain: str) -> Finding:
    at, records = domain, []
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):  # the domain itself, then those above it
        at = ".".join(labels[start:])
        records = [text for text in await _texts(asks, f"_dmarc.{at}") if text.lower().replace(" ", "").startswith("v=dmarc1")]
        if records:
            break
    if not records:
        return AREA.warning("DMARC", f"{domain} has no policy", "have one written at _dmarc of the domain, at first with p=none")
    if len(records) > 1:
        return AREA.warning("DMARC", f"{at} has {len(records)} policies, so none of them counts", "keep one of them")
    tags = dict(_pairs(records[0]))
    policy = tags.get("sp", tags.get("p", "")) if at != domain else tags.get("p", "")
    if policy not in _POLICY:
        return AREA.warning(
            "DMARC", f"the policy of {at} says p={policy}, which means nothing", "write p=none, quarantine or reject"
        )
    inherited = "" if at == domain else f", from {at}"
    found = f"messages that fail {_POLICY[policy]} (p={policy}{inherited})"
    dkim, spf = (_ALIGNED.get(tags.get(tag, "r"), _ALIGNED["r"]) for tag in ("adkim", "aspf"))
    advice = f"a message passes with a DKIM signature of {dkim}, or with SPF for a return address of {spf}"
    return AREA.ok("DMARC", found, advice)


def _pairs(record: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in record.lower().split(";"))
    return [(name.strip(), value.strip()) for name, _, value in parts]


async def _texts(asks: dns.asyncresolver.Resolver, name: str) -> Sequence[str]:
    try:
        answer = await asks.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
