"""Who may use the stack's HTTP API: an administrator, made on the first start, and whoever is configured.

::

    DIR/etc/users                 names and hashes (saltern-run auth.passwd)
    DIR/etc/master.d/access.conf  that file as external_auth, its user admin an administrator; yours to edit
    DIR/run/api-admin.json        the administrator's name and password, readable by its owner alone
    DIR/run/api-admin.form        the same as curl sends it (-d @FILE)
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlencode

from saltern.files import write_atomic
from saltern_master.auth.password_file import PasswordFile
from saltern_master.auth.passwords import random_password
from saltern_master.up.own_options import own_option

ADMIN = "admin"
ADMIN_FILE_MODE = 0o600
CLIENTS = ["local", "local_async", "local_batch", "local_subset", "runner", "runner_async", "wheel", "wheel_async"]
_BY_ADDRESS = {"api_acl", "authorized_ips"}
_ACCESS = """# Who may log in to the HTTP API: made by saltern-up on the first start, and yours to edit.
# saltern-run auth.passwd NAME gives more people a password; a role, or an entry here, what they may.
external_auth:
  file:
    ^filename: {users}
roles:
  admin: {{members: ["file:{admin}"]}}
"""


class ApiAccess:
    """The access to the API of the stack in the folder *root*."""

    def __init__(self, root: str) -> None:
        self._config_dir = os.path.join(root, "etc")
        self._users = os.path.join(self._config_dir, "users")
        self._access = os.path.join(self._config_dir, "master.d", "access.conf")
        self.admin_file = os.path.join(root, "run", "api-admin.json")
        self.form_file = os.path.join(root, "run", "api-admin.form")
        self.made: tuple[str, str] | None = None
        """The administrator's name and password, when they were made just now."""

    def prepare(self) -> None:
        """Make an administrator unless someone was given access already. Raises ``OSError``, ``SalternError``."""
        own = self.said("external_auth")
        if own is not None:
            return
        password = random_password()
        PasswordFile(self._users).set(ADMIN, password)
        write_atomic(self._access, _ACCESS.format(users=json.dumps(self._users), admin=ADMIN).encode())
        told = {"username": ADMIN, "password": password, "eauth": "file"}
        write_atomic(self.admin_file, json.dumps({"name": ADMIN, **told}, indent=1).encode() + b"\n", ADMIN_FILE_MODE)
        write_atomic(self.form_file, urlencode(told).encode(), ADMIN_FILE_MODE)
        self.made = (ADMIN, password)

    def said(self, key: str) -> Any:
        """Return what the stack's own files say of an option of the master's. Raises ``ConfigError``."""
        return own_option(self._config_dir, "master", key)

    @property
    def certificate(self) -> str:
        """The file of the one that the stack's own files name, or nothing. Raises ``ConfigError``."""
        return str(self._own().get("ssl_crt") or "")

    def _own(self) -> dict[str, Any]:
        own = self.said("rest_cherrypy")
        return own if isinstance(own, dict) else {}  # what is wrong with it, the programs say

    def options(self, host: str, port: int) -> dict[str, Any]:
        """Return what the API needs of the master's options, beside what the stack's own files say."""
        own = self._own()
        plain = {} if self.certificate else {"disable_ssl": True}
        # Where addresses decide who may log in, no program of this host's may say another's.
        console = {} if _BY_ADDRESS & own.keys() else {"trusted_proxies": [host]}
        options: dict[str, Any] = {"rest_cherrypy": {**plain, **console, **own, "host": host, "port": port}}
        if self.said("netapi_enable_clients") is None:
            options["netapi_enable_clients"] = CLIENTS
        return options
