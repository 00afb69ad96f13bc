"""``network``: reaching other hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules._needed import PLAIN, needed

__virtualname__ = "network"

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "ping": "reads",
    "connect": "reads",
    "traceroute": "reads",
    "dig": "reads",
    "wol": "writes",
    "fqdns": "reads",
}

HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
MAX_HOST_CHARS = 255
PINGS = 4
TRACE_S = 120
MAX_S = 3600
LOOKUPS = 8


def ping(host: str, timeout: float | bool = False, return_boolean: bool = False) -> str | bool:
    """Return what ``ping`` says of four questions to *host*; with *return_boolean* whether it answered.

    *timeout*: seconds to wait for an answer. Raises ``CommandError`` for what is no name of a host.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ping db1
        saltern '*' network.ping db1 timeout=3 return_boolean=True
    """
    word = _host("network.ping", host)
    argv = ["ping", *(["-W", str(_seconds("network.ping", timeout))] if timeout else []), "-c", str(PINGS), "--", word]
    if return_boolean:
        return bool(__salt__["cmd.run_all"](argv, python_shell=False)["retcode"] == 0)
    return str(__salt__["cmd.run"](argv, python_shell=False))


def connect(host: str, port: int | str | None = None, **kwargs: Any) -> dict[str, Any]:
    """Return whether a connection to *host* at *port* can be made: ``{'result': bool, 'comment': text}``.

    ``proto=udp`` sends a datagram and waits for an answer, ``family=ipv4`` or ``ipv6`` takes only such an address,
    ``timeout`` is in seconds (5).

    CLI Example:

    .. code-block:: bash

        saltern '*' network.connect db1 5432
        saltern '*' network.connect ns1 53 proto=udp timeout=3
    """
    import socket

    for name, value in (("host", host), ("port", port)):
        if not value:
            return {"result": False, "comment": f"Required argument, {name}, is missing."}
    is_udp = kwargs.get("proto", "tcp") == "udp"
    proto = "udp" if is_udp else "tcp"
    families = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
    family = families.get(str(kwargs.get("family")), socket.AF_UNSPEC)
    try:
        number = socket.SOL_UDP if is_udp else socket.SOL_TCP
        found = socket.getaddrinfo(_plain(host), str(port), family, 0, number)[0]
    except (socket.gaierror, UnicodeError):
        return {"result": False, "comment": f"Unable to resolve host {host} on {proto} port {port}"}
    family, kind, number, _, address = found
    where = f"{host} ({address[0]}) on {proto} port {port}"
    try:
        with socket.socket(family, kind, number) as channel:
            channel.settimeout(_seconds("network.connect", kwargs.get("timeout", 5)))
            channel.connect(address)
            if is_udp:
                channel.send(b"\n")
                channel.recv(255)
    except OSError:
        return {"result": False, "comment": f"Unable to connect to {where}"}
    return {"result": True, "comment": f"Successfully connected to {where}"}


def traceroute(host: str) -> list[dict[str, Any]]:
    """Return the way to *host*: ``[{'count': 1, 'hostname', 'ip', 'ms1', 'ms2', 'ms3'}]``; ``{}`` for an odd line.

    A hop that doesn't answer has the name ``*``, and no more. Raises ``CommandError`` without ``traceroute``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.traceroute archlinux.org
    """
    from saltern_modules._traced import parse_traceroute

    program, word = needed("traceroute"), _host("network.traceroute", host)
    output = __salt__["cmd.run"]([program, word], python_shell=False, env=PLAIN, timeout=TRACE_S)
    if "Timed out after" in output:
        return []
    return parse_traceroute(output, __salt__["cmd.run"]([program, "--version"], python_shell=False, env=PLAIN))


def dig(host: str) -> str:
    """Return what ``dig`` says of the name *host*. Raises ``CommandError`` without ``dig``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.dig archlinux.org
    """
    return str(__salt__["cmd.run"]([needed("dig"), _host("network.dig", host)], python_shell=False))


def wol(mac: str, bcast: str = "255.255.255.255", destport: int | str = 9) -> bool:
    """Wake the host with the hardware address *mac* by a magic packet to *bcast*; return ``True``.

    Raises ``CommandError`` for what is no such address, and when nothing can be sent.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.wol 08:00:27:13:69:77
    """
    import socket

    text = str(mac)
    digits = text.replace(text[2], "") if len(text) == 17 else text
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(digits) != 12 or len(address) != 6:
        raise CommandError("Invalid MAC address")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            channel.sendto(b"\xff" * 6 + address * 16, (bcast, int(destport)))
    except (OSError, ValueError, OverflowError) as error:
        raise CommandError(f"network.wol: {bcast}: {error}") from None
    return True


def fqdns() -> dict[str, list[str]]:
    """Return the names that this host's addresses have in the DNS: ``{'fqdns': [names]}``, loopback left out.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.fqdns
    """
    import concurrent.futures
    import socket

    from saltern_modules import _interfaces

    known = _interfaces.interfaces()
    addresses = _interfaces.ip_addresses(known, "inet", include_loopback=False)
    addresses += _interfaces.ip_addresses(known, "inet6", include_loopback=False)

    def name_of(address: str) -> str:
        try:
            return socket.getfqdn(socket.gethostbyaddr(address)[0])
        except OSError:
            return ""

    with concurrent.futures.ThreadPoolExecutor(LOOKUPS) as pool:
        return {"fqdns": sorted(set(filter(None, pool.map(name_of, addresses))))}


def _plain(host: object) -> str:
    """Return *host* as it is when it is an address, else the characters of it that names of hosts have."""
    import ipaddress

    text = str(host)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return "".join(character for character in text[:MAX_HOST_CHARS] if character in HOST_CHARACTERS)


def _host(function: str, host: object) -> str:
    word = _plain(host)
    if not word or word.startswith("-"):  # a program would take it for an option
        raise CommandError(f"{function}: {str(host)!r} is no name of a host")
    return word


def _seconds(function: str, value: object) -> float | int:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= MAX_S:
        raise CommandError(f"{function}: the timeout is a number of seconds above 0, not {value!r}")
    return int(seconds) if seconds == int(seconds) else seconds
