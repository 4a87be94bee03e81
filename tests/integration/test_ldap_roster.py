"""People out of a real OpenLDAP server."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from notifier.errors import BadDataError, NotifierError, NotPermittedError, TryLaterError
from notifier.roster.ldap import Directory, read_ldap_roster
from notifier.roster.reading import Defaults, LeftOutBecause, RosterReading
from tests.daemon_rig import free_port
from tests.slapd import BASE, NOBODY, PASSWORD, READER, Slapd, running_slapd

TODAY = date(2025, 10, 1)
CROWD = 1100  # more than two pages
GUID = uuid.UUID("8d0e6f3a-5b7c-4b7e-9f55-0c0a7a3f2b11")


def entry(name: str, *lines: str, unit: str = "people") -> str:
    given, _, family = name.partition(" ")
    head = [f"dn: cn={name},ou={unit},{BASE}", "objectClass: inetOrgPerson", "objectClass: activeDirectoryUser"]
    return "\n".join([*head, f"cn: {name}", f"givenName: {given}", f"sn: {family}", *lines]) + "\n\n"


def unit(name: str) -> str:
    return f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n\n"


LDIF = "".join(
    [
        *map(unit, ("people", "crowd", "closed")),
        entry(
            "Zoé Exemple",
            *("employeeNumber: 0042", "mail: zoe@example.com", "preferredLanguage: fr-CH", "c: CH", "st: Genève"),
            "userAccountControl: 512",
        ),
        entry(
            "Jürgen Müller",
            *("mail: juergen@example.com", "co: Germany", f"manager: cn=Zoé Exemple,ou=people,{BASE}"),
            f"objectGUID:: {base64.b64encode(GUID.bytes_le).decode()}",
        ),
        entry("Carol Left", "employeeNumber: 7", "mail: carol@example.com", "userAccountControl: 514"),
        entry("No Mail", "employeeNumber: 8"),
        entry("Hidden One", "mail: hidden@example.com", unit="closed"),
        *(entry(f"P {n}", f"mail: p{n}@example.com", f"employeeNumber: {n}", unit="crowd") for n in range(1000, 1000 + CROWD)),
    ]
)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(tmp_path_factory.mktemp("slapd"), LDIF) as running:
        yield running


@pytest.fixture
def directory(slapd: Slapd) -> Directory:
    return Directory(slapd.url, READER, PASSWORD, f"ou=people,{BASE}", ca_file=slapd.ca_file)


def read(directory: Directory, **columns: str) -> RosterReading:
    return read_ldap_roster(directory, columns=columns, defaults=Defaults("Europe/Zurich"), today=TODAY, progress=lambda _: None)


def test_people_come_with_all_that_the_directory_knows(directory: Directory) -> None:
    reading = read(directory)
    zoe, juergen = sorted(reading.accepted, key=lambda person: person.id)
    assert (zoe.id, zoe.email, zoe.name, zoe.language) == ("0042", "zoe@example.com", "Zoé Exemple", "fr")
    assert (zoe.country, zoe.region, zoe.time_zone) == ("CH", "GE", "Europe/Zurich")
    assert (juergen.id, juergen.country, juergen.manager_id) == (str(GUID), "DE", "0042")


def test_an_account_that_is_switched_off_is_left_out(directory: Directory) -> None:
    (carol,) = read(directory).left_out
    assert carol.because is LeftOutBecause.DISABLED


def test_an_attribute_of_their_own_can_be_named(directory: Directory) -> None:
    ids = {person.id for person in read(directory, id="cn").accepted}
    assert ids == {"Zoé Exemple", "Jürgen Müller"}


@pytest.mark.parametrize("encrypted_from_the_first_byte", [False, True])
def test_thousands_come_page_by_page(slapd: Slapd, directory: Directory, encrypted_from_the_first_byte: bool) -> None:
    """The server gives nobody more than 50 entries at once."""
    url = slapd.encrypted_url if encrypted_from_the_first_byte else slapd.url
    seen: list[int] = []
    crowd = replace(directory, url=url, base=f"ou=crowd,{BASE}")
    reading = read_ldap_roster(crowd, columns={}, defaults=Defaults("UTC"), today=TODAY, progress=seen.append)
    assert {person.id for person in reading.accepted} == {str(n) for n in range(1000, 1000 + CROWD)}
    assert seen == [500, 1000]


def test_nothing_is_said_before_it_is_encrypted(directory: Directory) -> None:
    """A certificate of an authority nobody knows: the password stays here."""
    with pytest.raises(TryLaterError, match="no encryption that can be trusted") as caught:
        read(replace(directory, ca_file=None))
    assert PASSWORD not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"password": "wrong"}, NotPermittedError, "does not accept the login"),
        ({"login": NOBODY}, BadDataError, "has no entry"),
        ({"base": f"ou=nowhere,{BASE}"}, BadDataError, "has no entry"),
        ({"base": "no name"}, BadDataError, "has no entry"),
        ({"people": "(mail=*"}, BadDataError, "filter"),
        ({"base": f"ou=closed,{BASE}", "people": "(objectClass=inetOrgPerson)"}, BadDataError, "has no entry"),
        ({"people": "(uid=nobody)"}, BadDataError, "gives nobody"),
    ],
    ids=["password", "rights", "base", "no-name", "filter", "closed", "nobody"],
)
def test_what_goes_wrong_is_said_with_the_way_out(
    directory: Directory, change: dict[str, str], error: type[NotifierError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        read(replace(directory, **change))
    assert caught.value.hint
    assert PASSWORD not in str(caught.value)


def test_a_directory_that_is_not_there_is_waited_for(directory: Directory) -> None:
    with pytest.raises(TryLaterError, match="cannot be read"):
        read(replace(directory, url=f"ldap://127.0.0.1:{free_port()}"))
