"""How the API behaves: the master's option ``rest_cherrypy``, with Salt's names in it, each checked.

::

    rest_cherrypy:
      port: 8000
      ssl_crt: /etc/saltern/api.crt
      ssl_key: /etc/saltern/api.key
"""

from __future__ import annotations

import ipaddress
import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from saltern.config.load import nearest
from saltern.errors import ConfigError

NAME = "rest_cherrypy"
CLIENTS = (
    "local", "local_async", "local_batch", "local_subset", "runner", "runner_async", "wheel", "wheel_async",
)  # fmt: skip
"""What a chunk may name as its ``client``; ``netapi_enable_clients`` says which of them are taken."""
MIB = 1 << 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The options, as Salt names them; those behind ``hosts`` are ours alone."""

    port: int = 8000
    host: str = "127.0.0.1"
    ssl_crt: str = ""
    ssl_key: str = ""
    ssl_chain: str = ""
    disable_ssl: bool = False
    """Speak plain HTTP to other hosts too: a proxy before us has the certificate."""
    debug: bool = False
    log_access_file: str = ""
    log_error_file: str = ""
    webhook_url: str = "/hook"
    webhook_disable_auth: bool = False
    thread_pool: int = 100
    """Requests that are carried out at once; others wait their turn."""
    socket_queue_size: int = 512
    max_request_body_size: int = MIB
    collect_stats: bool = False
    stats_disable_auth: bool = False
    static: str = ""
    """A folder of files to serve below ``static_path``."""
    static_path: str = "/static"
    app: str = ""
    """An HTML page to serve at ``/`` and ``app_path``."""
    app_path: str = "/app"
    root_prefix: str = ""
    enable_sessions: bool = True
    api_acl: Mapping[str, tuple[Network, ...] | None] | None = None
    """From where each user may log in; ``None``: from anywhere."""
    authorized_ips: tuple[Network, ...] | None = None
    """Who may ask anything at all; ``None``: everyone."""
    expire_responses: bool = True
    hosts: tuple[str, ...] = ()
    """Names to answer under besides this machine's own and ``host``; ``*``: any."""
    cors_origin: tuple[str, ...] = ()
    """Origins whose pages may use the API with a token in ``X-Auth-Token``."""
    trusted_proxies: tuple[Network, ...] = ()
    """Who may say in ``X-Forwarded-For`` for whom he asks."""
    max_streams: int = 1000
    """``/events`` and ``/ws`` that are open at once, of all."""
    max_streams_per_user: int = 64
    clients: frozenset[str] = field(default=frozenset())
    """``netapi_enable_clients``."""

    @property
    def tls(self) -> bool:
        """Whether there is a certificate."""
        return bool(self.ssl_crt)


_OURS = {"clients"}  # not of the option itself
_PATHS = {"webhook_url", "static_path", "app_path", "root_prefix"}
_FILES = {"ssl_crt", "ssl_key", "ssl_chain", "static", "app"}
_BOUNDS = {
    "port": (0, 65535),
    "thread_pool": (1, 1000),
    "socket_queue_size": (1, 65535),
    "max_request_body_size": (1024, 64 * MIB),
    "max_streams": (0, 100_000),
    "max_streams_per_user": (1, 100_000),
}


def api_settings(options: Mapping[str, Any]) -> ApiSettings:
    """Return the settings in a master's *options*. Raises ``ConfigError`` naming what is wrong."""
    where = f"{options.get('conf_file', 'the configuration')}: {NAME}"
    given: Mapping[str, Any] = options.get(NAME) or {}
    known = [one.name for one in fields(ApiSettings) if one.name not in _OURS]
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"{where}: {str(name)[:60]!r} is not an option{nearest(str(name), known)}")
        if value is not None:
            read[name] = _checked(f"{where}: {name}", name, value)
    clients = options.get("netapi_enable_clients") or []
    settings = ApiSettings(**read, clients=frozenset(map(str, clients)))
    _check_together(where, settings)
    for client in sorted(settings.clients - set(CLIENTS)):
        if client != "ssh":  # Salt's, and never there
            raise ConfigError(
                f"{where.removesuffix(NAME)}netapi_enable_clients: {client[:60]!r} is not a client"
                f"{nearest(client, list(CLIENTS)) or ': there are ' + ', '.join(CLIENTS)}"
            )
    return settings


def _check_together(where: str, settings: ApiSettings) -> None:
    if bool(settings.ssl_crt) != bool(settings.ssl_key):
        there, missing = ("ssl_crt", "ssl_key") if settings.ssl_crt else ("ssl_key", "ssl_crt")
        raise ConfigError(f"{where}: {there} is set without {missing}: a certificate needs its key")
    if not settings.tls and not settings.disable_ssl and not is_loopback(settings.host):
        raise ConfigError(
            f"{where}: passwords and tokens would cross the network unencrypted on {settings.host}: set ssl_crt and "
            "ssl_key, or disable_ssl: true where a proxy with TLS is before it"
        )


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _checked(where: str, name: str, value: Any) -> Any:
    """Return *value* as the option *name* holds it. Raises ``ConfigError``."""
    if name in _SPECIAL:
        return _SPECIAL[name](where, value)
    kind: type[Any] = type(next(one.default for one in fields(ApiSettings) if one.name == name))
    if type(value) is not kind:  # a bool is an int, too
        wanted = {bool: "true or false", int: "a whole number", str: "text"}[kind]
        raise ConfigError(f"{where} must be {wanted}, not {str(value)[:60]!r}")
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        if not low <= value <= high:
            raise ConfigError(f"{where} must be between {low:,} and {high:,}, not {value:,}")
    if name in _PATHS and value:
        if not value.startswith("/") or any(one in value for one in "{}?#\\\r\n"):
            raise ConfigError(f"{where} must be a path that begins with /, not {value[:60]!r}")
        return value.rstrip("/")
    if name in _FILES and value and not os.path.isabs(value):
        raise ConfigError(f"{where} must be an absolute path, not {value[:60]!r}")
    return value


def _texts(where: str, value: Any) -> tuple[str, ...]:
    members = value if isinstance(value, list) else [value]
    if not all(isinstance(member, str) and member for member in members):
        raise ConfigError(f"{where} must be a text or a list of texts, not {str(value)[:60]!r}")
    return tuple(members)


def _networks(where: str, value: Any) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one, strict=False) for one in _texts(where, value))
    except ValueError as error:
        raise ConfigError(f"{where} must be addresses or networks such as 10.0.0.0/8: {error}") from None


def _acl(where: str, value: Any) -> Mapping[str, tuple[Network, ...] | None]:
    users = value.get("users") if isinstance(value, dict) and set(value) == {"users"} else None
    if not isinstance(users, dict):
        raise ConfigError(f"{where} must be {{users: {{name: [addresses]}}}}, not {str(value)[:60]!r}")
    read: dict[str, tuple[Network, ...] | None] = {}
    for user, addresses in users.items():
        anywhere = addresses == "*" or (isinstance(addresses, list) and "*" in addresses)
        read[account_of(str(user))] = None if anywhere else _networks(f"{where}: {str(user)[:60]}", addresses)
    return read


_SPECIAL: Mapping[str, Callable[[str, Any], Any]] = {
    "hosts": _texts,
    "cors_origin": _texts,
    "trusted_proxies": _networks,
    "authorized_ips": _networks,
    "api_acl": _acl,
}


def account_of(name: str) -> str:
    """Return what counts as one account's name: directories don't tell ``Fred`` from ``fred``."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def within(address: str, networks: Sequence[Network]) -> bool:
    """Return whether *address* is in one of *networks*; what is no address is in none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in networks)
