"""What an app proves itself with: a secret, a certificate, or a token that somebody else vouches with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from notifier.errors import ConfigurationError

_NO_CERTIFICATE = "holds no certificate"
_NO_KEY = "holds no private key"
_NOT_A_PAIR = "its private key and its certificate do not belong together"
_LOCKED = "its private key has a password, and that is not known"
_OPEN = "its private key has no password, but one is configured"
_WRONG_KEY = "its private key does not open with the password"
_BOTH = "put the private key and its certificate into it, both as PEM"
_KEY_FILE = "name the file that the password stands in with microsoft.certificate_password_file"
_NO_KEY_FILE = "take microsoft.certificate_password_file out"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The value of a client secret."""

    value: str = field(repr=False)

    def for_msal(self) -> Any:
        """As `msal.ConfidentialClientApplication` takes it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM file with a private key and its certificate, in any order.

    Attributes:
        password: of the private key, if it has one.
    """

    file: Path
    password: str | None = field(default=None, repr=False)

    def for_msal(self) -> Any:
        """Read the file. Without a thumbprint msal signs with the certificate's SHA-256 one.

        Raises:
            ConfigurationError: it cannot be read, or holds no key with its certificate.
        """
        pem = _read(self.file, "microsoft.certificate_file")
        certificate, key = self._certificate(pem), self._key(pem)
        if key.public_key() != certificate.public_key():
            raise self._unusable(_NOT_A_PAIR, _BOTH)
        return {
            "private_key": key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode("ascii"),
            "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        }

    def ends(self) -> datetime:
        """Until when the certificate holds. Raises as `for_msal` does where there is none."""
        return self._certificate(_read(self.file, "microsoft.certificate_file")).not_valid_after_utc

    def _certificate(self, pem: bytes) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise self._unusable(_NO_CERTIFICATE, _BOTH) from error

    def _key(self, pem: bytes) -> Any:
        try:
            return serialization.load_pem_private_key(pem, self.password.encode() if self.password else None)
        except TypeError as error:
            raise (self._unusable(_OPEN, _NO_KEY_FILE) if self.password else self._unusable(_LOCKED, _KEY_FILE)) from error
        except ValueError as error:
            raise (self._unusable(_WRONG_KEY, _KEY_FILE) if self.password else self._unusable(_NO_KEY, _BOTH)) from error

    def _unusable(self, why: str, hint: str) -> ConfigurationError:
        return ConfigurationError(f"microsoft.certificate_file: {self.file}: {why}", hint=hint)


@dataclass(frozen=True, slots=True)
class FederatedToken:
    """A file with a token of the platform this runs on (workload identity). It is renewed there, and so read each time."""

    file: Path

    def for_msal(self) -> Any:
        """As `msal.ConfidentialClientApplication` takes it; reading raises ConfigurationError."""
        return {"client_assertion": self._read}

    def _read(self) -> str:
        return _read(self.file, "microsoft.federated_token_file").decode("ascii", "replace").strip()


Credential = ClientSecret | Certificate | FederatedToken


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        msg = f"{setting}: {file} cannot be read: {error.strerror or error}"
        raise ConfigurationError(msg, hint="name a file that is there, and let the service's user read it") from error
