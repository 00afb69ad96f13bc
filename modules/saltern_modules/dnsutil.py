"""Names and addresses: what this host's resolver says, hosts files, zone files.

What needs ``dig`` (``NS``, ``MX``, ``SPF``, a server of one's own) says so: there is no module ``dig`` here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError, os_errors

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "parse_hosts": "indirect",
    "hosts_append": "indirect",  # a file of the caller's choosing
    "hosts_remove": "indirect",
    "parse_zone": "indirect",
    "check_ip": "reads",
    "A": "reads",
    "AAAA": "reads",
    "NS": "reads",
    "SPF": "reads",
    "MX": "reads",
    "serial": "writes",
}

HOSTS = "/etc/hosts"
NO_DIG = "This function requires dig, which is not currently available"


def parse_hosts(hostsfile: str = HOSTS, hosts: str | None = None) -> dict[str, list[str]] | str:
    """Return the names of each address, of a hosts file or of the text *hosts*; a text that says why not.

    CLI Example:

    .. code-block:: bash

        saltern '*' dnsutil.parse_hosts
    """
    from saltern_modules import _zone

    if not hosts:
        try:
            hosts = _read(hostsfile)
        except OSError:
            return "Error: hosts data was not found"
    return _zone.hosts(hosts)


def hosts_append(hostsfile: str = HOSTS, ip_addr: str | None = None, entries: str | None = None) -> str:
    """Add a line with the names *entries*, with commas, to a hosts file, but those that *ip_addr* has; return what was.

    CLI Example:

    .. code-block:: bash

        saltern '*' dnsutil.hosts_append /etc/hosts 127.0.0.1 ad1.yuk.co,ad2.yuk.co
    """
    names = _names(entries)
    address = _names(ip_addr)[0]
    there = parse_hosts(hostsfile)
    known = there.get(address, []) if isinstance(there, dict) else []
    names = [name for name in names if name not in known]
    if not names:
        return f"No additional hosts were added to {hostsfile}"
    line = f"\n{address} {' '.join(names)}"
    with os_errors(CommandError, hostsfile, "can't be written", called="dnsutil.hosts_append"):
        _write(hostsfile, _read(hostsfile) + line)
    return f"The following line was added to {hostsfile}:{line}"


def hosts_remove(hostsfile: str = HOSTS, entries: str | None = None) -> None:
    """Remove the names *entries*, with commas, from a hosts file, and addresses that have no other name.

    CLI Example:

    .. code-block:: bash

        saltern '*' dnsutil.hosts_remove /etc/hosts ad1.yuk.co
    """
    from saltern_modules import _zone

    names = _names(entries)
    with os_errors(CommandError, hostsfile, "can't be written", called="dnsutil.hosts_remove"):
        _write(hostsfile, _zone.without_hosts(_read(hostsfile), names))


def parse_zone(zonefile: str | None = None, zone: str | None = None) -> dict[str, Any] | str:
    """Return what a zone file, or the text *zone*, says; a text that says why not. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.parse_zone /var/lib/named/example.com.zone
    """
    from saltern_modules import _zone

    if zonefile:
        try:
            zone = _read(zonefile)
        except OSError:
            zone = zone or ""
    if not zone:
        return "Error: Zone data was not found"
    try:
        return _zone.zone(zone)
    except ValueError as error:
        raise CommandError(f"dnsutil.parse_zone: {error}") from None


def check_ip(ip_addr: str) -> bool | str:
    """Return whether *ip_addr* is an address.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.check_ip 127.0.0.1
    """
    import ipaddress

    try:
        ipaddress.ip_address(ip_addr)
    except ValueError:
        return False
    return True


def A(host: str, nameserver: str | None = None) -> list[str] | str:
    """Return the IPv4 addresses of a name, by this host's resolver; a text that says why not.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.A www.google.com
    """
    return _addresses(host, nameserver, 4)


def AAAA(host: str, nameserver: str | None = None) -> list[str] | str:
    """Return the IPv6 addresses of a name, by this host's resolver; a text that says why not.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.AAAA www.google.com
    """
    return _addresses(host, nameserver, 6)


def NS(domain: str, resolve: bool = True, nameserver: str | None = None) -> str:
    """Say that it needs ``dig``.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.NS google.com
    """
    return NO_DIG


def SPF(domain: str, record: str = "SPF", nameserver: str | None = None) -> str:
    """Say that it needs ``dig``.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.SPF google.com
    """
    return NO_DIG


def MX(domain: str, resolve: bool = False, nameserver: str | None = None) -> str:
    """Say that it needs ``dig``.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.MX google.com
    """
    return NO_DIG


def serial(zone: str = "", update: bool = False) -> str:
    """Return the serial number of a zone, ``YYYYMMDDnn``: the grain ``dnsserial_<zone>``, or today's first.

    *update*: take the next one, and keep it in that grain.

    CLI Example:

    .. code-block:: bash

        saltern ns1 dnsutil.serial example.com
    """
    import time

    key = f"dnsserial_{zone}" if zone else "dnsserial"
    stored = str(__salt__["grains.get"](key) or "")
    first = time.strftime("%Y%m%d01")
    if not update:
        return stored or first
    new = str(int(stored) + 1) if stored.isdigit() and stored >= first else first
    __salt__["grains.setval"](key, new)
    return new


def _addresses(host: str, nameserver: str | None, version: int) -> list[str] | str:
    import socket

    if nameserver is not None:
        return NO_DIG
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        found = socket.getaddrinfo(host, None, family, 0, socket.SOCK_RAW)
    except (OSError, UnicodeError):
        return f"Unable to resolve {host}"
    return [str(one[4][0]) for one in found]


def _names(text: Any) -> list[str]:
    """Return the names in a text with commas. Raises ``ArgumentError`` for what isn't one word each."""
    names = str(text or "").split(",")
    if any(len(name.split()) != 1 or name.startswith("#") for name in names):
        raise ArgumentError(f"dnsutil: {text!r} are no addresses and names, with commas between them")
    return names


def _read(path: str) -> str:
    from saltern.files import open_file

    with open(open_file(path), "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def _write(path: str, text: str) -> None:
    from saltern.files import replacement

    with replacement(os.path.realpath(path), 0o644, keep_mode=True) as file:
        file.write(text.encode("utf-8", "surrogateescape"))
