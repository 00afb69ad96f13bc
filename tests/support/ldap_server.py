"""A real directory, OpenLDAP's ``slapd``, on a free port of loopback, with a folder of its own that ends with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from support import ending
from support.ports import free_port

START_WITHIN_S = 60.0
SUFFIX, ADMIN, ADMIN_PASSWORD = "dc=example,dc=com", "cn=admin,dc=example,dc=com", "the-admins"
PROGRAM = shutil.which("slapd") or "/usr/sbin/slapd"
SCHEMAS = Path("/etc/ldap/schema")

CONFIGURATION = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/nis.schema
include {schemas}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
{tls}
{allow}
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{admin}"
rootpw {admin_password}
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by {readers} read
"""


class LdapServer:
    """One directory, which holds *ldif*. *visitors*: whether who binds without a password, or as nobody, is let in."""

    def __init__(
        self, folder: Path, ldif: str, *, visitors: bool = False, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        certificate = f"TLSCertificateFile {tls[0]}\nTLSCertificateKeyFile {tls[1]}" if tls else ""
        text = CONFIGURATION.format(
            schemas=SCHEMAS,
            folder=folder,
            suffix=SUFFIX,
            admin=ADMIN,
            admin_password=ADMIN_PASSWORD,
            tls=certificate,
            allow="allow bind_anon_cred bind_anon_dn" if visitors else "disallow bind_anon",
            readers="*" if visitors else "users",
        )
        (folder / "slapd.conf").write_text(text)
        (folder / "users.ldif").write_text(ldif)
        argv = ["-f", str(folder / "slapd.conf"), "-l", str(folder / "users.ldif")]
        made = subprocess.run([PROGRAM, "-T", "add", *argv], capture_output=True)
        assert made.returncode == 0, made.stderr.decode()[-2000:]
        self.ports = [free_port() for _ in range(2 if tls else 1)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"ldap://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        kinds = zip(("ldap", "ldaps"), self.ports, strict=False)
        uris = " ".join(f"{kind}://127.0.0.1:{port}/" for kind, port in kinds)
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [PROGRAM, "-f", str(self.folder / "slapd.conf"), "-h", uris, "-d", "0"], stdout=console, stderr=console
            )
        until = time.monotonic() + START_WITHIN_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[-1]), 1):
                return
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self.folder / "console").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def pause(self) -> None:
        """Have it answer nobody."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # a thread of its own may be at work still

    def resume(self) -> None:
        """Have it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """End it."""
        if self._process is not None:
            ending.kill([self._process])
            self._process = None


@contextlib.contextmanager
def running(
    folder: Path, ldif: str, *, visitors: bool = False, tls: tuple[Path, Path] | None = None
) -> Iterator[LdapServer]:
    """Give a directory that ends with the block."""
    server = LdapServer(folder, ldif, visitors=visitors, tls=tls)
    try:
        server.start()
        yield server
    finally:
        server.end()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate of its own for 127.0.0.1 and ``localhost``, and its key."""
    crt, key = folder / "crt.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-keyout", str(key), "-out", str(crt), "-days", "30", "-subj", "/CN=localhost", "-addext", names]
    subprocess.run(argv, check=True, capture_output=True)
    ssl.create_default_context(cafile=str(crt))
    return crt, key
