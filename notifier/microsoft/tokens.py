"""Access tokens for an app, from Microsoft Entra ID: one client for Graph, for the directory and for SMTP.

msal works while it waits, also in its constructor. So it is built at the first token, everything it does happens in a thread, and
one lock keeps two tasks from asking for the same token. It keeps tokens itself until shortly before they end.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msal
import requests
from msal.exceptions import MsalError

from notifier.errors import NotifierError, TryLaterError
from notifier.microsoft.credentials import Credential
from notifier.microsoft.refusals import NO_TENANT, LoginRefusedError, refusal

AUTHORITY = "https://login.microsoftonline.com"
GRAPH_URL = "https://graph.microsoft.com"
EXCHANGE_SCOPES: Mapping[str, str] = {
    AUTHORITY: "https://outlook.office365.com/.default",
    "https://login.microsoftonline.us": "https://outlook.office365.us/.default",
    "https://login.partner.microsoftonline.cn": "https://partner.outlook.cn/.default",
}
"""What SMTP wants a token for, by the authority of the cloud."""

_TIMEOUT = 30


class HttpClient(Protocol):
    """What msal goes out with. Answers have `status_code`, `text`, `headers` and `raise_for_status()`."""

    def get(self, url: str, **arguments: Any) -> Any: ...
    def post(self, url: str, **arguments: Any) -> Any: ...
    def close(self) -> None: ...


class _Https:
    """`requests`, with a time limit, and with certificates that no environment variable replaces."""

    def __init__(self, ca_file: Path | None) -> None:
        self._session = requests.Session()
        self._more: dict[str, Any] = {"timeout": _TIMEOUT} | ({"verify": str(ca_file)} if ca_file else {})

    def get(self, url: str, **arguments: Any) -> requests.Response:
        return self._session.get(url, **arguments | self._more)

    def post(self, url: str, **arguments: Any) -> requests.Response:
        return self._session.post(url, **arguments | self._more)

    def close(self) -> None:
        self._session.close()


class TokenClient:
    """The app's login."""

    def __init__(
        self,
        *,
        tenant: str,
        client_id: str,
        credential: Credential,
        authority: str = AUTHORITY,
        ca_file: Path | None = None,
        http_client: HttpClient | None = None,
    ) -> None:
        """Nothing is opened or read before the first token.

        Args:
            tenant: the id of the tenant, or a domain of it.
            authority: of the cloud, without the tenant; https.
            ca_file: certificates to trust in place of the system's.
            http_client: what msal goes out with, in place of `requests`.
        """
        self._tenant = tenant
        self._client_id = client_id
        self._credential = credential
        self._authority = authority.rstrip("/")
        self._ca_file = ca_file
        self._http_client = http_client
        self._application: Any = None
        self._turn = asyncio.Lock()

    async def token(self, scope: str, *, instead_of: str | None = None) -> str:
        """An access token for one service.

        Args:
            scope: "https://graph.microsoft.com/.default".
            instead_of: a token that the service has refused; another one is fetched if that is the one at hand.

        Raises:
            LoginRefusedError: the app is refused; says why and what to do.
            ConfigurationError: the credential cannot be read.
            TryLaterError: Entra ID cannot be reached, or cannot answer now.
        """
        async with self._turn:
            return await asyncio.to_thread(self._acquire, scope, instead_of)

    def _acquire(self, scope: str, instead_of: str | None) -> str:
        try:
            if self._application is None:
                self._application = self._log_in()
            result = self._application.acquire_token_for_client([scope])
            if instead_of is not None and result.get("access_token") == instead_of:
                self._application.remove_tokens_for_client()
                result = self._application.acquire_token_for_client([scope])
        except NotifierError:
            raise
        except (requests.RequestException, MsalError, OSError, RuntimeError) as error:
            msg = f"Microsoft Entra ID cannot be reached at {self._authority} ({type(error).__name__})"
            raise TryLaterError(msg, hint="check the way out to it: proxy, firewall, microsoft.ca_file") from error
        if "access_token" not in result:
            raise refusal(result)
        return str(result["access_token"])

    def _log_in(self) -> Any:
        credential = self._credential.for_msal()
        try:
            return msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=credential,
                authority=f"{self._authority}/{self._tenant}",
                http_client=self._http_client or _Https(self._ca_file),
                # The authority is the admin's word; asking Microsoft's public cloud about it would tie other clouds to that.
                instance_discovery=False,
            )
        except ValueError as error:
            msg = f"Microsoft Entra ID at {self._authority} knows no tenant {self._tenant}"
            hint = "check microsoft.tenant, and microsoft.authority if yours is a national cloud"
            raise LoginRefusedError(NO_TENANT, msg, hint=hint) from error


def roles_in(token: str) -> frozenset[str] | None:
    """The permissions that a token says its app has. It is for the service to judge; this is only to tell people what they lack.

    Returns:
        None where the token is not of the readable kind.
    """
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    roles = claims.get("roles", []) if isinstance(claims, dict) else None
    return frozenset(str(role) for role in roles) if isinstance(roles, list) else None
