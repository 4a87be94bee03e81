"""Single header values of a mail: addresses, and words that may hold anything."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache

from notifier.content.plain import one_line
from notifier.errors import NotifierError

# RFC 2047 allows 75 characters to an encoded word; 39 bytes make one of 64, which leaves room for "Reply-To: " before it.
_BYTES_IN_A_WORD = 39
_LONGEST_NAME = 120
_LONGEST_SUBJECT = 250
# Printable ASCII up to this length needs neither encoding nor folding, whatever the header is called.
_LONGEST_PLAIN = 60

# A comma in a name is read as people write it, without the quotes that RFC 5322 wants around it.
_CONFIGURED = re.compile(r"(.*?)\s*<([^<>]*)>", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_ATOMS = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")


class UnsendableMailError(NotifierError):
    """A mail cannot be written, or what was written is not what was meant. It must not be sent."""

    exit_code = 65


def mailbox(name: str, address: str) -> str:
    """`"Zoé Exemple" <zoe@example.com>` as it stands in a header, in ASCII.

    Args:
        name: may hold anything; one that holds an address is left out, since it would be read as one.
        address: a plain address; an international domain is written in its ASCII form.

    Raises:
        UnsendableMailError: the address has no form that every mail server understands.
    """
    written = f"<{ascii_address(address)}>"
    words = _cut(one_line(name), _LONGEST_NAME)
    if not words or "@" in words:
        return written
    if _ATOMS.fullmatch(words) and len(words) <= _LONGEST_PLAIN:
        return f"{words} {written}"
    if _is_plain(words):
        quoted = words.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" {written}'
    return f"{_encoded(words)}\r\n {written}"


def mailbox_of(text: str) -> str:
    """The same for a configured "Name <address>"."""
    match = _CONFIGURED.fullmatch(text.strip())
    if match is None:
        return mailbox("", text.strip())
    name, address = match.groups()
    if name.startswith('"') and name.endswith('"'):
        name = _ESCAPED.sub(r"\1", name[1:-1])
    return mailbox(name, address)


@lru_cache(maxsize=256)
def ascii_address(address: str) -> str:
    """The address in ASCII.

    Raises:
        UnsendableMailError: see `mailbox`.
    """
    local, _, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if _LOCAL_PART.fullmatch(local) and "=?" not in local and _DOMAIN.fullmatch(domain) and len(local) + len(domain) < 320:
        return f"{local}@{domain}"
    msg = "a mail address has a form that mail servers do not understand"
    raise UnsendableMailError(msg, hint="correct it in the roster, or in the configuration if it is that of the sender")


def unstructured(text: str) -> str:
    """A subject as it stands in a header, in ASCII."""
    words = _cut(one_line(text), _LONGEST_SUBJECT)
    return words if _is_plain(words) else _encoded(words)


def _is_plain(words: str) -> bool:
    return words.isascii() and words.isprintable() and len(words) <= _LONGEST_PLAIN and "=?" not in words


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[: longest - 1] + "…"


def _encoded(words: str) -> str:
    """RFC 2047 encoded words, one a line, none of them ending inside a character."""
    if len(whole := words.encode("utf-8")) <= _BYTES_IN_A_WORD:
        return f"=?utf-8?b?{b64encode(whole).decode('ascii')}?="
    chunks: list[bytes] = [b""]
    for character in words:
        encoded = character.encode("utf-8")
        if len(chunks[-1]) + len(encoded) > _BYTES_IN_A_WORD:
            chunks.append(b"")
        chunks[-1] += encoded
    return "\r\n ".join(f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?=" for chunk in chunks)
