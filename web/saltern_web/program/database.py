"""The one database: SQLite below ``state_dir``, or PostgreSQL or MySQL by URL."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from saltern.errors import ConfigError

FILE = "console.sqlite3"
POSTGRES, MYSQL = "postgresql", "mysql"
WAITS_S = 5
"""How long a question waits for SQLite's lock, and for a server to answer at all."""
SOCKETS = {POSTGRES: "host", MYSQL: "unix_socket"}
"""What a URL calls a server's Unix socket behind the question mark: PostgreSQL's folder, MySQL's file."""
ASKED = {POSTGRES: ("sslmode", "sslrootcert"), MYSQL: ("ssl_ca",)}
"""What else may stand there, as the libraries call it."""
_CLIENT_OF_NOW = (2, 2, 7, "final", 0)


_KINDS = {"postgresql": POSTGRES, "postgres": POSTGRES, "mysql": MYSQL, "mariadb": MYSQL, "sqlite": "sqlite"}


def database_settings(url: str, state_dir: str) -> dict[str, Any]:
    """Return Django's settings for the database at *url*; nothing means SQLite in *state_dir*.

    Raises ``ConfigError`` for a URL of another kind, or a library that isn't installed.
    """
    if not url:
        return _sqlite(os.path.join(state_dir, FILE))
    parts = urlsplit(url)
    scheme = _KINDS.get(parts.scheme.partition("+")[0], "")
    try:
        port = parts.port
    except ValueError:
        raise ConfigError(f"database: {_shown(url)}: the port must be a number") from None
    if scheme == "sqlite" and parts.path.strip("/"):
        return _sqlite(parts.path)
    if scheme not in SOCKETS:
        raise ConfigError(
            f"database: {_shown(url)}: must be postgresql://user:password@host/name, mysql://… or sqlite:///file"
        )
    name = parts.path.strip("/")
    if not name:
        raise ConfigError(f"database: {_shown(url)}: must name a database behind the host")
    given = _asked(url, scheme, parts.query)
    common = {
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": given.pop(SOCKETS[scheme], "") or unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "CONN_HEALTH_CHECKS": True,
    }
    if scheme == POSTGRES:
        _need("psycopg", "postgres")
        return {"ENGINE": "django.db.backends.postgresql", **common, "OPTIONS": {"connect_timeout": WAITS_S, **given}}
    _need("pymysql", "mysql")
    import pymysql

    pymysql.version_info = _CLIENT_OF_NOW  # Django asks for mysqlclient's version, whose interface PyMySQL has
    pymysql.install_as_MySQLdb()
    options = {"charset": "utf8mb4", "connect_timeout": WAITS_S, **given}
    return {"ENGINE": "django.db.backends.mysql", **common, "OPTIONS": options}


def _asked(url: str, scheme: str, query: str) -> dict[str, str]:
    """Return what stands behind the question mark. Raises ``ConfigError`` for what isn't known there."""
    known = (SOCKETS[scheme], *ASKED[scheme])
    given = dict(parse_qsl(query))
    for name in given:
        if name not in known:
            raise ConfigError(
                f"database: {_shown(url)}: {name[:60]!r} isn't known behind the question mark: {', '.join(known)} are"
            )
    return given


def _sqlite(path: str) -> dict[str, Any]:
    options = {"timeout": WAITS_S, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}


def _need(module: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ConfigError(f"database: this kind needs more: run pip install 'saltern[{extra}]'")


def _shown(url: str) -> str:
    """Return *url* without what may be a password."""
    return f"{url.partition(':')[0][:20]}://…"
