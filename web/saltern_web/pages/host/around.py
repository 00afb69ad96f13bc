"""What is above every page of a host: who it is, how it is, and where else to look."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from django.http import Http404

from saltern_web.devices import ask_device
from saltern_web.fleet import Fleet, Host
from saltern_web.parts import part
from saltern_web.session.console import Asked

DEVICE_WITHIN_S = 3.0
TABS = (
    ("", "Charts"),
    ("values", "Values"),
    ("grains", "Grains"),
    ("pillar", "Pillar"),
    ("services", "Services"),
    ("packages", "Packages"),
    ("processes", "Processes"),
    ("jobs", "Jobs"),
    ("alerts", "Alerts"),
    ("events", "Events"),
    ("completeness", "Completeness"),
)
NEEDS = {
    "grains": "grains.items",
    "pillar": "pillar.ls",
    "services": "service.get_all",
    "packages": "pkg.list_pkgs",
    "processes": "ps.top",
}
"""Tabs that show what a host says to a function, which somebody may be granted nowhere."""
OF_HOSTS = ("processes",)
"""Tabs that no device has anything for."""


class Tab(NamedTuple):
    """A tab: where it leads, and whether it is this one."""

    url: str
    name: str
    here: bool


async def host_of(request: Asked, minion: str) -> tuple[Fleet, Host]:
    """Return the fleet and the host that a URL names. Raises ``Http404`` when there is none for this login."""
    fleet = await request.console.fleet.get(request.api)
    host = fleet.by_id.get(minion)
    if host is None:
        raise Http404(f"no minion {minion[:200]} is accepted, or this login does not see it")
    return fleet, host


def _offered(request: Asked, host: Host, tab: str) -> bool:
    return (tab not in NEEDS or request.who.may(NEEDS[tab])) and not (host.via and tab in OF_HOSTS)


async def around(request: Asked, fleet: Fleet, host: Host, tab: str) -> dict[str, Any]:
    """Return what the templates of all tabs need. Of a device they tell how it is; that may be late, or fail."""
    device = await part(ask_device(request.api, host.id), DEVICE_WITHIN_S) if host.via else None
    base = f"/hosts/{quote(host.id, safe='')}"
    shown = [(name, title) for name, title in TABS if name == tab or _offered(request, host, name)]
    tabs = [Tab(f"{base}/{name}" if name else base, title, name == tab) for name, title in shown]
    return {
        "host": host,
        "at": fleet.at,
        "tabs": tabs,
        "tab": tab,
        "tab_name": dict(TABS)[tab],
        "base": base,
        "device": device,
        "speaks_for": fleet.devices.get(host.id, 0),
    }
