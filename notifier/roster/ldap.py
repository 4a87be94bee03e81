"""People out of a directory that speaks LDAP: Active Directory, OpenLDAP and their like.

The entries are asked for page by page, since directories give no more than a thousand or so at once. The names of attributes are
recognised as the headers of a file are; a manager is an entry's distinguished name, which is looked up among the entries. Two
things are told apart that a file says plainly: whether Active Directory has an account switched off (a bit of
userAccountControl), and binary ids.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import ldap3
from ldap3.core import exceptions as failures

from notifier.errors import BadDataError, NotPermittedError, TryLaterError
from notifier.roster.reading import Defaults, RosterReading
from notifier.roster.records import Records, read_records

PEOPLE = "(&(objectClass=person)(mail=*))"  # a class that a directory does not know would make it match nobody
_PAGE = 500
_SECONDS = 30
_SWITCHED_OFF = 2  # ACCOUNTDISABLE, of userAccountControl
_ATTRIBUTES = (
    *("employeeID", "employeeNumber", "objectGUID", "entryUUID", "mail", "userPrincipalName", "sAMAccountName", "uid"),
    *("givenName", "sn", "displayName", "preferredLanguage", "c", "co", "st", "department", "manager"),
    *("userAccountControl", "nsAccountLock"),
)
_HEADER = (*_ATTRIBUTES[:-2], "enabled", "disabled", "distinguishedName")


@dataclass(frozen=True, slots=True)
class Directory:
    """Where to ask, and as whom.

    Attributes:
        url: ldap://HOST[:PORT], which is encrypted by STARTTLS before the login, or ldaps://HOST[:PORT].
        login: the distinguished name, or with Active Directory the login name, of a user who may read; None asks as nobody.
        base: below which entry people are.
        people: the filter that says who is one.
        ca_file: certificates to trust in place of the system's.
        encrypted: False only for a directory on this machine.
    """

    url: str
    login: str | None
    password: str | None
    base: str
    people: str = PEOPLE
    ca_file: Path | None = None
    encrypted: bool = True


def read_ldap_roster(
    directory: Directory, *, columns: Mapping[str, str], defaults: Defaults, today: date, progress: Callable[[int], None]
) -> RosterReading:
    """Read the people of a directory.

    Args:
        columns: our field -> the attribute it comes from, where that is not recognised by itself.
        defaults, today: as for `files.read_roster`.
        progress: called with the number of entries so far, after each page.

    Raises:
        TryLaterError: the directory cannot be reached, or is busy.
        NotPermittedError: it does not accept the login, or does not let it read.
        BadDataError: it does not take the base or the filter, or what it gives is no roster.
    """
    attributes = tuple(dict.fromkeys((*_ATTRIBUTES, *columns.values())))
    header = (*_HEADER, *(name for name in attributes if name not in _ATTRIBUTES))
    with _plain_errors(directory), _connected(directory) as connection:
        records = []
        for number, entry in enumerate(_entries(connection, directory, attributes), start=1):
            records.append(_record(entry, header))
            if number % _PAGE == 0:
                progress(number)
    return read_records(Records(f"the directory {directory.url}", header, records), columns=columns, defaults=defaults, today=today)


def anybody_in(directory: Directory) -> bool:
    """Whether there is anybody; asks for a page of one. Raises as `read_ldap_roster` does."""
    with _plain_errors(directory), _connected(directory) as connection:
        return next(_entries(connection, directory, ("mail",), page=1), None) is not None


@contextmanager
def _connected(directory: Directory) -> Iterator[Any]:
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(directory.ca_file) if directory.ca_file else None)
    server = ldap3.Server(directory.url, tls=tls, get_info=ldap3.NONE, connect_timeout=_SECONDS)
    connection = ldap3.Connection(
        server,
        user=directory.login,
        password=directory.password,
        raise_exceptions=True,
        read_only=True,
        receive_timeout=_SECONDS,
    )
    try:
        connection.open(read_server_info=False)
        if directory.encrypted and not server.ssl:
            connection.start_tls(read_server_info=False)
        connection.bind(read_server_info=False)
        yield connection
    finally:
        connection.strategy.close()  # an unbind would be one more message to a directory that may have gone
        if connection.socket is not None:
            connection.socket.close()  # the library forgets it where a connection fails


def _entries(connection: Any, directory: Directory, attributes: Sequence[str], page: int = _PAGE) -> Iterator[Any]:
    found = connection.extend.standard.paged_search(
        directory.base, directory.people, attributes=attributes, paged_size=page, generator=True
    )
    return (entry for entry in found if entry["type"] == "searchResEntry")  # not a referral to another directory


def _record(entry: Mapping[str, Any], header: Sequence[str]) -> list[str]:
    raw = {name.casefold(): values for name, values in entry["raw_attributes"].items()}
    texts = {name: _text(name, values[0]) for name, values in raw.items() if values}
    control = texts.get("useraccountcontrol", "")
    if control.isdecimal():
        texts["enabled"] = "false" if int(control) & _SWITCHED_OFF else "true"
    texts["disabled"] = texts.get("nsaccountlock", "")
    texts["distinguishedname"] = entry["dn"]
    return [texts.get(name.casefold(), "") for name in header]


def _text(name: str, value: bytes) -> str:
    """The first value of an attribute as text. Active Directory's ids are binary, the first three parts turned round."""
    if name == "objectguid" and len(value) == 16:
        return str(UUID(bytes_le=value))
    return value.decode("utf-8", "replace")


@contextmanager
def _plain_errors(directory: Directory) -> Iterator[None]:
    """Say in words what the directory, or the library, says."""
    where = directory.url
    try:
        yield
    except (failures.LDAPInvalidCredentialsResult, failures.LDAPInappropriateAuthenticationResult):
        msg = f"{where} does not accept the login of roster.ldap.login"
        raise NotPermittedError(msg, hint="check roster.ldap.login and its password; it may have expired or be locked") from None
    except failures.LDAPInsufficientAccessRightsResult:
        msg = f"{where} does not let roster.ldap.login read below {directory.base}"
        raise NotPermittedError(msg, hint="give that user the right to read the people there") from None
    except (failures.LDAPNoSuchObjectResult, failures.LDAPInvalidDNSyntaxResult, failures.LDAPInvalidDnError):
        msg = f"roster.ldap.base: {where} has no entry {directory.base!r}"
        raise BadDataError(msg, hint='write the entry that people are below, like "ou=people,dc=example,dc=com"') from None
    except (failures.LDAPInvalidFilterError, failures.LDAPObjectClassError, failures.LDAPAttributeError) as error:
        msg = f"roster.ldap.people: the filter {directory.people!r} cannot be used: {error}"
        raise BadDataError(msg, hint=f'write one like "{PEOPLE}"') from None
    except failures.LDAPStartTLSError as error:
        msg = f"{where} offers no encryption that can be trusted: {_words_of(error)}"
        raise TryLaterError(msg, hint="use ldaps://, or name the authority of its certificate with roster.ldap.ca_file") from None
    except failures.LDAPException as error:
        msg = f"{where} cannot be read: {_words_of(error)}"
        raise TryLaterError(msg, hint="check roster.ldap.url, and that this machine may connect to it") from None


def _words_of(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
