"""The grammars of everything that names something: minion ids, jids, environments, paths in an environment.

They are checked before anything else happens to a value from outside.
"""

from __future__ import annotations

import re
import socket
import time
from datetime import UTC, datetime

from saltern.errors import IdError
from saltern.visible import shown

MAX_MINION_ID = 253  # a DNS name's length
JID_FORMAT = "%Y%m%d%H%M%S%f"

_MINION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_JID = re.compile(r"[0-9]{20}")
_NO_PATH = re.compile("[\\\\\0\ud800-\udfff]")
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ADDRESS_V6 = re.compile(r"([0-9A-Fa-f:.]+)(%[A-Za-z0-9_.-]{1,15})?")
_WITH_PORT = re.compile(r"[^:]+:[0-9]+|\[.*\]:[0-9]+")
_EVERY_HOSTS = frozenset({"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback", "loopback"})
_ENV = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_minion_id(value: object) -> str:
    """Return *value* when it is a minion id: letters, digits, ``.``, ``_``, ``-``, starting with a letter or digit.

    Raises ``IdError`` otherwise. The grammar keeps ids safe as file names and glob-free in tags.
    """
    if isinstance(value, str) and len(value) <= MAX_MINION_ID and ".." not in value and _MINION_ID.fullmatch(value):
        return value
    raise IdError(
        f"minion id {shown(value, 80)} is not valid: use letters, digits, '.', '_' and '-', "
        f"start with a letter or digit, at most {MAX_MINION_ID} characters"
    )


def names_every_host(minion_id: str) -> bool:
    """Return whether *minion_id* is what any host calls itself: ``localhost``, ``localhost.localdomain``, 127.0.0.1."""
    first = minion_id.lower().partition(".")[0]
    return first in _EVERY_HOSTS or re.fullmatch(r"127(\.[0-9]+){3}|0\.0\.0\.0", minion_id) is not None


def check_host(value: object) -> str:
    """Return *value* when it is a host's name or address, IPv6 ones without brackets. Raises ``IdError`` otherwise.

    A name of other letters than ASCII's is returned as DNS has it (RFC 3490).
    """
    if isinstance(value, str) and _WITH_PORT.fullmatch(value):
        raise IdError(f"host {shown(value, 80)} is not valid: give the name or the address alone, ports are set apart")
    host = value[1:-1] if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]" else value
    try:
        if isinstance(host, str) and 0 < len(host) <= MAX_MINION_ID and _is_host(host := _ascii(host)):
            return host
    except (OSError, UnicodeError):
        pass  # it looks like an address, or like a name of other letters, and is none
    raise IdError(
        f"host {shown(value, 80)} is not a host name or an address: "
        "give one, as in master.example.com, 10.0.0.1 or fd00::1"
    )


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def _is_host(host: str) -> bool:
    """Return whether *host* is a name or an address. Raises ``OSError`` for an address that can't be."""
    address = _ADDRESS_V6.fullmatch(host)
    if ":" in host:
        return address is not None and bool(socket.inet_pton(socket.AF_INET6, address[1]))
    if re.fullmatch(r"[0-9.]+", host):
        return bool(socket.inet_pton(socket.AF_INET, host))
    return _HOST.fullmatch(host) is not None


def check_jid(value: object) -> str:
    """Return *value* when it is a jid: 20 digits, ``%Y%m%d%H%M%S%f``. Raises ``IdError`` otherwise."""
    if isinstance(value, str) and _JID.fullmatch(value):
        return value
    raise IdError(f"jid {shown(value, 80)} is not valid: a jid is 20 digits, as in 20260131235959123456")


def check_env(value: object) -> str:
    """Return *value* when it names an environment (``base``). Raises ``IdError`` otherwise."""
    if isinstance(value, str) and ".." not in value and _ENV.fullmatch(value):
        return value
    raise IdError(f"environment {shown(value, 80)} is not valid: use letters, digits, '_', '.' and '-'")


def check_path(value: object) -> str:
    """Return *value* when it is a relative path inside an environment, ``a/b.py``. Raises ``IdError`` otherwise.

    Absolute paths, empty or dot segments, backslashes, NULs and halves of characters are refused, so a joined path
    can't leave its root and can be asked of the kernel.
    """
    if isinstance(value, str) and 0 < len(value) <= 4096 and not _NO_PATH.search(value):
        segments = value.split("/")
        if not any(segment in ("", ".", "..") for segment in segments):
            return value
    raise IdError(f"path {shown(value, 80)} is not valid: use a relative path without '.' or '..', as in dir/file.txt")


def jid_of(epoch_s: float) -> str:
    """Return the jid of an instant, seconds since the epoch, in UTC: local time would repeat an hour every autumn."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime(JID_FORMAT)


class JidSource:
    """Hands out jids that never repeat within a process, even when the clock is stepped back."""

    def __init__(self) -> None:
        self._last_us = 0

    def next(self) -> str:
        """Return a new jid for now, at least a microsecond after the one before it."""
        self._last_us = max(time.time_ns() // 1000, self._last_us + 1)
        return jid_of(self._last_us / 1_000_000)
