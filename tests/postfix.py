"""A Postfix of our own: its configuration, queue, log and mailboxes lie in one folder, and it listens on loopback only.

It delivers mail to a Maildir for each address it is told, refuses every other address, and relays nothing. It needs the programs
that the package `postfix` brings, and root, because Postfix does.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon_rig import free_port

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:this server relays nothing
relay_transport = error:this server relays nothing
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_recipient_restrictions = reject_unauth_destination, reject_unlisted_recipient
smtpd_client_connection_count_limit = 0
smtputf8_enable = no
notify_classes =
{extra}
"""

_MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
showq unix n - n - - showq
pickup unix n - n 60 1 pickup
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running one. `port` is on 127.0.0.1."""

    port: int
    folder: Path

    def mailbox(self, address: str) -> list[bytes]:
        """The mails of one person as they lie in the Maildir, oldest first."""
        new = self.folder / "mail" / address.casefold() / "new"
        paths = new.iterdir() if new.is_dir() else ()
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]

    def mails(self) -> dict[str, list[bytes]]:
        """Every mailbox that has got something, by address in small letters."""
        boxes = sorted((self.folder / "mail").iterdir())
        return {box.name: self.mailbox(box.name) for box in boxes}

    @property
    def count(self) -> int:
        """How many mails lie in all mailboxes."""
        return sum(len(mails) for mails in self.mails().values())

    @property
    def log(self) -> str:
        path = self.folder / "log" / "mail.log"
        return path.read_text("utf-8") if path.exists() else ""


def why_not() -> str | None:
    """Why Postfix cannot run here, in one line; None if it can."""
    if shutil.which("postfix") is None:
        return "no Postfix here; .ci/run brings one"
    return None if os.geteuid() == 0 else "Postfix needs root"


@contextmanager
def running_postfix(mailboxes: Iterable[str], *, extra: str = "") -> Iterator[Postfix]:
    """Postfix for as long as the block lasts; the test is skipped where it cannot run.

    Args:
        mailboxes: the addresses it delivers to, of any domain, in ASCII.
        extra: more lines for main.cf.
    """
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    # Not in the folder of the tests: other users cannot pass through that one.
    with tempfile.TemporaryDirectory(prefix="postfix-") as name:
        folder = Path(name)
        _lay_out(folder)
        port = free_port()
        _configure(folder, port, mailboxes, extra)
        _control(folder, "start")
        try:
            yield Postfix(port=port, folder=folder)
        finally:
            _control(folder, "stop")


def _configure(folder: Path, port: int, mailboxes: Iterable[str], extra: str) -> None:
    addresses = sorted({address.casefold() for address in mailboxes})
    domains = " ".join(sorted({address.rpartition("@")[2] for address in addresses}))
    user = pwd.getpwnam("nobody")
    main = _MAIN.format(folder=folder, domains=domains, uid=user.pw_uid, gid=user.pw_gid, extra=extra)
    (folder / "etc" / "main.cf").write_text(main)
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=f"127.0.0.1:{port}"))
    (folder / "etc" / "mailboxes").write_text("".join(f"{address} {address}/\n" for address in addresses))


def _lay_out(folder: Path) -> None:
    folder.chmod(0o755)
    for name in ("etc", "queue", "data", "log", "mail"):
        (folder / name).mkdir()
    postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    os.chown(folder / "data", postfix.pw_uid, grp.getgrnam("postfix").gr_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)


def _control(folder: Path, verb: str) -> None:
    command = ["postfix", "-c", str(folder / "etc"), verb]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - our own words only
    if done.returncode != 0:
        log = folder / "log" / "mail.log"
        words = log.read_text("utf-8") if log.exists() else ""
        msg = f"`postfix {verb}` failed: {done.stdout}{done.stderr}{words}"
        raise RuntimeError(msg)
