"""``salt.grains.core``: facts of this host, as the agent knows them."""

from __future__ import annotations

from typing import Any

from saltern_compat._caller import dunder

SYSTEM = ("os", "kernel", "cpu", "mem", "num_cpus", "init", "virtual", "locale", "systemd", "ps", "biosv", "manuf")

__opts__: dict[str, Any] = {}


def os_data() -> dict[str, Any]:
    """Return the grains that tell the system and the machine."""
    return {name: value for name, value in dunder("__grains__", {}).items() if name.startswith(SYSTEM)}


def hostname() -> dict[str, Any]:
    """Return the names of this host."""
    return _chosen("localhost", "fqdn", "host", "domain")


def ip4() -> dict[str, Any]:
    """Return the IPv4 addresses."""
    return _chosen("ipv4")


def ip6() -> dict[str, Any]:
    """Return the IPv6 addresses."""
    return _chosen("ipv6")


def ip_interfaces() -> dict[str, Any]:
    """Return the addresses of each interface."""
    return _chosen("ip_interfaces")


def hwaddr_interfaces() -> dict[str, Any]:
    """Return the hardware address of each interface."""
    return _chosen("hwaddr_interfaces")


def id_() -> dict[str, Any]:
    """Return the minion's id."""
    return _chosen("id")


def path() -> dict[str, Any]:
    """Return where programs are looked for."""
    return _chosen("path")


def _chosen(*names: str) -> dict[str, Any]:
    known = dunder("__grains__", {})
    return {name: known[name] for name in names if name in known}
