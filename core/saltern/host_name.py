"""The grammar of where a host is: a name or an address, without a port."""

from __future__ import annotations

import re
import socket

from saltern.errors import IdError
from saltern.visible import shown

MAX_CHARACTERS = 253  # a DNS name's length

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ADDRESS_V6 = re.compile(r"([0-9A-Fa-f:.]+)(%[A-Za-z0-9_.-]{1,15})?")
_WITH_PORT = re.compile(r"[^:]+:[0-9]+|\[.*\]:[0-9]+")


def check_host(value: object) -> str:
    """Return *value* when it is a host's name or address, IPv6 ones without brackets. Raises ``IdError`` otherwise.

    A name of other letters than ASCII's is returned as DNS has it (RFC 3490).
    """
    if isinstance(value, str) and _WITH_PORT.fullmatch(value):
        raise IdError(f"host {shown(value, 80)} is not valid: give the name or the address alone, ports are set apart")
    host = value[1:-1] if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]" else value
    try:
        if isinstance(host, str) and 0 < len(host) <= MAX_CHARACTERS and _is_host(host := _ascii(host)):
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
