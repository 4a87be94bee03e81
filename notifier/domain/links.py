"""Signed personal links.

A link is `{base_url}/a/{campaign}/{token}`. The token is derived, never stored: nothing in the store or its backups opens a page.
It names the key it was signed with, the person by a random public id, and proves both with a code over everything it is good for
(purpose, campaign, person, version). So the same person has the same link in every reminder of a campaign, a link for one purpose
or campaign opens no other, raising a person's version voids all their links, and a new key leaves old links working as long as the
old key is kept.

    token  = base64url( key id: 1 byte | public id: 16 bytes | code: 16 bytes )      44 characters
    code   = the first 128 bits of HMAC-SHA256(key, purpose|campaign|public id|version)

A manager's link is `{base_url}/t/{token}`. It belongs to no campaign, and it names the last day on which it opens anything, which
is signed with the rest. Its length is another one, so neither kind can be read as the other.

    token  = base64url( key id: 1 byte | public id: 16 bytes | until: 3 bytes, days | code: 16 bytes )      48 characters
    code   = the first 128 bits of HMAC-SHA256(key, purpose|until|public id|version)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from notifier.errors import ConfigurationError

KEY_BYTES = 32
_PUBLIC_ID_BYTES = 16
_CODE_BYTES = 16
_UNTIL_BYTES = 3
_LARGEST_KEY_ID = 255
_TOKEN = re.compile(r"[A-Za-z0-9_-]{44}")
_TEAM_TOKEN = re.compile(r"[A-Za-z0-9_-]{48}")
_HEADER = (
    "# Keys that personal links are signed with: number, then key. The last line signs new links, the others still open old ones.\n"
)


class Purpose(StrEnum):
    """What a link is good for."""

    ACKNOWLEDGE = "acknowledge"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """What a token claims. Nothing is proven before `LinkKeys.matches`.

    Attributes:
        public_id: 22 characters, as in `employees.public_id`.
    """

    key_id: int
    public_id: str
    code: bytes


@dataclass(frozen=True, slots=True)
class ParsedTeamToken:
    """What a manager's token claims. Nothing is proven before `LinkKeys.matches_team`, and then `until` is still to be compared.

    Attributes:
        public_id: 22 characters, as in `employees.public_id`.
        until: the last day on which it opens anything, where the manager is.
    """

    key_id: int
    public_id: str
    until: date
    code: bytes


class LinkKeys:
    """The keys that links are signed with, by their number. One signs, all verify.

    Attributes:
        current: the number of the key that signs.
        numbers: every number there is, in rising order.
    """

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        """Take the keys.

        Raises:
            ValueError: no such current key, a number outside 0 to 255, or a key of another length than 32 bytes.
        """
        for number, key in keys.items():
            if not 0 <= number <= _LARGEST_KEY_ID or len(key) != KEY_BYTES:
                msg = f"key {number}: expected a number from 0 to {_LARGEST_KEY_ID} and {KEY_BYTES} bytes"
                raise ValueError(msg)
        if current not in keys:
            msg = f"there is no key {current}"
            raise ValueError(msg)
        self._keys = dict(keys)
        self._begun = {number: hmac.new(key, digestmod="sha256") for number, key in keys.items()}
        self.current = current

    def __repr__(self) -> str:
        return f"LinkKeys(numbers={self.numbers}, current={self.current})"

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted(self._keys))

    def sign(self, purpose: Purpose, campaign: str, public_id: str, version: int) -> str:
        """The token of a person for one purpose in one campaign.

        Args:
            public_id: 22 characters of base64url, 16 bytes.
            version: `employees.link_version`.
        """
        code = self._code(self.current, purpose, campaign, public_id, version)
        return _encode(bytes([self.current]) + _decode(public_id) + code)

    def matches(self, parsed: ParsedToken, purpose: Purpose, campaign: str, version: int) -> bool:
        """Whether the token was signed by one of these keys for exactly this."""
        if parsed.key_id not in self._keys:
            return False
        expected = self._code(parsed.key_id, purpose, campaign, parsed.public_id, version)
        return hmac.compare_digest(expected, parsed.code)

    def sign_team(self, public_id: str, link_version: int, until: date) -> str:
        """The token of a manager for the pages about their team.

        Args:
            public_id: 22 characters of base64url, 16 bytes.
            until: the last day on which it opens anything.
        """
        code = self._code(self.current, Purpose.TEAM, until.isoformat(), public_id, link_version)
        day = until.toordinal().to_bytes(_UNTIL_BYTES, "big")
        return _encode(bytes([self.current]) + _decode(public_id) + day + code)

    def matches_team(self, parsed: ParsedTeamToken, link_version: int) -> bool:
        """Whether the token was signed by one of these keys for this manager and its day. Whether that day is over, see `until`."""
        if parsed.key_id not in self._keys:
            return False
        expected = self._code(parsed.key_id, Purpose.TEAM, parsed.until.isoformat(), parsed.public_id, link_version)
        return hmac.compare_digest(expected, parsed.code)

    def derive(self, label: str) -> tuple[bytes, ...]:
        """Keys for another use, the one to sign with first: they can make no link, and no link tells them."""
        numbers = [self.current, *(number for number in self.numbers if number != self.current)]
        return tuple(hmac.digest(self._keys[number], f"derive|{label}".encode(), "sha256") for number in numbers)

    def with_new(self, key: bytes) -> LinkKeys:
        """The same keys and one more that signs from now on. After number 255 comes 0, in place of the key that had it."""
        number = (self.current + 1) % (_LARGEST_KEY_ID + 1)
        return LinkKeys({**self._keys, number: key}, number)

    def _code(self, key_id: int, purpose: Purpose, campaign: str, public_id: str, version: int) -> bytes:
        code = self._begun[key_id].copy()
        code.update(f"{purpose}|{campaign}|{public_id}|{version}".encode())
        return code.digest()[:_CODE_BYTES]

    def dump(self) -> str:
        """The text of a key file; secret. The current key stands last."""
        numbers = [*(number for number in self.numbers if number != self.current), self.current]
        lines = (f"{number} {base64.b64encode(self._keys[number]).decode()}\n" for number in numbers)
        return _HEADER + "".join(lines)

    @classmethod
    def load(cls, text: str, *, source: str) -> LinkKeys:
        """Read the text of a key file.

        Args:
            source: the file's name, for the message.

        Raises:
            ConfigurationError: it holds no key, a line of another form, or a number twice.
        """
        keys: dict[int, bytes] = {}
        for line_number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            number, key = _read_line(line, where=f"{source}:{line_number}")
            if number in keys:
                msg = f"{source}:{line_number}  key {number} stands there twice"
                raise ConfigurationError(msg, hint="restore the file from its backup; links made with a lost key no longer open")
            keys[number] = key
        if not keys:
            msg = f"{source}: there is no key in it"
            raise ConfigurationError(msg, hint="restore the file from its backup, or make a new one with `notifier init`")
        return cls(keys, number)


def parse(token: str) -> ParsedToken | None:
    """Take a token apart; None if it is none by its form."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    return ParsedToken(raw[0], _encode(raw[1 : 1 + _PUBLIC_ID_BYTES]), raw[1 + _PUBLIC_ID_BYTES :])


