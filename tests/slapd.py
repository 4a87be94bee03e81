"""An OpenLDAP server of our own: its configuration and its entries lie in one folder, and it listens on loopback only."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import make_certificates
from tests.daemon_rig import free_port

SCHEMAS = Path("/etc/ldap/schema")
BASE = "dc=example,dc=com"
READER = f"cn=reader,{BASE}"
NOBODY = f"cn=nobody,{BASE}"
PASSWORD = "let me read"

_CONFIGURATION = """\
{schemas}
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl'
    EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID'
    EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'activeDirectoryUser'
    SUP top AUXILIARY MAY ( userAccountControl $ objectGUID $ co $ c ) )
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {chain}
TLSCertificateKeyFile {chain}
sizelimit size.soft=50 size.hard=50 size.pr=unlimited size.prtotal=unlimited
database mdb
suffix "{base}"
directory {folder}/data
access to dn.subtree="ou=closed,{base}" by * none
access to attrs=userPassword by * auth
access to * by dn.exact="{reader}" read by dn.exact="{nobody}" none by * auth
"""


@dataclass(frozen=True)
class Slapd:
    """A running server. It gives 50 entries, and more only page by page, as directories do."""

    url: str
    encrypted_url: str
    ca_file: Path


@contextmanager
def running_slapd(folder: Path, ldif: str) -> Iterator[Slapd]:
    """Start a server that holds these entries, below `BASE`."""
    if shutil.which("slapd", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no OpenLDAP here; .ci/run brings one")
    (folder / "data").mkdir(parents=True)
    certificates = make_certificates(folder / "certificates")
    schemas = "\n".join(f"include {SCHEMAS}/{name}.schema" for name in ("core", "cosine", "inetorgperson"))
    configuration = folder / "slapd.conf"
    filled = _CONFIGURATION.format(
        schemas=schemas, chain=certificates.chain_file, base=BASE, reader=READER, nobody=NOBODY, folder=folder
    )
    configuration.write_text(filled)
    root = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"
    root += "".join(
        f"dn: {name}\nobjectClass: person\ncn: {name[3:].partition(',')[0]}\nsn: x\nuserPassword: {PASSWORD}\n\n"
        for name in (READER, NOBODY)
    )
    load = ["/usr/sbin/slapadd", "-q", "-f", str(configuration)]
    subprocess.run(load, input=root + ldif, text=True, check=True, timeout=30)  # noqa: S603 - words of our own
    plain, encrypted = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{encrypted}"
    server = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", str(configuration), "-h", urls])  # noqa: S603
    try:
        _wait_for(plain, server)
        yield Slapd(f"ldap://localhost:{plain}", f"ldaps://localhost:{encrypted}", certificates.ca_file)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
