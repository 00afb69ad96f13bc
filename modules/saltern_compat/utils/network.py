"""``salt.utils.network``: this host's addresses, and addresses reckoned with."""

from __future__ import annotations

import contextlib
import fnmatch
import ipaddress
import random
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_compat._caller import function
from saltern_compat.utils.args import split_input

CONNECT_TIMEOUT_S = 5.0


def interfaces() -> dict[str, Any]:
    """Return ``{name: {up, hwaddr, inet: [{address, netmask, broadcast, label}], inet6: [{address, prefixlen}]}}``."""
    try:
        found: dict[str, Any] = function("network.interfaces")()
        return found
    except CommandError:
        return _by_psutil()


linux_interfaces = interfaces


def _by_psutil() -> dict[str, Any]:
    import psutil

    up = {name: stats.isup for name, stats in psutil.net_if_stats().items()}
    made: dict[str, Any] = {}
    for name, addresses in psutil.net_if_addrs().items():
        one: dict[str, Any] = made.setdefault(name, {"up": up.get(name, False)})
        for address in addresses:
            if address.family == psutil.AF_LINK:
                one["hwaddr"] = address.address
            elif address.family == socket.AF_INET:
                one.setdefault("inet", []).append(
                    {
                        "address": address.address,
                        "netmask": address.netmask,
                        "broadcast": address.broadcast,
                        "label": name,
                    }
                )
            elif address.family == socket.AF_INET6:
                mask = ipaddress.IPv6Address(address.netmask or "::")
                one.setdefault("inet6", []).append(
                    {
                        "address": address.address.partition("%")[0],
                        "prefixlen": str(int(mask).bit_count()),
                        "scope": "link" if address.address.startswith("fe80") else "global",
                    }
                )
    return made


def interface(iface: str) -> Any:
    """Return the IPv4 addresses of an interface; an empty text when it has none."""
    return interfaces().get(iface, {}).get("inet", "")


def interface_ip(iface: str) -> str:
    """Return the first IPv4 address of an interface; an empty text when it has none."""
    found = interface(iface)
    return str(found[0].get("address", "")) if found else ""


def hw_addr(iface: str) -> str:
    """Return the hardware address of an interface; an empty text when it has none."""
    return str(interfaces().get(iface, {}).get("hwaddr", ""))


def ip_addrs(interface: Any = None, include_loopback: bool = False, interface_data: Any = None) -> list[str]:
    """Return the IPv4 addresses of this host, or of the interfaces that *interface*, names or globs, says."""
    return _addresses("inet", interface, include_loopback, interface_data)


def ip_addrs6(interface: Any = None, include_loopback: bool = False, interface_data: Any = None) -> list[str]:
    """Return the IPv6 addresses of this host, or of the interfaces that *interface*, names or globs, says."""
    return _addresses("inet6", interface, include_loopback, interface_data)


def _addresses(kind: str, interface: Any, loopback: bool, data: Any) -> list[str]:
    every = data if isinstance(data, dict) else interfaces()
    wanted = ["*"] if interface is None else split_input(interface)
    found = {
        ipaddress.ip_address(one["address"])
        for name, info in every.items()
        if any(fnmatch.fnmatch(name, glob) for glob in wanted)
        for one in _of(info, kind)
    }
    return [str(one) for one in sorted(found, key=int) if loopback or not one.is_loopback]


