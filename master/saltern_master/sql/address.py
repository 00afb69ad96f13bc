"""Where a database is: from a URL, or from options by Salt's names; shown without its password.

::

    mysql://user:password@host:3306/database?ssl_ca=/etc/ssl/ca.pem
    postgresql://user:password@host/database?sslmode=require
    postgresql://user@/database?host=/run/postgresql              a Unix socket
    sqlite:////var/lib/saltern/returns.db
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError as BadUrl

from saltern.config.load import nearest
from saltern.errors import ConfigError

MYSQL, POSTGRES, SQLITE = "mysql", "postgres", "sqlite"
KINDS = {
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "postgresql": POSTGRES,
    "postgres": POSTGRES,
    "pgjsonb": POSTGRES,
    "sqlite": SQLITE,
    "sqlite3": SQLITE,
}
"""Schemes of URLs, and Salt's names of returners, to the kind of database."""
_DRIVERS = {MYSQL: "mysql+pymysql", POSTGRES: "postgresql+psycopg", SQLITE: "sqlite"}
_LIBRARIES = {MYSQL: ("pymysql", "PyMySQL", "mysql"), POSTGRES: ("psycopg", "psycopg", "postgres")}
_NAMES = {"user": "username", "pass": "password", "host": "host", "port": "port", "db": "database"}
_MORE = {
    MYSQL: ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key"),
    POSTGRES: ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl"),
    SQLITE: (),
}
"""Salt's other options of a connection, which are options of the libraries, too."""


class Address(NamedTuple):
    """One database; *url* is SQLAlchemy's, with the password, which its text never shows."""

    kind: str
    url: URL

    def __str__(self) -> str:
        if self.kind == SQLITE:
            return str(self.url.database)
        host = self.url.host or self.url.query.get("unix_socket") or self.url.query.get("host") or "localhost"
        return f"{self.kind}://{host}{f':{self.url.port}' if self.url.port else ''}/{self.url.database or ''}"

    def __repr__(self) -> str:
        return f"Address({self})"


def from_url(text: str, where: str) -> Address:
    """Return the database at a URL; *where*, of an option, begins what is said. Raises ``ConfigError``."""
    scheme = text.partition("://")[0]
    kind = KINDS.get(scheme.partition("+")[0])
    if kind is None:
        wanted = "mysql://user:password@host/database, postgresql://… or sqlite:///path"
        raise ConfigError(f"{where}: {scheme[:20]!r} is no kind of database{nearest(scheme, list(KINDS))}: {wanted}")
    try:
        url = make_url(f"{_DRIVERS[kind]}://{text.partition('://')[2]}")
    except (BadUrl, ValueError):  # neither's text is shown: it has the password
        raise ConfigError(f"{where}: is no URL of a database: write kind://user:password@host/database") from None
    if kind != SQLITE and not url.database:
        raise ConfigError(f"{where}: names no database: write {kind}://user:password@host/database")
    if kind == SQLITE and not url.database:
        raise ConfigError(f"{where}: names no file: write sqlite:////var/lib/saltern/returns.db")
    return Address(kind, url)


def from_options(kind: str, options: Mapping[str, Any], where: str) -> Address:
    """Return the database that Salt's options (``host``, ``user``, ``pass``, ``db``, ``port`` …) name, or their
    defaults: ``salt`` on port 3306 or 5432 of ``localhost``. Raises ``ConfigError``.
    """
    parts: dict[str, Any] = {"username": "salt", "password": "salt", "host": "localhost", "database": "salt"}
    query = {}
    for name, value in options.items():
        if name in _MORE[kind]:
            query[name] = str(value)
        elif name in _NAMES:
            parts[_NAMES[name]] = value
        else:
            known = [*_NAMES, *_MORE[kind]]
            raise ConfigError(f"{where}: {name} is not an option{nearest(name, known)}")
    port = parts.get("port")
    if port is not None and not (isinstance(port, int) and 0 < port < 65536):
        raise ConfigError(f"{where}: port must be a number from 1 to 65535, not {port!r}")
    texts = {name: str(value) for name, value in parts.items() if name != "port"}
    if "unix_socket" in query and "host" not in options:
        texts.pop("host")
    return Address(kind, URL.create(_DRIVERS[kind], **texts, port=port, query=query))


def sqlite_file(path: str) -> Address:
    """Return the SQLite file *path*."""
    return Address(SQLITE, URL.create("sqlite", database=os.path.abspath(path)))


def check_library(address: Address, where: str) -> None:
    """Raise ``ConfigError`` when the library for this kind of database isn't there."""
    if address.kind in _LIBRARIES:
        module, name, extra = _LIBRARIES[address.kind]
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f"{where}: needs {name}, which isn't installed: pip install 'saltern[{extra}]'")
