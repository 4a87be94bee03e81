"""Whether a cell holds one e-mail address that a mail can be sent to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notifier.roster.text import all_lines

_LONGEST = 254
_LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LOCAL = re.compile(rf"{_ATOM}+(?:\.{_ATOM}+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})")
_PLAIN = re.compile(rf"(?!')(?=.{{3,{_LONGEST}}}\Z)(?=[^@]{{1,{_LONGEST_LOCAL}}}@){_LOCAL.pattern}@{_DOMAIN.pattern}")
# A whole column in one go, without trying anything twice. No part of an address this short can be too long.
_SHORT_LOCAL = rf"{_ATOM}++(?:\.{_ATOM}++)*+"
_SHORT_DOMAIN = r"(?:[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+\.)+(?:[A-Za-z]{2,}+|[Xx][Nn]--[A-Za-z0-9-]++)"
_SHORT_PLAIN_LINES = re.compile(rf"(?:(?!'){_SHORT_LOCAL}@{_SHORT_DOMAIN}\n)*+")
_NAMED = re.compile(r"[^<>]*<([^<>]+)>")


def plain_addresses(cells: Sequence[str]) -> Sequence[object]:
    """For each cell something true if it holds an address and nothing else, as nearly every cell does: it needs no cleaning."""
    if max(map(len, cells)) <= _LONGEST_LOCAL and all_lines(_SHORT_PLAIN_LINES, cells):
        return [True] * len(cells)
    return list(map(_PLAIN.fullmatch, cells))


def read_address(text: str) -> tuple[str, str | None]:
    """The address in a clean cell.

    `Zoé <zoe@example.com>` and `mailto:zoe@example.com` give the address alone; a domain outside ASCII gives its IDNA form.

    Returns:
        (address, None), or ("", why it is none).
    """
    address = text.lstrip("'")
    if named := _NAMED.fullmatch(address):
        address = named[1].strip()
    if address[:7].casefold() == "mailto:":
        address = address[7:]
    local, _, domain = address.partition("@")
    if not domain.isascii():
        domain = _ascii_domain(domain)
    if (
        _LOCAL.fullmatch(local)
        and _DOMAIN.fullmatch(domain)
        and len(local) <= _LONGEST_LOCAL
        and len(local) + len(domain) < _LONGEST
    ):
        return f"{local}@{domain}", None
    return "", _fault(address, local)


def _fault(address: str, local: str) -> str:
    faults = (
        (not address, "no e-mail address"),
        ("@" not in address, "the e-mail address has no @"),
        (address.count("@") > 1, "more than one @ in the e-mail address"),
        (len(local) > _LONGEST_LOCAL or len(address) > _LONGEST, "the e-mail address is too long"),
        (not local.isascii(), "the e-mail address has letters outside ASCII before the @, which many servers cannot deliver to"),
        (not _LOCAL.fullmatch(local), "the part before the @ of the e-mail address is not valid"),
    )
    return next((words for wrong, words in faults if wrong), "the domain of the e-mail address is not valid")


def _ascii_domain(domain: str) -> str:
    try:
        return domain[:_LONGEST].encode("idna").decode("ascii")
    except UnicodeError:
        return ""