def _of(info: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [*info.get(kind, ()), *(one for one in info.get("secondary", ()) if one.get("type") == kind)]


def subnets(interfaces: Any = None) -> list[str]:
    """Return the IPv4 networks that this host is in, or those of the given interfaces."""
    return _subnets("inet", "netmask", interfaces)


def subnets6() -> list[str]:
    """Return the IPv6 networks that this host is in."""
    return _subnets("inet6", "prefixlen", None)


def _subnets(kind: str, size: str, wanted: Any) -> list[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    nets: set[Any] = set()
    for name, info in interfaces().items():
        for one in _of(info, kind) if names is None or name in names else ():
            found = ipaddress.ip_interface(f"{one['address']}/{one.get(size) or (32 if kind == 'inet' else 128)}")
            if not found.is_loopback:
                nets.add(found.network)
    return [str(net) for net in sorted(nets)]


def in_subnet(cidr: str, addr: Any = None) -> bool:
    """Return whether one of the addresses, by default this host's, is in a network; ``False`` for none."""
    try:
        net = ipaddress.ip_network(cidr)
    except ValueError:
        return False
    own = [*ip_addrs(), *ip_addrs6()] if addr is None else addr if isinstance(addr, (list, tuple)) else [addr]
    return any(ipaddress.ip_address(one) in net for one in own)


def calc_net(ipaddr: str, netmask: str | None = None) -> str:
    """Return the network that an address is in, ``10.0.0.0/8``. Raises ``ValueError``."""
    return str(ipaddress.ip_network(ipaddr if netmask is None else f"{ipaddr}/{netmask}", strict=False))


calculate_subnet = calc_net


def get_net_start(ipaddr: str, netmask: str) -> str:
    """Return the first address of a network. Raises ``ValueError``."""
    return str(ipaddress.ip_network(f"{ipaddr}/{netmask}", strict=False).network_address)


def get_net_size(mask: str) -> int:
    """Return the length of the prefix that an IPv4 mask is."""
    return len("".join(f"{int(part):08b}" for part in mask.split(".")).rstrip("0"))


def cidr_to_ipv4_netmask(cidr_bits: Any) -> str:
    """Return the mask that a length of 1 to 32 is; an empty text for another one."""
    try:
        bits = int(cidr_bits)
    except ValueError:
        return ""
    return str(ipaddress.IPv4Address((2**bits - 1) << (32 - bits))) if 1 <= bits <= 32 else ""


def natural_ipv4_netmask(ip_addr: str, fmt: str = "prefixlen") -> str:
    """Return the mask that an address has by its class: ``/8``, or ``255.0.0.0`` with *fmt* ``netmask``."""
    first = int(ip_addr.split(".")[0])
    bits = 24 if first >= 192 else 16 if first >= 128 else 8
    return cidr_to_ipv4_netmask(bits) if fmt == "netmask" else f"/{bits}"


def rpad_ipv4_network(ip_addr: str) -> str:
    """Return an address with zeros for the parts that it lacks."""
    return ".".join([*ip_addr.split("."), "0", "0", "0", "0"][:4])


def is_ip(ip_addr: Any) -> bool:
    """Return whether *ip_addr* is one."""
    return is_ipv4(ip_addr) or is_ipv6(ip_addr)


def is_ipv4(ip_addr: Any) -> bool:
    """Return whether *ip_addr* is one of IPv4."""
    return _made(ipaddress.IPv4Address, ip_addr) is not None


def is_ipv6(ip_addr: Any) -> bool:
    """Return whether *ip_addr* is one of IPv6."""
    return _made(ipaddress.IPv6Address, ip_addr) is not None


def is_loopback(ip_addr: str) -> bool:
    """Return whether an address is of the loopback. Raises ``ValueError``."""
    return ipaddress.ip_address(ip_addr).is_loopback


def is_subnet(cidr: Any) -> bool:
    """Return whether *cidr* is a network."""
    return is_ipv4_subnet(cidr) or is_ipv6_subnet(cidr)


def is_ipv4_subnet(cidr: Any) -> bool:
    """Return whether *cidr* is a network of IPv4, with its prefix."""
    return "/" in str(cidr) and _made(ipaddress.IPv4Network, cidr) is not None


def is_ipv6_subnet(cidr: Any) -> bool:
    """Return whether *cidr* is a network of IPv6, with its prefix."""
    return "/" in str(cidr) and _made(ipaddress.IPv6Network, cidr) is not None


def _made(kind: Any, value: Any) -> Any:
    try:
        return kind(value)
    except (ValueError, TypeError):
        return None


def get_fqhostname() -> str | None:
    """Return the full name of this host."""
    name = socket.getfqdn()
    with contextlib.suppress(OSError):
        for info in socket.getaddrinfo(
            socket.gethostname(), 0, socket.AF_UNSPEC, socket.SOCK_STREAM, socket.SOL_TCP, socket.AI_CANONNAME
        ):
            name = info[3] or name
    return name or None


def generate_minion_id() -> str:
    """Return a name for this host."""
    return get_fqhostname() or "localhost"


def host_to_ips(host: str) -> list[str] | None:
    """Return the addresses of a name, or ``None``."""
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, 0, socket.AF_UNSPEC, socket.SOCK_STREAM)]
    except OSError:
        return None


def ip_to_host(ip: str) -> str | None:
    """Return the name of an address, or ``None``."""
    try:
        return socket.gethostbyaddr(ip)[0]
    except OSError:
        return None


def is_reachable_host(entity_name: str) -> bool:
    """Return whether a name or address can be looked up."""
    return host_to_ips(entity_name) is not None


def isportopen(host: str, port: Any) -> int:
    """Return 0 when a TCP port can be connected to, else the error's number; ``False`` for what is no port."""
    if not 1 <= int(port) <= 65535:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        return probe.connect_ex((sanitize_host(host), int(port)))


def sanitize_host(host: str) -> str:
    """Return a name without the signs that none has."""
    return "".join(sign for sign in host if sign.isalnum() or sign in "-._:").strip()


def gen_mac(prefix: str = "AC:DE:48") -> str:
    """Return a random hardware address."""
    return ":".join([prefix, *(f"{random.randint(0, 255):02X}" for _ in range(3))])  # noqa: S311  # no secret


def mac_str_to_bytes(mac_str: str) -> bytes:
    """Return the bytes of a hardware address. Raises ``ValueError``."""
    text = mac_str.replace(mac_str[2], "") if len(mac_str) == 17 else mac_str
    if len(text) != 12:
        raise ValueError("Invalid MAC address")
    return bytes.fromhex(text)


def hex2ip(hex_ip: str, invert: bool = False) -> str:
    """Return the address that eight or 32 hex digits are; *invert*: as ``/proc/net`` has them."""
    data = bytes.fromhex(hex_ip)
    if invert:
        data = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    return str(ipaddress.ip_address(data))


def ip_bracket(addr: str, strip: bool = False) -> str:
    """Return an address as it is in a URL."""
    bare = str(ipaddress.ip_address(addr.strip("[]")))
    return f"[{bare}]" if ":" in bare and not strip else bare


def parse_host_port(host_port: str) -> tuple[str, int | None]:
    """Return name or address, and port or ``None``. Raises ``ValueError``."""
    text = host_port.strip()
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError(f"{host_port!r} has no host")
    return host, int(port) if port else None


def filter_by_networks(values: Any, networks: Iterable[str] | None) -> Any:
    """Return the addresses that are in one of the networks."""
    if networks is None:
        return values
    nets = [ipaddress.ip_network(net) for net in networks]
    if isinstance(values, Mapping):
        return {name: filter_by_networks(inner, networks) for name, inner in values.items()}
    return [one for one in values if any(ipaddress.ip_address(one) in net for net in nets)]


def active_tcp() -> Any:
    """Return the TCP connections of this host, as ``network.active_tcp`` does."""
    return function("network.active_tcp")()


def _get_interfaces() -> dict[str, Any]:
    return interfaces()


def _clear_interfaces() -> None:
    """Do nothing: they are asked for each time."""
