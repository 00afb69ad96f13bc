"""``salt.utils.dns``: what resolv.conf says, and names looked up by the system."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any


def parse_resolv(src: Any = "/etc/resolv.conf") -> dict[str, Any]:
    """Return ``nameservers``, also by kind (``ip4_nameservers``), ``domain``, ``search``, ``sortlist``, ``options``.

    *src*: a file, or several of which the first that is there counts.
    """
    servers: list[Any] = []
    found: dict[str, Any] = {"domain": "", "search": [], "sortlist": [], "options": []}
    for line in _lines(src):
        word, *values = line.split("#")[0].split(";")[0].split() or [""]
        if word == "nameserver" and values:
            try:
                servers.append(ipaddress.ip_address(values[0].partition("%")[0]))
            except ValueError:
                continue
        elif word == "domain" and values:
            found["domain"] = values[0]
        elif word in ("search", "sortlist", "options"):
            found[word] = values
    return {
        "nameservers": servers,
        "ip4_nameservers": [one for one in servers if one.version == 4],
        "ip6_nameservers": [one for one in servers if one.version == 6],
        **found,
    }


def _lines(src: Any) -> list[str]:
    for path in [src] if isinstance(src, str) else src:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read().splitlines()
        except OSError:
            continue
    return []


def lookup(name: str, rdtype: str = "A", *args: Any, **kwargs: Any) -> list[str] | bool:
    """Return the addresses of a name, ``A`` or ``AAAA``; ``False`` when they can't be looked up.

    Raises ``CommandError`` for records of other kinds, which the system looks up for nobody.
    """
    from saltern.errors import CommandError

    families = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
    if rdtype not in families:
        raise CommandError(f"salt.utils.dns.lookup of {rdtype} isn't here: A and AAAA are")
    try:
        found = socket.getaddrinfo(name, None, families[rdtype], socket.SOCK_STREAM)
    except OSError:
        return False
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def host(name: str, ip4: bool = True, ip6: bool = True, **kwargs: Any) -> dict[str, list[str]]:
    """Return ``ip4`` and ``ip6``, the addresses of a name."""
    kinds: Iterable[tuple[str, str]] = [pair for pair, on in ((("ip4", "A"), ip4), (("ip6", "AAAA"), ip6)) if on]
    made = {key: lookup(name, kind) for key, kind in kinds}
    return {key: found for key, found in made.items() if isinstance(found, list) and found}