def parse_team(token: str) -> ParsedTeamToken | None:
    """Take a manager's token apart; None if it is none by its form."""
    if not _TEAM_TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    public_id, rest = raw[1 : 1 + _PUBLIC_ID_BYTES], raw[1 + _PUBLIC_ID_BYTES :]
    day = int.from_bytes(rest[:_UNTIL_BYTES], "big")
    if not date.min.toordinal() <= day <= date.max.toordinal():
        return None
    return ParsedTeamToken(raw[0], _encode(public_id), date.fromordinal(day), rest[_UNTIL_BYTES:])


def team_url(base_url: str, token: str) -> str:
    """The address of a manager's page."""
    return f"{base_url}/t/{token}"


def url(base_url: str, campaign: str, token: str) -> str:
    """The address of a person's page."""
    return f"{base_url}/a/{campaign}/{token}"


def _read_line(line: str, *, where: str) -> tuple[int, bytes]:
    match = re.fullmatch(r"\s*(\d{1,3})\s+(\S+)\s*", line)
    try:
        key = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        key = b""
    if match is None or int(match[1]) > _LARGEST_KEY_ID or len(key) != KEY_BYTES:
        msg = f"{where}  expected a number from 0 to {_LARGEST_KEY_ID}, a space and {KEY_BYTES} bytes in base64"
        raise ConfigurationError(msg, hint="restore the file from its backup; links made with a lost key no longer open")
    return int(match[1]), key


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
