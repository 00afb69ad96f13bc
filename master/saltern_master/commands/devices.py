"""``manage.devices``: the minions that others speak for, who does it, and whether they are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command

MAX_TYPE_CHARS = 255
NOT_SHOWN = "(not shown)"


@command("runner.manage.devices", Need.RUNNER, reach=Reach.VISIBLE)
def devices(context: Context, tgt: str = "*", tgt_type: str = "glob") -> dict[str, dict[str, Any]]:
    """Show the devices that hosts speak for, with their state: ``saltern-run manage.devices 'switch*'``

    By device: the ``host`` that serves it (``None``: none does now), whether it is ``up`` (``None``: not told yet),
    ``since`` when (epoch s), the last ``error``, its ``proxytype``, and ``latency_ms`` of the last call to it, where
    that is known.
    """
    services = context.services
    seen = context.visible(services.keyring.delegations.all())
    target = services.targets.target(tgt, tgt_type, reads_pillar=services.policy.sees_all(context.caller))
    return {device: _row(context, device) for device in sorted(target.select(seen, services.targets.known))}


def host_shown(context: Context, host: str) -> str:
    """Return what the caller is shown of a device's host: not who it is, where he doesn't see that minion."""
    return host if context.sees(host) else NOT_SHOWN


def _row(context: Context, device: str) -> dict[str, Any]:
    services = context.services
    fleet = services.fleet
    served_by, state = fleet.host_of(device), fleet.device_state(device)
    host = None if served_by is None else host_shown(context, served_by)
    if host is None:
        up, since = False, fleet.link(device).since or None
        error = _why_nobody(context, device)
    else:
        up, since, error = state.up, state.since, state.error  # type: ignore[assignment]  # None: not told yet
    return {
        "host": host,
        "up": up,
        "since": since,
        "error": error,
        "proxytype": _type(services.briefing.pillar_of(device)),
        "latency_ms": state.latency_ms,
    }


def _why_nobody(context: Context, device: str) -> str:
    """Return why no host serves a device; one that is there may wait until no other can be serving it any more."""
    services = context.services
    hosts = services.keyring.delegations.hosts(device)
    there = [one for one in hosts if services.fleet.is_present(one)]
    shown = ", ".join(dict.fromkeys(host_shown(context, one) for one in there or hosts))
    if there:
        return f"it is being handed over, or opened: {shown}"
    return f"no host of it is connected: {shown}" if hosts else ""


def _type(pillar: Mapping[str, Any]) -> str | None:
    proxy = pillar.get("proxy")
    named = proxy.get("proxytype") if isinstance(proxy, Mapping) else None
    return named[:MAX_TYPE_CHARS] if isinstance(named, str) else None
