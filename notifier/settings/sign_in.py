"""The keys that say how operators sign in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, field_validator, model_validator

from notifier.domain.operators import Role
from notifier.settings.kinds import Says, Text, WrongValueError
from notifier.settings.section import Section, first_repeated

_EXAMPLE = "https://login.microsoftonline.com/8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11/v2.0"
_DISCOVERY = "/.well-known/openid-configuration"
_ENTRA = "login.microsoftonline.com"
_MANY_TENANTS = frozenset({"common", "organizations", "consumers"})


def _authority(text: str) -> str:
    wanted = "the address of a sign-in service"
    parts = urlsplit(text)
    good = parts.scheme == "https" and parts.hostname and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not good or text.endswith(_DISCOVERY):
        rest = re.sub(r"^\w*:?//|^[^/]*@|[?#].*$", "", text.removesuffix(_DISCOVERY)) or "login.example.com"
        raise WrongValueError(wanted=wanted, fix=f'write "https://{rest}"')
    if parts.hostname == _ENTRA and set(parts.path.split("/")) & _MANY_TENANTS:
        fix = f'name yours: "https://{_ENTRA}/(Directory ID)/v2.0"'
        raise WrongValueError(wanted="one tenant", fix=fix, says="lets in everybody with a Microsoft account")
    return text


Authority = Annotated[str, AfterValidator(_authority), Says("the address of a sign-in service", f'"{_EXAMPLE}"')]


class SignInRoles(Section):
    """Who gets which role: names of app roles or groups, as the sign-in service tells them. The highest one counts."""

    admin: tuple[Text, ...] = ("Notifier.Admin",)
    """May do everything: stop and resume, retry, approve a roster."""
    officer: tuple[Text, ...] = ("Notifier.Officer",)
    """May see persons, and do what is done for one of them."""
    viewer: tuple[Text, ...] = ("Notifier.Viewer",)
    """May see figures, and no person."""

    @field_validator("admin", "officer", "viewer")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if (index := first_repeated(names)) is not None:
            raise WrongValueError(
                wanted="each name once", fix=f'take one "{names[index]}" out', says="stands there more than once", key=(index,)
            )
        return names

    @property
    def by_role(self) -> Mapping[Role, frozenset[str]]:
        """The names that give each role."""
        return {Role.ADMIN: frozenset(self.admin), Role.OFFICER: frozenset(self.officer), Role.VIEWER: frozenset(self.viewer)}


class SignIn(Section):
    """How those who look after the reminders sign in: by OpenID Connect. Without it, `notifier admin link` lets them in."""

    authority: Authority | None = None
    """The sign-in service, exactly as it calls itself (its issuer). For Entra ID it ends in your Directory ID and /v2.0."""
    client_id: Text | None = None
    """What notifier is known by there. Its redirect URI there is web.base_url followed by /admin/sign-in/back."""
    client_secret: SecretStr | None = None
    """The client secret. Not in this file: see the head of it."""
    client_secret_file: Path | None = None
    """A file that holds the client secret and nothing else."""
    roles_from: Literal["roles", "groups"] = "roles"
    """What roles are made of: roles (app roles) or groups, as they stand in the ID token."""
    employee_claim: Text | None = None
    """The claim that holds a person's id in the roster, like oid with Entra ID. With it managers can sign in at /team."""
    scopes: tuple[Text, ...] = ()
    """What to ask for besides openid and profile, where a service tells groups only then."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, for a service with a certificate of your own."""
    roles: SignInRoles = SignInRoles()
    """Who gets which role: names of app roles or groups, as the sign-in service tells them. The highest one counts."""

    @model_validator(mode="after")
    def _is_whole(self) -> SignIn:
        for key, other in (("authority", "client_id"), ("client_id", "authority")):
            if getattr(self, key) and not getattr(self, other):
                raise WrongValueError(wanted=f"{other} beside it", fix=f"add {other}", says=f"has no {other} beside it", key=(key,))
        if self.authority and not any(self.roles.by_role.values()):
            raise WrongValueError(
                wanted="a role for somebody",
                fix='name one in [sign_in.roles], like admin = ["Notifier.Admin"]',
                says="lets nobody in: no app role or group has a role here",
                key=("authority",),
            )
        return self
