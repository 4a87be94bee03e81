"""The provider that `[sign_in]` configures."""

from __future__ import annotations

from notifier.errors import ConfigurationError
from notifier.identity.provider import Provider
from notifier.settings.section import revealed
from notifier.settings.sign_in import SignIn

BACK = "/admin/sign-in/back"


def provider_of(settings: SignIn, base_url: str) -> Provider | None:
    """The provider; None where none is configured. Nothing is opened yet.

    Raises:
        ConfigurationError: it is configured, but there is no client secret. Asked here and not of the settings, since who only
            stops or explains the service need not know the secret.
    """
    if settings.authority is None or settings.client_id is None:
        return None
    secret = revealed(settings.client_secret)
    if secret is None:
        msg = "sign_in.client_id: there is no client secret"
        hint = "name the file that it stands in with sign_in.client_secret_file, or set NOTIFIER_SIGN_IN__CLIENT_SECRET"
        raise ConfigurationError(msg, hint=hint)
    return Provider(
        issuer=settings.authority,
        client_id=settings.client_id,
        client_secret=secret,
        redirect_uri=base_url + BACK,
        roles=settings.roles.by_role,
        roles_from=settings.roles_from,
        employee_claim=settings.employee_claim,
        scopes=settings.scopes,
        ca_file=settings.ca_file,
    )
