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


async def around(request: Asked, fleet: Fleet, host: Host, tab: str) -> dict[str, Any]:
    """Return what the templates of all tabs need. Of a device they tell how it is; that may be late, or fail."""
    device = await part(ask_device(request.api, host.id), DEVICE_WITHIN_S) if host.via else None
    base = f"/hosts/{quote(host.id, safe='')}"
    shown = [(name, title) for name, title in TABS if not host.via or name not in OF_HOSTS or name == tab]
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
