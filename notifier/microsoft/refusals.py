"""What a refused login means, in words: the AADSTS codes of Microsoft Entra ID that an admin can do something about.

The codes stand in Microsoft's list "Microsoft Entra authentication and authorization error codes". What is said there about the
app (its id, the tenant) is left out here, and nothing secret is ever in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from notifier.domain.smtp_replies import one_line
from notifier.errors import NotifierError, NotPermittedError, TryLaterError

NO_TENANT = "AADSTS90002"
_CODE = re.compile(r"AADSTS(\d+)")
_APP_PAGE = "Certificates & secrets of the app registration"
_FEDERATED = (
    "the token of this platform does not fit the app's federated credential",
    f"compare issuer, subject and audience in {_APP_PAGE} with those of the token in microsoft.federated_token_file",
)

_REFUSALS: Mapping[int, tuple[str, str]] = {
    7000215: (
        "the client secret is wrong",
        "put the Value of the secret, not its Secret ID, into the file that microsoft.client_secret_file names",
    ),
    7000222: (
        "the client secret has expired",
        f"make a new one in {_APP_PAGE}, and put its Value into microsoft.client_secret_file",
    ),
    700016: ("there is no such app in this tenant", "check microsoft.client_id and microsoft.tenant against the app registration"),
    90002: ("there is no such tenant", "check microsoft.tenant, and microsoft.authority if yours is a national cloud"),
    900023: ("microsoft.tenant is no name of a tenant", "write its id, or a domain like example.onmicrosoft.com"),
    700027: (
        "it does not know the certificate, or the certificate has expired",
        f"upload the public half of microsoft.certificate_file in {_APP_PAGE}, and look at its end date",
    ),
    700024: ("the proof of the app is not valid now", "set the clock of this machine"),
    70021: _FEDERATED,
    700211: _FEDERATED,
    700212: _FEDERATED,
    700213: _FEDERATED,
    7000112: ("the app is disabled", "enable it in Enterprise applications > Properties"),
    7000229: (
        "the app has not been admitted to this tenant",
        "let an admin grant consent in API permissions of the app registration",
    ),
    65001: ("consent to the app's permissions is missing", "let an admin grant consent in API permissions of the app registration"),
    500011: ("this tenant does not know the service that the app wants to use", "check microsoft.tenant and microsoft.authority"),
    53003: ("a Conditional Access policy blocks the app", "let a policy for workload identities admit this machine's address"),
}
_NOBODY = "nobody@example.com"  # no message is concerned, so there is no recipient to take out of the words
_PASSING = frozenset({90033, 90055, 50196, 90020})


class LoginRefusedError(NotPermittedError):
    """Microsoft Entra ID gives the app no token.

    Attributes:
        code: "AADSTS7000222", or the name of the error ("invalid_client") where none was given.
    """

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


def refusal(result: Mapping[str, Any]) -> NotifierError:
    """The error for what msal brought back in place of a token.

    Args:
        result: with "error", "error_description" and, mostly, "error_codes".
    """
    error, description = str(result.get("error", "")), str(result.get("error_description", ""))
    number = _number(result.get("error_codes"), description)
    code = f"AADSTS{number}" if number else error
    if number in _PASSING or error in {"temporarily_unavailable", "server_error"}:
        return TryLaterError(f"Microsoft Entra ID has no token for the app just now ({code})", hint="it is asked again by itself")
    known = _REFUSALS.get(number or 0)
    if known is None:
        said = one_line(_CODE.sub("", description.partition("Trace ID")[0]).lstrip(": "), _NOBODY)
        return LoginRefusedError(code, f"Microsoft Entra ID refuses the app ({code}): {said}", hint=_LOOK_UP)
    words, hint = known
    return LoginRefusedError(code, f"Microsoft Entra ID refuses the app: {words} ({code})", hint=hint)


_LOOK_UP = "look the code up in Microsoft's list of error codes, and check the keys of [microsoft]"


def _number(codes: object, description: str) -> int | None:
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    found = _CODE.search(description)
    return int(found[1]) if found else None
