"""How the console behaves: the file ``web`` in the configuration's folder, and ``web.d/*.conf`` beside it.

::

    # /etc/saltern/web
    api: https://master.example:8000
    api_ca: /etc/saltern/ca.pem
    host: 0.0.0.0
    ssl_crt: /etc/saltern/web.crt
    ssl_key: /etc/saltern/web.key
    logins: [ldap, file]
    database: postgresql://console:secret@db.example/console
"""

from __future__ import annotations

import os
from typing import Any, TypedDict, cast
from urllib.parse import urlsplit

from saltern.config import config_dir
from saltern.config.load import load_options
from saltern.config.schema import Schema
from saltern.errors import ConfigError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class WebOptions(TypedDict):
    """Everything that the file ``web`` may hold; paths are absolute after loading."""

    conf_file: str
    config_dir: str
    default_include: str
    include: list[str]
    api: str
    api_ca: str
    host: str
    port: int
    hosts: list[str]
    ssl_crt: str
    ssl_key: str
    ssl_chain: str
    disable_ssl: bool
    trusted_proxies: list[str]
    logins: list[str]
    database: str
    state_dir: str
    log_level: str
    log_file: str
    max_streams: int
    max_streams_per_user: int
    plugin_dirs: list[str]
    plugins_from_master: bool


DEFAULTS: dict[str, Any] = {
    "conf_file": "",
    "config_dir": "",
    "default_include": "web.d/*.conf",
    "include": [],
    "api": "http://127.0.0.1:8000",
    "api_ca": "",
    "host": "127.0.0.1",
    "port": 8090,
    "hosts": [],
    "ssl_crt": "",
    "ssl_key": "",
    "ssl_chain": "",
    "disable_ssl": False,
    "trusted_proxies": [],
    "logins": ["file"],
    "database": "",
    "state_dir": "/var/lib/saltern/web",
    "log_level": "info",
    "log_file": "",
    "max_streams": 1000,
    "max_streams_per_user": 64,
    "plugin_dirs": [],
    "plugins_from_master": False,
}


def _finish(options: dict[str, Any]) -> None:
    where = options["conf_file"]
    parts = urlsplit(options["api"])
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ConfigError(
            f"{where}: api: must be the API's URL, as https://master.example:8000, not {options['api']!r}"
        )
    options["api"] = options["api"].rstrip("/")
    for name in ("state_dir", "ssl_crt", "ssl_key", "ssl_chain", "api_ca"):
        if options[name]:
            options[name] = os.path.join(options["config_dir"], options[name])
    options["plugin_dirs"] = [os.path.join(options["config_dir"], folder) for folder in options["plugin_dirs"]]
    if bool(options["ssl_crt"]) != bool(options["ssl_key"]):
        raise ConfigError(f"{where}: ssl_crt and ssl_key belong together: name both")
    if not options["ssl_crt"] and not options["disable_ssl"] and options["host"] not in LOOPBACK:
        raise ConfigError(
            f"{where}: host: {options['host']} is reached from elsewhere, and passwords would go there unencrypted: "
            "name ssl_crt and ssl_key, or set disable_ssl: true if a proxy before the console speaks TLS"
        )
    if not options["logins"]:
        raise ConfigError(f"{where}: logins: must name at least one kind of external_auth, as [file]")


WEB = Schema(
    name="web",
    options=WebOptions,
    defaults=DEFAULTS,
    bounds={"port": (0, 65535), "max_streams": (0, 100_000), "max_streams_per_user": (1, 100_000)},
    choices={
        "log_level": ("debug", "info", "warning", "error", "critical"),
        "logins": ("file", "pam", "ldap", "rest", "sharedsecret"),
    },
    finish=_finish,
)


def web_options(path: str | os.PathLike[str] | None = None) -> WebOptions:
    """Return the console's options: defaults, overlaid by the file or folder *path*.

    Raises ``ConfigError`` naming file, line and key.
    """
    return cast(WebOptions, load_options(WEB, config_dir(path)))


def is_secure(options: WebOptions) -> bool:
    """Return whether browsers reach the console by TLS: its own, or that of a proxy before it."""
    return bool(options["ssl_crt"]) or options["disable_ssl"]
