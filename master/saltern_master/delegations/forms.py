"""The forms in which a host's pillar names the devices that the host speaks for.

::

    proxy: {proxytype: deltaproxy, ids: [D1, D2]}     by their ids: each has a pillar of its own, with ``proxy`` in it
    proxy: {D1: {proxytype: X, …}, …}                 by their entries, the ``proxy`` of each; ``id`` renames it
    proxy: {proxytype: X, …}                          names none: the minion is a device itself
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saltern.errors import IdError
from saltern.ids import check_minion_id
from saltern.visible import shown

MAX_DEVICES = 20_000
"""Devices that one host's pillar may name."""
TYPE, MANY = "proxytype", "deltaproxy"
_SHOWN = 3

Entry = Mapping[str, Any] | None
"""The device's ``proxy`` as its host's pillar has it; ``None`` where its own pillar has one."""


class Form(NamedTuple):
    """The devices that a pillar names, with their entries, and what is wrong with others, a line each kind."""

    devices: dict[str, Entry]
    faults: list[str]


def read_form(host: str, proxy: object) -> Form:
    """Return the devices that ``proxy`` in the pillar of *host* names. Whatever it is, it costs no more than its size.

    Ids outside the grammar of minion ids are left out, the host's own too, and all above ``MAX_DEVICES``.
    """
    if proxy is None:
        return Form({}, [])
    if not isinstance(proxy, Mapping):
        return Form({}, ["it is no map: give 'proxytype: deltaproxy' and 'ids: […]', or 'name: {proxytype: …}'"])
    devices: dict[str, Entry] = {}
    faults: list[str] = []
    refused = 0
    for named, entry, fault in _rows(proxy):
        if not fault and isinstance(named, (bool, int, float)):
            fault = f"{shown(named, 40)}: an id is a text, and this is none to YAML: put it in quotes"
        try:
            device = check_minion_id(named) if not fault else ""
        except IdError as error:
            device, fault = "", str(error)
        if not fault:
            if device == host:
                fault = f"{device}: it is the host's own id"
            elif device in devices:
                fault = f"{device}: it is named twice"
            elif len(devices) == MAX_DEVICES:
                fault = f"{device}: a host speaks for {MAX_DEVICES:,} devices at most: name it for another host"
            else:
                devices[device] = entry
                continue
        refused += 1
        if refused <= _SHOWN:
            faults.append(fault)
    if refused > _SHOWN:
        faults.append(f"{refused - _SHOWN:,} more are refused")
    return Form(devices, faults)


def _rows(proxy: Mapping[Any, Any]) -> Iterator[tuple[object, Entry, str]]:
    """Yield what is to be the id of each device, its entry, and what is wrong with it."""
    if TYPE in proxy:
        if proxy[TYPE] != MANY:
            return
        ids = proxy.get("ids")
        if isinstance(ids, list | tuple):
            yield from ((one, None, "") for one in ids)
        else:
            yield None, None, "ids: it is no list: give 'ids: [router1, router2]'"
        return
    for name, entry in proxy.items():
        if isinstance(entry, Mapping) and isinstance(entry.get(TYPE), str):
            yield entry.get("id", name), entry, ""
        else:
            yield None, None, f"{shown(name, 80)}: it has no {TYPE}: give 'name: {{proxytype: …}}'"
