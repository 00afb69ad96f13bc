"""Who of several hosts serves a device: each pair has a number of its own, and the highest of those that are up wins.

So devices are spread evenly, all masters and restarts agree, and a host that goes moves its own devices alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from saltern.digest import sha256


def ranked(device: str, hosts: Iterable[str]) -> tuple[str, ...]:
    """Return *hosts* as *device* prefers them, the first one most."""
    return tuple(sorted(hosts, key=lambda host: sha256(f"{device}|{host}".encode()).hexdigest(), reverse=True))
